"""Working days of a country or one of its regions, from the `holidays` package: no network is asked."""

from functools import lru_cache

import holidays


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    return holidays.list_supported_countries(include_aliases=False)


def is_calendar(code: str) -> bool:
    """Whether public holidays of this country, or region of it, are known: `DE`, `DE-BE`."""
    country, _, region = code.partition("-")
    return country in _countries() and (not region or region in _countries()[country])
