"""Versions of X12, and the tables of each set in a version."""

from functools import lru_cache

from formats.edi.message import MessageType
from formats.edi.notation import element, in_version, lines, segment, structure
from formats.edi.spec import ElementSpec, MessageSpec, SegmentPlace, SegmentSpec
from formats.x12.tables.codes import CHECKED
from formats.x12.tables.elements import CHANGES, ELEMENTS
from formats.x12.tables.segments import COMPOSITES, SEGMENTS
from formats.x12.tables.sets import SETS

BASE = "004010"
"""The version of the tables. In later ones, what the tables do not describe is a warning, for it may have come
since."""
RELEASES = {"004": 6, "005": 5, "006": 5, "007": 6, "008": 6}
"""Of each version, the last release that is known: 004010 to 004060, …, 008010 to 008060."""
VERSIONS = frozenset(f"{version}0{release}0" for version, last in RELEASES.items() for release in range(1, last + 1))

CONTROL_ELEMENTS = "329=AN4/9 1705=AN1/35 96=N01/10 1715=ID1/3"
CONTROL_SEGMENTS = {"ST": "143 329 1705?", "SE": "96 329"}

_SETS = dict(lines(SETS))


def _newer(version: str, since: str) -> bool:
    return version >= since


@lru_cache(maxsize=len(VERSIONS))
def dictionary(version: str) -> dict[str, SegmentSpec]:
    """Each segment of a version by its tag."""
    texts = dict(pair.split("=") for pair in f"{ELEMENTS} {CONTROL_ELEMENTS}".split())
    for since, changes in CHANGES:
        if version >= since:
            texts |= dict(pair.split("=") for pair in changes.split())
    elements: dict[str, ElementSpec] = {
        number: element(number, text, CHECKED.get(number)) for number, text in texts.items()
    }
    composites = dict(lines(COMPOSITES))
    table = {**in_version(lines(SEGMENTS), version, _newer), **CONTROL_SEGMENTS}
    return {tag: segment(tag, text, elements, composites) for tag, text in table.items()}


@lru_cache(maxsize=1024)
def message_type(kind: str, version: str) -> MessageType:
    """A set in a version as GS08 writes it: six digits, and perhaps an industry's code behind them."""
    release = version[:6]
    known = release in VERSIONS
    segments = dictionary(release if known else BASE)
    header, trailer = segments["ST"], segments["SE"]
    if not known:
        unknown = "message.version", "the version is not one of 004010 to 008060"
        return MessageType(kind, version, None, header, trailer, unknown)
    if kind not in _SETS:
        unknown = "message.kind", "the transaction set is not one that Syncline reads"
        return MessageType(kind, version, None, header, trailer, unknown)
    return MessageType(kind, version, _spec(kind, release), header, trailer)


@lru_cache(maxsize=1024)
def _spec(kind: str, release: str) -> MessageSpec:
    segments = dictionary(release)
    places = structure(_SETS[kind], segments, release, _newer)
    exact = release == BASE or kind in ("997", "999")
    return MessageSpec(kind, release, SegmentPlace("", 1, 1, None, places), segments, exact)
