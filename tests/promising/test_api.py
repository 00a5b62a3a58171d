"""Availability, and the question what would be promised; promises handed over by several processes at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from gateway.handoff import TemporalHandoff
from store.engine import Database
from tests.gateway.harness import Gateway, gateway_on
from tests.promising.stocked import ITEM, accept, oversold, pegs, promise, put_stock, release
from tests.relay.standins import standing_in

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
        **dict.fromkeys(("supply", "reserved", "demand"), 0),
        **dict.fromkeys(("on_hand", "projected"), 40),
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


async def test_a_question_is_answered_and_reserves_nothing(gateway: Gateway) -> None:
    answers = [await gateway.post("/v1/promises", "erp-one", QUESTION) for _ in range(2)]
    today = datetime.now(UTC).date()
    for answer in answers:
        body = answer.json()
        assert answer.status_code == 200
        assert body["promise"]["promised_on"] == f"{today + timedelta(days=11)}"
        assert [(it["supply"], it["packs"]) for it in body["parts"]] == [("", 40), ("lead", 60)]
        assert body["promise"]["reason"].endswith(body["parts"][1]["words"])
    assert await pegs(gateway.database) == {}


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
        held = await pegs(database)
        assert sorted(held.values()) == [10] * 8
        assert sum(packs for name, packs in held.items() if name.endswith("LYS")) == 50
        assert await oversold(database) == 0
