"""The pattern of clean messages says what the walk says: of whatever bytes, in whatever chunks, the findings are the
same.

The same mutated streams show that nothing that is read raises, hangs, or passes in silence.
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.edi import stream
from formats.edi.message import EdiMessage
from formats.edi.parts import EnvelopeEnd, Part
from formats.edi.reading import EnvelopeReader
from formats.edifact.tables.movement import TITLES
from formats.reading import edi_reader
from tests.formats.documents import X12_KINDS, many_edifact, many_x12, mutated

CASES = 2_000
FULL_CASES = 100_000
"""Mutated streams in the suite, and under `make chaos`."""
LEARNING = 40
"""Messages that teach a reader its pattern: more than it needs."""


@cache
def readers(kind: str) -> tuple[EnvelopeReader, EnvelopeReader, bytes]:
    """(a reader that knows the pattern of a kind, one that uses none, a stream of five messages of the kind)."""
    fast, full = edi_reader(), edi_reader(fast=False)
    for odds in (0.9, 0.6, 0.3):
        known = stream_of(kind, LEARNING, 1, odds)
        for _ in fast.read(known):
            pass
    return fast, full, stream_of(kind, 5, 2)


def stream_of(kind: str, count: int, seed: int, odds: float = 0.3) -> bytes:
    return (
        many_x12(kind, count, seed, odds=odds) if kind in X12_KINDS else many_edifact(kind, "D.01B", count, seed, odds)
    )


def seen(parts: Iterator[Part]) -> list[object]:
    """All that a reader says, so that two can be compared."""
    found: list[object] = []
    for part in parts:
        if isinstance(part, EdiMessage):
            found.append((part.kind, part.type.version, part.reference, part.raw, part.position, part.findings))
        elif isinstance(part, EnvelopeEnd):
            found.append((part.level, part.messages, part.groups, part.findings, part.digest, part.content_digest))
        else:
            found.append((type(part), part.findings, part.segment.raw if part.segment else b""))
    return found


def chunks(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = sizes[at % len(sizes)]
        yield data[at : at + size]
        at += size


KINDS = (*X12_KINDS, *sorted(TITLES))


@contextmanager
def small_windows(size: int) -> Iterator[None]:
    """So that windows end inside of messages, segments and headers."""
    usual = stream.READ_BYTES
    stream.READ_BYTES = size
    try:
        yield
    finally:
        stream.READ_BYTES = usual


def judged_alike(kind: str, seed: int) -> None:
    fast, full, clean = readers(kind)
    source = random.Random(seed)
    data = mutated(source, clean)
    said = seen(full.read(data))
    assert said, "a stream without anything to say"
    assert seen(fast.read(data)) == said
    with small_windows(source.choice((16, 200, 1000))):
        assert seen(fast.read(chunks(data, [source.randint(1, 400) for _ in range(7)]))) == said


@pytest.mark.parametrize("kind", KINDS)
def test_clean_messages_take_the_shortcut(kind: str) -> None:
    """Otherwise the comparison below would compare the walk with itself."""
    fast, _, clean = readers(kind)
    messages = [part for part in fast.read(clean) if isinstance(part, EdiMessage)]
    types = [known for one in fast._learned.values() for known in one.types.values()]
    assert len(messages) == 5
    matched = sum(any(known.fullmatch(message.raw) for known in types) for message in messages)
    assert matched >= 4 or kind == "CONTRL"


@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 1 << 62))
@settings(max_examples=200)
def test_mutated_streams_are_judged_alike(kind: str, seed: int) -> None:
    judged_alike(kind, seed)


@pytest.mark.thorough
def test_thousands_of_mutations_raise_nothing() -> None:
    source = random.Random(15)
    for _ in range(CASES):
        judged_alike(source.choice(KINDS), source.getrandbits(60))


@pytest.mark.chaos
@pytest.mark.skipif(
    os.environ.get("SYNCLINE_CHAOS") != "full", reason="a hundred thousand cases take a quarter of an hour"
)
def test_a_hundred_thousand_mutations_raise_nothing() -> None:
    source = random.Random(16)
    for _ in range(FULL_CASES):
        judged_alike(source.choice(KINDS), source.getrandbits(60))


def test_rules_beyond_the_tables_are_judged_in_the_shortcut() -> None:
    fast, full, clean = readers("856")
    learned = stream_of("856", LEARNING, 1)
    for old, new in ((b"*1*O", b"*99*O"), (b"~CTT*", b"~CTT*9")):
        wrong = learned.replace(old, new)
        assert wrong != learned
        assert seen(fast.read(wrong)) == seen(full.read(wrong))
        assert {"hierarchy.parent", "total.count"} & {one.rule for part in fast.read(wrong) for one in part.findings}
    assert seen(fast.read(clean)) == seen(full.read(clean))


def test_positions_hold_across_windows() -> None:
    data = stream_of("214", 4000, 3)
    assert len(data) > 2 * stream.READ_BYTES
    for part in edi_reader().read(data):
        if isinstance(part, EdiMessage):
            assert data[part.position : part.position + len(part.raw)] == part.raw


@given(data=st.binary(max_size=400))
def test_any_bytes_are_found_or_read(data: bytes) -> None:
    for head in (b"", b"ISA", b"UNA:+.? '", b"UNB+UNOC:3+"):
        parts = list(edi_reader().read(head + data))
        assert parts
        assert any(part.findings for part in parts)
