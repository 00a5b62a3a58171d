"""Each fault is found under its rule, at its segment, element, component and byte."""

import pytest

from formats.edi.message import hierarchy
from formats.findings import DocumentFinding, Severity
from formats.reading import edi_reader
from tests.formats.test_bug_reports import message, orders, parts_of, shipment

DESPATCH = (
    "ISA*00*          *00*          *ZZ*NORTHLOG       *ZZ*SYNCLINE       *261130*1200*^*00501*000000077*0*P*>~"
    "GS*SH*NORTHLOG*SYNCLINE*20261130*1200*1*X*005010~ST*856*0001~BSN*00*S1*20261130*1200~{levels}CTT*{total}~SE*{n}*0001~"
    "GE*1*1~IEA*1*000000077~"
)


def one_finding(text: str) -> DocumentFinding:
    found = [one for part in parts_of(text) for one in part.findings]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("old", "new", "rule", "place"),
    [
        ("B10*A1*S1*NRTH", "B10*A1*S1", "element.missing", ("B10", 2, 3, 0)),
        ("B10*A1*S1*NRTH", "B10*A1*S1*NRTHX", "element.long", ("B10", 2, 3, 0)),
        ("B10*A1*S1*NRTH", "B10*A1*S1*N", "element.short", ("B10", 2, 3, 0)),
        ("B10*A1*S1*NRTH", "B10**S1*NRTH", "element.relation", ("B10", 2, 1, 0)),
        ("20261130*1200~SE", "20261131*1200~SE", "element.date", ("AT7", 4, 5, 0)),
        ("20261130*1200~SE", "20270229*1200~SE", "element.date", ("AT7", 4, 5, 0)),
        ("20261130*1200~SE", "20261130*2400~SE", "element.time", ("AT7", 4, 6, 0)),
        ("AT7*X1*NS***", "AT7*X1*NS*AG*NS*", "element.exclusion", ("AT7", 4, 1, 0)),
        ("LX*1", "LX*ONE", "element.type", ("LX", 3, 1, 0)),
        ("LX*1", "LX*1*2", "element.beyond", ("LX", 3, 2, 0)),
        ("LX*1", "LX*1>2", "element.composite", ("LX", 3, 1, 2)),
        ("B10*A1*S1*NRTH~", "", "segment.missing", ("B10", 2, 0, 0)),
        ("LX*1~", "LX*1~G62*86*20261130~", "segment.unexpected", ("G62", 4, 0, 0)),
        ("LX*1~", "LX*1~ZZZ*1~", "segment.unknown", ("ZZZ", 4, 0, 0)),
        ("LX*1~", "LX*1~~", "segment.empty", ("", 4, 0, 0)),
        ("LX*1~", "MS3*NRTH*O~" * 13 + "LX*1~", "segment.too_many", ("MS3", 15, 0, 0)),
        ("LX*1~", "N1*SH*A~" * 11 + "LX*1~", "group.too_many", ("N1", 13, 0, 0)),
        ("B10*A1", "B10*A\u00fc", "character.repertoire", ("B10", 2, 1, 0)),
    ],
)
def test_a_fault_is_found_at_its_place(old: str, new: str, rule: str, place: tuple[str, int, int, int]) -> None:
    text = shipment()
    changed = text.replace(old, new)
    changed = changed.replace("SE*5", f"SE*{5 + new.count('~') - old.count('~')}")
    found = [one for one in message(parts_of(changed)).findings if one.rule != "element.relation" or rule == one.rule]
    assert [one.rule for one in found] == [rule]
    assert (found[0].segment, found[0].segment_index, found[0].element, found[0].component) == place
    assert text not in found[0].text


def test_a_finding_names_its_byte() -> None:
    text = orders().replace("4012345000009::9", "4012345000009::9999")
    found = one_finding(text)
    assert (found.rule, found.element, found.component) == ("element.long", 2, 3)
    assert text[found.position : found.position + 4] == "9999"
    assert (found.severity, found.found) == (Severity.ERROR, "9999")


@pytest.mark.parametrize("day", ["20261301", "2026113", "20270229"])
def test_a_moment_is_judged_by_its_qualifier(day: str) -> None:
    assert one_finding(orders().replace("20261130:102", f"{day}:102")).rule == "element.date"
    assert one_finding(orders().replace("20261130:102", f"{day}2500:203")).rule in ("element.date", "element.time")


def test_a_leap_day_is_a_day() -> None:
    assert not [one for part in parts_of(orders().replace("20261130:102", "20280229:102")) for one in part.findings]


def test_levels_of_any_depth_have_parents_and_a_total() -> None:
    levels = "".join(f"HL*{n}*{n - 1 or ''}*I~" for n in range(1, 301))
    text = DESPATCH.format(levels=levels, total=300, n=304)
    assert not [one for part in parts_of(text) for one in part.findings]
    wrong = text.replace("HL*200*199*", "HL*200*999*").replace("CTT*300", "CTT*299")
    found = message(parts_of(wrong)).findings
    assert [(one.rule, one.segment_index, one.expected, one.found) for one in found] == [
        ("hierarchy.parent", 202, "", ""),
        ("total.count", 303, "300", "299"),
    ]


def test_levels_stand_below_their_parents() -> None:
    levels = "HL*1**S~HL*2*1*O~HL*3*2*P~HL*4*3*I~HL*5*2*P~HL*6*99*I~"
    (shipment_level, lost) = hierarchy(message(parts_of(DESPATCH.format(levels=levels, total=6, n=10))).tree)
    assert (shipment_level.code, lost.name) == ("S", "6")
    (order,) = shipment_level.children
    assert [(pack.name, [item.name for item in pack.children]) for pack in order.children] == [("3", ["4"]), ("5", [])]


def test_a_repeated_reference_is_found() -> None:
    text = shipment()
    begins, ends = text.index("ST*"), text.index("GE*")
    twice = text[:ends] + text[begins:ends] + text[ends:].replace("GE*1", "GE*2")
    assert one_finding(twice).rule == "message.repeated"


def test_a_group_holds_messages_of_its_identifier() -> None:
    found = one_finding(shipment().replace("GS*QM", "GS*PO"))
    assert (found.rule, found.expected, found.found) == ("message.group", "QM", "PO")


def test_findings_of_noise_are_bounded() -> None:
    noise = "LX*ONE*2*3~" * 5000
    found = message(parts_of(shipment(noise, 5005))).findings
    assert len(found) == 201
    assert found[-1].rule == "message.findings"


def test_full_reading_and_shortcut_find_the_same_of_these() -> None:
    text = shipment().replace("LX*1", "LX*ONE").encode()
    assert [part.findings for part in edi_reader(fast=False).read(text)] == [part.findings for part in parts_of(text)]
