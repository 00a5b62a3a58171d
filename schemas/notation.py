"""How moments, days and exact numbers are written: RFC 3339, and plain decimals. Other spellings are refused.

Pydantic alone reads a string of digits as Unix time, and takes `10:00Z`, `+0530` or the digits of any script. Values
that are moments, days or numbers already pass: inside, nothing is parsed twice.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,18})?"
_OFFSET = r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_FULL_DATE = re.compile(_DAY)
_DATE_TIME = re.compile(f"{_DAY}[Tt]{_TIME}{_OFFSET}")
_LOCAL = re.compile(f"{_DAY}[Tt ]{_TIME}")
_SPACED = re.compile(f"{_DAY}[ _]{_TIME}.*")
_DIGITS = re.compile(r"[-+]?\d+(?:\.\d+)?")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_MOMENT = "write a moment as RFC 3339 does, as in 2026-12-01T10:00:00Z or 2026-12-01T10:00:00+01:00"
_CALENDAR = "write a day as RFC 3339 does, as in 2026-12-01"


def rfc3339_moment(value: object) -> object:
    """A date, a time to the second and an offset. Raises ValueError that says what is wrong."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise ValueError(f"{_wrong_moment(value)}; {_MOMENT}")
    if value.endswith("-00:00"):
        raise ValueError("has the offset -00:00, which leaves the local time unknown; write Z for UTC")
    if value[11:13] == "24" or value[17:19] == "60":
        raise ValueError(f"has the hour 24 or the second 60, which have no moment of their own here; {_MOMENT}")
    return _real(datetime.fromisoformat, value.upper())


def rfc3339_day(value: object) -> object:
    """Year, month and day. Raises ValueError that says what is wrong."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not _FULL_DATE.fullmatch(value):
        raise ValueError(f"{_wrong_day(value)}; {_CALENDAR}")
    return _real(date.fromisoformat, value)


def plain_decimal(value: object) -> object:
    """A JSON number, or digits with a point as a string: no exponent, sign +, separator or space in it."""
    plain = _DECIMAL.fullmatch(value) if isinstance(value, str) else isinstance(value, int | float | Decimal)
    if not plain or isinstance(value, bool):
        raise ValueError("is not a plain decimal number; write digits and a point, as in 1250.5 or '1250.5'")
    return Decimal(str(value))


def decimal_schema(**bounds: float) -> dict[str, Any]:
    """The published schema of a plain decimal: a number within bounds, or digits and a point as a string."""
    pattern = f"^{'' if bounds else '-?'}(0|[1-9][0-9]*)(\\.[0-9]+)?$"
    return {"anyOf": [{"type": "number", **bounds}, {"type": "string", "pattern": pattern}]}


def json_number(value: object) -> object:
    """A JSON number as a decimal, exact: parsing refuses those that a double would change."""
    plain = isinstance(value, int | float | Decimal)
    if not plain or isinstance(value, bool):
        raise ValueError("is not a JSON number; write it as in 40 or 2.5")
    return Decimal(str(value))


def as_json_number(number: Decimal) -> int | float:
    """A decimal of at most 15 digits as JSON: a double keeps it."""
    return int(number) if number == number.to_integral_value() else float(number)


def plain_whole(value: object) -> object:
    """A whole number in the digits 0 to 9, where all that comes is text: in an address, or on the command line."""
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("is not a whole number; write digits only, as in 40")
    return value


def _real(parse: Callable[[str], date], text: str) -> date:
    try:
        return parse(text)
    except ValueError:
        raise ValueError("does not exist in the calendar or on the clock") from None


def _wrong_day(value: object) -> str:
    if not isinstance(value, str):
        return "is not a string"
    return "is a number" if _DIGITS.fullmatch(value) else "is not a day"


def _wrong_moment(value: object) -> str:
    if not isinstance(value, str):
        return "is not a string"
    if _DIGITS.fullmatch(value):
        return "is a number"
    if _FULL_DATE.fullmatch(value):
        return "is a day without a time"
    if _LOCAL.fullmatch(value):
        return "has no offset from UTC"
    if _SPACED.fullmatch(value):
        return "has no T between day and time"
    return "is not a moment"
