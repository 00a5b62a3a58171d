"""The promise at release: from stock, supply, other sites, replenishment; once; and never the same packs twice."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from dispatch.orders.promising import first_promise, would_promise
from schemas.cases.exceptions import OrderPolicy
from schemas.inventory.promising import PromiseQuestion, QuestionLine
from schemas.orders.release import OrderRelease
from store.engine import Database
from store.inventory import promising
from store.orders import steps
from tests.promising.stocked import (
    LEAD_DAYS,
    NOW,
    SITE,
    TODAY,
    accept,
    begin,
    expect,
    incoming,
    line,
    may,
    oversold,
    promise,
    put_stock,
    release,
    reservations,
    step,
)


async def test_where_no_stock_is_kept_the_lead_time_promises_and_the_answer_says_so(database: Database) -> None:
    start = await promise(database, "1", 40, wanted=5)
    assert start.promise.promised_on == TODAY + timedelta(days=LEAD_DAYS)
    assert start.promise.reason == "1 of 1 line needs the lead time until 2026-05-08, by lead time"
    assert await reservations(database) == {}


async def test_an_order_gets_stock_and_then_named_supplies_and_says_so(database: Database) -> None:
    await put_stock(database, "s", 40)
    await expect(database, incoming("7781", 60, 10), incoming("7790", 500, 20))
    start = await promise(database, "1", 100)
    assert start.promise.reason == "promised 14 May: 40 from LYS now, 60 from PO 7781 due 10 May"
    assert [it.promised_on for it in start.promise.lines] == [may(14)]
    assert await reservations(database) == {"1 1 LYS": 40, "1 1 LYS po/erp/7781/1": 60}
    second = await promise(database, "2", 10)
    assert second.promise.reason == "promised 24 May: 10 from PO 7790 due 20 May"


async def test_nothing_in_sight_is_promised_by_replenishment(database: Database) -> None:
    await put_stock(database, "s", 5)
    start = await promise(database, "1", 8)
    assert start.promise.reason == "promised 15 May: 5 from LYS now, 3 replenished by 11 May"
    assert await reservations(database) == {"1 1 LYS": 5, "1 1 LYS lead": 3}


async def test_supply_that_is_overdue_is_not_promised_as_if_it_came_today(database: Database) -> None:
    await put_stock(database, "s", 5)
    await expect(database, incoming("7781", 60, 2))
    start = await promise(database, "1", 8)
    words = "5 from LYS now, 3 from PO 7781 due 2 May, overdue, expected 9 May"
    assert start.promise.reason == f"promised 13 May: {words}"


@pytest.mark.parametrize("variant", [{}, {"variant": "direct_drop", "supplier": "acme", "site": None}])
async def test_a_release_of_days_ago_is_promised_from_today_as_whoever_asks_is_told(
    database: Database, variant: dict[str, Any]
) -> None:
    await put_stock(database, "s", 5)
    wish = release("1", 8, released_at=NOW - timedelta(days=3), wanted=1, **variant)
    start = await first_promise(database, await accept(database, wish), wish, OrderPolicy(), NOW)
    question = PromiseQuestion(site=SITE, requested_on=may(1), lines=(QuestionLine(line=1, item="A", quantity=3),))
    asked = await would_promise(database, question, OrderPolicy(), NOW)
    if not variant:
        assert start.promise.promised_on == may(15)
        assert asked.promise.promised_on == start.promise.promised_on
    else:
        assert start.promise.promised_on == may(9), "two days of preparation, three under way"
    later = await first_promise(database, start, wish, OrderPolicy(), NOW + timedelta(days=9))
    assert later.promise == start.promise, "and whoever hands it over again finds that"


async def test_another_site_sends_what_the_own_one_cannot_in_time(database: Database) -> None:
    await put_stock(database, "s1", 30)
    await put_stock(database, "s2", 50, site="HAM")
    await expect(database, incoming("1", 100, 20))
    start = await promise(database, "1", 40, alternates=("HAM",))
    assert start.promise.promised_on == may(8)
    assert start.promise.reason == "promised 8 May: 30 from LYS now, 10 from HAM now"
    assert [(it.site, it.lines[0].quantity) for it in start.sendings] == [("HAM", 10)]


async def test_a_supply_that_comes_in_time_goes_before_another_site(database: Database) -> None:
    await put_stock(database, "s1", 30)
    await put_stock(database, "s2", 50, site="HAM")
    await expect(database, incoming("1", 100, 20))
    start = await promise(database, "1", 40, alternates=("HAM",), wanted=28)
    assert start.promise.promised_on == may(28)
    assert not start.sendings


@pytest.mark.parametrize("fields", [{"clock": "events"}, {"variant": "direct_drop", "supplier": "acme", "wanted": 9}])
async def test_drops_and_replays_of_the_past_reserve_nothing(database: Database, fields: dict[str, Any]) -> None:
    await put_stock(database, "s", 40)
    start = await promise(database, "1", 40, **fields)
    assert start.promise.reason == "as requested"
    assert await reservations(database) == {}


async def test_a_repeat_finds_the_same_promise(database: Database) -> None:
    await put_stock(database, "s", 40)
    wish = release("1", 40)
    start = await accept(database, wish)
    both = await asyncio.gather(*(first_promise(database, start, wish, OrderPolicy(), NOW) for _ in range(4)))
    await expect(database, incoming("1", 100, 20))
    both.append(await first_promise(database, start, wish, OrderPolicy(), NOW))
    assert len({it.promise for it in both}) == 1
    assert await reservations(database) == {"1 1 LYS": 40}


async def test_an_order_that_runs_already_is_given_no_promise(database: Database) -> None:
    wish = release("1", 40)
    start = await accept(database, wish)
    await begin(database, start)
    await put_stock(database, "s", 40)
    assert await first_promise(database, start, wish, OrderPolicy(), NOW) == start
    assert await reservations(database) == {}


async def test_an_item_is_promised_from_stock_only_where_it_is_locked(database: Database) -> None:
    """Stock that becomes known between the lock and the look is not locked: somebody else could be promised it, too."""
    async with database.transaction() as connection:
        held = await promising.lock(connection, ["A"], [SITE])
        await put_stock(database, "s", 40)
        assert await promising.free(connection, held) == []
        assert await promising.free(connection, [("A", SITE)])


def mixed(number: str, first: str, second: str) -> OrderRelease:
    """An order of five and three packs of two items."""
    wish = release(number, 5, 3)
    items = zip(wish.lines, (first, second), strict=True)
    return wish.model_copy(update={"lines": tuple(x.model_copy(update={"item": item}) for x, item in items)})


async def test_no_packs_are_promised_twice(database_url: str) -> None:
    """Forty orders at once, over several items in every order, while stock leaves and supply changes."""
    async with Database(database_url, 16) as database:
        for item in ("A", "B"):
            await put_stock(database, f"s{item}", 100, item=item)
            await expect(database, incoming(f"1{item}", 60, 10, item=item))
        wishes = [mixed(f"{n}", *(("A", "B") if n % 2 else ("B", "A"))) for n in range(40)]
        starts = [await accept(database, it) for it in wishes]

        async def give(n: int) -> None:
            policy = OrderPolicy(alternates=("HAM",) if n % 3 else ())
            await first_promise(database, starts[n], wishes[n], policy, NOW)
            if n % 5 == 0 and (await reservations(database)).get(f"{n} 1 {SITE}") == 5:
                moves = {
                    f"on_hand:{SITE}": {wishes[n].lines[0].item: -5},
                    f"allocated:{SITE}": {wishes[n].lines[0].item: 5},
                }
                await begin(database, starts[n])
                done = line(1, 5, allocated=5, item=wishes[n].lines[0].item)
                open_line = line(2, 3, item=wishes[n].lines[1].item)
                await steps.write(database, step(starts[n], 1, moves, done, open_line))
            if n % 7 == 0:
                await expect(database, incoming(f"more-{n}", 6, 10, item="A"))

        await asyncio.gather(*(give(n) for n in range(40)))
        assert await oversold(database) == 0
        async with database.connection() as connection:
            cursor = await connection.execute(
                "SELECT p.supply_key, p.item, sum(p.packs) AS packs FROM peg p WHERE supply_key <> 'lead' GROUP BY 1, 2"
            )
            held = {(row["supply_key"], row["item"]): row["packs"] for row in await cursor.fetchall()}
            cursor = await connection.execute("SELECT item, packs FROM stock_balance WHERE place = 'on_hand:LYS'")
            there = Counter({row["item"]: row["packs"] for row in await cursor.fetchall()})
        assert held["", "A"] == there["A"]
        assert held["", "B"] == there["B"], "everything there is was promised, and no more"
