"""Bytes that come in pieces, read through a window of bounded size."""

from collections.abc import Iterable, Iterator

READ_BYTES = 1 << 18
"""What is added to the window at a time: some hundred messages, so that joining costs little, and little is held."""


def in_chunks(source: bytes | Iterable[bytes]) -> Iterator[bytes]:
    """The source as chunks, whatever it is."""
    if isinstance(source, bytes | bytearray | memoryview):
        view = memoryview(source)
        for at in range(0, len(view), READ_BYTES):
            yield bytes(view[at : at + READ_BYTES])
    else:
        yield from source


class Stream:
    """A window on the bytes.

    Attributes:
        data: The window.
        at: Where reading stands in the window. What is before may be dropped by `more`.
        ended: Whether the window reaches the end of the bytes.
    """

    __slots__ = ("_base", "_chunks", "at", "data", "ended")

    def __init__(self, source: bytes | Iterable[bytes]) -> None:
        self._chunks = in_chunks(source)
        self._base = 0
        self.data = b""
        self.at = 0
        self.ended = False

    @property
    def position(self) -> int:
        """Where reading stands in all bytes, counted from 0."""
        return self._base + self.at

    @property
    def base(self) -> int:
        """Where the window begins in all bytes."""
        return self._base

    def more(self) -> bool:
        """Widen the window, by as much again as is waiting; drop what was read. False when there is no more."""
        if self.ended:
            return False
        waiting = self.data[self.at :]
        self._base += self.at
        self.at = 0
        parts, wanted = [waiting], max(READ_BYTES, len(waiting))
        for chunk in self._chunks:
            parts.append(bytes(chunk))
            wanted -= len(chunk)
            if wanted <= 0:
                break
        else:
            self.ended = True
        self.data = b"".join(parts)
        return len(self.data) > len(waiting)

    def has(self, count: int) -> bool:
        """Whether so many bytes are waiting, after widening the window as far as that takes."""
        while len(self.data) - self.at < count:
            if not self.more():
                return False
        return True
