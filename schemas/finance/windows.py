"""The progress of comparing a system's lists, and the next part of one. See `domain.finance.windows`."""

from datetime import datetime
from typing import NamedTuple


class Mark(NamedTuple):
    """The progress of comparing a list. `seen_at`: the time of our books, by our clock. `listed_at`: the system's, by
    its own clock, None when it cannot list changes.

    `behind`: where the next slice begins. `round_began_at`: when the first slice of this round was read. `swept_at`:
    everything was compared since then, None before the first round has ended.
    """

    seen_at: datetime
    listed_at: datetime | None
    behind: str
    round_began_at: datetime
    swept_at: datetime | None


class WindowScope(NamedTuple):
    """The names that were compared: of a slice, behind `after` up to `upto` (empty: to the end), and some more."""

    after: str = ""
    upto: str = ""
    names: frozenset[str] = frozenset()

    def covers(self, name: str) -> bool:
        """Whether it was compared."""
        return (name > self.after and (not self.upto or name <= self.upto)) or name in self.names

    @property
    def begins(self) -> list[str]:
        """Everything that `after` begins with. An entry is named by a key and a suffix: where a slice begins, the
        key may be in the slice before."""
        return [self.after[:n] for n in range(1, len(self.after) + 1)]

    def until(self, name: str) -> "WindowScope":
        """A slice that ends there at the latest; empty: as it is."""
        return self._replace(upto=min(self.upto, name) if self.upto and name else self.upto or name)


class Plan(NamedTuple):
    """The part of a list that a pass reads. It is the slice behind `behind` and the changes at the system `since`
    (empty: not asked). It also has entries `changed` in our books, and those that `differed` at the last look. `whole`:
    all of it."""

    behind: str = ""
    since: str = ""
    changed: frozenset[str] = frozenset()
    differed: frozenset[str] = frozenset()
    whole: bool = False
