"""GS1 keys and application identifiers: what a label or a GIN segment holds.

Check digits follow the GS1 General Specifications, section 7.9; application identifiers section 3. Identifiers of
contracts are checked by `schemas.standard_identifiers`; here they are read, found wrong, and made.
"""

import re
from dataclasses import dataclass
from datetime import date

from formats.edi.values import is_day
from formats.findings import FormatError

SEPARATOR = "\x1d"
"""FNC1 behind a value of variable length, as scanners give it."""
PREFIXES = ("]C1", "]e0", "]d2", "]Q3", "]J1")
"""Symbology identifiers that scanners put before GS1 data."""
DIGIT_WEIGHTS = (3, 1)
PIVOT = 51
"""Section 7.12: two digits of a year are of the century in which they are at most 49 years ahead and 50 behind."""


def check_digit(digits: str) -> str:
    """The check digit of a GS1 key without its last digit.

    Raises:
        FormatError: Something else than digits.
    """
    if not digits.isascii() or not digits.isdigit():
        raise FormatError("a GS1 key has digits only")
    total = sum(int(digit) * DIGIT_WEIGHTS[at % 2] for at, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def is_key(digits: str, length: int) -> bool:
    """Whether digits are a GS1 key of a length: 18 for an SSCC, 14 for a GTIN, 13 for a GLN."""
    return len(digits) == length and digits.isascii() and digits.isdigit() and check_digit(digits[:-1]) == digits[-1]


def sscc(extension: int, company: str, serial: int) -> str:
    """The SSCC of a logistic unit.

    Args:
        extension: 0 to 9, the company's choice.
        company: The GS1 company prefix, 4 to 12 digits.
        serial: The company's number of the unit.

    Raises:
        FormatError: Prefix and serial do not fit seventeen digits.
    """
    room = 16 - len(company)
    if not 0 <= extension <= 9 or not company.isascii() or not company.isdigit() or not 4 <= len(company) <= 12:
        raise FormatError("an SSCC has an extension digit and a company prefix of 4 to 12 digits")
    if not 0 <= serial < 10**room:
        raise FormatError(f"the serial number does not fit {room} digits")
    body = f"{extension}{company}{serial:0{room}}"
    return body + check_digit(body)


@dataclass(frozen=True, slots=True)
class ApplicationIdentifier:
    """What stands behind an application identifier.

    Attributes:
        name: What it is, in our words.
        pattern: Its value.
        fixed: Length of the value when it is fixed by the identifier; 0 when a separator ends it.
        kind: `key`, `day`, `decimal` or `text`: how the value is judged.
    """

    name: str
    pattern: re.Pattern[str]
    fixed: int = 0
    kind: str = "text"


def _digits(name: str, length: int, kind: str = "text") -> ApplicationIdentifier:
    return ApplicationIdentifier(name, re.compile(rf"[0-9]{{{length}}}"), length, kind)


def _text(name: str, most: int) -> ApplicationIdentifier:
    return ApplicationIdentifier(name, re.compile(rf"[!-/0-9:-?A-Z_a-z]{{1,{most}}}"))


def _number(name: str, most: int) -> ApplicationIdentifier:
    return ApplicationIdentifier(name, re.compile(rf"[0-9]{{1,{most}}}"))


IDENTIFIERS = {
    "00": _digits("logistic unit (SSCC)", 18, "key"),
    "01": _digits("trade item (GTIN)", 14, "key"),
    "02": _digits("contained trade items (GTIN)", 14, "key"),
    "10": _text("batch", 20),
    "11": _digits("day of production", 6, "day"),
    "13": _digits("day of packing", 6, "day"),
    "15": _digits("best before", 6, "day"),
    "16": _digits("sell by", 6, "day"),
    "17": _digits("expires", 6, "day"),
    "20": _digits("variant", 2),
    "21": _text("serial number", 20),
    "30": _number("pieces, variable", 8),
    "37": _number("pieces contained", 8),
    "240": _text("item, additional", 30),
    "241": _text("customer's part", 30),
    "250": _text("serial of a component", 30),
    "400": _text("customer's order", 30),
    "401": _text("consignment (GINC)", 30),
    "402": _digits("shipment (GSIN)", 17, "key"),
    "403": _text("routing", 30),
    "410": _digits("ship to (GLN)", 13, "key"),
    "411": _digits("bill to (GLN)", 13, "key"),
    "412": _digits("bought from (GLN)", 13, "key"),
    "413": _digits("ship for (GLN)", 13, "key"),
    "414": _digits("place (GLN)", 13, "key"),
    "420": _text("ship to, postcode", 20),
    "421": ApplicationIdentifier("ship to, country and postcode", re.compile(r"[0-9]{3}[!-/0-9:-?A-Z_a-z]{1,9}")),
    "422": _digits("country of origin", 3),
    "8003": _text("returnable asset (GRAI)", 30),
    "8018": _digits("service relation (GSRN)", 18, "key"),
    "8020": _text("payment slip", 25),
    **{f"31{n}": _digits("measure of a trade item", 6, "decimal") for n in range(10)},
    **{f"33{n}": _digits("measure of a logistic unit", 6, "decimal") for n in range(10)},
}
"""Those of logistics, by their first digits. Of 31n and 33n a fourth digit says how many decimals the value has."""
ENDED_BY_LENGTH = frozenset(
    ("00", "01", "02", "11", "13", "15", "16", "17", "20", "31", "32", "33", "34", "35", "36", "41")
)
"""First two digits of identifiers whose values need no separator (section 7.8.5)."""


@dataclass(frozen=True, slots=True)
class ElementString:
    """One value of a label.

    Attributes:
        identifier: Application identifier, with its digit of decimals.
        fault: What is wrong with the value; empty when nothing is.
    """

    identifier: str
    value: str
    name: str
    fault: str = ""


def read_label(data: str) -> list[ElementString]:
    """The values of a GS1 label, in its order. What is wrong stands in `fault`; what cannot be divided ends the
    list."""
    for prefix in PREFIXES:
        data = data.removeprefix(prefix)
    found, at = list[ElementString](), 0
    while at < len(data):
        if data[at] == SEPARATOR:
            at += 1
            continue
        identifier = _identifier(data, at)
        if identifier is None:
            found.append(ElementString("", data[at:], "", "no application identifier of logistics begins here"))
            break
        kind = IDENTIFIERS[identifier[:3] if identifier[:2] in ("31", "33") else identifier]
        begins = at + len(identifier)
        end = data.find(SEPARATOR, begins)
        end = len(data) if end < 0 else end
        if identifier[:2] in ENDED_BY_LENGTH and kind.fixed:
            end = min(end, begins + kind.fixed)
        found.append(_judged(identifier, data[begins:end], kind))
        at = end
    return found


def _identifier(data: str, at: int) -> str | None:
    if data[at : at + 3] in IDENTIFIERS and data[at : at + 2] in ("31", "33") and data[at + 3 : at + 4].isdigit():
        return data[at : at + 4]
    return next((data[at : at + size] for size in (2, 3, 4) if data[at : at + size] in IDENTIFIERS), None)


def _judged(identifier: str, value: str, kind: ApplicationIdentifier) -> ElementString:
    fault = ""
    if not kind.pattern.fullmatch(value):
        fault = "the value does not have the form of its identifier"
    elif kind.kind == "key" and not is_key(value, kind.fixed):
        fault = "the check digit is wrong"
    elif kind.kind == "day" and not is_day(value[:4] + "01" if value.endswith("00") else value):
        fault = "the value is no day"
    return ElementString(identifier, value, kind.name, fault)


def day_of(value: str, today: date) -> date | None:
    """The day of six digits. 00 as a day of the month is its last one. None when it is no day.

    Args:
        today: From which the century is told.
    """
    if len(value) != 6 or not value.isascii() or not value.isdigit():
        return None
    year = today.year - today.year % 100 + int(value[:2])
    difference = int(value[:2]) - today.year % 100
    year += 100 if difference <= 1 - PIVOT else -100 if difference >= PIVOT else 0
    month, day = int(value[2:4]), int(value[4:])
    if not 1 <= month <= 12:
        return None
    if day == 0:
        after = date(year + month // 12, month % 12 + 1, 1)
        return date.fromordinal(after.toordinal() - 1)
    try:
        return date(year, month, day)
    except ValueError:
        return None
