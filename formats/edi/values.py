"""Values of simple elements: what is wrong with one, and the pattern of those with nothing wrong.

Both sides of each kind stand here together: `fault` judges one value and says what is wrong; `fragment` is a pattern
that matches only values without a fault, so that whole messages can be passed at the speed of the pattern engine.
"""

import re
from calendar import monthrange
from functools import lru_cache

from formats.edi.repertoires import REPERTOIRES
from formats.edi.spec import ElementSpec
from formats.edi.syntax import Syntax

Fault = tuple[str, str]
"""(rule, text) of a value's fault."""

NUMBER = {"N": re.compile(r"-?[0-9]+"), "R": re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:E-?[0-9]+)?")}
NUMERIC = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
TIME = re.compile(r"(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9](?:[0-9]{1,2})?)?")
NOT_DIGITS = re.compile(r"[-+.,E]")

DAY_PATTERN = (
    rb"(?:(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)|02(?:0[1-9]|1[0-9]|2[0-8]))"
)
"""Month and day, without 29 February: whether a year has one is decided by `is_day`."""
CENTURY_PATTERN = rb"[12][0-9][0-9][0-9]" + DAY_PATTERN
TIME_PATTERN = rb"(?:[01][0-9]|2[0-3])[0-5][0-9]"
PERIODS = {"102": (8, 0), "203": (8, 4), "204": (8, 6)}
"""DE 2379: of the formats that say a moment, how many digits of the day and of the time."""


def is_day(text: str) -> bool:
    """Whether eight digits are a day, or six one of a year without century."""
    if not text.isascii() or not text.isdigit() or len(text) not in (6, 8):
        return False
    year, month, day = int(text[:-4]), int(text[-4:-2]), int(text[-2:])
    if len(text) == 6:
        year += 2000
    return 1000 <= year <= 2999 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def is_time(text: str) -> bool:
    """Whether digits are a time of day: hours, minutes, seconds and hundredths."""
    return TIME.fullmatch(text) is not None


def fault(spec: ElementSpec, text: str, syntax: Syntax) -> Fault | None:
    """What is wrong with a value that is not empty; None when nothing is."""
    kind = spec.kind
    numeric = kind in ("N", "R", "n")
    if numeric and (wrong := _number_fault(kind, text, syntax)):
        return wrong
    if kind == "a" and any(character.isdigit() for character in text):
        return "element.type", "letters stand here, no digits"
    measured = len(NOT_DIGITS.sub("", text)) if numeric else len(text)
    if measured < spec.least:
        return "element.short", f"has at least {spec.least} characters"
    if measured > spec.most:
        return "element.long", f"has at most {spec.most} characters"
    return _meaning_fault(spec, text)


def _number_fault(kind: str, text: str, syntax: Syntax) -> Fault | None:
    pattern = NUMERIC if kind == "n" else NUMBER[kind]
    if not pattern.fullmatch(text):
        return "element.type", "a number stands here"
    if kind == "n" and any(mark in text and mark not in syntax.marks for mark in ".,"):
        return "element.mark", "the decimal mark is not the one of the interchange"
    return None


def _meaning_fault(spec: ElementSpec, text: str) -> Fault | None:
    if spec.kind == "DT" and not is_day(text):
        return "element.date", "is not a day of the calendar"
    if spec.kind == "TM" and not is_time(text):
        return "element.time", "is not a time of day"
    if spec.codes is not None and text not in spec.codes:
        return "element.code", "is not in the list of codes"
    return None


def period_fault(value: str, form: str) -> Fault | None:
    """What is wrong with the moment of a DTM under its format qualifier, as far as it is one of `PERIODS`."""
    if form not in PERIODS:
        return None
    day, time = PERIODS[form]
    if len(value) != day + time or not is_day(value[:day]):
        return "element.date", "is not a day of the calendar in the format that its qualifier says"
    if time and not is_time(value[day:]):
        return "element.time", "is not a time of day in the format that its qualifier says"
    return None


@lru_cache(64)
def character_class(syntax: Syntax) -> bytes:
    """The class of characters that a value may hold without release: its repertoire without the delimiters."""
    repertoire = REPERTOIRES[syntax.repertoire]
    allowed = re.compile(rb"[%b%b]" % (repertoire.ascii, repertoire.upper))
    codes = [code for code in range(256) if allowed.match(bytes([code])) and code not in syntax.delimiters]
    ranges = list[list[int]]()
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return b"[" + b"".join(b"\\x%02x-\\x%02x" % (first, last) for first, last in ranges) + b"]"


def fragment(spec: ElementSpec, syntax: Syntax, characters: bytes, ending: bytes, released: bool) -> bytes:
    """A pattern of values of this element that have no fault. It may leave out some that have none.

    Args:
        characters: `character_class` of the syntax.
        ending: The class of bytes that may follow a value.
        released: Whether the value may hold release characters.
    """
    kind, bounds = spec.kind, b"{%d,%d}" % (spec.least, spec.most)
    if spec.codes is not None:
        return one_of(spec.codes)
    if kind in ("N", "R", "n"):
        return _number_fragment(spec, syntax, ending)
    if kind in ("DT", "TM"):
        usual = CENTURY_PATTERN if kind == "DT" else TIME_PATTERN + b"(?:[0-5][0-9](?:[0-9]{1,2})?)?"
        return usual if (spec.least, spec.most) == ((8, 8) if kind == "DT" else (4, 8)) else b"(?!)"
    if kind == "a":
        return (b"[A-Za-z]" if re.match(characters, b"a") else b"[A-Z]") + bounds + b"+"
    if not syntax.release or not released:
        return characters + bounds + b"+"
    # Released characters are those that cannot stand alone; each counts as one.
    one = b"(?:%b|%b[%b])" % (characters, re.escape(syntax.release), re.escape(syntax.delimiters))
    return b"(?:%b%b+(?=%b)|%b%b(?=%b))" % (characters, bounds, ending, one, bounds, ending)


def _number_fragment(spec: ElementSpec, syntax: Syntax, ending: bytes) -> bytes:
    bounds = b"{%d,%d}" % (spec.least, spec.most)
    if spec.kind == "N":
        return b"-?[0-9]" + bounds + b"+"
    marks = re.escape(syntax.marks if spec.kind == "n" else ".").encode()
    whole = b"-?[0-9]" + bounds + b"+(?=%b)" % ending
    digits = b"[0-9]++[%b][0-9]++" % marks if spec.kind == "n" else b"(?:[0-9]++[.][0-9]*+|[.][0-9]++)"
    with_mark = b"-?(?=[0-9%b]{%d,%d}%b)%b" % (marks, spec.least + 1, spec.most + 1, ending, digits)
    return b"(?:%b|%b)" % (whole, with_mark)


def one_of(codes: frozenset[str]) -> bytes:
    """A pattern of one of several codes, by their first characters: the engine looks at few of them."""
    by_first: dict[str, list[str]] = {}
    for code in sorted(codes):
        by_first.setdefault(code[:-1], []).append(code[-1])
    parts = [
        re.escape(head).encode() + b"[" + b"".join(re.escape(last).encode() for last in ends) + b"]"
        for head, ends in by_first.items()
    ]
    return b"(?:" + b"|".join(parts) + b")"
