"""What tells X12 and EDIFACT apart for whoever reads envelopes: tags, headers, trailers, tables."""

import re
from dataclasses import dataclass
from typing import Protocol

from formats.edi.message import MessageType
from formats.edi.parts import EnvelopeStart
from formats.edi.stream import Stream
from formats.edi.syntax import Segment, Syntax
from formats.findings import DocumentFinding


@dataclass(frozen=True, slots=True)
class EnvelopeCounts:
    """What an envelope held when it closed."""

    messages: int
    groups: int


class EnvelopeGrammar(Protocol):
    """One syntax.

    Attributes:
        marker: Where an interchange may begin.
        openers: Tags that open interchange, group and message, in this order.
        closers: Tags that close them.
        loose: Tags of segments that stand in an interchange by themselves, such as TA1.
        reference_at: Which element of a message's header is its reference.
    """

    marker: re.Pattern[bytes]
    openers: tuple[str, str, str]
    closers: tuple[str, str, str]
    loose: frozenset[str]
    reference_at: int

    def open_interchange(self, stream: Stream) -> EnvelopeStart | DocumentFinding:
        """Read the header at which the stream stands, and pass it. A finding when it is none; then nothing is
        passed."""

    def group_reference(self, segment: Segment) -> str:
        """The control number of a group by its header."""

    def open_group(self, segment: Segment, interchange: EnvelopeStart, repeated: bool) -> EnvelopeStart:
        """A group by its header."""

    def message_type(self, header: Segment, interchange: EnvelopeStart, group: EnvelopeStart | None) -> MessageType:
        """Kind, version and tables of a message by its header."""

    def in_group(self, kind: MessageType, header: Segment, group: EnvelopeStart | None) -> list[DocumentFinding]:
        """What is wrong with a message's standing in this group, or in none."""

    def clean_pattern(
        self, kind: MessageType, syntax: Syntax, tags: frozenset[str], released: bool
    ) -> re.Pattern[bytes] | None:
        """The pattern of messages of this type without findings that hold no other tags; None when there is none.

        Args:
            released: Whether values may hold release characters.
        """

    def closing(
        self, segment: Segment | None, start: EnvelopeStart, counts: EnvelopeCounts, position: int
    ) -> list[DocumentFinding]:
        """What is wrong with a trailer, which may be missing at a position."""
