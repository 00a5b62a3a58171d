"""997, 999 and CONTRL say what was found, are themselves without findings, and are read back."""

import pytest

from formats.edi.acknowledgement import AcknowledgedAs
from formats.edi.judging import InterchangeVerdict, ReadingPolicy, RefusalScope, judge
from formats.edi.message import EdiMessage
from formats.edi.parts import Outside
from formats.edi.writing import MessageDraft
from formats.edifact import writer as edifact
from formats.edifact.acknowledging import contrl_rows, read_contrl
from formats.findings import Severity
from formats.reading import edi_reader
from formats.x12.acknowledging import acknowledgement_rows, read_acknowledgement, read_interchange_acknowledgement
from formats.x12.versions import message_type
from tests.formats.documents import edifact_stream, x12_stream
from tests.formats.test_bug_reports import orders, parts_of, shipment


def verdict(text: str, policy: ReadingPolicy | None = None) -> InterchangeVerdict:
    (found,) = judge(parts_of(text), policy or ReadingPolicy())
    return found


def two(wrong: str) -> str:
    """A group of a clean message and one that is not."""
    text = shipment()
    begins, ends = text.index("ST*"), text.index("GE*")
    other = text[begins:ends].replace("*0001~", "*0002~").replace("LX*1", wrong)
    return text[:ends] + other + text[ends:].replace("GE*1", "GE*2")


def written(kind: str, text: str, policy: ReadingPolicy | None = None) -> EdiMessage:
    """The acknowledgement as its receiver reads it."""
    (group,) = verdict(text, policy).groups
    version = "004010" if kind == "997" else "005010X231A1"
    answer = MessageDraft(message_type(kind, version), "0001", acknowledgement_rows(group, kind))
    parts = list(edi_reader().read(x12_stream([answer], version)))
    assert [one for part in parts for one in part.findings] == []
    (message,) = [part for part in parts if isinstance(part, EdiMessage)]
    return message


def raws(message: EdiMessage) -> list[str]:
    return [segment.raw.decode() for segment in message.segments[1:-1]]


def test_a_clean_group_is_accepted() -> None:
    assert raws(written("997", shipment())) == ["AK1*QM*1", "AK2*214*0001", "AK5*A", "AK9*A*1*1*1"]


@pytest.mark.parametrize(("kind", "letters"), [("997", "AK"), ("999", "IK")])
def test_a_refused_message_is_named_with_its_places(kind: str, letters: str) -> None:
    said = raws(written(kind, two("LX*ONE")))
    assert said[-1] == "AK9*P*2*2*1"
    assert said[-5:-1] == ["AK2*214*0002", f"{letters}3*LX*3**8", f"{letters}4*1**6*ONE", f"{letters}5*R*5"]


def test_a_missing_and_an_unexpected_segment_have_their_codes() -> None:
    said = raws(
        written("997", two("G62*86*20261130~LX*1").replace("SE*5*0002", "SE*6*0002").replace("B10*", "MS1*", 1))
    )
    assert "AK3*B10*2**3" in said or "AK3*B10*3**3" in said
    assert "AK3*MS1*2**2" in said


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [("SE*5", "SE*9", "4"), ("SE*5*0001", "SE*5*0009", "3"), ("ST*214", "ST*837", "1")],
)
def test_faults_of_the_envelope_have_their_codes(old: str, new: str, codes: str) -> None:
    assert f"AK5*R*{codes}" in raws(written("997", shipment().replace(old, new)))


def test_a_group_whose_trailer_disagrees_is_refused_with_all_its_messages() -> None:
    text = two("LX*2").replace("GE*2*1", "GE*3*7")
    assert raws(written("997", text)) == [
        *("AK1*QM*1", "AK2*214*0001", "AK5*R", "AK2*214*0002", "AK5*R", "AK9*R*3*2*0*5*4"),
    ] or raws(written("997", text))[-1] in ("AK9*R*3*2*0*5*4", "AK9*R*3*2*0*4*5")


def test_the_policy_says_what_a_fault_takes_with_it() -> None:
    text = two("LX*ONE")
    accepted = {
        scope: [one.accepted for one in verdict(text, ReadingPolicy(scope=scope)).groups[0].messages]
        for scope in RefusalScope
    }
    assert accepted == {
        RefusalScope.MESSAGE: [True, False],
        RefusalScope.GROUP: [False, False],
        RefusalScope.INTERCHANGE: [False, False],
    }
    assert verdict(text, ReadingPolicy(scope=RefusalScope.INTERCHANGE)).refused
    lenient = two("LX*1~ZZZ*1").replace("SE*5*0002", "SE*6*0002")
    assert verdict(lenient).groups[0].accepted == 2
    assert verdict(lenient, ReadingPolicy(Severity.WARNING)).groups[0].accepted == 1


def test_what_a_997_says_is_read_back() -> None:
    read = read_acknowledgement(written("997", two("LX*ONE")))
    assert read
    assert (read.reference, read.functional, read.verdict) == ("1", "QM", AcknowledgedAs.PARTLY)
    first, second = read.messages
    assert (first.reference, first.verdict, first.faults) == ("0001", AcknowledgedAs.ACCEPTED, [])
    assert (second.reference, second.verdict) == ("0002", AcknowledgedAs.REJECTED)
    fault = second.faults[0]
    assert (fault.segment, fault.segment_index, fault.element, fault.text) == ("LX", 3, 1, "wrong characters")


def test_a_ta1_is_read_where_it_stands() -> None:
    text = shipment()
    ta1 = text[: text.index("GS*")] + "TA1*000000012*261130*1200*R*025~IEA*0*000000077~"
    parts = parts_of(ta1)
    assert [one for part in parts for one in part.findings] == []
    (outside,) = [part for part in parts if isinstance(part, Outside)]
    assert outside.segment
    read = read_interchange_acknowledgement(outside.segment)
    assert read
    assert (read.reference, read.verdict, [one.code for one in read.faults]) == (
        "000000012",
        AcknowledgedAs.REJECTED,
        ["025"],
    )


def contrl(text: str, policy: ReadingPolicy | None = None) -> EdiMessage:
    answer = edifact.new_message("CONTRL", "D.3", "1", contrl_rows(verdict(text, policy)))
    parts = list(edi_reader().read(edifact_stream([answer])))
    assert [one for part in parts for one in part.findings] == []
    (message,) = [part for part in parts if isinstance(part, EdiMessage)]
    return message


def test_a_contrl_accepts() -> None:
    assert raws(contrl(orders())) == ["UCI+77+NORTH:ZZ+SYNC:ZZ+7"]


def test_a_contrl_names_the_message_the_segment_and_the_component() -> None:
    message = contrl(orders().replace("4012345000009::9", "4012345000009::9999"))
    assert raws(message) == ["UCI+77+NORTH:ZZ+SYNC:ZZ+7", "UCM+1+ORDERS:D:96A:UN+4", "UCS+4", "UCD+39+3:3"]
    read = read_contrl(message)
    assert read
    assert (read.reference, read.verdict) == ("77", AcknowledgedAs.ACCEPTED)
    (refused,) = read.messages
    assert (refused.kind, refused.reference, refused.verdict) == ("ORDERS", "1", AcknowledgedAs.REJECTED)
    assert [(one.segment_index, one.element, one.component, one.text) for one in refused.faults] == [
        (4, 2, 3, "too long")
    ]


def test_references_that_disagree_refuse_with_their_code() -> None:
    text = orders().replace("UNZ+1+77", "UNZ+1+289").replace("UNT+8+1", "UNT+9+1")
    assert raws(contrl(text)) == ["UCI+77+NORTH:ZZ+SYNC:ZZ+4+28+UNZ+3"]
    read = read_contrl(contrl(text))
    assert read
    assert (read.verdict, [one.code for one in read.faults]) == (AcknowledgedAs.REJECTED, ["28"])
    alone = orders().replace("UNT+8+1", "UNT+9+1")
    assert raws(contrl(alone))[1] == "UCM+1+ORDERS:D:96A:UN+4+29+UNT+2"


def test_other_messages_are_no_acknowledgements() -> None:
    (message,) = [part for part in parts_of(shipment()) if isinstance(part, EdiMessage)]
    assert read_acknowledgement(message) is None
    assert read_contrl(message) is None
