"""Reading the lists of a system's own books: whole ones, and those that grow with history window by window."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from temporalio import activity

from connectors.ports import Unavailable
from domain.finance.windows import LAST, just_before
from schemas.base import Origin
from schemas.finance.reconciliation import Listed
from schemas.finance.windows import Plan, WindowScope

MAX_PAGES = 1000
"""Of a list of what there is now: 2 million figures of stock. A longer one has no end; the run fails and says so."""
LOOKUP_PAGE = 100
"""Entries of a page that is read for one name: those that stand close to it often are wanted too."""
LOOKUPS = 100
"""Such pages of a pass: with the slice and what changed, a pass stays below a minute. The slices have the rest."""
Entries = dict[str, list[Any]]
"""Entries by name; what was booked twice has two of one name."""


class ListRead(NamedTuple):
    """A system's entries of a scope. `as_of`: see `Listed`."""

    entries: Entries
    scope: WindowScope
    as_of: datetime | None


class ListPage(NamedTuple):
    """A page of a list: all of its entries up to the name `upto`; of the name behind that, there may be more."""

    entries: Entries
    upto: str
    as_of: datetime | None


async def everything(
    read: Callable[[str], Awaitable[Any]], named: Callable[[Any], dict[str, Any]], limit: int
) -> list[Any] | None:
    """Every page of a list that is as long as what there is now, until one is not full or brings nothing new.

    None: there is no such list.
    """
    found: dict[str, Any] = {}
    after = ""
    for _ in range(MAX_PAGES):
        activity.heartbeat(len(found))
        page = await read(after)
        if page is None:
            return None
        fresh = named(page)
        if len(fresh) < limit or not fresh.keys() - found.keys():
            return list({**found, **fresh}.values())
        found.update(fresh)
        after = list(fresh)[-1]
    raise Unavailable(Origin.PLATFORM, f"its list is longer than {MAX_PAGES * limit} figures")


@dataclass(frozen=True)
class Windowed:
    """A list that grows with history. `read` gets the name to begin behind, the entries of a page, and since when."""

    read: Callable[[str, int, str], Awaitable[Listed | None]]
    named: Callable[[Any], Iterable[tuple[str, Any]]]
    page: int
    pages: int

    async def pass_over(self, plan: Plan) -> ListRead | None:
        """Read a slice, what changed there or here, and what differed. None: there is no such list.

        What differed is looked for by its name, also when it has changed: a list of changes may have the second of two
        entries only.
        """
        found = await self._slice(plan)
        if found is None or plan.whole:
            return found
        entries, scope, as_of = found
        changed = await self._changed(plan.since) if plan.since else {}
        sought = plan.differed | (plan.changed - changed.keys())
        there = await self._sought([name for name in sought if not scope.covers(name)])
        entries = {name: x for name, x in {**changed, **entries, **there}.items() if x}
        return ListRead(entries, scope._replace(names=frozenset({*changed, *there})), as_of)

    async def _slice(self, plan: Plan) -> ListRead | None:
        entries: Entries = {}
        after, pages = plan.behind, 0
        while True:
            page = await self._page(after, self.page)
            if page is None:
                return None
            entries.update(page.entries)
            after, pages = page.upto, pages + 1
            if after == LAST or (pages >= self.pages and not plan.whole):
                return ListRead(entries, WindowScope(plan.behind, "" if after == LAST else after), page.as_of)

    async def _changed(self, since: str) -> Entries:
        entries: Entries = {}
        after = ""
        for _ in range(self.pages):
            page = await self._page(after, self.page, since)
            if page is None:
                break
            entries.update(page.entries)
            after = page.upto
            if after == LAST:
                break
        else:
            activity.logger.warning("more has changed than a pass reads: the rest waits for its slice")
        return entries

    async def _sought(self, names: Collection[str]) -> Entries:
        """The records of these names; of those that are not among them there was no time to ask."""
        found: Entries = {}
        reached, pages, there = "", 0, dict[str, list[Any]]()
        for name in sorted(names):
            while name > reached:
                if pages == LOOKUPS:
                    activity.logger.warning("more is looked for than a pass reads: the rest waits for its slice")
                    return found
                page = await self._page(max(reached, just_before(name)), min(LOOKUP_PAGE, self.page))
                pages += 1
                reached, there = (page.upto, page.entries) if page else (LAST, {})
            found[name] = there.get(name, [])
        return found

    async def _page(self, after: str, limit: int, since: str = "") -> ListPage | None:
        """A page behind a name. A full one may end amidst entries of one name: those are left to the next, unless there
        are no others."""
        activity.heartbeat(after)
        report = await self.read(after, limit, since)
        if report is None:
            return None
        named = list(self.named(report))
        if any(one > two for (one, _), (two, _) in pairwise(named)):
            raise Unavailable(Origin.PLATFORM, "its list is not in the order of the code points of its names")
        fresh = [(name, it) for name, it in named if name > after]
        upto = LAST
        if len(named) >= limit and fresh:
            upto = max((name for name, _ in fresh if name < fresh[-1][0]), default=fresh[-1][0])
        entries: Entries = {}
        for name, it in fresh:
            if name <= upto:
                entries.setdefault(name, []).append(it)
        return ListPage(entries, upto, report.as_of)
