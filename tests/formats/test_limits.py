"""What one document may cost: memory that does not grow with the stream, work that grows with it and no faster."""

import tracemalloc
from collections.abc import Iterator

import pytest

from formats.edi.message import EdiMessage
from formats.edi.parts import EnvelopeEnd, Outside
from formats.edi.reading import ReadLimits
from formats.reading import edi_reader
from tests.formats.test_bug_reports import GS, ISA, MESSAGE_214, UNB, parts_of, shipment

TIMES = 200_000
"""How often a part is repeated: work that grew with its square would take hours."""
HELD_BYTES = 4 << 20
"""What reading may hold: some windows of 256 KiB, patterns and references."""


def long_stream(messages: int) -> Iterator[bytes]:
    yield (ISA + GS).encode()
    for at in range(1, messages + 1):
        yield MESSAGE_214.format(more=f"L11*{at:09}*PO~", n=6).replace("0001~", f"{at:04}~").encode()
    yield f"GE*{messages}*1~IEA*1*000000077~".encode()


def test_memory_does_not_grow_with_the_stream() -> None:
    reader = edi_reader()
    for _ in reader.read(long_stream(100)):
        pass
    tracemalloc.start()
    count = sum(isinstance(part, EdiMessage) for part in reader.read(long_stream(20_000)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < HELD_BYTES


def test_a_message_that_is_too_long_is_found_and_passed() -> None:
    long = MESSAGE_214.format(more="L11*1*PO~" * 5000, n=5005)
    other = MESSAGE_214.format(more="", n=5).replace("0001~", "0002~")
    text = ISA + GS + long + other + "GE*2*1~IEA*1*000000077~"
    parts = list(edi_reader(ReadLimits(message_bytes=10_000)).read(text.encode()))
    messages = [part for part in parts if isinstance(part, EdiMessage)]
    assert [[one.rule for one in message.findings] for message in messages] == [["message.too_long"], []]
    assert [part.findings for part in parts if isinstance(part, EnvelopeEnd)] == [(), ()]


@pytest.mark.parametrize(
    "data",
    [
        b"ISA*" * TIMES,
        b"UNB+" * TIMES,
        b"UNA:+.? '" * TIMES,
        (UNB + "UNH+1+ORDERS:D:96A:UN'FTX+").encode() + b"?'" * TIMES + b"'UNT+3+1'UNZ+1+77'",
        (UNB + "UNH+1+ORDERS:D:96A:UN'FTX+").encode() + b"?" * TIMES,
        (ISA + GS + "ST*214*0001~L11").encode() + b"*A" * TIMES + b"~SE*3*0001~GE*1*1~IEA*1*000000077~",
        (ISA + GS + "ST*214*0001~").encode() + b"~" * TIMES + b"SE*3*0001~",
        (ISA + GS + "ST*214*0001~").encode() + b"A" * TIMES,
        ISA.encode() + b"L11*1*PO~" * TIMES,
        ISA.encode() + b"GS*~" * (TIMES // 8),
        ISA.encode() + b" " * TIMES,
    ],
    ids=lambda data: data[:12].decode() + data[-12:].decode(),
)
def test_noise_costs_no_more_than_its_length(data: bytes) -> None:
    assert any(part.findings for part in edi_reader().read(data))


def test_headers_that_are_none_end_in_giving_up() -> None:
    parts = parts_of("ISA*" * 1000 + shipment())
    assert isinstance(parts[-1], Outside)
    assert parts[-1].findings[0].rule == "file.given_up"
    assert len(parts) < 150
