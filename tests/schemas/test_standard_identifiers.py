"""Identifiers are checked to the last digit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.standard_identifiers import Country, Gln, Gtin, Sscc, UnLocode

ADAPTERS: dict[str, TypeAdapter[str]] = {
    "gtin": TypeAdapter(Gtin),
    "gln": TypeAdapter(Gln),
    "sscc": TypeAdapter(Sscc),
    "locode": TypeAdapter(UnLocode),
    "country": TypeAdapter(Country),
}
VALID = [
    ("gtin", "96385074"),
    ("gtin", "036000291452"),
    ("gtin", "4006381333931"),
    ("gtin", "10614141000415"),
    ("gln", "4012345000009"),
    ("sscc", "376130321109103420"),
]


def accepts(kind: str, value: Any) -> bool:
    try:
        ADAPTERS[kind].validate_python(value)
    except ValidationError:
        return False
    return True


def check_digit(body: str) -> str:
    """GS1 General Specifications 7.9: weights 3, 1, 3 … from the right."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return str(-total % 10)


@pytest.mark.parametrize(("kind", "value"), [*VALID, ("locode", "NLRTM"), ("locode", "USNYC"), ("country", "CI")])
def test_valid(kind: str, value: str) -> None:
    assert accepts(kind, value)


@given(st.sampled_from(VALID), st.data())
def test_any_single_digit_change_is_refused(case: tuple[str, str], data: st.DataObject) -> None:
    kind, value = case
    place = data.draw(st.integers(0, len(value) - 1))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != value[place]]))
    assert not accepts(kind, value[:place] + digit + value[place + 1 :])


@given(st.sampled_from([("gln", 13), ("sscc", 18), ("gtin", 8), ("gtin", 13), ("gtin", 14)]), st.data())
def test_exactly_one_check_digit_is_right(case: tuple[str, int], data: st.DataObject) -> None:
    kind, length = case
    # 04 and 4 begin no restricted or coupon range, which GS1 keeps out of open supply chains
    start = "4" if length != 14 else "14"
    body = start + data.draw(st.text("0123456789", min_size=length - 1 - len(start), max_size=length - 1 - len(start)))
    assert [digit for digit in "0123456789" if accepts(kind, body + digit)] == [check_digit(body)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("gtin", ""),
        ("gtin", "4006381333932"),
        ("gtin", "400638133393"),
        ("gtin", "400638133393100"),
        ("gtin", "40063813339 1"),
        ("gtin", "4006381333931\n"),
        ("gtin", "٤٠٠٦٣٨١٣٣٣٩٣١"),
        ("gtin", 4006381333931),
        ("gln", "4012345000008"),
        ("gln", "401234500000"),
        ("gln", "٤٠١٢٣٤٥٠٠٠٠٠٩"),
        ("sscc", "376130321109103421"),
        ("sscc", "37613032110910342"),
        ("sscc", "(00)376130321109103420"),
        ("locode", "NLRT"),
        ("locode", "NLRTMX"),
        ("locode", "NL RTM"),
        ("locode", "nlrtm"),
        ("locode", "XXRTM"),
        ("locode", "NLR1M"),
        ("country", "UK"),
        ("country", "ZZ"),
        ("country", "ci"),
        ("country", "CIV"),
    ],
)
def test_invalid(kind: str, value: Any) -> None:
    assert not accepts(kind, value)
