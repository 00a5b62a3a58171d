"""Availability, and the question what would be promised; promises handed over by several processes at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from dispatch.handoff import TemporalHandoff
from store.engine import Database
from store.orders import steps
from tests.dispatch.standins import standing_in
from tests.gateway.harness import Gateway, gateway_on
from tests.promising.stocked import (
    ITEM,
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

QUESTION: dict[str, Any] = {
    "site": "LYS",
    "requested_on": "2026-05-01",
    "lines": [{"line": 1, "item": ITEM, "quantity": 100}],
}


@pytest_asyncio.fixture
async def gateway(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway, and forty packs on hand."""
    async with gateway_on(database_url) as started:
        await put_stock(started.database, "s", 40)
        yield started


async def test_availability_is_shown_day_by_day(gateway: Gateway) -> None:
    answer = await gateway.get(f"/v1/availability?item={ITEM}&horizon_days=3", "planner")
    [there] = answer.json()["availability"]
    assert (there["site"], there["managed"], len(there["days"])) == ("LYS", True, 3)
    assert there["days"][0] == {
        "day": datetime.now(UTC).date().isoformat(),
        **dict.fromkeys(("supply", "in_transit", "reserved", "demand", "forecast"), 0),
        **dict.fromkeys(("on_hand", "projected", "balance"), 40),
    }
    other = await gateway.get("/v1/availability?item=B&site=LYS", "erp-one")
    assert [it["managed"] for it in other.json()["availability"]] == [False]
    wrong = await gateway.get("/v1/availability?item=B&horizon_days=400", "erp-one")
    assert wrong.status_code == 422


async def test_reservations_are_taken_off(gateway: Gateway) -> None:
    await promise(gateway.database, "1", 30)
    answer = await gateway.get(f"/v1/availability?item={ITEM}&site=LYS&horizon_days=1", "planner")
    [day] = answer.json()["availability"][0]["days"]
    assert (day["on_hand"], day["reserved"], day["projected"]) == (40, 30, 10)


async def shown(gateway: Gateway, days: int, site: str = "LYS") -> dict[str, Any]:
    """The projection of the item."""
    answer = await gateway.get(f"/v1/availability?item={ITEM}&site={site}&horizon_days={days}", "planner")
    found: dict[str, Any] = answer.json()["availability"][0]
    return found


async def test_a_supply_that_slips_counts_on_its_new_day_and_says_what_is_under_way(gateway: Gateway) -> None:
    today = datetime.now(UTC).date()
    ordered = incoming("7781", 60, 1).model_copy(update={"day": today + timedelta(days=1)})
    for day, shipment in ((1, ""), (3, "ASN-1"), (2, "ASN-1")):
        await expect(
            gateway.database,
            ordered.model_copy(update={"day": today + timedelta(days=day), "shipment": shipment}),
        )
        there = (await shown(gateway, 5))["days"]
        assert [it["projected"] for it in there] == [40] * day + [100] * (5 - day)
        assert [it["in_transit"] for it in there] == [60 if shipment and n == day else 0 for n in range(5)]


async def test_the_first_day_of_shortage_is_named(gateway: Gateway) -> None:
    assert "short_on" not in await shown(gateway, 30)
    start = await promise(gateway.database, "1", 70, wanted=8)
    assert start.promise.promised_on > may(8)
    there = await shown(gateway, 30)
    short = [it["day"] for it in there["days"] if it["projected"] < 0]
    assert there["short_on"] == short[0], "thirty packs rest on a replenishment that nobody has ordered"


async def test_orders_use_up_the_forecast_of_the_day_on_which_they_leave(gateway: Gateway) -> None:
    today = datetime.now(UTC).date()
    rows = [{"item": ITEM, "site": "LYS", "period": f"{today + timedelta(days=n)}", "packs": 15} for n in range(4)]
    batch = {"version": "v1", "made_at": f"{today}T00:00:00Z", "bucket": "day", "rows": rows}
    assert (await gateway.post("/v1/forecasts", "planner", batch)).status_code == 201
    there = await shown(gateway, 4)
    assert [it["balance"] for it in there["days"]] == [25, 10, -5, -20]
    assert (there["runs_out_on"], there.get("short_on")) == (f"{today + timedelta(days=2)}", None)
    newer = {**batch, "version": "v2", "made_at": f"{today}T00:00:01Z", "rows": [{**rows[3], "packs": 5}]}
    assert (await gateway.post("/v1/forecasts", "planner", newer)).status_code == 201
    await begin(gateway.database, await promise(gateway.database, "1", 12, wanted=8))
    there = await shown(gateway, 4)
    assert [it["forecast"] for it in there["days"]] == [3, 15, 15, 5], "it should have left before: it leaves today"
    assert [it["projected"] for it in there["days"]] == [28] * 4
    assert [it["balance"] for it in there["days"]] == [25, 10, -5, -10], "what is ordered is not expected besides"


async def test_packs_that_have_left_have_used_their_forecast_up(gateway: Gateway) -> None:
    today = datetime.now(UTC).date()
    rows = [{"item": ITEM, "site": "LYS", "period": f"{today}", "packs": 15}]
    batch = {"version": "v1", "made_at": f"{today}T00:00:00Z", "bucket": "day", "rows": rows}
    await gateway.post("/v1/forecasts", "planner", batch)
    start = await promise(gateway.database, "1", 12, wanted=8)
    gone = {"shipped": 12, "allocated": 12, "picked": 12, "packed": 12}
    moves = {"on_hand:LYS": {ITEM: -12}, "transit:DN-1": {ITEM: 12}}
    await begin(gateway.database, start)
    await steps.write(gateway.database, step(start, 1, moves, line(1, 12, **gone)))
    [day] = (await shown(gateway, 1))["days"]
    assert (day["on_hand"], day["forecast"], day["balance"]) == (28, 3, 25)


async def test_all_sites_are_also_shown_together(gateway: Gateway) -> None:
    alone = (await gateway.get(f"/v1/availability?item={ITEM}&horizon_days=2", "planner")).json()
    assert "together" not in alone
    await put_stock(gateway.database, "m", 2, site="MAD")
    found = (await gateway.get(f"/v1/availability?item={ITEM}&horizon_days=2", "planner")).json()
    assert [it["site"] for it in found["availability"]] == ["LYS", "MAD"]
    assert [it["projected"] for it in found["together"]["days"]] == [42, 42]


async def test_a_question_is_answered_and_reserves_nothing(gateway: Gateway) -> None:
    answers = [await gateway.post("/v1/promises", "erp-one", QUESTION) for _ in range(2)]
    today = datetime.now(UTC).date()
    for answer in answers:
        body = answer.json()
        assert answer.status_code == 200
        assert body["promise"]["promised_on"] == f"{today + timedelta(days=11)}"
        assert [(it["supply"], it["packs"]) for it in body["parts"]] == [("", 40), ("lead", 60)]
        assert body["promise"]["reason"].endswith(body["parts"][1]["words"])
    assert await reservations(gateway.database) == {}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lines": []}, "lines"),
        ({"lines": QUESTION["lines"] * 2}, "lines"),
        ({"site": "nowhere at all"}, "site"),
        ({"reserve": True}, "reserve"),
    ],
)
async def test_a_question_that_breaks_a_rule_is_refused(gateway: Gateway, change: dict[str, Any], field: str) -> None:
    answer = await gateway.post("/v1/promises", "planner", QUESTION | change)
    assert answer.status_code == 422
    assert [it["field"] for it in answer.json()["findings"]] == [field]


async def test_gateway_and_relay_hand_over_the_same_promises_at_once(
    database_url: str, temporal_client: Client
) -> None:
    """Several processes release the same orders, whose packs are not enough for all of them."""
    async with Database(database_url, 12) as database, standing_in(temporal_client):
        await put_stock(database, "s", 50)
        handoffs = [TemporalHandoff(temporal_client, database) for _ in range(3)]
        keys = [(await accept(database, release(f"P{n}", 10))).key for n in range(8)]
        given = await asyncio.gather(*(it.release(key, 20.0) for key in keys for it in handoffs))
        promises = [set(given[n : n + len(handoffs)]) for n in range(0, len(given), len(handoffs))]
        assert all(len(it) == 1 and None not in it for it in promises)
        held = await reservations(database)
        assert sorted(held.values()) == [10] * 8
        assert sum(packs for name, packs in held.items() if name.endswith("LYS")) == 50
        assert await oversold(database) == 0
