"""Situations of public bug reports about EDI software, each with the right behaviour."""

import pytest

from formats.edi.message import EdiMessage
from formats.edi.parts import EnvelopeEnd, EnvelopeLevel, EnvelopeStart, Outside, Part
from formats.edifact.writer import EdifactHeader, EdifactWriter, new_message
from formats.findings import Severity, worst
from formats.reading import edi_reader
from tests.formats.documents import NORTH, SYNCLINE

UNB = "UNB+UNOC:3+NORTH:ZZ+SYNC:ZZ+261130:1200+77'"
ORDERS = (
    "UNH+1+ORDERS:D:96A:UN'BGM+220+PO1+9'DTM+137:20261130:102'{more}"
    "NAD+BY+4012345000009::9'LIN+1'QTY+21:8'UNS+S'UNT+{n}+1'"
)
ISA = "ISA*00*          *00*          *ZZ*NORTHLOG       *ZZ*SYNCLINE       *261130*1200*U*00401*000000077*0*P*>~"
GS = "GS*QM*NORTHLOG*SYNCLINE*20261130*1200*1*X*004010~"
MESSAGE_214 = "ST*214*0001~B10*A1*S1*NRTH~{more}LX*1~AT7*X1*NS***20261130*1200~SE*{n}*0001~"


def parts_of(text: str | bytes) -> list[Part]:
    return list(edi_reader().read(text if isinstance(text, bytes) else text.encode("latin-1")))


def orders(more: str = "", count: int = 8) -> str:
    return UNB + ORDERS.format(more=more, n=count) + "UNZ+1+77'"


def shipment(more: str = "", count: int = 5, isa: str = ISA) -> str:
    return isa + GS + MESSAGE_214.format(more=more, n=count) + "GE*1*1~IEA*1*000000077~"


def findings(parts: list[Part]) -> list[tuple[str, str, str]]:
    return [(one.rule, one.expected, one.found) for part in parts for one in part.findings]


def message(parts: list[Part]) -> EdiMessage:
    (found,) = [part for part in parts if isinstance(part, EdiMessage)]
    return found


def value(parts: list[Part], tag: str, element: int, component: int = 1) -> str:
    return next(one for one in message(parts).segments if one.tag == tag).value(element, component)


def test_the_examples_themselves_are_clean() -> None:
    assert findings(parts_of(orders())) == []
    assert findings(parts_of(shipment())) == []


def test_a_decimal_comma_without_una_is_read_and_found() -> None:
    parts = parts_of(orders().replace("QTY+21:8'", "QTY+21:8,5'"))
    assert value(parts, "QTY", 1, 2) == "8,5"
    assert findings(parts) == [("element.mark", "", "8,5")]
    assert worst(message(parts).findings) is Severity.WARNING


def test_syntax_version_4_knows_both_decimal_marks() -> None:
    text = orders().replace("UNOC:3", "UNOC:4").replace("261130:1200+", "20261130:1200+")
    assert (
        findings(parts_of(text.replace("21:8'", "21:8,5'")))
        == findings(parts_of(text.replace("21:8'", "21:8.5'")))
        == []
    )


def test_una_names_the_decimal_mark() -> None:
    text = "UNA:+,? '" + orders().replace("QTY+21:8'", "QTY+21:8,5'")
    assert findings(parts_of(text)) == []
    assert findings(parts_of(text.replace("8,5", "8.5"))) == [("element.mark", "", "8.5")]


def test_dots_in_isa_are_text() -> None:
    assert findings(parts_of(shipment(isa=ISA.replace("*00*          *00", "*00*..........*00", 1)))) == []


def test_text_before_una_is_found_with_its_position() -> None:
    parts = parts_of("'\r\nHELLO UNA:+.? '" + orders())
    outside = parts[0]
    assert isinstance(outside, Outside)
    assert [(one.rule, one.severity) for one in outside.findings] == [("interchange.text_before", Severity.ERROR)]
    assert message(parts).findings == ()


def test_a_unb_that_a_newline_ends_is_an_error_with_position() -> None:
    parts = parts_of(orders().replace("+77'UNH", "+77\nUNH", 1))
    assert not [part for part in parts if isinstance(part, EdiMessage)]
    errors = [one for part in parts for one in part.findings if one.severity is Severity.ERROR]
    assert {"interchange.stray", "interchange.count"} <= {one.rule for one in errors}
    assert min(one.position for one in errors if one.rule == "interchange.stray") == orders().index("BGM")


def test_a_released_release_character_ends_before_the_terminator() -> None:
    parts = parts_of(orders("FTX+AAI+++A??'", 9))
    assert [one.tag for one in message(parts).segments][3:5] == ["FTX", "NAD"]
    assert value(parts, "FTX", 4) == "A?"
    assert findings(parts) == []


def test_a_trailer_inside_of_a_text_ends_nothing() -> None:
    parts = parts_of(orders("FTX+AAI+++see?'UNZ'", 9))
    assert value(parts, "FTX", 4) == "see'UNZ"
    assert findings(parts) == []


def test_a_released_terminator_is_text() -> None:
    parts = parts_of(orders("FTX+AAI+++it?'s 5 ?+ 5?: ten'", 9))
    assert value(parts, "FTX", 4) == "it's 5 + 5: ten"
    assert findings(parts) == []


@pytest.mark.parametrize(
    ("newline", "terminator"), [("\n", "\n"), ("\r\n", "\r\n"), ("\n", "~\n"), ("", "\x15"), ("", "…")]
)
def test_any_terminator_ends_segments(newline: str, terminator: str) -> None:
    text = shipment().replace("~", terminator)
    data = text.encode("cp1252" if terminator == "…" else "latin-1")
    assert findings(parts_of(data)) == []
    assert value(parts_of(data), "AT7", 1) == "X1"
    assert newline in terminator


def test_isa_and_una_inside_of_data_begin_nothing() -> None:
    parts = parts_of(shipment("N1*ST*ISAAC*93*12~N3*ISA*UNA:+~", 7))
    assert findings(parts) == []
    assert value(parts, "N1", 2) == "ISAAC"
    parts = parts_of(orders("FTX+WHI+++MAXPARTIALUNA?+9'", 9))
    assert findings(parts) == []
    assert len(parts) == 3


def test_control_references_that_disagree_are_found_with_both_values() -> None:
    parts = parts_of(orders().replace("UNZ+1+77", "UNZ+1+289").replace("UNT+8+1", "UNT+8+2"))
    assert findings(parts) == [("message.reference", "1", "2"), ("interchange.reference", "77", "289")]
    parts = parts_of(shipment().replace("IEA*1*000000077", "IEA*1*000000078").replace("GE*1*1", "GE*1*2"))
    assert findings(parts) == [("group.reference", "1", "2"), ("interchange.reference", "000000077", "000000078")]
    assert [one.position for part in parts for one in part.findings] == [
        shipment().index("GE*1*1") + 5,
        shipment().index("IEA*1*") + 6,
    ]


def test_counts_that_disagree_are_found_with_both_values() -> None:
    assert findings(parts_of(orders(count=9))) == [("message.count", "8", "9")]
    text = shipment(count=6).replace("GE*1", "GE*2").replace("IEA*1", "IEA*2")
    assert findings(parts_of(text)) == [
        ("message.count", "5", "6"),
        ("group.count", "1", "2"),
        ("interchange.count", "1", "2"),
    ]


def test_a_repeated_number_with_another_body_has_another_content() -> None:
    def ended(text: str) -> EnvelopeEnd:
        return next(
            one for one in parts_of(text) if isinstance(one, EnvelopeEnd) and one.level is EnvelopeLevel.INTERCHANGE
        )

    first, again = ended(shipment()), ended(shipment())
    other = ended(shipment().replace("AT7*X1", "AT7*X3"))
    renumbered = ended(shipment().replace("000000077", "000000078").replace("0001~", "0002~"))
    assert (first.digest, first.content_digest) == (again.digest, again.content_digest)
    assert first.reference == other.reference
    assert first.content_digest != other.content_digest
    assert first.content_digest == renumbered.content_digest
    assert first.digest != renumbered.digest
    only_the_message = ended(shipment().replace("0001~", "0002~"))
    assert first.content_digest == only_the_message.content_digest
    assert first.digest != only_the_message.digest


@pytest.mark.parametrize(
    "text",
    [
        orders().replace("D:96A", "D:35B"),
        shipment().replace("*X*004010", "*X*009010"),
        orders().replace("ORDERS:", "QUOTES:"),
        shipment().replace("ST*214", "ST*837"),
    ],
)
def test_a_version_or_kind_that_is_not_known_is_an_error_and_never_nothing(text: str) -> None:
    read = message(parts_of(text))
    assert worst(read.findings) is Severity.ERROR
    assert len(read.segments) >= 5


def test_lines_wrapped_at_80_columns_are_one_document() -> None:
    text = shipment("L11*12345678*PO~N1*SH*NORTH WAREHOUSE CHICAGO*93*000001~", 7)
    wrapped = "\r\n".join(text[at : at + 80] for at in range(0, len(text), 80))
    whole, parts = parts_of(text), parts_of(wrapped)
    assert findings(whole) == []
    assert {rule for rule, _, _ in findings(parts)} == {"segment.wrapped"}
    plain = [[one.value(n) for n in range(1, 8)] for one in message(whole).segments]
    assert [[one.value(n) for n in range(1, 8)] for one in message(parts).segments] == plain


@pytest.mark.parametrize(
    ("level", "written", "clean"),
    [
        ("UNOA", "M\xfcller & S\xf6hne".encode("latin-1"), False),
        ("UNOC", "M\xfcller & S\xf6hne".encode("latin-1"), True),
        ("UNOC", "Müller & Söhne".encode(), False),
        ("UNOD", "ŁÓDŹ".encode("iso8859-2"), True),
        ("UNOY", "Müller & Söhne ŁÓDŹ".encode(), True),
        ("UNOY", "M\xfcller".encode("latin-1"), False),
        ("UNOX", "Müller & Söhne".encode(), False),
    ],
)
def test_a_name_is_kept_whatever_its_bytes_are(level: str, written: bytes, clean: bool) -> None:
    text = orders("NAD+DP+++NAME'", 9).replace("UNOC", level).encode().replace(b"NAME", written)
    parts = parts_of(text)
    name = next(one for one in message(parts).segments if one.value(1) == "DP").value(4)
    rules = [rule for rule, _, _ in findings(parts)]
    assert rules == ([] if clean else ["character.repertoire"])
    assert name.startswith(("Müller", "ŁÓDŹ"))


def test_the_partners_characters_are_kept_for_the_answer() -> None:
    start = parts_of("UNA|-,! ~" + orders().replace("'", "~").replace("+", "-").replace(":", "|"))[0]
    assert isinstance(start, EnvelopeStart)
    rows = [("BGM", "231", "PO-1", "4"), ("DTM", ("137", "20261130", "102")), ("NAD", "BY"), ("UNS", "S")]
    answer = new_message("ORDRSP", "D.96A", "1", rows)
    header = EdifactHeader(NORTH, SYNCLINE, "78", "261130", "1200")
    written = b"".join(EdifactWriter(start.syntax).interchange(header, [answer]))
    assert written.startswith(b"UNA|-,! ~UNB-UNOC|3-")
    assert b"BGM-231-PO!-1-4~" in written
    assert findings(parts_of(written)) == []


def test_one_file_holds_several_interchanges_of_both_kinds() -> None:
    parts = parts_of("\ufeff".encode() + (shipment() + "\r\n" + orders() + "\n" + shipment()).encode())
    assert findings(parts) == []
    assert [part.kind for part in parts if isinstance(part, EdiMessage)] == ["214", "ORDERS", "214"]


def test_indented_segments_are_read() -> None:
    assert findings(parts_of(shipment().replace("~", "~\r\n\t  "))) == []


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "file.empty"),
        (b" \r\n", "file.empty"),
        (b"hello", "file.no_interchange"),
        (b"ISA*00", "interchange.header"),
    ],
)
def test_what_holds_no_message_is_never_a_success(data: bytes, rule: str) -> None:
    assert (rule, Severity.ERROR) in [(one.rule, one.severity) for part in parts_of(data) for one in part.findings]


def test_a_file_that_breaks_off_says_so() -> None:
    text = shipment()
    for end in range(len(ISA) + 5, len(text) - 2, 7):
        assert any(one.severity is Severity.ERROR for part in parts_of(text[:end]) for one in part.findings), text[:end]
