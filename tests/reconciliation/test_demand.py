# ruff: noqa: F811 - fixtures of another file
"""Open demand against planning's own HTTP server: a wrong figure becomes a case, and closes when it is cured."""

from itertools import count

import pytest

from schemas.finance.reconciliation import ReconcileRun
from schemas.planning.feeds import FeedRun
from store.finance import balance, reconciliation
from store.orders import steps
from store.planning import order_demand
from tests import written
from tests.reconciliation.test_runs import Desk, _has, desk  # noqa: F401 - fixtures
from tests.stack.standins import until
from tests.store.rows import SHIPPED
from tests.store.test_order_demand import wanted

_numbers = count(ord("A"))


@pytest.fixture
async def region(desk: Desk) -> ReconcileRun:
    """Planning of a region, whose cases are no other test's: an order wants 40 of A and 60 of B from LYS, and planning
    says the same."""
    name = f"X{chr(next(_numbers))}"
    async with desk.database.transaction() as connection:
        await connection.execute("UPDATE order_view SET region = %s", (name,))
        await connection.execute("UPDATE planning_site SET region = %s", (name,))
    await change(desk, 4, 40)
    await tell(desk, name)
    desk.planning.demand = {("A", "LYS"): 40, ("B", "LYS"): 60}
    desk.planning.figures = {("A", "in_transit:LYS"): 40}
    await desk.age()
    return ReconcileRun(system="planning", target=name)


async def change(desk: Desk, version: int, packs: int) -> None:
    """From now on the order wants so many packs of A."""
    demand = (wanted(packs=packs), wanted("B", 60))
    record = written.but(SHIPPED, demand=demand, version=version, deltas=())
    await steps.write(desk.database, written.step(record))


async def tell(desk: Desk, region: str) -> None:
    """Planning of a region has answered."""
    async with desk.database.transaction() as connection:
        await order_demand.mark_reported(
            connection, await order_demand.unreported(connection, FeedRun(region=region), 9), {}
        )
        await connection.execute("UPDATE order_demand SET told_at = told_at - interval '5 minutes'")


async def test_a_wrong_figure_at_planning_becomes_a_case_and_closes_when_it_is_cured(
    desk: Desk, region: ReconcileRun
) -> None:
    report = await desk.run(region)
    assert (report.compared, report.differences) == (3, 0), "stock in transit and two figures of demand"
    desk.planning.demand = {("A", "LYS"): 33, ("B", "LYS"): 60}
    for _ in range(2):
        await desk.run(region)
        await desk.age()
    name = f"stock/planning/{region.target}/stock_difference/1"
    await until(lambda: _has(desk, [(name, "open")]))
    assert await desk.states() == {"demand for A at LYS": "quantity open"}
    async with desk.database.connection() as connection:
        [found] = await reconciliation.listing(connection)
        assert (found.ours, found.theirs, found.owner, found.about) == ("40", "33", "planning", "demand")
        assert (await balance.balance(connection))["differences"] == 1, "the balance of a run has it"
    desk.planning.demand["A", "LYS"] = 40
    await desk.run(region)
    await until(lambda: _has(desk, [(name, "cured")]))
    assert await desk.states() == {"demand for A at LYS": "quantity closed"}


async def test_what_planning_was_not_told_yet_is_explained_until_it_has_it(desk: Desk, region: ReconcileRun) -> None:
    await change(desk, 5, 25)
    await desk.age()
    report = await desk.run(region)
    assert (report.differences, report.explained) == (1, 1)
    await tell(desk, region.target)
    await desk.age()
    desk.planning.demand = {("A", "LYS"): 25, ("B", "LYS"): 60}
    assert (await desk.run(region)).differences == 0


async def test_a_figure_that_planning_was_told_and_has_not_is_not_explained(desk: Desk, region: ReconcileRun) -> None:
    await change(desk, 5, 25)
    await tell(desk, region.target)
    await desk.age()
    report = await desk.run(region)
    assert (report.differences, report.explained) == (1, 0)


async def test_demand_of_sites_of_other_regions_is_theirs_to_compare(desk: Desk, region: ReconcileRun) -> None:
    desk.planning.demand = {("A", "LYS"): 40, ("B", "LYS"): 60, ("A", "JNB"): 5}
    assert (await desk.run(region)).differences == 0


async def test_planning_that_offers_no_list_of_demand_is_compared_without(desk: Desk, region: ReconcileRun) -> None:
    desk.planning.demand = None
    report = await desk.run(region)
    assert (report.compared, report.differences) == (1, 0)
