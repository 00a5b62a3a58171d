"""Finds where segments and messages end in a stream, without holding more than one of them."""

from dataclasses import dataclass

from formats.edi.stream import Stream
from formats.edi.syntax import NEWLINES, Syntax

BLANK = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a message reaches from where the stream stands.

    Attributes:
        length: Its bytes, the last terminator among them.
        too_long: Whether it is longer than may be held; then the length is only how far it was read.
    """

    length: int
    too_long: bool = False


def terminator_at(data: bytes, start: int, syntax: Syntax) -> int:
    """Index of the next terminator that no release character takes the meaning of; -1 when there is none."""
    end = data.find(syntax.terminator, start)
    release = syntax.release
    if not release:
        return end
    while end > start and data[end - 1 : end] == release:
        first = end - 1
        while first > start and data[first - 1 : first] == release:
            first -= 1
        if (end - first) % 2 == 0:
            return end
        end = data.find(syntax.terminator, end + 1)
    return end


def skip_blank(stream: Stream) -> bool:
    """Pass blanks and line breaks. False at the end of the stream."""
    while stream.has(1):
        data = stream.data
        size = len(data)
        # Blanks between segments are few: a small slice is enough, and costs nothing in a large window.
        piece = data[stream.at : stream.at + 64].lstrip(BLANK)
        if piece:
            stream.at += min(64, size - stream.at) - len(piece)
            return True
        stream.at = min(stream.at + 64, size)
    return False


def next_segment(stream: Stream, syntax: Syntax, most: int) -> int | None:
    """Bytes of the segment at which the stream stands, without its terminator.

    None when it has no terminator before the end of the stream, or within `most` bytes.
    """
    scanned = 0
    while True:
        end = terminator_at(stream.data, stream.at + scanned, syntax)
        if end >= 0:
            return end - stream.at
        waiting = len(stream.data) - stream.at
        # A release character at the very end may belong to a terminator that comes later: its run is looked at again.
        scanned = (
            waiting - (waiting - len(stream.data[stream.at :].rstrip(syntax.release))) if syntax.release else waiting
        )
        if waiting > most or not stream.more():
            return None


def tag_of(raw: bytes, syntax: Syntax) -> bytes:
    """The tag of a segment's bytes."""
    return raw.lstrip(BLANK)[:16].partition(syntax.element)[0].partition(syntax.component)[0].translate(None, NEWLINES)


def extent(stream: Stream, syntax: Syntax, trailer: bytes, others: frozenset[bytes], most: int) -> Extent:
    """How far the message at which the stream stands reaches: to its trailer, or to what cannot be inside a message."""
    reached, first = 0, True
    while True:
        end = terminator_at(stream.data, stream.at + reached, syntax)
        while end < 0 and len(stream.data) - stream.at <= most and stream.more():
            end = terminator_at(stream.data, stream.at + reached, syntax)
        if end < 0:
            rest = len(stream.data) - stream.at
            return Extent(rest, rest > most)
        tag = tag_of(stream.data[stream.at + reached : min(end, stream.at + reached + 96)], syntax)
        if tag in others and not first:
            return Extent(reached)
        reached, first = end + 1 - stream.at, False
        if tag == trailer:
            return Extent(reached)
        if reached > most:
            return Extent(reached, True)
