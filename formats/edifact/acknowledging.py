"""Makes CONTRL of verdicts, and reads those of partners."""

from collections.abc import Iterator

from formats.edi.acknowledgement import AcknowledgedAs, AcknowledgedFault, AcknowledgedMessage, Acknowledgement
from formats.edi.judging import InterchangeVerdict, MessageVerdict
from formats.edi.message import EdiMessage
from formats.edi.parts import PartyId
from formats.edi.syntax import Segment
from formats.edi.writing import Row, RowValue
from formats.findings import DocumentFinding, Severity

REJECTED, ACKNOWLEDGED, RECEIVED = "4", "7", "8"
"""DE 0083: this level and all below refused; this level accepted, and what is below unless it is refused; received."""
MOST_FAULTS = 99
"""UCD may stand so often below one UCS."""
MOST_SEGMENTS = 999
"""UCS may stand so often below one UCM."""

CODES = {
    "interchange.repertoire": "46",
    "interchange.version": "2",
    "interchange.time": "12",
    "interchange.trailer": "13",
    "interchange.count": "29",
    "interchange.reference": "28",
    "group.trailer": "13",
    "group.count": "29",
    "group.reference": "28",
    "group.repeated": "26",
    "interchange.strays": "33",
    "interchange.stray": "33",
    "message.kind": "14",
    "message.version": "14",
    "message.group": "14",
    "message.trailer": "13",
    "message.count": "29",
    "message.reference": "28",
    "message.repeated": "26",
    "message.too_long": "18",
    "segment.unknown": "15",
    "segment.tag": "15",
    "segment.empty": "15",
    "segment.unexpected": "15",
    "segment.missing": "13",
    "segment.unended": "18",
    "group.too_many": "36",
    "segment.too_many": "35",
    "element.missing": "13",
    "element.beyond": "16",
    "element.composite": "16",
    "element.repeats": "16",
    "element.short": "40",
    "element.long": "39",
    "element.type": "37",
    "element.mark": "19",
    "element.code": "12",
    "element.date": "12",
    "element.time": "12",
    "total.count": "12",
    "character.repertoire": "21",
}
"""DE 0085: each rule's code."""
UNSPECIFIED = "18"
WORDS = {
    "2": "syntax version or level not supported",
    "7": "recipient is not the actual one",
    "12": "value not valid",
    "13": "missing",
    "14": "value not supported here",
    "15": "not supported here",
    "16": "too many parts",
    "18": "fault without a code",
    "19": "wrong decimal mark",
    "20": "not valid as a service character",
    "21": "characters not valid",
    "26": "duplicate",
    "28": "references do not match",
    "29": "count does not match",
    "32": "nothing below it",
    "33": "outside of a message",
    "35": "segment stands too often",
    "36": "group stands too often",
    "37": "wrong kind of characters",
    "39": "too long",
    "40": "too short",
    "46": "character set not supported",
}


def contrl_rows(verdict: InterchangeVerdict, received_only: bool = False) -> list[Row]:
    """The segments of a CONTRL for an interchange.

    Args:
        received_only: Whether to say only that it came, before anything is judged.
    """
    start = verdict.start
    faults = _errors(verdict.findings)
    action = RECEIVED if received_only else REJECTED if verdict.refused else ACKNOWLEDGED
    error: tuple[RowValue, ...] = ()
    if action == REJECTED and faults:
        error = (CODES.get(faults[0].rule, UNSPECIFIED), *_place(faults[0]))
    parties = (_party(start.sender), _party(start.receiver))
    rows: list[Row] = [("UCI", start.reference[:14] or "0", *parties, action, *error)]
    if action == ACKNOWLEDGED:
        for group in verdict.groups:
            for message in group.messages:
                if not message.accepted:
                    rows += _message_rows(message)
    return rows


def _party(party: PartyId) -> RowValue:
    name = party.id[:35] or "0"
    return (name, party.qualifier[:4]) if party.qualifier else name


def _errors(findings: tuple[DocumentFinding, ...]) -> list[DocumentFinding]:
    return [finding for finding in findings if finding.severity >= Severity.ERROR]


def _place(fault: DocumentFinding) -> tuple[RowValue, ...]:
    """The service segment in which a fault lies, and where in it."""
    if fault.segment not in ("UNB", "UNZ", "UNH", "UNT", "UNG", "UNE"):
        return ()
    if not fault.element:
        return (fault.segment,)
    return (
        fault.segment,
        (str(fault.element + 1), str(fault.component)) if fault.component else str(fault.element + 1),
    )


def _message_rows(message: MessageVerdict) -> Iterator[Row]:
    faults = _errors(message.findings) or list(message.findings)
    directory, _, association = message.version.partition(":")
    version, _, release = directory.partition(".")
    described = (message.kind[:6] or "0", version or "0", release or "0", "UN", *([association] if association else []))
    own = [one for one in faults if one.segment in ("UNH", "UNT") or one.rule.startswith("message.")]
    error: tuple[RowValue, ...] = (CODES.get(own[0].rule, UNSPECIFIED), *_place(own[0])) if own else ()
    yield ("UCM", message.reference[:14] or "0", described, REJECTED, *error)
    by_segment: dict[int, list[DocumentFinding]] = {}
    for fault in faults:
        if fault not in own:
            by_segment.setdefault(fault.segment_index, []).append(fault)
    for index, found in list(by_segment.items())[:MOST_SEGMENTS]:
        whole = [one for one in found if not one.element]
        code = (CODES.get(whole[0].rule, UNSPECIFIED),) if whole else ()
        yield ("UCS", str(index), *code)
        for fault in [one for one in found if one.element][:MOST_FAULTS]:
            position = str(fault.element + 1)
            place: RowValue = (position, str(fault.component)) if fault.component else position
            yield ("UCD", CODES.get(fault.rule, UNSPECIFIED), place)


VERDICTS = {
    REJECTED: AcknowledgedAs.REJECTED,
    ACKNOWLEDGED: AcknowledgedAs.ACCEPTED,
    RECEIVED: AcknowledgedAs.RECEIVED,
}


def read_contrl(message: EdiMessage) -> Acknowledgement | None:
    """What a CONTRL says; None when it is another message or says of no interchange."""
    if message.kind != "CONTRL":
        return None
    found: Acknowledgement | None = None
    current: AcknowledgedMessage | None = None
    index = 0
    for one in message.segments:
        if one.tag == "UCI":
            found = Acknowledgement(one.value(1), "", VERDICTS.get(one.value(4)))
            found.faults += _coded(one, 5, 0)
        elif one.tag == "UCM" and found:
            verdict = VERDICTS.get(one.value(3), AcknowledgedAs.REJECTED)
            current = AcknowledgedMessage(one.value(2), one.value(1), verdict, _coded(one, 4, 0))
            found.messages.append(current)
        elif one.tag == "UCS" and current:
            number = one.value(1)
            index = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
            current.faults += _coded(one, 2, index)
        elif one.tag == "UCD" and current:
            place = [
                int(part) if part.isascii() and part.isdigit() and len(part) < 5 else 0 for part in one.components(2)
            ]
            element = max(place[0] - 1, 0) if place else 0
            component = place[1] if len(place) > 1 else 0
            code = one.value(1)
            current.faults.append(AcknowledgedFault(_words(code), code, "", index, element, component))
    return found


def _coded(segment: Segment, at: int, index: int) -> list[AcknowledgedFault]:
    code = segment.value(at)
    return [AcknowledgedFault(_words(code), code, segment.value(at + 1), index)] if code else []


def _words(code: str) -> str:
    return WORDS.get(code, f"code {code}")
