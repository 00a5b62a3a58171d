"""Directories of EDIFACT, and the tables of each message in a directory."""

from functools import lru_cache

from formats.edi.message import MessageType
from formats.edi.notation import element, in_version, lines, segment, structure
from formats.edi.spec import MessageSpec, SegmentPlace, SegmentSpec
from formats.edifact.tables import movement, trade
from formats.edifact.tables.codes import CHECKED
from formats.edifact.tables.composites import COMPOSITES, ELEMENTS
from formats.edifact.tables.segments import SEGMENTS

FIRST, LAST = "96A", "21B"
DIRECTORIES = (
    *("96A", "96B", "97A", "97B", "98A", "98B", "99A", "99B", "00A", "00B", "01A", "01B", "01C"),
    *(f"{year:02}{half}" for year in range(2, 22) for half in "AB"),
)
"""UN/EDIFACT directories that are known, oldest first. UNECE publishes two a year."""
_RANK = {name: rank for rank, name in enumerate(DIRECTORIES)}
SERVICE = "CONTRL"
"""The one message whose structure belongs to the syntax, not to a directory: it comes as D.3, D.96A, 4.1 and others."""

CONTROL_SEGMENTS = {"UNH": "0062 S009 0068? S010? S016? S017? S018?", "UNT": "0074 0062"}
CONTROL_COMPOSITES = {
    "S009": "0065 0052 0054 0051 0057? 0110? 0113?",
    "S010": "0070 0073?",
    "S016": "0115 0116? 0118? 0051?",
    "S017": "0121 0122? 0124? 0051?",
    "S018": "0127 0128? 0130? 0051?",
}
CONTROL_ELEMENTS = (
    "0068=an..35 0070=n..2 0073=a1 0074=n..10 0115=an..14 0116=an..3 0118=an..3 0121=an..14 0122=an..3 0124=an..3 "
    "0127=an..14 0128=an..3 0130=an..3"
)

_SEGMENTS, _COMPOSITES = lines(SEGMENTS), lines(COMPOSITES)
_ELEMENTS = [(head, rest) for head, _, rest in (pair.partition("=") for pair in ELEMENTS.split())]
_MESSAGES = dict(lines(trade.MESSAGES) + lines(movement.MESSAGES))


def newer(version: str, since: str) -> bool:
    """Whether a directory is at least as new as another."""
    return _RANK[version] >= _RANK[since]


@lru_cache(maxsize=len(DIRECTORIES))
def dictionary(directory: str) -> dict[str, SegmentSpec]:
    """Each segment of a directory by its tag."""
    texts = in_version(_ELEMENTS, directory, newer)
    texts |= dict(pair.split("=") for pair in CONTROL_ELEMENTS.split())
    elements = {number: element(number, text, CHECKED.get(number)) for number, text in texts.items()}
    composites = {**in_version(_COMPOSITES, directory, newer), **CONTROL_COMPOSITES}
    table = {**in_version(_SEGMENTS, directory, newer), **CONTROL_SEGMENTS}
    return {tag: segment(tag, text, elements, composites) for tag, text in table.items()}


@lru_cache(maxsize=1024)
def message_type(kind: str, version: str, release: str, association: str) -> MessageType:
    """A message by what UNH says of it: `IFTSTA`, `D`, `00B`, and perhaps an association's code."""
    directory = f"{version}.{release}"
    name = f"{directory}:{association}" if association else directory
    known = version == "D" and release in _RANK
    if kind == SERVICE:
        known, release = True, release if known else LAST
    segments = dictionary(release if known else LAST)
    header, trailer = segments["UNH"], segments["UNT"]
    if not known:
        unknown = "message.version", "the directory is not one of D.96A to D.21B"
        return MessageType(kind, name, None, header, trailer, unknown)
    if kind not in _MESSAGES:
        unknown = "message.kind", "the message is not one that Syncline reads"
        return MessageType(kind, name, None, header, trailer, unknown)
    return MessageType(kind, name, _spec(kind, release), header, trailer)


@lru_cache(maxsize=1024)
def _spec(kind: str, release: str) -> MessageSpec:
    segments = dictionary(release)
    places = structure(_MESSAGES[kind], segments, release, newer)
    return MessageSpec(kind, f"D.{release}", SegmentPlace("", 1, 1, None, places), segments)
