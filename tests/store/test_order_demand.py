"""Open demand in the store: absolute, its revision rises with its content, and planning ends with what it says."""

from datetime import date
from random import Random
from typing import Any

import pytest

from schemas.messaging.instructions import PlanningDemand
from schemas.planning.feeds import FeedRun
from schemas.planning.movements import DemandRow
from schemas.workflows.records import StepRecord
from store.engine import Connection, Database
from store.orders import steps
from store.planning import order_demand, refused_rows, site_regions
from store.views import report
from tests import written
from tests.store.rows import DUE, FIRST, KEY, LATER, open_order
from tests.written import Said

RUN = FeedRun(region="EMEA")
Figures = dict[tuple[str, str], tuple[int, date, int]]
"""(item, site) → packs, day, revision."""


def wanted(item: str = "A", packs: int = 40, site: str = "LYS", day: date = DUE) -> DemandRow:
    return DemandRow(item=item, site=site, packs=packs, day=day)


def step(version: int, *rows: DemandRow, **more: Any) -> StepRecord:
    promise = written.Said(FIRST).first_promise if version == 0 else None
    return written.but(FIRST, version=version, **{"first_promise": promise, "demand": rows} | more)


async def figures(connection: Connection) -> Figures:
    cursor = await connection.execute("SELECT * FROM order_demand")
    return {(x["item"], x["site"]): (x["packs"], x["day"], x["revision"]) for x in await cursor.fetchall()}


async def after(database: Database, *records: StepRecord, again: bool = False) -> Figures:
    """What is kept after these steps, each of a task of its own; `again`: decided anew on the state of version 0."""
    for record in records:
        at = 10 + record.version + 100 * again
        await steps.write(database, written.step(record, at=at, base=0 if again else None))
    async with database.connection() as connection:
        return await figures(connection)


@pytest.fixture
async def order(database: Database) -> Database:
    """A database with an order."""
    await open_order(database)
    return database


async def test_what_is_open_is_kept_and_a_repeat_changes_nothing(order: Database) -> None:
    first = step(0, wanted(), wanted("B", 60, "MAD", LATER))
    held = {("A", "LYS"): (40, DUE, 1), ("B", "MAD"): (60, LATER, 1)}
    assert await after(order, first) == held
    assert await after(order, first, step(1, *Said(first).demand or ()), step(2, demand=None)) == held


async def test_the_revision_rises_with_packs_and_day_also_when_they_change_back(order: Database) -> None:
    await after(order, step(0, wanted()))
    assert await after(order, step(1, wanted(packs=50))) == {("A", "LYS"): (50, DUE, 2)}
    assert await after(order, step(2, wanted())) == {("A", "LYS"): (40, DUE, 3)}
    assert await after(order, step(3, wanted(day=LATER))) == {("A", "LYS"): (40, LATER, 4)}
    assert await after(order, step(4)) == {("A", "LYS"): (0, LATER, 5)}
    assert await after(order, step(5)) == {("A", "LYS"): (0, LATER, 5)}, "what is gone is gone once"


async def test_an_older_step_that_comes_late_changes_nothing(order: Database) -> None:
    newest = await after(order, step(0, wanted()), step(3, wanted(packs=50)))
    assert await after(order, step(2, wanted(packs=70), wanted("B")), step(1), step(0, wanted())) == newest


async def test_what_a_lost_attempt_wrote_is_replaced_by_what_is_decided_instead(order: Database) -> None:
    lost = step(2, wanted(packs=10), wanted("B", 30))
    await after(order, step(0, wanted()), lost)
    decided = step(2, wanted())
    assert await after(order, decided, again=True) == {("A", "LYS"): (40, DUE, 3), ("B", "LYS"): (0, DUE, 2)}
    assert await after(order, decided, again=True) == {("A", "LYS"): (40, DUE, 3), ("B", "LYS"): (0, DUE, 2)}


async def test_the_feed_of_a_site_is_known_from_its_demand(order: Database) -> None:
    await after(order, step(0, wanted(), wanted("B", site="MAD")))
    async with order.connection() as connection:
        assert await site_regions.region_of(connection, "MAD") == "EMEA"
        assert await order_demand.unreported(connection, FeedRun(region="AFR"), 9) == []
        assert len(await order_demand.unreported(connection, RUN, 9)) == 2
        assert len(await order_demand.unreported(connection, FeedRun(others=("AFR",)), 9)) == 2
        assert await order_demand.unreported(connection, FeedRun(others=("EMEA",)), 9) == []


class Books:
    """What planning holds: the highest revision of each figure. `contents`: what each revision was heard to say."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], PlanningDemand] = {}
        self.contents: dict[str, PlanningDemand] = {}

    def take(self, row: PlanningDemand) -> None:
        assert self.contents.setdefault(row.key, row) == row, "a key has one content"
        held = self.held.get((row.item, row.site))
        if held is None or held.revision < row.revision:
            self.held[row.item, row.site] = row


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_is_lost_between_planning_ends_with_what_is_written(order: Database, seed: int) -> None:
    chance, books = Random(seed), Books()
    flying: list[tuple[list[order_demand.OwedOrderDemand], bool]] = []

    async def answer(connection: Connection, owed: list[order_demand.OwedOrderDemand]) -> None:
        for it in owed:
            books.take(it.row)
        await order_demand.mark_reported(connection, owed, {})

    for version in range(40):
        rows = [wanted(item, chance.choice((10, 20)), site) for item in "AB" for site in ("LYS", "MAD")]
        await steps.write(order, written.step(step(version, *chance.sample(rows, chance.randrange(4)))))
        async with order.transaction() as connection:
            match chance.randrange(4):
                case 0:
                    await answer(connection, await order_demand.unreported(connection, RUN, chance.randrange(1, 4)))
                case 1:
                    flying.append((await order_demand.unreported(connection, RUN, 9), chance.random() < 0.5))
                case 2 if flying:
                    owed, lost = flying.pop(chance.randrange(len(flying)))
                    if lost:
                        for it in owed:
                            books.take(it.row)
                    else:
                        await answer(connection, owed)
                case _:
                    pass
    for owed, _ in flying:
        for it in owed:
            books.take(it.row)
    async with order.transaction() as connection:
        while owed := await order_demand.unreported(connection, RUN, 3):
            await answer(connection, owed)
        told = {about: (it.packs, it.day, it.revision) for about, it in books.held.items()}
        assert told == await figures(connection)
        assert await order_demand.open_in(connection, "EMEA") == {k: v[0] for k, v in told.items() if v[0]}
    assert books.held


async def test_an_answer_that_comes_late_leaves_what_has_changed_since_owed(order: Database) -> None:
    await after(order, step(0, wanted()))
    async with order.transaction() as connection:
        asked = await order_demand.unreported(connection, RUN, 9)
    await after(order, step(1, wanted(packs=50)))
    async with order.transaction() as connection:
        await order_demand.mark_reported(connection, asked, {})
        [owed] = await order_demand.unreported(connection, RUN, 9)
        assert (owed.row.packs, owed.row.revision) == (50, 2)
        [unsettled] = await order_demand.unsettled(connection, "EMEA", [("A", "LYS")], 0.0)
        assert (unsettled["by"], unsettled["packs"]) == (f"{KEY}/demand/LYS/A/r2", 10)
        await order_demand.mark_reported(connection, [owed], {})
        await order_demand.mark_reported(connection, asked, {})
        assert await order_demand.unreported(connection, RUN, 9) == [], "an answer to an older one comes last"


async def refuse(database: Database, rule: str = "unknown_item") -> str:
    """Planning refuses the one figure that is owed; returns its key."""
    async with database.transaction() as connection:
        [owed] = await order_demand.unreported(connection, RUN, 9)
        await order_demand.mark_reported(connection, [owed], {owed.row.key: rule})
        await order_demand.mark_refused(connection, owed.row, rule)
        assert await order_demand.unreported(connection, RUN, 9) == []
    return owed.row.key


async def test_a_refused_figure_waits_for_people_and_is_replayed_as_it_is_by_then(order: Database) -> None:
    await after(order, step(0, wanted()))
    key = await refuse(order)
    await after(order, step(1, wanted(packs=50)))
    async with order.transaction() as connection:
        assert await order_demand.unreported(connection, RUN, 9) == []
        [row] = await refused_rows.listed(connection)
        assert (row["kind"], row["error"], row["packs"], row["attempts"]) == ("demand", "unknown_item", 50, 1)
        await connection.execute("UPDATE inbox_message SET state = 'applied'")
        await connection.execute("UPDATE head SET confirmed = version")
        assert await report.settled(connection), "what waits for people is not under way"
        newest = f"{KEY}/demand/LYS/A/r2"
        assert await refused_rows.replay(connection, [key]) == [newest], "by the key under which it was listed"
        [owed] = await order_demand.unreported(connection, RUN, 9)
        assert (owed.row.key, owed.row.packs, owed.attempts) == (newest, 50, 1)
        assert not await report.settled(connection)


async def test_a_dropped_figure_is_told_again_only_when_it_changes(order: Database) -> None:
    await after(order, step(0, wanted()))
    key = await refuse(order)
    async with order.transaction() as connection:
        assert await refused_rows.drop(connection, [key]) == [key]
        assert await refused_rows.drop(connection, [key]) == []
        assert await order_demand.unreported(connection, RUN, 9) == []
    await after(order, step(1, wanted(packs=50)))
    async with order.transaction() as connection:
        assert [it.row.packs for it in await order_demand.unreported(connection, RUN, 9)] == [50]


async def test_a_refused_figure_holds_up_those_of_its_item_and_site_only(order: Database) -> None:
    await after(order, step(0, wanted()))
    await refuse(order)
    await after(order, step(1, wanted(), wanted("A", site="MAD"), wanted("B")))
    async with order.transaction() as connection:
        await connection.execute(
            "INSERT INTO order_demand (order_key, item, site, packs, day) VALUES ('erp-one/SO-2', 'A', 'LYS', 7, %s)",
            (DUE,),
        )
        owed = {(it.row.item, it.row.site) for it in await order_demand.unreported(connection, RUN, 9)}
        assert owed == {("A", "MAD"), ("B", "LYS")}
        [row] = await refused_rows.listed(connection)
        assert row["waiting"] == 1
