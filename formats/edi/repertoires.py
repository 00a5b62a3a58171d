"""Character repertoires: what an interchange may hold, and how its bytes are decoded.

Names of ISO 9735: UNOA to UNOK, UNOW, UNOX, UNOY. A partner that writes other bytes than it declares is read all the same: the
value is kept, and the mismatch is a finding.
"""

import re
from dataclasses import dataclass

LEVEL_A = rb" A-Z0-9.,\-()/='+:?!\"%&*;<>"
LEVEL_B = LEVEL_A + b"a-z"
PRINTABLE = rb" -~"


@dataclass(frozen=True, slots=True)
class Repertoire:
    """One repertoire.

    Attributes:
        codec: Python's name of the encoding.
        ascii: Inside of a character class of those ASCII bytes that it holds.
        upper: Inside of a character class of those bytes above ASCII that are always single characters of it.
    """

    codec: str
    ascii: bytes = PRINTABLE
    upper: bytes = b""


REPERTOIRES = {
    "X12": Repertoire("utf-8"),
    "UNOA": Repertoire("ascii", LEVEL_A),
    "UNOB": Repertoire("ascii", LEVEL_B),
    "UNOC": Repertoire("iso8859-1", upper=rb"\xa0-\xff"),
    "UNOD": Repertoire("iso8859-2", upper=rb"\xa0-\xff"),
    "UNOE": Repertoire("iso8859-5", upper=rb"\xa0-\xff"),
    "UNOF": Repertoire("iso8859-7"),
    "UNOG": Repertoire("iso8859-3"),
    "UNOH": Repertoire("iso8859-4", upper=rb"\xa0-\xff"),
    "UNOI": Repertoire("iso8859-6"),
    "UNOJ": Repertoire("iso8859-8"),
    "UNOK": Repertoire("iso8859-9", upper=rb"\xa0-\xff"),
    "UNOW": Repertoire("utf-8"),
    "UNOX": Repertoire("iso2022_jp_2"),
    "UNOY": Repertoire("utf-8"),
}
"""Of X12, whose extended set knows no bytes above ASCII, UTF-8 is what partners write. UNOX is read as its most used form."""

_CLEAN = {name: re.compile(rb"[%b%b]*" % (one.ascii, one.upper)) for name, one in REPERTOIRES.items()}
_CONTROLS = re.compile("[\x00-\x1a\x1c-\x1f\x7f-\x9f]")


def decoded(value: bytes, repertoire: str) -> str:
    """A value in characters. What its own encoding cannot be is read as UTF-8, and failing that byte by byte."""
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    for codec in (REPERTOIRES[repertoire].codec, "utf-8"):
        try:
            return value.decode(codec)
        except UnicodeDecodeError:
            continue
    return value.decode("latin-1")


def foreign(value: bytes, repertoire: str) -> bool:
    """Whether a value holds anything that its repertoire does not: other bytes, or control characters."""
    if _CLEAN[repertoire].fullmatch(value):
        return False
    if value.isascii() and b"\x1b" not in value:
        return True
    one = REPERTOIRES[repertoire]
    if repertoire in ("X12", "UNOA", "UNOB"):
        return True
    try:
        return bool(_CONTROLS.search(value.decode(one.codec)))
    except UnicodeDecodeError:
        return True
