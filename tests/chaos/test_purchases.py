"""The worker dies by kill -9 while purchase orders, transfers and replenishments run, and systems do things in silence:
every book still ends the same, and nothing is posted, paid or ordered twice."""

import asyncio
import os
import signal
from collections import Counter
from decimal import Decimal
from random import Random

import pytest

from demo.report import reconcile
from schemas.base import System
from schemas.effects import Operation
from schemas.procurement import PurchaseOrder
from simulators.faults import Faults
from simulators.network import ERP
from simulators.supplying import SupplyPlan
from stack.layout import LocalStack
from store import ledger, report
from tests.chaos.test_kills import FULL, SEED
from tests.integration.test_procurement import FROM, SENDER, SITE, SUPPLIER, Shop, open_shop, propose
from tests.stack.standins import until

EACH, DEATHS = (20, 5) if FULL else (4, 2)
"""So many purchases, short ones, transfers and proposals; so often the worker dies meanwhile."""
PATIENCE_S = 120.0
"""What a worker had claimed when it died is free again after its lease only."""
FORGETFUL = Faults(partial=0.25, reset=0.1, hold_s=1.5)
AGAIN = f"SYNCLINE_CHAOS={'full' if FULL else ''} SYNCLINE_CHAOS_SEED={SEED} pytest -m chaos"


async def kill(stack: LocalStack, chance: Random) -> None:
    """Kill the worker again and again, each time soon after it is up."""
    for _ in range(DEATHS):
        await asyncio.sleep(chance.uniform(0.2, 1.5))
        os.kill(stack.pid("worker"), signal.SIGKILL)
        while stack.is_ready("worker"):
            await asyncio.sleep(0.01)
        while not stack.is_ready("worker"):
            await asyncio.sleep(0.02)


async def bring(shop: Shop, plan: SupplyPlan) -> None:
    """An order is released, and everything about it happens, at the same time."""
    await asyncio.gather(shop.release(plan.order), shop.driver.supply(plan))


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
    chance = Random(SEED)
    async with open_shop(SEED) as shop:
        for system in (System.ERP, System.WMS, System.PLANNING):
            await shop.driver.befall(system, FORGETFUL)
        plain = [SupplyPlan(erp=ERP, order=shop.purchase()) for _ in range(EACH)]
        short = [SupplyPlan(erp=ERP, order=shop.purchase(), short={1: 20}, damaged={1: 5}) for _ in range(EACH)]
        moved = [SupplyPlan(erp=ERP, order=shop.purchase(from_site=FROM, supplier=SENDER)) for _ in range(EACH)]
        proposals = [f"R-{n}" for n in range(EACH)]
        killing = asyncio.create_task(kill(shop.stack, chance))
        await asyncio.gather(
            *(bring(shop, it) for it in (*plain, *short, *moved)), *(propose(shop, p) for p in proposals)
        )
        await killing
        for plan in (*plain, *short, *moved):
            await shop.reaches(plan.order, "settled", PATIENCE_S)
        for name in proposals:
            await shop.proposal_where(name, PATIENCE_S, state="ordered", answered=True)
        await until(lambda: told(shop), PATIENCE_S)
        for plans, received, paid in ((plain, 100, 1250), (short, 80, 1000), (moved, 100, 0)):
            for it in plans:
                book = await shop.book(it.order)
                assert (len(book.receipts), book.received, book.payable) == (1, received, Decimal(paid)), AGAIN
                await where(shop, it.order)
        assert (await shop.stock(short[0].order))[f"supplier:{SUPPLIER}"] == -80
        await agree(shop, proposals)


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
    for system in (System.ERP, System.WMS, System.PLANNING):
        found = reconcile(expected[system], books[system], superseded)
        assert (found["missing"], found["duplicate"]) == (0, 0), (system, AGAIN)
    ordered = Counter(e.order for e in books["erp"].entries if e.operation == Operation.PLACE_REPLENISHMENT)
    assert ordered == Counter(proposals), AGAIN
