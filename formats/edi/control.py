"""Control numbers and digests: what tells a repeat from news."""

import hashlib
from bisect import bisect_right

MOST_REFERENCES = 100_000
"""References remembered of a group or interchange beyond those that count upwards: a few megabytes. What is older is
forgotten, and a repeat of it is not found."""
BATCH = 256
"""Messages whose content is digested at once."""


class References:
    """References already used within a group or interchange. Numbers that count upwards cost nothing."""

    __slots__ = ("_highs", "_lows", "_names", "forgotten")

    def __init__(self) -> None:
        self._lows: list[int] = []
        self._highs: list[int] = []
        self._names: dict[bytes, None] = {}
        self.forgotten = False
        """Whether more references came than are remembered."""

    def repeated(self, reference: bytes) -> bool:
        """Note a reference. True when it was noted before."""
        if reference.isdigit() and len(reference) <= 18:
            number = int(reference)
            highs = self._highs
            if not highs or number > highs[-1] + 1:
                self._lows.append(number)
                highs.append(number)
                if len(highs) > MOST_REFERENCES:
                    del highs[: MOST_REFERENCES // 2], self._lows[: MOST_REFERENCES // 2]
                    self.forgotten = True
                return False
            if number == highs[-1] + 1:
                highs[-1] = number
                return False
            index = bisect_right(self._lows, number) - 1
            if index >= 0 and number <= highs[index]:
                return True
        name = reference.lstrip(b"0") if reference.isdigit() else reference
        if name in self._names:
            return True
        self._names[name] = None
        if len(self._names) > MOST_REFERENCES:
            del self._names[next(iter(self._names))]
            self.forgotten = True
        return False


class Digests:
    """Digests of an interchange while it passes.

    `content` ignores every control number, count, date and address of the envelopes: equal for the same messages sent
    under other numbers. `whole` adds the envelopes' headers and all control numbers: equal for the same interchange
    sent again.
    """

    __slots__ = ("_content", "_numbers", "_waiting", "_waiting_numbers")

    def __init__(self, header: bytes) -> None:
        self._content = hashlib.blake2b(digest_size=32)
        self._numbers = hashlib.blake2b(header.translate(None, b"\r\n"), digest_size=32)
        self._waiting: list[bytes] = []
        self._waiting_numbers: list[bytes] = []

    def add(self, numbers: list[bytes], contents: list[bytes]) -> None:
        """Add messages, or the header of a group, whose content is empty."""
        self._waiting += contents
        self._waiting_numbers += numbers
        if len(self._waiting) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        self._content.update(b"\x1e".join([*self._waiting, b""]).translate(None, b"\r\n"))
        self._numbers.update(b"\x1e".join([*self._waiting_numbers, b""]))
        self._waiting.clear()
        self._waiting_numbers.clear()

    def ended(self) -> tuple[str, str]:
        """(whole, content) in hexadecimal."""
        self._flush()
        content = self._content.copy()
        self._numbers.update(content.digest())
        return self._numbers.hexdigest(), content.hexdigest()


def next_number(number: int, digits: int = 9) -> int:
    """The control number after another one. After the highest comes 1, never 0."""
    highest = 10**digits - 1
    return 1 if number >= highest else number + 1


def is_next(number: int, after: int, digits: int = 9, window: int = 1000) -> bool:
    """Whether a control number is news behind another: higher by at most `window`, the wrap counted.

    A partner that leaves some numbers out, or begins again at 1 after the highest, is not a repeat.
    """
    gap: int = (number - after) % (10**digits - 1)
    return 0 < gap <= window
