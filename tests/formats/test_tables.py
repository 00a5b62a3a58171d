"""The tables agree with themselves: codes fit their elements, and every version of every message has its tables."""

import pytest

from formats.edi.spec import ElementSpec, SegmentPlace
from formats.edifact.tables import codes as edifact_codes
from formats.edifact.tables.movement import TITLES
from formats.edifact.versions import DIRECTORIES
from formats.edifact.versions import dictionary as directory
from formats.edifact.versions import message_type as edifact_type
from formats.x12.tables import codes as x12_codes
from formats.x12.tables.sets import GROUPS
from formats.x12.tables.sets import TITLES as X12_TITLES
from formats.x12.versions import VERSIONS, dictionary, message_type
from tests.formats.documents import X12_KINDS

ASKED_X12 = (
    *("204", "990", "214", "210", "850", "855", "860", "865", "856", "810", "820", "830", "862", "846"),
    *("940", "943", "944", "945", "947", "861", "997", "999", "824"),
)
ASKED_EDIFACT = (
    *("ORDERS", "ORDRSP", "ORDCHG", "DESADV", "RECADV", "INVOIC", "INVRPT", "SLSRPT", "DELFOR"),
    *("IFTMIN", "IFTMBC", "IFTSTA", "CONTRL", "APERAK"),
)


def test_every_message_that_is_asked_for_is_there() -> None:
    assert sorted(X12_KINDS) == sorted(ASKED_X12) == sorted(X12_TITLES) == sorted(GROUPS)
    assert sorted(TITLES) == sorted(ASKED_EDIFACT)


@pytest.mark.parametrize("version", sorted(VERSIONS))
def test_every_set_has_tables_in_every_version(version: str) -> None:
    for kind in ASKED_X12:
        spec = message_type(kind, version).spec
        assert spec
        assert spec.body.places


@pytest.mark.parametrize("release", DIRECTORIES)
def test_every_message_has_tables_in_every_directory(release: str) -> None:
    for kind in ASKED_EDIFACT:
        spec = edifact_type(kind, "D", release, "").spec
        assert spec
        assert bounded(spec.body)


def bounded(place: SegmentPlace) -> bool:
    """Whether every group begins with a segment that must stand once."""
    groups = [one for one in place.places if one.places]
    return all((one.places[0].least, one.places[0].most) == (1, 1) and bounded(one) for one in groups)


def test_codes_are_of_their_elements() -> None:
    x12 = {slot.number: slot.element for spec in dictionary("004010").values() for slot in spec.slots if slot.element}
    for number in x12_codes.CODES:
        spec = x12[number]
        for code, words in x12_codes.codes(number).items():
            assert spec.least <= len(code) <= spec.most, (number, code)
            assert words
    edifact: dict[str, ElementSpec] = {}
    for release in DIRECTORIES:
        for segment in directory(release).values():
            for slot in segment.slots:
                edifact |= {one.number: one.element for one in (slot, *slot.parts) if one.element}
    for number in edifact_codes.CODES:
        for code, words in edifact_codes.codes(number).items():
            assert len(code) <= edifact[number].most, (number, code)
            assert words


def test_a_code_outside_of_a_complete_list_is_found() -> None:
    assert x12_codes.CHECKED["717"] == frozenset(x12_codes.codes("717"))
    assert x12_codes.CHECKED["715"] == frozenset(x12_codes.codes("715"))
    assert edifact_codes.CHECKED["0083"] == frozenset(edifact_codes.codes("0083"))
