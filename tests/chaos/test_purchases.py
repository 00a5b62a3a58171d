"""Processes die by kill -9 while purchase orders, transfers and replenishments run, and systems do things in silence:
every book still ends the same, and nothing is posted, paid or ordered twice.

Gateway, worker, Temporal and PostgreSQL, which waits for the disk as it does in production. Each death meets work of
its own. One of each in every run of the suite; with SYNCLINE_CHAOS=full (`make chaos`) as many as in `test_kills`.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random

import pytest

from activities.finance.self_audit import BooksActivities
from demo.report import reconcile
from schemas.base import System
from schemas.messaging.effects import Operation
from schemas.procurement.documents import PurchaseOrder
from simulators.faults import Faults
from simulators.systems.supplying import SupplyPlan
from simulators.world.network import ERP
from store.engine import Database
from store.inventory import ledger
from store.views import report
from tests.chaos.test_kills import FULL, SEED, STORM, die, everybody_is_up
from tests.integration.test_procurement import FROM, SENDER, SITE, SUPPLIER, Shop, open_shop, propose
from tests.stack.standins import until

EACH = 6 if FULL else 1
"""So many purchases, short ones, transfers and proposals are under way at each death."""
PATIENCE_S = 120.0
"""What a worker had claimed when it died is free again after its lease only."""
FORGETFUL = Faults(partial=0.25, reset=0.1, hold_s=1.5)
AGAIN = f"SYNCLINE_CHAOS={'full' if FULL else ''} SYNCLINE_CHAOS_SEED={SEED} pytest -m chaos"


@dataclass
class Work:
    """What has been begun: purchases, those that are confirmed and sent short, transfers, and ids of proposals."""

    plain: list[SupplyPlan] = field(default_factory=list)
    short: list[SupplyPlan] = field(default_factory=list)
    moved: list[SupplyPlan] = field(default_factory=list)
    proposals: list[str] = field(default_factory=list)

    async def begin(self, shop: Shop) -> None:
        """Begin some more of each, and let everything about it happen at the same time."""
        plain = [SupplyPlan(erp=ERP, order=shop.purchase()) for _ in range(EACH)]
        short = [SupplyPlan(erp=ERP, order=shop.purchase(), short={1: 20}, damaged={1: 5}) for _ in range(EACH)]
        moved = [SupplyPlan(erp=ERP, order=shop.purchase(from_site=FROM, supplier=SENDER)) for _ in range(EACH)]
        proposals = [f"R-{len(self.proposals) + n}" for n in range(EACH)]
        self.plain += plain
        self.short += short
        self.moved += moved
        self.proposals += proposals
        released = (
            work for it in (*plain, *short, *moved) for work in (shop.release(it.order), shop.driver.supply(it))
        )
        await asyncio.gather(*released, *(propose(shop, it) for it in proposals))


async def storm(shop: Shop, chance: Random) -> Work:
    """Let each process die soon after new work has begun, and begin more while it is down."""
    work, begun = Work(), list[asyncio.Task[None]]()
    victims = [name for name, times in STORM.deaths.items() for _ in range(times)]
    chance.shuffle(victims)
    for victim in victims:
        while not shop.stack.is_ready(victim):
            await asyncio.sleep(0.02)
        begun.append(asyncio.create_task(work.begin(shop)))
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        await die(shop.stack, victim)
    await asyncio.gather(*begun)
    await everybody_is_up(shop.stack)
    return work


async def where(shop: Shop, order: PurchaseOrder) -> None:
    """The packs of an order are in the same places in every book."""
    ours = {place: n for place, n in (await shop.stock(order)).items() if not place.startswith("supplier")}
    item = order.lines[0].item
    for system, instance in ((System.WMS, FROM), (System.WMS, SITE), (System.ERP, ERP)):
        books = await shop.driver.stock(system, instance)
        theirs = {place: n for (name, place), n in books.items() if name == item and not place.startswith("supplier")}
        expected = {p: n for p, n in ours.items() if system is System.ERP or p.endswith(instance)}
        assert theirs == expected, (order.number, system, instance, AGAIN)


@pytest.mark.chaos
async def test_purchases_end_the_same_whatever_dies() -> None:
    print(f"to repeat: {AGAIN}")
    async with open_shop(SEED, durable=True) as opened:
        for system in (System.ERP, System.WMS, System.PLANNING):
            await opened.driver.befall(system, FORGETFUL)
        work = await storm(opened, Random(SEED))
        restarts = dict(opened.stack.restarts)
        # The connections of before are dead.
        async with Database(opened.stack.settings.main_database.url, 3) as database:
            await ended(replace(opened, database=database), work)
        assert all(restarts[name] >= times for name, times in STORM.deaths.items()), (restarts, AGAIN)


async def ended(shop: Shop, work: Work) -> None:
    """Wait until all work has ended, and compare every book."""
    for plan in (*work.plain, *work.short, *work.moved):
        await shop.reaches(plan.order, "settled", PATIENCE_S)
    for name in work.proposals:
        await shop.proposal_where(name, PATIENCE_S, state="ordered", answered=True)
    await until(lambda: told(shop), PATIENCE_S)
    for plans, received, paid in ((work.plain, 100, 1250), (work.short, 80, 1000), (work.moved, 100, 0)):
        for it in plans:
            book = await shop.book(it.order)
            assert (len(book.receipts), book.received, book.payable) == (1, received, Decimal(paid)), AGAIN
            await where(shop, it.order)
    assert (await shop.stock(work.short[0].order))[f"supplier:{SUPPLIER}"] == -80
    await agree(shop, work.proposals)


async def told(shop: Shop) -> bool:
    """Every message is settled, every effect done."""
    await asyncio.sleep(0.05)
    async with shop.database.connection() as connection:
        cursor = await connection.execute(
            "SELECT FROM inbox_message WHERE state IN ('received', 'routed', 'quarantined') "
            "UNION ALL SELECT FROM effect WHERE outcome IN ('planned', 'failed')"
        )
        return await cursor.fetchone() is None


async def agree(shop: Shop, proposals: list[str]) -> None:
    """Our ledger of effects and each system's own say the same; each proposal was ordered once."""
    books = await shop.driver.books()
    async with shop.database.connection() as connection:
        expected = await report.expected_effects(connection)
        superseded = await report.superseded_effects(connection)
        assert await ledger.audit(connection) == []
        drifted = await BooksActivities(shop.database).look(connection, [], whole=True)
    assert drifted.differences == (), AGAIN
    for system in (System.ERP, System.WMS, System.PLANNING):
        found = reconcile(expected[system], books[system], superseded)
        assert (found["missing"], found["duplicate"]) == (0, 0), (system, AGAIN)
    ordered = Counter(e.order for e in books["erp"].entries if e.operation == Operation.PLACE_REPLENISHMENT)
    assert ordered == Counter(proposals), AGAIN
