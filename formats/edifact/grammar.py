"""EDIFACT's envelopes: UNA, UNB and UNZ, UNG and UNE, UNH and UNT."""

import re

from formats.edi.checking import at, check_bytes
from formats.edi.clean import pattern
from formats.edi.grammar import EnvelopeCounts
from formats.edi.message import MessageType, disagreement
from formats.edi.parts import EnvelopeLevel, EnvelopeStart, PartyId
from formats.edi.repertoires import REPERTOIRES
from formats.edi.scanning import BLANK, next_segment
from formats.edi.stream import Stream
from formats.edi.syntax import Segment, Syntax, pieces
from formats.edi.values import is_day, is_time
from formats.edifact.versions import message_type
from formats.findings import DocumentFinding, Severity

UNA_BYTES = 9
DEFAULT = b":+.? '"
"""What stands behind UNA when it is left out: component, element, decimal mark, release, reserved, terminator."""
REPETITION = b"*"
"""The repetition separator of syntax version 4, where UNA does not name another."""
UNB_MOST = 4096
"""Bytes in which UNB must end: some ten times what it has when every element is as long as it may be."""
DIGITS = re.compile(r"[0-9]{1,18}")
UNEXPECTED_TAG = b"UN"


class EdifactGrammar:
    """The `EnvelopeGrammar` of EDIFACT."""

    marker = re.compile(rb"UN(?:A[^0-9A-Za-z\s]|B[^0-9A-Za-z\s])")
    openers = ("UNB", "UNG", "UNH")
    closers = ("UNZ", "UNE", "UNT")
    loose = frozenset[str]()
    reference_at = 1

    def open_interchange(self, stream: Stream) -> EnvelopeStart | DocumentFinding:
        """UNA names the delimiters; without it they are those of the syntax version in UNB."""
        stream.has(UNB_MOST)
        began = stream.at
        advice = stream.data[began + 3 : began + UNA_BYTES] if stream.data.startswith(b"UNA", began) else b""
        if advice:
            stream.at += UNA_BYTES
            stream.at += len(stream.data) - stream.at - len(stream.data[stream.at :].lstrip(BLANK))
        fault = self._advice_fault(advice) or self._header_fault(stream, advice or DEFAULT)
        if fault:
            rule, text = fault
            place, stream.at = stream.position, began
            return DocumentFinding(rule, Severity.ERROR, text, place, "UNB")
        syntax = _syntax_of(stream.data[stream.at : stream.at + 32], advice)
        length = next_segment(stream, syntax, UNB_MOST)
        assert length is not None
        segment = Segment(stream.data[stream.at : stream.at + length], 0, stream.position, syntax)
        stream.at += length + 1
        reference = segment.value(5)
        sender, receiver = (PartyId(segment.value(n), segment.value(n, 2)) for n in (2, 3))
        version = f"{segment.value(1)}:{segment.value(1, 2)}"
        findings = tuple(_judged_unb(segment, reference))
        level = EnvelopeLevel.INTERCHANGE
        return EnvelopeStart(level, segment, syntax, sender, receiver, reference, version, findings)

    def _advice_fault(self, advice: bytes) -> tuple[str, str] | None:
        if not advice:
            return None
        signs = advice[:2] + advice[3:4].strip() + advice[5:6]
        if len(advice) < UNA_BYTES - 3 or len(set(signs)) != len(signs) or re.search(rb"[0-9A-Za-z]", signs):
            return "interchange.delimiters", "UNA does not name six different characters"
        return None

    def _header_fault(self, stream: Stream, advice: bytes) -> tuple[str, str] | None:
        head = stream.data[stream.at : stream.at + 4]
        if head != b"UNB" + advice[1:2]:
            return "interchange.header", "UNB must follow, with the divider of elements behind its tag"
        syntax = _syntax_of(stream.data[stream.at : stream.at + 32], advice)
        length = next_segment(stream, syntax, UNB_MOST)
        if length is None or length > UNB_MOST:
            return "interchange.header", "UNB has no terminator"
        return None

    def group_reference(self, segment: Segment) -> str:
        """UNG 0048."""
        return segment.value(5)

    def open_group(self, segment: Segment, interchange: EnvelopeStart, repeated: bool) -> EnvelopeStart:
        """A group by its UNG."""
        findings = list(check_bytes(segment))
        reference = segment.value(5)
        if not reference:
            findings.append(at(segment, "element.missing", "the element must stand", Severity.ERROR, (5, 0, 0)))
        if repeated:
            text = "the group's reference was used before in this interchange"
            findings.append(at(segment, "group.repeated", text, Severity.ERROR, (5, 0, 0), reference[:35]))
        sender, receiver = (PartyId(segment.value(n), segment.value(n, 2)) for n in (2, 3))
        version = ".".join(filter(None, (segment.value(7), segment.value(7, 2))))
        return EnvelopeStart(
            *(EnvelopeLevel.GROUP, segment, interchange.syntax, sender, receiver, reference, version, tuple(findings))
        )

    def message_type(self, header: Segment, interchange: EnvelopeStart, group: EnvelopeStart | None) -> MessageType:
        """By UNH S009."""
        kind, version, release, _, association = (header.value(2, component)[:12] for component in range(1, 6))
        return message_type(kind, version, release, association)

    def in_group(self, kind: MessageType, header: Segment, group: EnvelopeStart | None) -> list[DocumentFinding]:
        """A group holds messages of one kind."""
        if group is None or group.segment.value(1) == kind.kind:
            return []
        text = "the group is one of another message"
        expected = group.segment.value(1)[:35]
        place = header.offset(2, 0, 1)
        return [
            DocumentFinding(
                *("message.group", Severity.ERROR, text, place, header.tag, 1, 2, 1),
                expected=expected,
                found=kind.kind,
            )
        ]

    def clean_pattern(
        self, kind: MessageType, syntax: Syntax, tags: frozenset[str], released: bool
    ) -> re.Pattern[bytes] | None:
        """The pattern of a message. Association and agency are any that have no finding."""
        if kind.spec is None or kind.kind == "CONTRL":
            return None
        directory, _, association = kind.version.partition(":")
        version, _, release = directory.partition(".")
        names = [kind.kind, version, release, "UN", *([association] if association else [])]
        if not all(re.fullmatch(r"[A-Z0-9.]+", name) for name in names) or len(association) > 6:
            return None
        component, separator = re.escape(syntax.component), re.escape(syntax.element)
        described = component.join(re.escape(name.encode()) for name in names)
        head = b"UNH%b([0-9A-Z-]{1,14}+)%b%b" % (separator, separator, described)
        return pattern(kind.spec, syntax, head, b"UNT", tags, released)

    def closing(
        self, segment: Segment | None, start: EnvelopeStart, counts: EnvelopeCounts, position: int
    ) -> list[DocumentFinding]:
        """UNZ counts groups where there are any, else messages, as UNE does; both repeat the header's reference."""
        level = start.level.value
        tag = self.closers[0] if start.level is EnvelopeLevel.INTERCHANGE else self.closers[1]
        if segment is None:
            text = f"{tag} must end the {level}"
            return [DocumentFinding(f"{level}.trailer", Severity.ERROR, text, position, tag)]
        found = list(check_bytes(segment))
        count, stated = counts.groups or counts.messages, segment.value(1)
        if not DIGITS.fullmatch(stated) or not stated.isascii() or int(stated) != count:
            text = f"the count of the {level} is not what it holds"
            found.append(disagreement(segment, f"{level}.count", text, 1, str(count)))
        if segment.value(2) != start.reference:
            text = f"the reference of {tag} is not the one of the header"
            found.append(disagreement(segment, f"{level}.reference", text, 2, start.reference))
        return found


def _syntax_of(head: bytes, advice: bytes) -> Syntax:
    """The syntax by UNA and the first element of UNB."""
    signs = advice or DEFAULT
    component, element, mark, release, repetition, terminator = (signs[n : n + 1] for n in range(6))
    level = pieces(head, element, release)[1:2]
    name, _, version = (level[0] if level else b"").partition(component)
    fourth = version[:1] == b"4"
    repertoire = name.decode("latin-1")
    named = repetition.strip()
    repeats = named or (REPETITION if not advice else b"") if fourth else b""
    marks = ".," if fourth else mark.decode("latin-1") if mark in (b".", b",") else "."
    return Syntax(
        *(element, component, terminator, release.strip(), repeats, marks),
        repertoire if repertoire in REPERTOIRES and repertoire != "X12" else "UNOC",
    )


def _judged_unb(segment: Segment, reference: str) -> list[DocumentFinding]:
    """What is wrong with a UNB."""
    found = list(check_bytes(segment))
    level, version = segment.value(1), segment.value(1, 2)
    if level not in REPERTOIRES or level == "X12":
        text = "the syntax level is not one of UNOA to UNOY; UNOC is taken"
        found.append(at(segment, "interchange.repertoire", text, Severity.ERROR, (1, 0, 1), level[:35]))
    if version not in ("1", "2", "3", "4"):
        text = "the syntax version is not one of 1 to 4"
        found.append(at(segment, "interchange.version", text, Severity.ERROR, (1, 0, 2), version[:35]))
    for number in (2, 3, 5):
        if not segment.value(number):
            found.append(at(segment, "element.missing", "the element must stand", Severity.ERROR, (number, 0, 0)))
    day, time = segment.value(4), segment.value(4, 2)
    if not is_day(day) or not is_time(time):
        text = "the interchange's day and time of preparation are none"
        found.append(at(segment, "interchange.time", text, Severity.WARNING, (4, 0, 0)))
    elif version == "4" and len(day) == 6:
        text = "syntax version 4 writes the year with its century"
        found.append(at(segment, "interchange.time", text, Severity.NOTE, (4, 0, 1)))
    if len(reference) > 14:
        text = "the reference of the interchange has at most 14 characters"
        found.append(at(segment, "element.long", text, Severity.ERROR, (5, 0, 0), reference[:35]))
    if len(segment.elements) > 11:
        text = "UNB has at most 11 elements"
        found.append(at(segment, "element.beyond", text, Severity.ERROR, (12, 0, 0)))
    return found
