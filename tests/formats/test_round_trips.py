"""What is written is read as the same document without findings, for every table; by pattern and segment by segment
alike."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.edi.message import EdiMessage
from formats.edi.writing import MessageDraft, rows_of
from formats.edifact import writer as edifact
from formats.edifact.tables.movement import TITLES
from formats.edifact.versions import DIRECTORIES
from formats.reading import edi_reader
from formats.x12.versions import VERSIONS, message_type
from tests.formats.documents import X12_KINDS, MessageMaker, edifact_stream, x12_stream

LATIN = "ABC123 '+:?*äöüÉ"


def read_one(data: bytes) -> EdiMessage:
    parts = list(edi_reader().read(data))
    assert [part.findings for part in parts if part.findings] == []
    (message,) = [part for part in parts if isinstance(part, EdiMessage)]
    return message


def same(written: MessageDraft, read: EdiMessage) -> None:
    """Values are equal; a composite of one component and its plain value are the same document."""

    def plain(rows: list) -> list:  # type: ignore[type-arg]
        return [[value[0] if isinstance(value, tuple) and len(value) == 1 else value for value in row] for row in rows]

    assert plain(rows_of(read)) == plain(list(written.rows))


@pytest.mark.parametrize("kind", X12_KINDS)
@given(seed=st.integers(0, 1 << 32), version=st.sampled_from(sorted(VERSIONS)))
@settings(max_examples=12)
def test_every_set_is_read_as_it_was_written(kind: str, seed: int, version: str) -> None:
    of_kind = message_type(kind, version)
    message = MessageDraft(of_kind, "0001", MessageMaker(random.Random(seed)).rows(of_kind))
    same(message, read_one(x12_stream([message], version)))


@pytest.mark.parametrize("kind", sorted(TITLES))
@given(seed=st.integers(0, 1 << 32), directory=st.sampled_from(DIRECTORIES))
@settings(max_examples=12)
def test_every_message_is_read_as_it_was_written(kind: str, seed: int, directory: str) -> None:
    of_kind = edifact.new_message(kind, f"D.{directory}", "1", []).type
    message = MessageDraft(of_kind, "1", MessageMaker(random.Random(seed), LATIN).rows(of_kind))
    same(message, read_one(edifact_stream([message])))
