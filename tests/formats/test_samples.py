"""Every real message that lies beside the checkout is read, or refused for the reasons that stand here."""

from pathlib import Path

import pytest

from formats.edi.message import EdiMessage
from formats.findings import Severity
from formats.reading import edi_reader
from tests.test_structure import ROOT

SAMPLES = ROOT.parent / "shared" / "samples"
EXPECTED: dict[str, tuple[int, set[str]]] = {
    "edifact_APERAK__nerdocs__aperak_rejected.edi": (1, {"message.count"}),
    "edifact_IFTMIN__Chemaclass__edifact-sample.edi": (2, {"message.version", "message.count"}),
    "edifact_IFTSTA__apimeister__d00b_iftsta.edi": (1, {"interchange.reference"}),
    "edifact_ORDERS__nerdocs__order.edi": (1, {"interchange.trailer"}),
    "edifact_ORDERS__smooks__ORDERS_D.03B_Interchange.txt": (1, set()),
    "edifact_ORDRSP__indice-co__edifact.ORDRSP.edi": (
        1,
        {"interchange.reference", "message.count", "message.reference", "segment.unexpected"},
    ),
    "edifact_RECADV__smooks__recadv.txt": (1, {"element.long"}),
    "x12_204__indice-co__204-MGCTLYST-SAMPLE.EDI": (1, {"message.count"}),
    "x12_210__xlate__ts210_80char.edi": (1, set()),
    "x12_214__indice-co__214-MGCTLYST-SAMPLE.EDI": (1, set()),
    "x12_214__jf-tech__1_canadapost_edi_214.input.txt": (19, {"element.relation"}),
    "x12_830__irobayna__1.edi": (1, set()),
    "x12_850__apimeister__004010_850.edi": (1, set()),
    "x12_850__indice-co__x12.850a.edi": (1, {"element.long", "interchange.reference"}),
    "x12_855__irobayna__1.edi": (1, set()),
    "x12_856-bad__irobayna__2.edi": (
        1,
        {"element.beyond", "element.long", "hierarchy.parent", "message.count", "segment.unexpected"},
    ),
    "x12_856__apimeister__004060_856.edi": (1, set()),
    "x12_940-bad-counts__olmelabs__WrongGroupsAndTranCount.edi": (
        1,
        {"group.count", "interchange.count", "interchange.reference"},
    ),
    "x12_940__olmelabs__940.OK.edi": (1, set()),
    "x12_990__indice-co__990-MGCTLYST-SAMPLE.EDI": (1, set()),
    "x12_997-bad__xlate__invalid997.edi": (1, {"element.long", "element.type"}),
    "x12_997__xlate__simple997.edi": (1, set()),
}
"""(messages, rules of errors) of each sample. Those that publish themselves as good and are not have their real
faults here."""


def samples() -> list[Path]:
    return sorted(file for file in SAMPLES.glob("*") if file.name.startswith(("x12_", "edifact_")))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples lie beside the checkout")
def test_every_sample_is_expected() -> None:
    assert {file.name for file in samples()} <= EXPECTED.keys()


@pytest.mark.parametrize("file", samples(), ids=lambda file: file.name)
def test_a_sample_is_read_or_refused_for_its_reasons(file: Path) -> None:
    messages, rules = EXPECTED[file.name]
    parts = list(edi_reader().read(file.read_bytes()))
    read = [part for part in parts if isinstance(part, EdiMessage)]
    assert len(read) == messages
    assert {one.rule for part in parts for one in part.findings if one.severity is Severity.ERROR} == rules
    for message in read:
        held = sum(1 for _ in message.tree.flat())
        assert held == len(message.segments) - 2
