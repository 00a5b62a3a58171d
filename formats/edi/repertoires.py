"""Character repertoires: what an interchange may hold, and how its bytes are decoded.

Names of ISO 9735: UNOA to UNOK, UNOW, UNOX, UNOY. A partner that writes other bytes than it declares is read all the
same: the value is kept, and the mismatch is a finding. Bytes of UTF-8 under a repertoire of single bytes are such a
mismatch: no name in Latin-1 happens to be valid UTF-8.
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
        upper: Inside of a character class of those bytes above ASCII that are always single characters of it. Without
            those that may continue a character of UTF-8, so that no value of this class can be one of UTF-8.
    """

    codec: str
    ascii: bytes = PRINTABLE
    upper: bytes = b""


REPERTOIRES = {
    "X12": Repertoire("utf-8"),
    "UNOA": Repertoire("ascii", LEVEL_A),
    "UNOB": Repertoire("ascii", LEVEL_B),
    "UNOC": Repertoire("iso8859-1", upper=rb"\xc0-\xff"),
    "UNOD": Repertoire("iso8859-2", upper=rb"\xc0-\xff"),
    "UNOE": Repertoire("iso8859-5", upper=rb"\xc0-\xff"),
    "UNOF": Repertoire("iso8859-7"),
    "UNOG": Repertoire("iso8859-3"),
    "UNOH": Repertoire("iso8859-4", upper=rb"\xc0-\xff"),
    "UNOI": Repertoire("iso8859-6"),
    "UNOJ": Repertoire("iso8859-8"),
    "UNOK": Repertoire("iso8859-9", upper=rb"\xc0-\xff"),
    "UNOW": Repertoire("utf-8"),
    "UNOX": Repertoire("iso2022_jp_2"),
    "UNOY": Repertoire("utf-8"),
}
"""Of X12, whose extended set knows no bytes above ASCII, UTF-8 is what partners write. UNOX is read as its most used
form."""

_CLEAN = {name: re.compile(rb"[%b%b]*" % (one.ascii, one.upper)) for name, one in REPERTOIRES.items()}
_CONTROLS = re.compile("[\x00-\x1a\x1c-\x1f\x7f-\x9f]")


def decoded(value: bytes, repertoire: str) -> str:
    """A value in characters. What is no UTF-8 is read in its own encoding, and failing that byte by byte."""
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    codecs = ("utf-8", REPERTOIRES[repertoire].codec)
    for codec in reversed(codecs) if b"\x1b" in value else codecs:
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
    if one.codec != "utf-8" and _is_utf8(value):
        return True
    try:
        return bool(_CONTROLS.search(value.decode(one.codec)))
    except UnicodeDecodeError:
        return True


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return not value.isascii()
