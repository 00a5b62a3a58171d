"""The governor on a real database: supply, counts and demand that change are asked once; planning gets the answer."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.planning.governor import GovernorActivities
from activities.planning.notifier import PlanningNotifier
from connectors.connections import of_endpoint
from connectors.http.client import SystemClient
from connectors.standard.replanning import StandardReplanning
from domain.procurement import documents, inbound
from domain.procurement.purchase_order import PurchaseFile
from schemas.base import System
from schemas.inventory.reports import InventoryKind, InventoryReport
from schemas.inventory.stock import Moves, StockMove
from schemas.orders.milestones import MilestoneEvent, MilestoneKind
from schemas.orders.release import OrderLine
from schemas.planning.forecast import ForecastBatch, ForecastRow, PeriodLength
from schemas.planning.governor import GovernorReport, GovernorRun, StockProposalView, Tolerance
from schemas.procurement.purchase_orders import PurchaseDocument
from schemas.settings import Endpoint, GovernorSettings
from store.engine import Database
from store.inventory import ledger, stock
from store.orders import orders, steps
from store.planning import forecast, governor, site_regions
from store.procurement import purchase_orders as purchases
from store.procurement import purchase_steps
from tests import written
from tests.domain.purchases import DUE, advised, confirmed, order, received, reported, start
from tests.owner import Owner
from tests.simulators.network import TOKEN, Systems, systems
from tests.store.rows import FIRST, LINE, RELEASE, SHIPPED, open_order

RUN = GovernorRun(region="EMEA")


@dataclass
class Desk:
    """A governor, planning over HTTP, an owner of master data; a purchase order of 100 packs of A, 50 of B to LYS."""

    database: Database
    sims: Systems
    port: StandardReplanning
    owner: Owner = field(default_factory=Owner)
    purchase: PurchaseFile = field(default_factory=lambda: PurchaseFile(start=start()))

    async def notify(self, *news: PurchaseDocument | MilestoneEvent) -> None:
        """Documents of the purchase order, each written down."""
        for it in news:
            before = self.purchase
            if isinstance(it, MilestoneEvent):
                self.purchase, _ = documents.take_milestone(self.purchase, it)
            else:
                self.purchase, _ = documents.take(self.purchase, it)
            if it == news[0] and before.order is None and self.purchase.order:
                async with self.database.transaction() as connection:
                    await purchases.open_purchase(connection, "erp-one", self.purchase.order, ["erp-one"])
            self.purchase = self.purchase.model_copy(update={"version": before.version + 1})
            await purchase_steps.write(self.database, written.step(inbound.record(self.purchase, ())))

    async def look(self, **limits: Any) -> GovernorReport:
        """One look; what changes is proposed at the next one, unless the limits say otherwise."""
        settings = GovernorSettings(**{"debounce_s": 0, "run_for_s": 0, **limits})
        activities = GovernorActivities(
            self.database, PlanningNotifier(self.database, self.port), self.owner.behind(self.database), settings
        )
        report: GovernorReport = await ActivityEnvironment().run(activities.govern, RUN)
        return report

    async def asked(self) -> list[StockProposalView]:
        """Open proposals."""
        async with self.database.connection() as connection:
            return await governor.listing(connection)

    async def states(self) -> list[str]:
        """What became of every proposal, the oldest first."""
        async with self.database.connection() as connection:
            return [it.state for it in reversed(await governor.listing(connection, open_only=False))]

    async def decide(self, state: str, **more: Any) -> StockProposalView:
        """A planner decides the only open proposal."""
        [proposal] = await self.asked()
        async with self.database.transaction() as connection:
            number = int(proposal.id.partition("/")[2])
            decided = await governor.decide(connection, number, state, "planner", "seen", **more)
        assert decided
        return decided

    async def told(self) -> list[dict[str, Any]]:
        """Decisions in planning's own books."""
        found = (await self.sims.client.get("/planning/v1/replans")).json()["decisions"]
        return [{name: it.get(name) for name in ("proposal", "verdict", "packs", "day")} for it in found]

    async def report(self, kind: InventoryKind, packs: int, item: str = "A") -> None:
        """The warehouse reports so many packs."""
        at = datetime.now(UTC)
        said = InventoryReport(
            id=f"{kind}/{at:%H%M%S.%f}",
            kind=kind,
            site="LYS",
            item=item,
            quantity=packs,
            occurred_at=at,
            reason="as it is",
        )
        async with self.database.transaction() as connection:
            assert [it.superseded for it in await stock.take_in(connection, "wms-lys", [said])] == [None]

    async def lose(self, packs: int, key: str = "count") -> None:
        """A count finds packs of A missing."""
        move = StockMove(key=key, kind="count", source="report", ref="c", occurred_at=datetime.now(UTC), moves={})
        moves = {"on_hand:LYS": {"A": -packs}, "adjustment:LYS": {"A": packs}}
        async with self.database.transaction() as connection:
            await ledger.book(connection, [move.model_copy(update={"moves": moves})])


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    """A desk whose purchase order planners know."""
    async with AsyncExitStack() as stack:
        sims = await stack.enter_async_context(systems("http://127.0.0.1:9"))
        endpoint = Endpoint(url=str(sims.client.base_url).rstrip("/") + "/planning", token=TOKEN)
        client = await stack.enter_async_context(SystemClient(of_endpoint(System.PLANNING, endpoint)))
        database = await stack.enter_async_context(Database(database_url, 4))
        desk = Desk(database, sims, StandardReplanning(client))
        async with database.connection() as connection:
            await site_regions.know_site(connection, "LYS", "EMEA")
        await desk.notify(order())
        assert (await desk.look()).proposed == 0, "a new purchase order was planned by somebody"
        yield desk


def causes(proposal: StockProposalView) -> list[tuple[str, int, int]]:
    """Source, packs and days of each cause."""
    return [(it.source, it.packs, it.days) for it in proposal.causes]


async def test_a_supplier_that_confirms_less_and_later_is_put_before_the_planner_once(desk: Desk) -> None:
    await desk.notify(confirmed((60, 50), DUE + timedelta(days=4)))
    assert (await desk.look()).proposed == 0, "it has just changed"
    assert (await desk.look(debounce_s=60)).proposed == 0, "it may go back"
    assert [(await desk.look()).proposed for _ in range(3)] == [2, 0, 0]
    b, a = await desk.asked()
    assert (a.item, a.site, a.region, a.packs, a.slipped_days) == ("A", "LYS", "EMEA", -40, 4)
    assert causes(a) == [("PO 4500 line 1", -40, 4)]
    assert causes(b) == [("PO 4500 line 2", 0, 4)]


async def test_a_shipment_that_is_late_is_supply_that_is_late(desk: Desk) -> None:
    eta = datetime.combine(DUE, datetime.min.time(), UTC)
    await desk.notify(confirmed(), advised("S1", eta, l1=100))
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 0], "that it has left changes nothing"
    await desk.notify(reported(MilestoneKind.DELAYED, "S1", 1, eta=eta + timedelta(days=3)))
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 1]
    assert causes((await desk.asked())[0]) == [("PO 4500 line 1", 0, 3)]


async def test_what_comes_in_is_no_news_but_what_comes_damaged_or_not_at_all_is(desk: Desk) -> None:
    await desk.notify(confirmed(), received("G1", l1=60))
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 0]
    await desk.notify(received("G2", final=True, damaged=10, l1=25))
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 2]
    assert {it.item: causes(it) for it in await desk.asked()} == {
        "A": [("PO 4500 line 1", -25, 0)],
        "B": [("PO 4500 line 2", -50, 0)],
    }


async def test_what_was_received_and_shipped_as_planned_is_no_news_and_a_count_that_differs_is(desk: Desk) -> None:
    await desk.report(InventoryKind.RECEIPT, 500)
    await desk.report(InventoryKind.COUNT, 300, "B")  # of which nothing was known
    await open_order(desk.database)
    await steps.write(desk.database, written.step(FIRST))
    issue: Moves = {"on_hand:LYS": {"A": -40}, "transit:DN-1": {"A": 40}}
    await steps.write(desk.database, written.step(written.but(SHIPPED, moves=issue)))
    arrival: Moves = {"transit:DN-1": {"A": -40}, "customer:": {"A": 40}}
    await steps.write(desk.database, written.step(written.but(SHIPPED, version=4, moves=arrival)))
    await desk.report(InventoryKind.RECEIPT, 100)
    await desk.report(InventoryKind.COUNT, 560)
    await desk.report(InventoryKind.COUNT, 300, "B")
    assert [(await desk.look()).proposed for _ in range(3)] == [0, 0, 0]
    await desk.report(InventoryKind.COUNT, 500)
    await desk.report(InventoryKind.COUNT, 380, "B")
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 2]
    found = {it.item: causes(it) for it in await desk.asked()}
    assert found == {"A": [("counts", -60, 0)], "B": [("counts", 80, 0)]}


async def test_a_cancelled_purchase_order_is_put_before_the_planner(desk: Desk) -> None:
    await desk.notify(order(revision=2, cancelled=True))
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 2]
    assert sorted(it.packs for it in await desk.asked()) == [-100, -50]


async def test_what_else_happens_to_the_item_is_one_question_with_it(desk: Desk) -> None:
    await desk.notify(confirmed((60, 50)))
    await desk.look()
    assert (await desk.look()).proposed == 1
    await desk.lose(12)
    assert [(await desk.look()).proposed for _ in range(3)] == [0, 1, 0]
    [asked] = await desk.asked()
    assert (asked.packs, causes(asked)) == (-52, [("PO 4500 line 1", -40, 0), ("counts", -12, 0)])
    assert await desk.states() == ["withdrawn", "open"], "nobody decides what they have not read"
    await desk.decide("accepted")
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 0]
    await desk.lose(-12, "found")
    await desk.look()
    await desk.look()
    assert causes((await desk.asked())[0]) == [("counts", 12, 0)], "measured against what was accepted"


async def test_orders_beyond_the_forecast_are_demand_that_nobody_planned(desk: Desk) -> None:
    day = datetime.now(UTC).date() + timedelta(days=14)
    monday = PeriodLength.WEEK.begins(day)

    async def forecasts(version: str, packs: int) -> None:
        row = ForecastRow(item="A", site="LYS", period=monday, packs=packs)
        batch = ForecastBatch(version=version, made_at=datetime.now(UTC), bucket=PeriodLength.WEEK, rows=(row,))
        async with desk.database.transaction() as connection:
            await forecast.take_in(connection, "planner", batch)

    async def orders_(number: str, packs: int) -> None:
        line = OrderLine(line=1, item="A", quantity=packs)
        release = RELEASE.model_copy(update={"number": number, "requested_on": day, "lines": (line,)})
        async with desk.database.transaction() as connection:
            await orders.open_order(connection, "erp-one", release, number, inbox_id, ["erp-one"])
        lines = (LINE.model_copy(update={"ordered": packs}),)
        await steps.write(desk.database, written.step(written.but(FIRST, order=f"erp-one/{number}", lines=lines)))

    inbox_id = await open_order(desk.database)
    await orders_("SO-2", 90)
    await desk.look()
    assert (await desk.look()).proposed == 0, "where nobody forecasts nothing is exceeded"
    await forecasts("v1", 100)
    await desk.look()
    assert (await desk.look()).proposed == 0
    await orders_("SO-3", 40)
    assert [(await desk.look()).proposed for _ in range(3)] == [0, 1, 0]
    [asked] = await desk.asked()
    assert (asked.packs, causes(asked)) == (-30, [(f"orders week {monday}", 30, 0)])
    await forecasts("v2", 130)
    assert (await desk.look()).withdrawn == 1, "now it is forecast"
    await forecasts("v3", 90)
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 1], "its clock began anew"
    await desk.decide("accepted")
    await orders_("SO-4", 6)
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 0], "within the tolerance of what was accepted"
    await orders_("SO-5", 6)
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 1]


async def test_what_goes_back_is_seen_by_nobody_and_takes_back_what_was_asked(desk: Desk) -> None:
    await desk.notify(confirmed((60, 50)))
    await desk.look(debounce_s=60)
    await desk.notify(confirmed((100, 50), revision=2))
    await desk.look()
    await desk.notify(confirmed((60, 50), revision=3))
    assert (await desk.look()).proposed == 0, "its clock began anew"
    assert (await desk.look()).proposed == 1
    await desk.notify(confirmed((100, 50), revision=4))
    assert (await desk.look()).withdrawn == 1
    assert await desk.states() == ["withdrawn"]


async def test_what_nobody_decides_expires_and_is_asked_again_while_it_lasts(desk: Desk) -> None:
    await desk.notify(confirmed((60, 50)))
    await desk.look()
    assert (await desk.look(ttl_s=0)).proposed == 1
    again = await desk.look()
    assert (again.expired, again.proposed) == (1, 1)
    assert await desk.states() == ["expired", "open"]
    async with desk.database.connection() as connection:
        [week] = await governor.precision(connection)
    assert (week.decided, week.expired, week.precision) == (0, 1, 0.0), "it was asked in vain"
    await desk.decide("accepted")
    async with desk.database.connection() as connection:
        [week] = await governor.precision(connection)
    assert (week.decided, week.expired, week.precision) == (1, 1, 0.5)


async def test_the_class_is_what_the_owner_says_and_the_tolerance_what_the_settings_say(desk: Desk) -> None:
    desk.owner.item_class = "C"
    await desk.notify(confirmed((60, 50), DUE + timedelta(days=4)))
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 0], "C tolerates it"
    assert sorted(desk.owner.asked) == ["erp-one/item/A", "erp-one/item/B"], "asked once, and only of what differs"
    strict = {"C": Tolerance(packs=50, days=4), "*": Tolerance(packs=1000, days=1000)}
    assert [(await desk.look(tolerances=strict)).proposed for _ in range(2)] == [0, 2]
    assert {it.item_class for it in await desk.asked()} == {"C"}


async def test_an_owner_that_does_not_answer_holds_up_nothing(desk: Desk) -> None:
    desk.owner.down = True
    await desk.notify(confirmed((60, 50)))
    assert [(await desk.look()).proposed for _ in range(2)] == [0, 1], "by the tolerance of any class"


async def test_planning_is_told_what_was_decided_once(desk: Desk) -> None:
    await desk.sims.client.put("/planning/faults", json={"outage": True})
    decided = []
    for n, (state, more) in enumerate(
        (("accepted", {}), ("rejected", {}), ("overridden", {"day": date(2026, 6, 1), "packs": -15})), 1
    ):
        await desk.notify(confirmed((100 - 20 * n, 50), revision=n))
        await desk.look()
        await desk.look()
        decided.append((await desk.decide(state, **more)).id)
    assert [(await desk.look()).told for _ in range(2)] == [0, 0], "while planning is away plans are governed"
    await desk.sims.client.put("/planning/faults", json={"partial": 1.0, "hold_s": 0.05})
    await desk.look()
    await desk.sims.client.delete("/planning/faults")
    assert [(await desk.look()).told for _ in range(2)] == [3, 0]
    assert await desk.told() == [
        {"proposal": decided[0], "verdict": "accepted", "packs": None, "day": None},
        {"proposal": decided[1], "verdict": "rejected", "packs": None, "day": None},
        {"proposal": decided[2], "verdict": "overridden", "packs": -15, "day": "2026-06-01"},
    ]
    async with desk.database.connection() as connection:
        supply = await (await connection.execute("SELECT packs, day FROM supply WHERE item = 'A'")).fetchall()
    assert [(it["packs"], it["day"]) for it in supply] == [(40, DUE)], "the supplier's word is not a planner's"


async def test_what_planning_will_not_take_is_shown_and_holds_up_no_other(desk: Desk) -> None:
    await desk.sims.client.put("/planning/unknown-items", json={"items": ["A"]})
    await desk.notify(confirmed((60, 20)))
    await desk.look()
    await desk.look()
    async with desk.database.transaction() as connection:
        for number in (1, 2):
            await governor.decide(connection, number, "accepted", "planner", "seen")
    assert (await desk.look()).told == 2
    async with desk.database.connection() as connection:
        b, a = await governor.listing(connection, open_only=False)
    assert (a.refused, b.refused) == ("planning: HTTP 422 unknown_item", None)
    assert len(await desk.told()) == 1
