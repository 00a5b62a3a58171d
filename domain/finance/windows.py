"""Which entries of a system's list a comparison is about: what changed since a watermark, and a slice of history.

A list is in the order of Unicode code points of its entries' names. A pass compares what either side changed since the
pass before, less an overlap, what differed then, and one slice behind the slice before. The slices come round.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from schemas.finance.entries import listed_as
from schemas.finance.reconciliation import About, Difference
from schemas.finance.windows import Mark, WindowScope

OVERLAP = timedelta(minutes=15)
"""An entry booked this long before a watermark may have been written after it. It is longer than any transaction of
ours, and than the clocks of two systems are apart."""
LAST = "\U0010ffff"
"""Behind the name of every entry."""


def just_before(name: str) -> str:
    """A name with few others between it and this one, so that a page behind it has this one."""
    before = chr(ord(name[-1]) - 1)
    return f"{name[:-1]}{before}~" if before.isprintable() else name[:-1]


def named(differences: Iterable[Difference], about: About) -> frozenset[str]:
    """The entries of a list that differences are about."""
    return frozenset(listed_as(x) for x in differences if x.about is about)


def advanced(mark: Mark | None, scope: WindowScope, now: datetime, as_of: datetime | None) -> Mark:
    """How far a list has been compared by a pass that began `now`. `as_of`: up to when the system has every change."""
    began = mark.round_began_at if mark and scope.after else now
    return Mark(
        seen_at=now,
        listed_at=min(as_of, now) if as_of else None,
        behind=scope.upto,
        round_began_at=began,
        swept_at=(mark.swept_at if mark else None) if scope.upto else began,
    )
