"""X12's envelopes: ISA and IEA, GS and GE, ST and SE."""

import re

from formats.edi.checking import at
from formats.edi.clean import pattern
from formats.edi.grammar import EnvelopeCounts
from formats.edi.message import MessageType, disagreement
from formats.edi.parts import EnvelopeLevel, EnvelopeStart, PartyId
from formats.edi.repertoires import decoded
from formats.edi.stream import Stream
from formats.edi.syntax import Segment, Syntax
from formats.edi.values import is_day, is_time
from formats.findings import DocumentFinding, Severity
from formats.x12.tables.sets import GROUPS
from formats.x12.versions import VERSIONS, message_type

ISA_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
"""ISA01 to ISA16 have fixed widths, so that the segment has 106 bytes."""
ISA_ELEMENTS = len(ISA_WIDTHS)
ISA_MOST = 512
"""Bytes in which the sixteen elements of ISA are looked for: five times what it has when it is right."""
REPETITION_SINCE = "00402"
"""ISA12 from which on ISA11 is the repetition separator; before, it names the standard, `U`."""
ALPHANUMERIC = re.compile(rb"[0-9A-Za-z ]")
DIGITS = re.compile(r"[0-9]+")
ENVELOPES = {
    EnvelopeLevel.INTERCHANGE: ("IEA", "ISA13", 2),
    EnvelopeLevel.GROUP: ("GE", "GS06", 2),
}


class X12Grammar:
    """The `EnvelopeGrammar` of X12."""

    marker = re.compile(rb"ISA[^0-9A-Za-z\s]")
    openers = ("ISA", "GS", "ST")
    closers = ("IEA", "GE", "SE")
    loose = frozenset(("TA1",))
    reference_at = 2

    def open_interchange(self, stream: Stream) -> EnvelopeStart | DocumentFinding:
        """The delimiters are where ISA has them; an ISA of another length is read by its sixteen separators."""
        stream.has(ISA_MOST)
        head = stream.data[stream.at : stream.at + ISA_MOST]
        separator = head[3:4]
        ends, place = list[int](), head.find(separator)
        while place >= 0 and len(ends) < ISA_ELEMENTS:
            ends.append(place)
            place = head.find(separator, place + 1)
        if len(ends) < ISA_ELEMENTS or len(head) < ends[-1] + 3:
            text = "ISA does not have its sixteen elements"
            return DocumentFinding("interchange.header", Severity.ERROR, text, stream.position, "ISA")
        component, after = head[ends[-1] + 1 : ends[-1] + 2], ends[-1] + 2
        if ALPHANUMERIC.match(head[after : after + 1]) or component == separator:
            text = "ISA does not end with a separator of components and a terminator"
            return DocumentFinding("interchange.header", Severity.ERROR, text, stream.position, "ISA", 0, 16)
        terminator = head[after : after + 1]
        version = head[ends[11] + 1 : ends[12]].translate(None, b"\r\n").decode("latin-1")
        repetition = head[ends[10] + 1 : ends[11]]
        repeats = version >= REPETITION_SINCE and len(repetition) == 1 and not ALPHANUMERIC.match(repetition)
        syntax = Syntax(separator, component, terminator, b"", repetition if repeats else b"")
        segment = Segment(head[:after], 0, stream.position, syntax)
        values = [decoded(value.translate(None, b"\r\n"), "X12") for value in segment.elements]
        findings = tuple(_judged_isa(segment, values, syntax))
        stream.at += after + 1
        sender, receiver = PartyId(values[5].strip(), values[4].strip()), PartyId(values[7].strip(), values[6].strip())
        level = EnvelopeLevel.INTERCHANGE
        return EnvelopeStart(level, segment, syntax, sender, receiver, values[12], version, findings)

    def group_reference(self, segment: Segment) -> str:
        """GS06."""
        return segment.value(6)

    def open_group(self, segment: Segment, interchange: EnvelopeStart, repeated: bool) -> EnvelopeStart:
        """A group by its GS."""
        values = [segment.value(number) for number in range(1, 9)]
        findings = list(_judged_gs(segment, values))
        if repeated:
            text = "the group's control number was used before in this interchange"
            findings.append(at(segment, "group.repeated", text, Severity.ERROR, (6, 0, 0), values[5]))
        return EnvelopeStart(
            *(EnvelopeLevel.GROUP, segment, interchange.syntax, PartyId(values[1]), PartyId(values[2])),
            *(values[5], values[7], tuple(findings)),
        )

    def message_type(self, header: Segment, interchange: EnvelopeStart, group: EnvelopeStart | None) -> MessageType:
        """By ST01 and GS08; without a group, by ISA12."""
        version = group.version if group else f"{interchange.version}0"
        return message_type(header.value(1)[:6], version[:12])

    def in_group(self, kind: MessageType, header: Segment, group: EnvelopeStart | None) -> list[DocumentFinding]:
        """A set stands in a group of its own functional identifier."""
        if group is None:
            return [at(header, "message.group", "GS must stand before the transaction set", Severity.ERROR)]
        expected = GROUPS.get(kind.kind, "")
        if expected and group.segment.value(1) != expected:
            text = "the group's functional identifier is not the one of this transaction set"
            place, found = header.offset(1), group.segment.value(1)[:35]
            return [
                DocumentFinding(
                    *("message.group", Severity.WARNING, text, place, header.tag, 1, 1), expected=expected, found=found
                )
            ]
        return []

    def clean_pattern(
        self, kind: MessageType, syntax: Syntax, tags: frozenset[str], released: bool
    ) -> re.Pattern[bytes] | None:
        """The pattern of a set."""
        if kind.spec is None:
            return None
        separator = re.escape(syntax.element)
        head = b"ST%b%b%b([0-9A-Z-]{4,9}+)" % (separator, re.escape(kind.kind.encode()), separator)
        return pattern(kind.spec, syntax, head, b"SE", tags, released)

    def closing(
        self, segment: Segment | None, start: EnvelopeStart, counts: EnvelopeCounts, position: int
    ) -> list[DocumentFinding]:
        """IEA counts groups, GE sets; both repeat the header's number."""
        tag, _, _ = ENVELOPES[start.level]
        level = start.level.value
        if segment is None:
            text = f"{tag} must end the {level}"
            return [DocumentFinding(f"{level}.trailer", Severity.ERROR, text, position, tag)]
        found = []
        count = counts.groups if start.level is EnvelopeLevel.INTERCHANGE else counts.messages
        stated = segment.value(1)
        if not DIGITS.fullmatch(stated) or not stated.isascii() or int(stated[:18]) != count:
            text = f"the count of the {level} is not what it holds"
            found.append(disagreement(segment, f"{level}.count", text, 1, str(count)))
        if segment.value(2) != start.reference:
            text = f"the control number of {tag} is not the one of the header"
            found.append(disagreement(segment, f"{level}.reference", text, 2, start.reference))
        return found


def _judged_isa(segment: Segment, values: list[str], syntax: Syntax) -> list[DocumentFinding]:
    """What is wrong with an ISA that has its sixteen elements."""
    found = []
    for number, (value, width) in enumerate(zip(values, ISA_WIDTHS, strict=True), 1):
        if len(value) != width:
            text = f"ISA{number:02} has {width} characters"
            found.append(at(segment, "interchange.width", text, Severity.WARNING, (number, 0, 0)))
    if segment.raw.translate(None, b"\r\n") != segment.raw and not syntax.by_lines:
        text = "a line break divides the segment; it was taken out"
        found.append(at(segment, "segment.wrapped", text, Severity.NOTE))
    if f"{values[11]}0" not in VERSIONS and values[11] not in ("00400", "00401", "00500", "00600", "00700", "00800"):
        text = "the version of the interchange is not known"
        found.append(at(segment, "interchange.version", text, Severity.WARNING, (12, 0, 0), values[11][:35]))
    if not DIGITS.fullmatch(values[12]) or not values[12].isascii():
        text = "the control number of the interchange has nine digits"
        found.append(at(segment, "interchange.number", text, Severity.ERROR, (13, 0, 0), values[12][:35]))
    if not is_day(values[8]) or not is_time(values[9]):
        text = "ISA09 and ISA10 are not a day and a time"
        found.append(at(segment, "interchange.time", text, Severity.WARNING, (9, 0, 0)))
    if values[14] not in ("P", "T", "I"):
        text = "ISA15 says whether the interchange is production, test or information"
        found.append(at(segment, "interchange.usage", text, Severity.WARNING, (15, 0, 0), values[14][:35]))
    delimiters = syntax.delimiters
    if len(set(delimiters)) != len(delimiters) or ALPHANUMERIC.search(delimiters):
        text = "two delimiters are the same byte, or one is a letter, digit or space"
        found.append(at(segment, "interchange.delimiters", text, Severity.ERROR, (16, 0, 0)))
    return found


def _judged_gs(segment: Segment, values: list[str]) -> list[DocumentFinding]:
    """What is wrong with a GS."""
    found = []
    for number in range(1, 9):
        if not values[number - 1]:
            text = "the element must stand"
            found.append(at(segment, "element.missing", text, Severity.ERROR, (number, 0, 0)))
    if not DIGITS.fullmatch(values[5]) or len(values[5]) > 9:
        text = "the control number of the group has one to nine digits"
        found.append(at(segment, "group.number", text, Severity.ERROR, (6, 0, 0), values[5][:35]))
    if values[3] and not (is_day(values[3]) and is_time(values[4])):
        text = "GS04 and GS05 are not a day and a time"
        found.append(at(segment, "group.time", text, Severity.WARNING, (4, 0, 0)))
    if values[7] and values[7][:6] not in VERSIONS:
        text = "the version is not one of 004010 to 008060"
        found.append(at(segment, "group.version", text, Severity.ERROR, (8, 0, 0), values[7][:35]))
    return found
