"""Makes 997 and 999 of verdicts, and reads those of partners."""

from collections.abc import Iterator
from dataclasses import dataclass

from formats.edi.acknowledgement import AcknowledgedAs, AcknowledgedFault, AcknowledgedMessage, Acknowledgement
from formats.edi.judging import GroupVerdict, MessageVerdict
from formats.edi.message import EdiMessage
from formats.edi.syntax import Segment
from formats.edi.writing import Row
from formats.findings import DocumentFinding, Severity

MOST_CODES = 5
"""AK5 and AK9 have room for five codes."""
MOST_FAULTS = 99
"""AK4 may stand so often below one AK3."""
COPIED = 99
"""Characters of a faulty value that AK404 has room for."""

SEGMENT_CODES = {
    "segment.unknown": "1",
    "segment.tag": "1",
    "segment.empty": "1",
    "segment.unexpected": "2",
    "segment.missing": "3",
    "group.too_many": "4",
    "segment.too_many": "5",
}
"""Element 720: what is wrong with a segment."""
ELEMENT_CODES = {
    "element.missing": "1",
    "element.relation": "2",
    "element.beyond": "3",
    "element.composite": "3",
    "element.repeats": "3",
    "element.short": "4",
    "element.long": "5",
    "element.type": "6",
    "element.mark": "6",
    "character.repertoire": "6",
    "element.code": "7",
    "hierarchy.parent": "7",
    "hierarchy.repeated": "7",
    "total.count": "7",
    "element.date": "8",
    "element.time": "9",
    "element.exclusion": "10",
}
"""Element 723: what is wrong with an element."""
MESSAGE_CODES = {
    "message.kind": "1",
    "message.version": "1",
    "message.trailer": "2",
    "message.reference": "3",
    "message.count": "4",
    "message.too_long": "5",
    "message.group": "6",
    "message.repeated": "23",
}
"""Element 718: what is wrong with a transaction set."""
GROUP_CODES = {
    "group.version": "2",
    "group.trailer": "3",
    "group.reference": "4",
    "group.count": "5",
    "group.number": "6",
    "group.repeated": "19",
}
"""Element 716: what is wrong with a group."""

SEGMENT_WORDS = {
    "1": "unknown segment",
    "2": "segment not expected here",
    "3": "segment missing",
    "4": "group stands too often",
    "5": "segment stands too often",
    "6": "segment not part of the set",
    "7": "segment out of order",
    "8": "elements are wrong",
}
ELEMENT_WORDS = {
    "1": "element missing",
    "2": "element missing that another one needs",
    "3": "too many elements",
    "4": "too short",
    "5": "too long",
    "6": "wrong characters",
    "7": "code not known",
    "8": "not a day",
    "9": "not a time",
    "10": "may not stand beside another element",
    "12": "stands too often",
}
MESSAGE_WORDS = {
    "1": "set not supported",
    "2": "trailer missing",
    "3": "reference of header and trailer differ",
    "4": "count of segments wrong",
    "5": "segments are wrong",
    "6": "set identifier missing or wrong",
    "7": "control number missing or wrong",
    "23": "control number used before in the group",
}
GROUP_WORDS = {
    "1": "group not supported",
    "2": "version not supported",
    "3": "trailer missing",
    "4": "control numbers of header and trailer differ",
    "5": "count of sets wrong",
    "6": "control number not valid",
    "19": "control number used before",
}
VERDICTS = {
    "A": AcknowledgedAs.ACCEPTED,
    "E": AcknowledgedAs.WITH_ERRORS,
    "P": AcknowledgedAs.PARTLY,
    "R": AcknowledgedAs.REJECTED,
    "M": AcknowledgedAs.REJECTED,
    "W": AcknowledgedAs.REJECTED,
    "X": AcknowledgedAs.REJECTED,
}
"""Elements 715 and 717. M, W and X refuse for reasons of security."""


@dataclass(frozen=True, slots=True)
class AcknowledgementTags:
    """How 997 and 999 call the same segments."""

    segment: str
    element: str
    message: str


TAGS = {"997": AcknowledgementTags("AK3", "AK4", "AK5"), "999": AcknowledgementTags("IK3", "IK4", "IK5")}


def acknowledgement_rows(group: GroupVerdict, kind: str = "997") -> list[Row]:
    """The segments of a 997 or 999 for a group.

    Args:
        group: A verdict on a group that has a header.
    """
    assert group.start
    head = group.start.segment
    version = (group.start.version,) if kind == "999" else ()
    rows: list[Row] = [("AK1", _two(head.value(1)), _number(head.value(6)), *version)]
    for message in group.messages:
        rows += _message_rows(message, kind)
    codes = _codes(group.findings, GROUP_CODES)
    verdict = _group_verdict(group)
    rows.append(("AK9", verdict, *(str(n) for n in (group.stated, group.received, group.accepted)), *codes))
    return rows


def _group_verdict(group: GroupVerdict) -> str:
    if group.refused or (group.received and not group.accepted):
        return "R"
    if group.accepted < group.received:
        return "P"
    errors = any(_errors(message.findings) for message in group.messages) or _errors(group.findings)
    return "E" if errors else "A"


def _errors(findings: tuple[DocumentFinding, ...]) -> list[DocumentFinding]:
    return [finding for finding in findings if finding.severity >= Severity.ERROR]


def _message_rows(message: MessageVerdict, kind: str) -> Iterator[Row]:
    tags = TAGS[kind]
    faults = _errors(message.findings)
    if not message.accepted and not faults:
        faults = [one for one in message.findings if one.severity >= Severity.WARNING]
    version = (message.version,) if kind == "999" and len(message.version) > 6 else ()
    yield ("AK2", message.kind[:3].rjust(3, "0"), message.reference[:9].ljust(4, "0"), *version)
    by_segment: dict[tuple[int, str], list[DocumentFinding]] = {}
    for fault in faults:
        if fault.rule in SEGMENT_CODES or fault.rule in ELEMENT_CODES:
            by_segment.setdefault((fault.segment_index, fault.segment), []).append(fault)
    for (index, segment), found in by_segment.items():
        yield from _segment_rows(index, segment, found, tags)
    codes = _codes(tuple(faults), MESSAGE_CODES)
    if by_segment and "5" not in codes:
        codes = (*codes[: MOST_CODES - 1], "5")
    verdict = ("E" if faults else "A") if message.accepted else "R"
    yield (tags.message, verdict, *codes)


def _segment_rows(index: int, segment: str, found: list[DocumentFinding], tags: AcknowledgementTags) -> Iterator[Row]:
    """A row for each fault of the segment itself, or one for its elements, and those below it."""
    tag = segment if 2 <= len(segment) <= 3 and segment.isalnum() else "ZZ"
    elements = [fault for fault in found if fault.rule in ELEMENT_CODES][:MOST_FAULTS]
    for code in dict.fromkeys(SEGMENT_CODES[fault.rule] for fault in found if fault.rule in SEGMENT_CODES):
        yield (tags.segment, tag, str(index), "", code)
    if not elements:
        return
    yield (tags.segment, tag, str(index), "", "8")
    for fault in elements:
        place: str | tuple[str, ...] = str(fault.element or 1)
        if fault.component:
            place = (str(place), str(fault.component))
        copied = fault.found[:COPIED]
        copied = copied if copied.isascii() and copied.replace(" ", "").isalnum() else ""
        yield (tags.element, place, "", ELEMENT_CODES[fault.rule], *((copied,) if copied else ()))


def _codes(findings: tuple[DocumentFinding, ...], codes: dict[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(codes[one.rule] for one in _errors(findings) if one.rule in codes))[:MOST_CODES]


def _two(text: str) -> str:
    return text[:2].ljust(2, "Z")


def _number(text: str) -> str:
    return text[:9] if text.isascii() and text[:9].isdigit() else "0"


def read_acknowledgement(message: EdiMessage) -> Acknowledgement | None:
    """What a 997 or 999 says; None when it is another message or says of no group."""
    if message.kind not in TAGS:
        return None
    tags, found, current, segment = TAGS[message.kind], None, None, ("", 0)
    for one in message.segments:
        if one.tag == "AK1":
            found = Acknowledgement(one.value(2), one.value(1), None)
        elif found is None:
            continue
        elif one.tag == "AK2":
            current = AcknowledgedMessage(one.value(1), one.value(2), AcknowledgedAs.ACCEPTED)
            found.messages.append(current)
        elif one.tag == "AK9":
            found.verdict = VERDICTS.get(one.value(1))
            found.faults = [_fault(code, GROUP_WORDS) for code in _given(one, 5)]
        elif current is None:
            continue
        elif one.tag == tags.segment:
            index = one.value(2)
            segment = (one.value(1), int(index) if index.isascii() and index.isdigit() and len(index) < 10 else 0)
            if one.value(4) not in ("", "8"):
                current.faults.append(_fault(one.value(4), SEGMENT_WORDS, *segment))
        elif one.tag == tags.element:
            place = [
                int(part) if part.isascii() and part.isdigit() and len(part) < 5 else 0 for part in one.components(1)
            ]
            current.faults.append(_fault(one.value(3), ELEMENT_WORDS, *segment, *place[:2]))
        elif one.tag == tags.message:
            current.verdict = VERDICTS.get(one.value(1), AcknowledgedAs.REJECTED)
            current.faults += [_fault(code, MESSAGE_WORDS) for code in _given(one, 2)]
    return found


def read_interchange_acknowledgement(segment: Segment) -> Acknowledgement | None:
    """What a TA1 says of one of our interchanges; None when it is another segment."""
    if segment.tag != "TA1":
        return None
    code = segment.value(5)
    faults = [AcknowledgedFault(f"note {code} of the interchange", code)] if code not in ("", "000") else []
    return Acknowledgement(segment.value(1), "", VERDICTS.get(segment.value(4)), faults=faults)


def _given(segment: Segment, first: int) -> list[str]:
    return [code for at in range(first, first + MOST_CODES) if (code := segment.value(at))]


def _fault(
    code: str, words: dict[str, str], segment: str = "", index: int = 0, element: int = 0, component: int = 0
) -> AcknowledgedFault:
    return AcknowledgedFault(words.get(code, f"code {code}"), code, segment, index, element, component)
