"""What cannot be said in a document is refused by the one exception of the room."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from formats.edi.message import EdiMessage
from formats.edi.numbers import decimal_of, decimal_text, implied, implied_text
from formats.edi.syntax import Syntax
from formats.edi.writing import Repeated, SegmentWriter
from formats.edifact import writer as edifact
from formats.edifact.writer import EdifactHeader, EdifactWriter
from formats.findings import FormatError
from formats.reading import edi_reader
from formats.x12 import writer as x12
from formats.x12.writer import X12Group, X12Header, X12Writer
from tests.formats.documents import NORTH, SYNCLINE

GOOD = [("B10", "A1", "S1", "NRTH"), ("LX", "1")]


def shipped(rows: list[tuple[str, ...]], version: str = "004010", number: int = 1) -> bytes:
    header = X12Header(NORTH, SYNCLINE, number, "261130", "1200")
    message = x12.new_message("214", version, "0001", rows)
    group = X12Group("NORTHLOG", "SYNCLINE", number, "20261130", "1200", version, [message])
    return b"".join(X12Writer().interchange(header, [group]))


def test_a_good_message_is_written() -> None:
    assert b"~ST*214*0001~B10*A1*S1*NRTH~LX*1~SE*4*0001~GE*1*1~IEA*1*000000001~" in shipped(GOOD)


@pytest.mark.parametrize(
    "rows",
    [
        [("B10", "A*1", "S1", "NRTH")],
        [("B10", "A~1", "S1", "NRTH")],
        [("B10", "A>1", "S1", "NRTH")],
        [("B10", "A\n1", "S1", "NRTH")],
        [("B10", "Ä1", "S1", "NRTH")],
        [("B10", "A1", "S1")],
        [("LX", "1")],
        [("B10", "A1", "S1", "NRTH"), ("LX", "ONE")],
        [("B10", "A1", "S1", "NRTH"), ("ZZZ", "1")],
        [],
    ],
)
def test_what_x12_cannot_say_is_refused(rows: list[tuple[str, ...]]) -> None:
    with pytest.raises(FormatError):
        shipped(rows)


@pytest.mark.parametrize(("version", "number"), [("009010", 1), ("004010", 0), ("004010", 10**9)])
def test_versions_and_numbers_that_do_not_exist_are_refused(version: str, number: int) -> None:
    with pytest.raises(FormatError):
        shipped(GOOD, version, number)


def test_an_edifact_character_outside_the_repertoire_is_refused() -> None:
    syntax = Syntax(b"+", b":", b"'", b"?", b"", ".", "UNOA")
    for value, right in (("ORDER", True), ("order", False), ("MÜLLER", False)):
        rows = [("BGM", "220", value), ("DTM", ("137", "20261130", "102")), ("NAD", "BY"), ("LIN", "1"), ("UNS", "S")]
        message = edifact.new_message("ORDERS", "D.96A", "1", rows)
        header = EdifactHeader(NORTH, SYNCLINE, "1", "261130", "1200")
        written = EdifactWriter(syntax).interchange(header, [message])
        if right:
            assert b"BGM+220+ORDER'" in b"".join(written)
        else:
            with pytest.raises(FormatError):
                b"".join(written)


TEXTS = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), min_size=1, max_size=30
)


@given(value=TEXTS, other=TEXTS)
def test_any_latin_text_survives_edifact(value: str, other: str) -> None:
    assume(not _looks_like_utf8(value, other))  # what reads as UTF-8 is refused under UNOC
    rows = [("FTX", "AAI", "", "", (value, other)), ("RFF", ("ON", value))]
    raw = SegmentWriter(edifact.STANDARD).write([*rows])
    written = b"UNB+UNOC:3+A+B+261130:1200+1'UNH+1+APERAK:D:96A:UN'BGM+1'" + raw + b"UNT+5+1'UNZ+1+1'"
    (message,) = [part for part in edi_reader().read(written) if isinstance(part, EdiMessage)]
    free, reference = message.segments[2:4]
    assert free.components(4) == [value, other]
    assert reference.components(1) == ["ON", value]


def _looks_like_utf8(*values: str) -> bool:
    for value in values:
        data = value.encode("latin-1")
        try:
            data.decode()
        except UnicodeDecodeError:
            continue
        if not data.isascii():
            return True
    return False


def test_repetitions_need_a_syntax_that_has_them() -> None:
    row = ("REF", Repeated(("A", ("B", "C"))))
    assert SegmentWriter(x12.REPEATING).write([row]) == b"REF*A^B>C~"
    with pytest.raises(FormatError):
        SegmentWriter(x12.STANDARD).write([row])


@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_numbers_survive_in_either_notation(number: Decimal) -> None:
    comma = Syntax(b"+", b":", b"'", b"?", b"", ",", "UNOC")
    for syntax in (x12.STANDARD, comma):
        assert decimal_of(decimal_text(number, syntax)) == number
    assert implied(implied_text(number, 4), 4) == number


@pytest.mark.parametrize("text", ["", "-", "1,2.3", "1.2.3", "1e5", "x", "--1", "٣", "1-"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert decimal_of(text) is None


def test_a_number_that_does_not_fit_is_refused() -> None:
    for number in (Decimal("NaN"), Decimal("Infinity")):
        with pytest.raises(FormatError):
            decimal_text(number, x12.STANDARD)
        with pytest.raises(FormatError):
            implied_text(number, 2)
    with pytest.raises(FormatError):
        implied_text(Decimal("1.005"), 2)


def test_line_breaks_stand_behind_terminators_alone() -> None:
    rows = [("BGM", "220", "it's"), ("DTM", ("137", "20261130", "102")), ("NAD", "BY"), ("LIN", "1"), ("UNS", "S")]
    message = edifact.new_message("ORDERS", "D.96A", "1", rows, "EAN008")
    header = EdifactHeader(NORTH, SYNCLINE, "1", "261130", "1200", test=True)
    written = b"".join(EdifactWriter(newline=b"\r\n").interchange(header, [message]))
    assert b"\r\nBGM+220+it?'s'\r\nDTM" in written
    assert [part.findings for part in edi_reader().read(written) if part.findings] == []
    draft = x12.new_message("214", "004010", "0001", GOOD)
    group = X12Group("NORTHLOG", "SYNCLINE", 1, "20261130", "1200", "004010", [draft])
    isa = X12Header(NORTH, SYNCLINE, 1, "261130", "1200", acknowledge=True)
    lines = b"".join(X12Writer(newline=b"\n").interchange(isa, [group]))
    assert lines.count(b"~\n") == lines.count(b"~") == 8
    assert [part.findings for part in edi_reader().read(lines) if part.findings] == []
