"""Promises again: supply slips, shrinks, goes or comes in, stock is cut; in order of priority, and told once."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

import activities.inventory.promising
from activities.inventory.promising import PromisingActivities
from dispatch.events.admission import digest_of
from dispatch.orders.promising import redating
from dispatch.requests import record_of
from gateway.views.orders import promise_reason
from schemas.inventory.promising import Redate
from schemas.orders.release import OrderStatus
from schemas.procurement.documents import PurchaseLine, PurchaseOrder
from schemas.procurement.purchase_orders import PurchaseStatus
from schemas.workflows.commands import LineAmendment
from schemas.workflows.lifecycle import OrderStart
from store.engine import Database
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.messaging.wake import Wake
from store.orders import orders, steps
from store.procurement import purchase_orders, purchase_steps
from tests import written
from tests.promising.stocked import (
    NOW,
    SITE,
    TODAY,
    amendment,
    begin,
    book,
    expect,
    incoming,
    line,
    may,
    oversold,
    promise,
    put_stock,
    reservations,
    step,
)


class Desk:
    """The keeper, and what orders were told."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.keeper = PromisingActivities(database, Wake(database.url, ()), redating)

    async def order(self, number: str, packs: int, **fields: Any) -> OrderStart:
        """Promise an order and begin it."""
        start: OrderStart = await promise(self.database, number, packs, **fields)
        await begin(self.database, start)
        return start

    async def look(self) -> None:
        """The keeper looks at everything that has changed."""
        await self.keeper.look(NOW)

    async def told(self) -> list[tuple[str, list[int]]]:
        """(order, days of May) of every re-date that is on its way; they arrive."""
        async with self.database.transaction() as connection:
            cursor = await connection.execute("SELECT * FROM inbox_message WHERE state = 'received' ORDER BY id")
            found = [row for row in await cursor.fetchall() if row["kind"] == inbox.ACT]
            await inbox.settle(connection, [row["id"] for row in found], "applied", [None for _ in found])
        records = [record_of(row["kind"], row["raw"]) for row in found]
        assert all(it.by == "promising" and it.request.reason for it in records)
        assert [digest_of(it.raw) for it in records] == [row["digest"] for row in found], "the relay finds it again"
        return [(it.key.split("/")[1], [x.promised_on.day for x in it.request.promises]) for it in records]


@pytest_asyncio.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    """Ten packs on hand, and a hundred to come on the tenth."""
    await put_stock(database, "s", 10)
    await expect(database, incoming("1", 100, 10))
    yield Desk(database)


async def test_a_supply_that_slips_takes_its_promises_along_and_back(desk: Desk) -> None:
    await desk.order("1", 30)
    await desk.look()
    assert await desk.told() == []
    await expect(desk.database, incoming("1", 100, 15))
    await desk.look()
    assert await desk.told() == [("1", [19])]
    await desk.look()
    assert await desk.told() == [], "an order is told once"
    await expect(desk.database, incoming("1", 100, 6))
    await desk.look()
    assert await desk.told() == [("1", [14])], "and never for a day before the first promise"


async def test_what_is_promised_from_overdue_supply_is_told_another_day_once_a_week(desk: Desk) -> None:
    await desk.order("1", 30)
    await desk.look()
    heard = []
    for day in range(9, 20):
        await desk.keeper.look_at_overdue(NOW + timedelta(days=day - TODAY.day))
        await desk.keeper.look(NOW + timedelta(days=day - TODAY.day))
        heard += [(day, it) for it in await desk.told()]
    assert heard == [(11, ("1", [21])), (18, ("1", [28]))], "on its day it is still expected; then a week later"
    assert await reservations(desk.database) == {"1 1 LYS": 10, "1 1 LYS po/erp/1/1": 20}


async def test_what_is_left_goes_to_who_comes_first(desk: Desk) -> None:
    await desk.order("late", 60, priority=4)
    await desk.order("urgent", 50, priority=1)
    assert await reservations(desk.database) == {
        "late 1 LYS": 10,
        "late 1 LYS po/erp/1/1": 50,
        "urgent 1 LYS po/erp/1/1": 50,
    }
    await expect(desk.database, incoming("1", 60, 10), incoming("2", 500, 20))
    await desk.look()
    held = await reservations(desk.database)
    assert held["urgent 1 LYS po/erp/1/1"] == 50
    assert held["late 1 LYS po/erp/2/1"] == 40
    assert await desk.told() == [("late", [24])]


async def test_a_supply_that_is_gone_may_take_stock_from_a_later_order(desk: Desk) -> None:
    await desk.order("later", 10, priority=4)
    await desk.order("urgent", 10, priority=1)
    await expect(desk.database, incoming("1", 0, 10), incoming("2", 500, 20))
    await desk.look()
    assert await reservations(desk.database) == {"later 1 LYS po/erp/2/1": 10, "urgent 1 LYS": 10}
    assert await desk.told() == [("later", [24])]


async def test_nobody_takes_stock_that_needs_none(desk: Desk) -> None:
    await desk.order("first", 10, priority=5)
    await desk.order("urgent", 10, priority=1)
    await put_stock(desk.database, "more", 3)
    await desk.look()
    assert (await reservations(desk.database))["first 1 LYS"] == 10
    assert await desk.told() == []


async def test_a_receipt_turns_supply_into_stock_and_keeps_the_day(desk: Desk) -> None:
    await desk.order("1", 30)
    await book(desk.database, "r", {"supplier:acme": {"A": -100}, f"on_hand:{SITE}": {"A": 100}})
    await expect(desk.database, incoming("1", 0, 10))
    other = await promise(desk.database, "2", 90)
    assert other.promise.reason.startswith("promised 15 May: 80 from LYS now"), "what is reserved is not free"
    await desk.look()
    assert await reservations(desk.database) == {"1 1 LYS": 30, "2 1 LYS": 80, "2 1 LYS lead": 10}
    assert await desk.told() == []
    assert await oversold(desk.database) == 0


async def test_a_receipt_on_its_day_is_stock_from_then_on(desk: Desk) -> None:
    await desk.order("1", 30)
    await desk.look()
    await book(desk.database, "r", {"supplier:acme": {"A": -100}, f"on_hand:{SITE}": {"A": 100}})
    await expect(desk.database, incoming("1", 0, 10))
    await desk.keeper.look(NOW + timedelta(days=6))
    assert await reservations(desk.database) == {"1 1 LYS": 30}
    assert await oversold(desk.database) == 0
    assert await desk.told() == []


async def test_a_receipt_that_is_written_twice_turns_supply_into_stock_once(desk: Desk) -> None:
    ordered = PurchaseLine(line=1, item="A", packs=100, unit_price=Decimal("2.5"), due_on=may(10))
    purchase = PurchaseOrder(
        number="1", supplier="acme", site=SITE, region="EMEA", currency="EUR", ordered_at=NOW, lines=(ordered,)
    )
    async with desk.database.transaction() as connection:
        key = await purchase_orders.open_purchase(connection, "erp", purchase, ["erp", "acme"])
    await desk.order("1", 50)
    receipt = written.purchase_record(
        order=key,
        version=2,
        status=PurchaseStatus.ORDERED,
        purchase=purchase,
        supplies=(incoming("1", 80, 10),),
        moves={"supplier:acme": {"A": -20}, f"on_hand:{SITE}": {"A": 20}},
    )
    for _ in range(2):
        await purchase_steps.write(desk.database, written.step(receipt))
        for _ in range(2):
            await desk.look()
            assert sum((await reservations(desk.database)).values()) == 50
            assert await oversold(desk.database) == 0
    held = await reservations(desk.database)
    assert await desk.told() == []
    other = await promise(desk.database, "2", 61)
    assert held.get("1 1 LYS", 0) >= 10
    assert "replenished" in other.promise.reason, "of 30 on hand and 80 to come, 50 are held"
    assert sum(packs for name, packs in (await reservations(desk.database)).items() if not name.endswith("lead")) == 110


async def test_stock_that_is_cut_is_promised_anew_and_better_stock_brings_it_forward(desk: Desk) -> None:
    await desk.order("1", 10)
    await put_stock(desk.database, "cut", -4)
    assert await oversold(desk.database) == 1
    await desk.look()
    assert await oversold(desk.database) == 0
    assert await reservations(desk.database) == {"1 1 LYS": 6, "1 1 LYS po/erp/1/1": 4}
    assert await desk.told() == [("1", [14])]
    await put_stock(desk.database, "found", 4)
    await desk.look()
    assert await reservations(desk.database) == {"1 1 LYS": 10}
    assert await desk.told() == [("1", [8])]


async def test_an_order_that_is_picked_is_left_alone(desk: Desk) -> None:
    start = await desk.order("1", 30)
    allocates = {f"on_hand:{SITE}": {"A": -10}, f"allocated:{SITE}": {"A": 10}}
    await steps.write(desk.database, step(start, 1, allocates, line(1, 30, allocated=10, picked=10)))
    await expect(desk.database, incoming("1", 100, 15))
    await desk.look()
    assert await desk.told() == []
    assert await reservations(desk.database) == {"1 1 LYS po/erp/1/1": 20}
    second = await promise(desk.database, "2", 90)
    assert "80 from PO 1 due 15 May" in second.promise.reason, "what it holds is not there for others"


async def test_an_order_that_is_picked_gives_up_stock_that_is_gone_and_gets_other_packs(desk: Desk) -> None:
    await put_stock(desk.database, "more", 20)
    start = await desk.order("1", 30)
    allocates = {f"on_hand:{SITE}": {"A": -10}, f"allocated:{SITE}": {"A": 10}}
    await steps.write(desk.database, step(start, 1, allocates, line(1, 30, allocated=10, picked=10)))
    await put_stock(desk.database, "gone", -15)
    assert await oversold(desk.database) == 1
    await desk.look()
    assert await reservations(desk.database) == {"1 1 LYS": 5, "1 1 LYS po/erp/1/1": 15}
    assert await oversold(desk.database) == 0
    assert await desk.told() == [("1", [14])]
    await desk.order("urgent", 8, priority=1)
    await desk.look()
    assert (await reservations(desk.database))["1 1 LYS"] == 5, (
        "who comes first by priority does not take what is picked"
    )


async def why(desk: Desk, number: str) -> str | None:
    """Why an order is promised for its day, as it is shown."""
    async with desk.database.connection() as connection:
        [order] = await orders.find(connection, number, None)
        return promise_reason(order, await orders.details(connection, order["key"]))


async def test_a_promise_is_explained_by_what_it_rests_on_now(desk: Desk) -> None:
    start = await desk.order("1", 30, wanted=28)
    assert await why(desk, "1") == "promised 28 May: 10 from LYS now, 20 from PO 1 due 10 May"
    await expect(desk.database, incoming("1", 0, 10), incoming("2", 12, 18))
    await desk.look()
    assert await desk.told() == [], "the day stays"
    words = "promised 28 May: 10 from LYS now, 8 replenished by 11 May, 12 from PO 2 due 18 May"
    assert await why(desk, "1") == words
    asked = await amendment(desk.database, start, LineAmendment(line=1, quantity=12))
    less = line(1, 12, promised_on=may(28))
    await steps.write(desk.database, step(start, 1, {}, less, amended_by=(asked,)))
    assert await why(desk, "1") == "promised 28 May: 10 from LYS now, 2 from PO 2 due 18 May"
    allocates = {f"on_hand:{SITE}": {"A": -9}, f"allocated:{SITE}": {"A": 9}}
    await steps.write(desk.database, step(start, 2, allocates, line(1, 12, allocated=9, promised_on=may(28))))
    assert await why(desk, "1") == "promised 28 May: 9 allocated, 1 from LYS now, 2 from PO 2 due 18 May"


async def test_a_day_that_people_have_said_keeps_their_words(desk: Desk) -> None:
    start = await desk.order("1", 30)
    said = {"promised_on": may(20), "reason": "the customer is away until then"}
    moved = step(start, 1, {}, line(1, 30, promised_on=may(20)))
    await steps.write(desk.database, moved.model_copy(update={"record": written.but(moved.record, **said)}))
    assert await why(desk, "1") == "the customer is away until then"
    await expect(desk.database, incoming("1", 100, 22))
    await desk.look()
    [(_, [day])] = await desk.told()
    again = {"promised_on": may(day), "reason": "line 1 promised 26 May: 10 from LYS now, 20 from PO 1 due 22 May"}
    moved = step(start, 2, {}, line(1, 30, promised_on=may(day)))
    await steps.write(desk.database, moved.model_copy(update={"record": written.but(moved.record, **again)}))
    await expect(desk.database, incoming("1", 100, 21))
    await desk.look()
    assert await why(desk, "1") == "promised 26 May: 10 from LYS now, 20 from PO 1 due 21 May"


async def test_an_order_hears_of_one_day_after_the_other(desk: Desk) -> None:
    await desk.order("1", 30)
    await expect(desk.database, incoming("1", 100, 15))
    await desk.look()
    await expect(desk.database, incoming("1", 100, 18))
    await desk.look()
    assert await desk.told() == [("1", [19])], "the first is on its way"
    await desk.look()
    assert await desk.told() == [("1", [22])]


async def test_a_replenishment_nobody_has_named_is_named_when_it_comes(desk: Desk) -> None:
    start = await desk.order("1", 120)
    assert start.promise.promised_on == may(15)
    await expect(desk.database, incoming("2", 10, 25))
    await desk.look()
    assert await desk.told() == [], "it may still come in time from elsewhere"
    await expect(desk.database, incoming("3", 10, 11))
    await desk.look()
    assert (await reservations(desk.database))["1 1 LYS po/erp/3/1"] == 10
    assert await desk.told() == []


async def test_a_supply_that_trembles_by_a_day_is_told_once(desk: Desk) -> None:
    await desk.order("1", 30)
    heard = []
    for day in (11, 10, 11, 10):
        await expect(desk.database, incoming("1", 100, day))
        await desk.look()
        heard += await desk.told()
    assert heard == [("1", [15])]
    await expect(desk.database, incoming("1", 100, 12))
    await desk.look()
    assert await desk.told() == [("1", [16])], "later than it was told"


async def test_packs_that_an_amendment_adds_are_promised_from_what_there_is(desk: Desk) -> None:
    start = await desk.order("1", 10)
    asked = await amendment(desk.database, start, LineAmendment(line=1, quantity=210))
    await steps.write(desk.database, step(start, 1, {}, line(1, 210), amended_by=(asked,)))
    await desk.told()
    await desk.look()
    assert await reservations(desk.database) == {"1 1 LYS": 10, "1 1 LYS lead": 100, "1 1 LYS po/erp/1/1": 100}
    assert await desk.told() == [("1", [15])], "not the day that the lead time says"


async def test_an_amended_day_is_not_told_again(desk: Desk) -> None:
    start = await desk.order("1", 10)
    asked = await amendment(desk.database, start, LineAmendment(line=1, requested_on=may(20)))
    await steps.write(desk.database, step(start, 1, {}, line(1, 10, promised_on=may(20)), amended_by=(asked,)))
    await desk.told()
    await desk.look()
    assert await desk.told() == []


async def test_orders_from_before_stock_was_known_get_theirs_in_turn(database: Database) -> None:
    desk = Desk(database)
    old = await desk.order("old", 30)
    assert old.promise.reason.endswith("by lead time")
    await put_stock(database, "s", 40)
    await desk.order("new", 40, priority=4)
    assert await reservations(database) == {"new 1 LYS": 40}, "the keeper has not looked yet"
    await desk.look()
    assert await reservations(database) == {"new 1 LYS": 10, "new 1 LYS lead": 30, "old 1 LYS": 30}
    assert await desk.told() == [("new", [15])]
    assert await oversold(database) == 0


async def test_an_order_from_before_that_begins_later_gets_its_packs_too(database: Database) -> None:
    desk = Desk(database)
    old = await promise(database, "old", 30)
    await put_stock(database, "s", 40)
    await desk.look()
    assert await reservations(database) == {}
    await begin(database, old)
    await desk.look()
    assert await reservations(database) == {"old 1 LYS": 30}


async def test_an_order_from_before_that_is_being_served_is_left_alone(database: Database) -> None:
    desk = Desk(database)
    old = await desk.order("old", 30)
    allocates = {f"on_hand:{SITE}": {"A": -10}, f"allocated:{SITE}": {"A": 10}}
    await put_stock(database, "s", 40)
    await steps.write(database, step(old, 1, allocates, line(1, 30, allocated=10)))
    await desk.look()
    assert await reservations(database) == {}


async def meanwhile(desk: Desk, act: Callable[[], Awaitable[object]]) -> None:
    """The keeper looks, and is held up while it plans; something else happens in between."""
    planning, done = threading.Event(), threading.Event()

    def slowly(redate: Redate, request_id: str) -> NewMessage:
        planning.set()
        assert done.wait(10), "somebody waits for the plan"
        return redating(redate, request_id)

    plan = asyncio.create_task(replace(desk.keeper, asked=slowly).look(NOW))
    await asyncio.to_thread(planning.wait, 10)
    await act()
    done.set()
    await plan


async def test_a_release_does_not_wait_for_a_plan(desk: Desk) -> None:
    await desk.order("1", 30)
    await expect(desk.database, incoming("1", 100, 15))
    await meanwhile(desk, lambda: desk.order("2", 80))
    assert await oversold(desk.database) == 0
    assert await desk.told() == [("1", [19])]


async def test_a_plan_takes_nothing_that_was_promised_meanwhile(desk: Desk) -> None:
    await desk.order("1", 30)
    await expect(desk.database, incoming("1", 0, 10), incoming("2", 20, 20))
    await meanwhile(desk, lambda: desk.order("2", 20, wanted=24))
    held = await reservations(desk.database)
    assert sum(packs for name, packs in held.items() if name.endswith("po/erp/2/1")) == 20
    assert await oversold(desk.database) == 0


async def test_a_plan_reserves_nothing_for_an_order_that_has_ended_meanwhile(desk: Desk) -> None:
    start = await desk.order("1", 30)
    ended = step(start, 1, {}, line(1, 30, cancelled=30), status=OrderStatus.CANCELLED, closed=True)
    await expect(desk.database, incoming("1", 100, 15))
    await meanwhile(desk, lambda: steps.write(desk.database, ended))
    assert await reservations(desk.database) == {}


async def test_an_item_that_never_keeps_still_is_planned_under_lock(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities.inventory.promising, "GLANCES", 0)
    await desk.order("1", 30)
    await expect(desk.database, incoming("1", 100, 15))
    await desk.look()
    assert await desk.told() == [("1", [19])]


async def test_many_orders_are_told_some_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities.inventory.promising, "MOST_TOLD", 1)
    await desk.order("1", 30)
    await desk.order("2", 30)
    await expect(desk.database, incoming("1", 100, 15))
    await desk.look()
    assert await desk.told() == [("1", [19])]
    await desk.look()
    assert await desk.told() == [("2", [19])]
    await desk.look()
    assert await desk.told() == []


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_oversold_whatever_happens_at_once(database_url: str, seed: int) -> None:
    async with Database(database_url, 12) as database:
        desk = Desk(database)
        await put_stock(database, "s", 50)

        async def orders() -> None:
            for n in range(8):
                await promise(database, f"{seed}-{n}", 7 + n, priority=1 + (n + seed) % 5)

        async def supplies() -> None:
            for n in range(8):
                await expect(database, incoming(f"{n % 3}", (17 * (n + seed)) % 60, 6 + (n * 5 + seed) % 20))

        async def counts() -> None:
            for n in range(6):
                await put_stock(database, f"c{n}", -9 if (n + seed) % 2 else 5)

        async def looks() -> None:
            for _ in range(6):
                await desk.look()

        await asyncio.gather(orders(), supplies(), counts(), looks(), looks())
        await desk.look()
        assert await oversold(database) == 0
        assert sum((await reservations(database)).values()) == sum(7 + n for n in range(8)), (
            "every pack is still promised"
        )
