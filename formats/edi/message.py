"""One message of an interchange: its bytes, its findings, its segments and groups."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from formats.edi.checking import at, check_segment
from formats.edi.clean import SegmentShortcuts
from formats.edi.spec import MessageSpec, SegmentPlace, SegmentSpec
from formats.edi.syntax import NEWLINES, Segment, Syntax, segments_in
from formats.edi.walking import Group, Walk
from formats.findings import DocumentFinding, Severity

MOST_FINDINGS = 200
"""Findings kept of a message. A partner mends what is repeated once; a message of noise must not fill memory."""


@dataclass(frozen=True, eq=False)
class MessageType:
    """What a message says of itself, and the tables for it.

    Attributes:
        kind: `214`, `IFTSTA`.
        version: `004010`, `D.96A`; with an association's code behind it as it stood: `005010X230`, `D.96A:EAN008`.
        spec: The tables; None when the kind or version is not known.
        header: Table of the header segment.
        trailer: Table of the trailer segment.
        unknown: The finding's rule and text when there are no tables.
    """

    kind: str
    version: str
    spec: MessageSpec | None
    header: SegmentSpec
    trailer: SegmentSpec
    unknown: tuple[str, str] | None = None


class EdiMessage:
    """A message as it was read.

    Attributes:
        type: Kind, version and tables.
        reference: Control number of the header (ST02, UNH 0062).
        raw: Its bytes from header to trailer.
        position: Byte of the stream at which it begins.
        syntax: How it is written.
        findings: What is wrong with it; empty when nothing is.
    """

    __slots__ = ("_segments", "_tree", "findings", "position", "raw", "reference", "syntax", "type")

    def __init__(
        self,
        kind: MessageType,
        reference: str,
        raw: bytes,
        position: int,
        syntax: Syntax,
        findings: tuple[DocumentFinding, ...] = (),
    ) -> None:
        self.type = kind
        self.reference = reference
        self.raw = raw
        self.position = position
        self.syntax = syntax
        self.findings = findings
        self._segments: list[Segment] | None = None
        self._tree: Group | None = None

    def __repr__(self) -> str:
        return f"EdiMessage({self.type.kind}, {self.reference!r}, {len(self.findings)} findings)"

    @property
    def kind(self) -> str:
        """`214`, `IFTSTA`."""
        return self.type.kind

    @property
    def segments(self) -> list[Segment]:
        """Its segments, header and trailer among them."""
        if self._segments is None:
            self._segments = segments_in(self.raw, self.position, self.syntax)
        return self._segments

    @property
    def tree(self) -> Group:
        """Its segments between header and trailer by groups. Without tables, all in one group."""
        if self._tree is None:
            self._tree = _tree_of(self.type, body_of(self.segments, self.type))
        return self._tree

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes, line breaks between segments left out: equal for the same message sent again."""
        return hashlib.sha256(self._unbroken(self.raw)).hexdigest()

    @property
    def content_digest(self) -> str:
        """SHA-256 of kind, version and body without control numbers and count: equal for the same content under other
        numbers."""
        body = body_of(self.segments, self.type)
        content = self.syntax.terminator.join(self._unbroken(segment.raw) for segment in body)
        return hashlib.sha256(f"{self.kind} {self.type.version}\n".encode() + content).hexdigest()

    def _unbroken(self, raw: bytes) -> bytes:
        return raw if self.syntax.by_lines else raw.translate(None, NEWLINES)


def body_of(segments: list[Segment], kind: MessageType) -> list[Segment]:
    """The segments without header and trailer."""
    last = len(segments) - 1 if len(segments) > 1 and segments[-1].tag == kind.trailer.tag else len(segments)
    return segments[1:last]


def _tree_of(kind: MessageType, body: list[Segment]) -> Group:
    walk = Walk(kind.spec or nothing(kind), content=False)
    for segment in body:
        for _ in walk.take(segment):
            pass
    return walk.root


def nothing(kind: MessageType) -> MessageSpec:
    """Tables that describe nothing: for a kind that is not known."""
    return MessageSpec(kind.kind, kind.version, SegmentPlace("", 1, 1, None), {}, exact=False)


def check(
    kind: MessageType, segments: list[Segment], shortcuts: SegmentShortcuts | None = None
) -> tuple[DocumentFinding, ...]:
    """Everything that is wrong with a message, up to `MOST_FINDINGS`."""
    found = list[DocumentFinding]()
    for finding in _check(kind, segments, shortcuts):
        if len(found) == MOST_FINDINGS:
            text = f"more than {MOST_FINDINGS} findings; the others are not listed"
            found.append(DocumentFinding("message.findings", Severity.WARNING, text, segments[0].position))
            break
        found.append(finding)
    return tuple(found)


def _check(kind: MessageType, segments: list[Segment], shortcuts: SegmentShortcuts | None) -> Iterator[DocumentFinding]:
    header, trailer = segments[0], segments[-1]
    spec = kind.spec or nothing(kind)
    yield from check_segment(header, kind.header, spec)
    if kind.unknown:
        yield at(header, *kind.unknown, Severity.ERROR)
    closed = len(segments) > 1 and trailer.tag == kind.trailer.tag
    walk = Walk(spec, shortcuts)
    for segment in body_of(segments, kind):
        if kind.spec is None:
            continue
        yield from walk.take(segment)
    if kind.spec:
        yield from walk.end(trailer)
        yield from check_rules(spec, segments)
    if not closed:
        text = f"{kind.trailer.tag} must end the message"
        yield at(trailer, "message.trailer", text, Severity.ERROR)
        return
    yield from check_segment(trailer, kind.trailer, spec)
    yield from _check_trailer(header, trailer, len(segments), 2 if kind.header.tag == "ST" else 1)


def _check_trailer(header: Segment, trailer: Segment, count: int, reference_at: int) -> Iterator[DocumentFinding]:
    stated, reference = trailer.value(1), header.value(reference_at)
    if stated.isascii() and stated.isdigit() and int(stated) != count:
        text = "the count of segments is not the number of segments"
        yield disagreement(trailer, "message.count", text, 1, str(count))
    if trailer.value(2) != reference:
        text = "the reference of the trailer is not the one of the header"
        yield disagreement(trailer, "message.reference", text, 2, reference)


def disagreement(segment: Segment, rule: str, text: str, element: int, expected: str) -> DocumentFinding:
    """A finding with both values: what stands in an element, and what should."""
    return DocumentFinding(
        rule,
        Severity.ERROR,
        text,
        segment.offset(element),
        segment.tag,
        segment.index,
        element,
        expected=expected[:35],
        found=segment.value(element)[:35],
    )


ITEMS = frozenset({"PO1", "POC", "IT1", "LIN", "RCD", "HL"})
"""What CTT01 counts, whichever of them a set has. In 856 that is HL, though LIN stands within it."""


def check_rules(spec: MessageSpec, segments: list[Segment]) -> Iterator[DocumentFinding]:
    """The rules beyond the tables: levels have parents, totals add up."""
    if not spec.rules:
        return
    tags = [segment.tag for segment in segments]
    if b"HL" in spec.rules:
        yield from _check_levels([segment for segment in segments if segment.tag == "HL"])
    counted = "HL" if b"HL" in spec.rules else None
    for segment in segments:
        if segment.tag == "CTT":
            items = tags.count(counted) if counted else sum(tag in ITEMS for tag in tags)
            yield from _check_total(segment, segment.value(1), items, 1)
        elif segment.tag == "CNT" and segment.value(1) == "2":
            yield from _check_total(segment, segment.value(1, 2), tags.count("LIN"), 1)


def _check_total(segment: Segment, stated: str, count: int, element: int) -> Iterator[DocumentFinding]:
    if stated.isascii() and stated.isdigit() and count and int(stated) != count:
        text = "the total is not the number of items"
        finding = disagreement(segment, "total.count", text, element, str(count))
        yield DocumentFinding(
            *(finding.rule, Severity.WARNING, text, finding.position, segment.tag, segment.index, element),
            expected=str(count),
            found=stated[:35],
        )


def _check_levels(levels: list[Segment]) -> Iterator[DocumentFinding]:
    known = set[str]()
    for level in levels:
        name, parent = level.value(1), level.value(2)
        if name in known:
            yield at(level, "hierarchy.repeated", "the number of the level stands twice", Severity.ERROR, (1, 0, 0))
        if parent and parent not in known:
            yield at(level, "hierarchy.parent", "no level before has the parent's number", Severity.ERROR, (2, 0, 0))
        known.add(name)


class Level:
    """A level of a hierarchy: its HL group, and the levels below it."""

    __slots__ = ("children", "code", "group", "name")

    def __init__(self, group: Group) -> None:
        self.group = group
        head = group.segments[0]
        self.name, self.code = head.value(1), head.value(3)
        self.children: list[Level] = []


def hierarchy(tree: Group) -> list[Level]:
    """The HL groups of a message by their parents, of any depth. One whose parent is not known stands at the top."""
    tops, by_name = list[Level](), dict[str, Level]()
    for group in tree.groups("HL"):
        level = Level(group)
        parent = by_name.get(group.segments[0].value(2))
        (parent.children if parent else tops).append(level)
        by_name.setdefault(level.name, level)
    return tops
