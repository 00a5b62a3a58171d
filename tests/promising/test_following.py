"""Reservations follow their order: used up, given back, moved to another site; each step once."""

from datetime import timedelta
from typing import Any

import pytest

from schemas.messaging.effects import ChangeKind
from schemas.messaging.order_effects import OrderEffect, ReportChange, ReportMilestone
from schemas.orders.milestones import MilestoneKind, ShippedLine
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import LineAmendment
from schemas.workflows.lifecycle import OrderStart
from schemas.workflows.records import StepRecord
from schemas.workflows.steps import WorkflowStep
from store.engine import Database
from store.orders import orders, steps
from tests import written
from tests.promising.stocked import (
    ITEM,
    NOW,
    SITE,
    amendment,
    begin,
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

ALLOCATES_30 = {f"on_hand:{SITE}": {ITEM: -30}, f"allocated:{SITE}": {ITEM: 30}}
SHORT_10 = {f"on_hand:{SITE}": {ITEM: -10}, f"adjustment:{SITE}": {ITEM: 10}}


@pytest.fixture
async def stocked(database: Database) -> Database:
    """Forty packs on hand, sixty to come, and two at another site."""
    await put_stock(database, "s", 40)
    await put_stock(database, "h", 2, site="HAM")
    await expect(database, incoming("1", 60, 10))
    return database


async def test_what_is_allocated_uses_up_stock_first_and_once(stocked: Database) -> None:
    start = await promise(stocked, "1", 50)
    await begin(stocked, start)
    assert await reservations(stocked) == {"1 1 LYS": 40, "1 1 LYS po/erp/1/1": 10}
    for _ in range(2):
        await steps.write(stocked, step(start, 1, ALLOCATES_30, line(1, 50, allocated=30)))
        assert await reservations(stocked) == {"1 1 LYS": 10, "1 1 LYS po/erp/1/1": 10}
        assert await oversold(stocked) == 0
    every = {f"on_hand:{SITE}": {ITEM: -20}, f"allocated:{SITE}": {ITEM: 20}}
    await steps.write(stocked, step(start, 2, every, line(1, 50, allocated=50)))
    assert await reservations(stocked) == {}


async def test_what_is_not_wanted_any_more_is_given_back_the_latest_first(stocked: Database) -> None:
    start = await promise(stocked, "1", 50)
    await begin(stocked, start)
    message = await amendment(stocked, start, LineAmendment(line=1, quantity=30))
    await steps.write(stocked, step(start, 1, {}, line(1, 30), amended_by=(message,)))
    assert await reservations(stocked) == {"1 1 LYS": 30}


async def test_a_cancelled_order_holds_nothing(stocked: Database) -> None:
    start = await promise(stocked, "1", 50)
    await begin(stocked, start)
    gone = step(start, 1, {}, line(1, 50, cancelled=50), status=OrderStatus.CANCELLED, closed=True)
    await steps.write(stocked, gone)
    assert await reservations(stocked) == {}


async def test_what_an_amendment_adds_is_replenished_until_better_is_found(stocked: Database) -> None:
    start = await promise(stocked, "1", 10)
    await begin(stocked, start)
    added = line(2, 5, promised_on=may(9))
    changes = (LineAmendment(line=1, quantity=12), LineAmendment(line=2, quantity=5, item=ITEM))
    message = await amendment(stocked, start, *changes)
    await steps.write(stocked, step(start, 1, {}, line(1, 12), added, amended_by=(message,)))
    assert await reservations(stocked) == {"1 1 LYS": 10, "1 1 LYS lead": 2, "1 2 LYS lead": 5}


async def test_packs_that_a_corrected_report_gives_back_are_wanted_again(stocked: Database) -> None:
    start = await promise(stocked, "1", 30)
    await begin(stocked, start)
    left = {f"on_hand:{SITE}": {ITEM: -30}, "transit:S": {ITEM: 30}}
    await steps.write(stocked, step(start, 1, left, line(1, 30, allocated=30, picked=30, packed=30, shipped=30)))
    assert await reservations(stocked) == {}
    report = ReportMilestone(
        milestone=MilestoneKind.SHIPPED, order_status=OrderStatus.SHIPPED, occurred_at=NOW, correction=True
    )
    again = OrderEffect(key="k", order=start.key, accepted_at=NOW, payload=report)
    back = {f"on_hand:{SITE}": {ITEM: 5}, "transit:S": {ITEM: -5}}
    fewer = line(1, 30, allocated=25, picked=25, packed=25, shipped=25)
    await steps.write(stocked, step(start, 2, back, fewer, effects=(again,)))
    assert sum((await reservations(stocked)).values()) == 5


async def test_a_substitute_is_reserved_instead(stocked: Database) -> None:
    await put_stock(stocked, "b", 5, item="B")
    start = await promise(stocked, "1", 10)
    await begin(stocked, start)
    await steps.write(stocked, step(start, 1, {}, line(1, 10, item="B"), items={1: "B"}))
    assert await reservations(stocked) == {"1 1 LYS lead": 10}


async def test_packs_that_could_not_be_picked_are_no_use_of_stock(stocked: Database) -> None:
    start = await promise(stocked, "1", 40)
    await begin(stocked, start)
    await steps.write(stocked, step(start, 1, SHORT_10, line(1, 40)))
    assert await reservations(stocked) == {"1 1 LYS": 40}
    assert await oversold(stocked) == 1, "until it is promised anew"


async def test_what_another_site_sends_instead_is_reserved_there(stocked: Database) -> None:
    start = await promise(stocked, "1", 40)
    await begin(stocked, start)
    told = OrderEffect(
        key="k",
        order=start.key,
        accepted_at=NOW + timedelta(hours=1),
        payload=ReportChange(change=ChangeKind.RE_SOURCED, site="HAM", lines=(ShippedLine(line=1, quantity=10),)),
    )
    for _ in range(2):
        await steps.write(stocked, step(start, 1, SHORT_10, line(1, 40), effects=(told,), sites=("HAM",)))
        assert await reservations(stocked) == {"1 1 HAM lead": 10, "1 1 LYS": 30}
    assert await oversold(stocked) == 0


def again(start: OrderStart, version: int, packs: int, **fields: Any) -> WorkflowStep[StepRecord]:
    """A step decided on version 1 that has so many packs allocated by then."""
    moves = {f"on_hand:{SITE}": {ITEM: -packs}, f"allocated:{SITE}": {ITEM: packs}} if packs else {}
    return step(start, version, moves, line(1, 50, allocated=packs), base=1, **fields)


@pytest.mark.parametrize("packs", [0, 20, 30, 45, 50])
@pytest.mark.parametrize("version", [2, 3, 4])
async def test_what_is_decided_again_holds_what_the_order_still_wants(
    stocked: Database, packs: int, version: int
) -> None:
    start = await promise(stocked, "1", 50)
    await begin(stocked, start)
    await steps.write(stocked, step(start, 1, {}, line(1, 50), base=0))
    await steps.write(stocked, again(start, 3, 30))
    for _ in range(2):
        await steps.write(stocked, again(start, version, packs))
        assert sum((await reservations(stocked)).values()) == 50 - packs
        assert await oversold(stocked) == 0
    rest = {f"on_hand:{SITE}": {ITEM: packs - 50}, f"allocated:{SITE}": {ITEM: 50 - packs}}
    await steps.write(stocked, step(start, 5, rest if packs < 50 else {}, line(1, 50, allocated=50), base=version))
    assert await reservations(stocked) == {}


async def test_an_end_that_was_lost_gives_nothing_away(stocked: Database) -> None:
    start = await promise(stocked, "1", 50)
    await begin(stocked, start)
    await steps.write(stocked, step(start, 1, {}, line(1, 50), base=0))
    lost = step(start, 3, {}, line(1, 50, cancelled=50), base=1, status=OrderStatus.CANCELLED, closed=True)
    await steps.write(stocked, lost)
    assert await reservations(stocked) == {}
    await steps.write(stocked, again(start, 2, 20))
    assert await reservations(stocked) == {"1 1 LYS lead": 30}


async def test_a_day_is_shown_with_what_it_rests_on(stocked: Database) -> None:
    start = await promise(stocked, "1", 10)
    await begin(stocked, start)
    again: dict[str, Any] = {"promised_on": may(20), "reason": "line 1 promised 20 May: 10 from PO 1 due 16 May"}
    for _ in range(2):
        await steps.write(stocked, written.step(written.but(step(start, 1, {}, line(1, 10)).record, **again)))
    async with stocked.connection() as connection:
        [order] = await orders.find(connection, "1", None)
        made = (await orders.details(connection, start.key))["promises"]
    assert (order["promised_on"], order["promise_reason"]) == (may(20), again["reason"])
    assert [it["reason"] for it in made] == [start.promise.reason, again["reason"]]
