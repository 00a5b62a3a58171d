"""Forecasts over HTTP: whole versions, only what changed goes on, and what they turned out to be worth."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from schemas.cases.policies import PolicyRule, Scope
from schemas.inventory.stock import StockMove
from schemas.planning.forecast import MAX_ROWS
from store.cases import policies
from store.inventory import ledger
from store.orders import orders, steps
from tests import written
from tests.gateway.harness import Gateway, gateway_on
from tests.store.rows import FIRST, LINE, RELEASE, open_order

MONDAY = date(2026, 3, 2)


@pytest.fixture
async def owned(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway whose sites' stock is the first ERP's, but for one that is the other's."""
    async with gateway_on(database_url, stock_erp={"*": "erp-one", "MAD": "erp-two"}) as gateway:
        yield gateway


def batch(version: str, day: int, *packs: int, site: str = "LYS", **more: Any) -> dict[str, Any]:
    """A weekly forecast of item A, made on a day of February; one figure for each week from the first Monday."""
    rows = [
        {"item": "A", "site": site, "period": (MONDAY + timedelta(weeks=n)).isoformat(), "packs": quantity}
        for n, quantity in enumerate(packs)
    ]
    return {"version": version, "made_at": f"2026-02-{day:02}T12:00:00Z", "bucket": "week", "rows": rows} | more


async def send(gateway: Gateway, body: dict[str, Any]) -> tuple[int, int, int]:
    """Send; how many rows changed something, said what was known, and came too late."""
    answer = await gateway.post("/v1/forecasts", "planner", body)
    assert answer.status_code == 201, answer.text
    return answer.json()["changed"], answer.json()["unchanged"], answer.json()["superseded"]


async def owed(gateway: Gateway) -> list[tuple[str, str, int]]:
    """What ERPs must be told: (erp, period, packs)."""
    rows = await gateway.rows("SELECT erp, body FROM erp_feed WHERE kind = 'forecast' ORDER BY id")
    return [(row["erp"], row["body"]["period"], row["body"]["packs"]) for row in rows]


async def test_only_what_changes_something_is_passed_on(owned: Gateway) -> None:
    assert await send(owned, batch("v1", 1, 100, 50)) == (2, 0, 0)
    assert await send(owned, batch("v1", 1, 100, 50)) == (0, 2, 0)
    assert await send(owned, batch("v2", 2, 100, 70)) == (1, 1, 0)
    assert await send(owned, batch("m1", 1, 9, site="MAD")) == (1, 0, 0)
    assert await owed(owned) == [
        ("erp-one", "2026-03-02", 100),
        ("erp-one", "2026-03-09", 50),
        ("erp-one", "2026-03-09", 70),
        ("erp-two", "2026-03-02", 9),
    ]
    assert {row["state"] for row in await owned.inbox()} == {"applied"}


async def test_an_older_version_that_comes_late_changes_nothing(owned: Gateway) -> None:
    await send(owned, batch("v3", 3, 30))
    assert await send(owned, batch("v2", 2, 20)) == (0, 0, 1)
    assert await owed(owned) == [("erp-one", "2026-03-02", 30)]
    [_, late] = await owned.inbox()
    assert (late["state"], late["reason"]) == ("superseded", "a later version is known of 1 rows")


async def test_in_whichever_order_versions_come_the_last_word_is_the_newest(owned: Gateway) -> None:
    for number, order in enumerate(permutations([("a", 1, 10), ("b", 2, 20), ("c", 3, 10)])):
        for name, day, packs in (*order, order[0]):
            body = batch(f"{number}{name}", day, packs)
            body["rows"][0]["item"] = f"I{number}"
            await send(owned, body)
        told = await owned.rows(f"SELECT body FROM erp_feed WHERE body->>'item' = 'I{number}' ORDER BY id DESC LIMIT 1")
        assert told[0]["body"]["packs"] == 10, order


async def test_no_erp_is_told_of_a_site_that_none_owns(gateway: Gateway) -> None:
    assert await send(gateway, batch("v1", 1, 100)) == (1, 0, 0)
    assert await owed(gateway) == []


async def test_a_version_is_what_it_is(owned: Gateway) -> None:
    await send(owned, batch("v1", 1, 100, 50))
    other = batch("v1", 1, 100, 51)
    assert await findings(owned, other) == [("rows[1].packs", "was said otherwise in this version: make a new version")]
    assert await findings(owned, batch("v1", 2, 100)) == [("made_at", "must be the same in every batch of a version")]
    assert len(await owned.inbox()) == 1, "nothing of what is refused is kept"
    assert await send(owned, batch("v1", 1, 7, site="NCE")) == (1, 0, 0), "a version may come in several batches"


async def findings(gateway: Gateway, body: dict[str, Any]) -> list[tuple[str, str]]:
    """What a batch is refused for."""
    answer = await gateway.post("/v1/forecasts", "planner", body)
    assert answer.status_code == 422, answer.text
    return [(it["field"], it["rule"]) for it in answer.json()["findings"]]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rows": []}, "rows"),
        ({"rows": [{"item": "A", "site": "LYS", "period": "2026-03-03", "packs": 1}]}, "rows"),
        ({"rows": [{"item": "A", "site": "LYS", "period": "2026-03-02", "packs": -1}]}, "rows[0].packs"),
        ({"rows": [{"item": "A", "site": "LYS", "period": "2026-03-02", "packs": 1.5}]}, "rows[0].packs"),
        ({"rows": [{"item": "A", "site": "LYS", "period": "2026-03-02", "packs": 1}] * 2}, "rows"),
        ({"bucket": "year"}, "bucket"),
        ({"version": "v 1"}, "version"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_field(gateway: Gateway, change: dict[str, Any], field: str) -> None:
    assert field in [name for name, _ in await findings(gateway, batch("v1", 1, 5) | change)]


async def test_ten_thousand_rows_at_once(owned: Gateway) -> None:
    rows = [{"item": f"I{n}", "site": "LYS", "period": "2026-03-02", "packs": n} for n in range(MAX_ROWS)]
    assert await send(owned, batch("v1", 1, rows=rows)) == (MAX_ROWS, 0, 0)
    assert await send(owned, batch("v2", 2, rows=rows)) == (0, MAX_ROWS, 0)
    assert len(await owed(owned)) == MAX_ROWS


async def test_who_may_send_and_read(gateway: Gateway) -> None:
    for caller in ("wms-dc1", "erp-one", "acme", "helpdesk"):
        assert (await gateway.post("/v1/forecasts", caller, batch("v1", 1, 5))).status_code == 403
    path = "/v1/forecasts/accuracy?item=A&site=LYS&from=2026-03-02&to=2026-03-30"
    for caller, status in (("planner", 200), ("helpdesk", 200), ("wms-dc1", 403), ("dhl", 403), ("acme", 403)):
        assert (await gateway.get(path, caller)).status_code == status
    backwards = await gateway.get("/v1/forecasts/accuracy?item=A&site=LYS&from=2026-03-02&to=2026-03-02", "planner")
    assert (backwards.status_code, backwards.json()["findings"][0]["field"]) == (422, "to")


async def test_accuracy_is_that_of_the_last_version_before_the_period(owned: Gateway) -> None:
    await send(owned, batch("v1", 1, 100, 100))
    await send(owned, batch("v2", 20, 90, 80))
    knowing = batch("v3", 1, 55, 55)
    await send(owned, {**knowing, "made_at": "2026-03-05T12:00:00Z"})
    for key, day, source, moves in (
        ("1", date(2026, 2, 25), "order", {"on_hand:LYS": -60, "transit:S-0": 60}),
        ("2", date(2026, 3, 3), "order", {"on_hand:LYS": -110, "allocated:LYS": 110}),
        ("3", date(2026, 3, 4), "order", {"allocated:LYS": -110, "transit:S-1": 110}),
        ("4", date(2026, 3, 5), "order", {"on_hand:LYS": -5, "adjustment:LYS": 5}),
        ("5", date(2026, 3, 6), "return", {"customer:": -20, "on_hand:LYS": 20}),
        ("6", date(2026, 3, 10), "order", {"on_hand:LYS": -50, "transit:S-2": 50}),
    ):
        at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        booked = {name: {"A": packs} for name, packs in moves.items()}
        async with owned.database.transaction() as connection:
            move = StockMove(key=key, kind="step", source=source, ref="x", occurred_at=at, moves=booked)
            assert await ledger.book(connection, [move])
    path = "/v1/forecasts/accuracy?item=A&site=LYS&from=2026-03-02&to=2026-03-16&actual=shipped"
    found = (await owned.get(path, "planner")).json()
    assert [(p["forecast"], p["actual"], p["naive"]) for p in found["periods"]] == [(90, 110, 60), (55, 50, 110)]
    assert found["wmape"] == pytest.approx(25 / 160)
    assert found["bias"] == pytest.approx(-15 / 160)
    assert found["value_added"] == pytest.approx((110 - 25) / 160)
    unknown = (await owned.get(path.replace("item=A", "item=B"), "planner")).json()
    assert unknown["periods"] == []
    assert "wmape" not in unknown
    at_lag = (await owned.get(f"{path}&lag_days=14", "planner")).json()
    assert [p["forecast"] for p in at_lag["periods"]] == [100, 80], "v2 was made ten days before the first week"


async def test_accuracy_goes_by_the_days_of_the_site(owned: Gateway) -> None:
    async with owned.database.transaction() as connection:
        rule = PolicyRule(id="lys", about="days", scope=Scope(site="LYS"), body={"time_zone": "Pacific/Kiritimati"})
        await policies.put(connection, rule)
    await send(owned, {**batch("v1", 1, 100, 100), "made_at": "2026-03-01T09:59:59Z"})
    await send(owned, {**batch("v2", 1, 70, 90), "made_at": "2026-03-01T10:00:00Z"})  # Monday has begun there
    for key, at in (("1", "2026-03-08T09:59:00"), ("2", "2026-03-08T10:01:00"), ("3", "2026-03-15T09:59:00")):
        moves = {"on_hand:LYS": {"A": -int(key)}, "transit:S": {"A": int(key)}}
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
        async with owned.database.transaction() as connection:
            move = StockMove(key=key, kind="step", source="order", ref="x", occurred_at=moment, moves=moves)
            assert await ledger.book(connection, [move])
    path = "/v1/forecasts/accuracy?item=A&site=LYS&from=2026-03-02&to=2026-03-16&actual=shipped"
    found = (await owned.get(path, "planner")).json()["periods"]
    assert [(p["forecast"], p["actual"]) for p in found] == [(100, 1), (90, 5)]


async def test_a_forecast_is_compared_with_what_customers_wanted_or_sold(owned: Gateway) -> None:
    await send(owned, batch("v1", 1, 100, 50))
    inbox_id = await open_order(owned.database)
    for number, packs, cancelled, day in (("SO-2", 90, 10, 3), ("SO-3", 30, 0, 10), ("SO-4", 8, 0, -1)):
        asked = MONDAY + timedelta(days=day)
        async with owned.database.transaction() as connection:
            released = datetime(2026, 2, 1, tzinfo=UTC)
            release = RELEASE.model_copy(update={"number": number, "requested_on": asked, "released_at": released})
            await orders.open_order(connection, "erp-one", release, number, inbox_id, ["erp-one"])
        lines = (LINE.model_copy(update={"ordered": packs, "cancelled": cancelled}),)
        await steps.write(owned.database, written.step(written.but(FIRST, order=f"erp-one/{number}", lines=lines)))
    sales = [
        {"kind": kind, "customer": customer, "item": "A", "site": "LYS", "day": f"2026-03-{day:02}", "packs": packs}
        for kind, customer, day, packs in (
            ("sell_out", "C-1", 4, 60),
            ("sell_out", "C-2", 5, 15),
            ("sell_out", "C-1", 12, 20),
            ("customer_stock", "C-1", 12, 500),
        )
    ]
    assert (await owned.post("/v1/demand-signals", "erp-one", {"id": "b", "rows": sales})).status_code == 201
    path = "/v1/forecasts/accuracy?item=A&site=LYS&from=2026-03-02&to=2026-03-16"
    wanted, sold = [(await owned.get(f"{path}{more}", "planner")).json() for more in ("", "&actual=sell_out")]
    assert [(p["forecast"], p["actual"], p["naive"]) for p in wanted["periods"]] == [(100, 80, 8), (50, 30, 80)]
    assert (wanted["actual"], wanted["naive"], wanted["lag_days"]) == ("ordered", "last", 0)
    assert [p["actual"] for p in sold["periods"]] == [75, 20]
