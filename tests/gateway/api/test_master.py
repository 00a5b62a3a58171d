"""The door and master data: nobody waits for an owner, what waits is named, and everybody reads what they may."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dispatch.inventory.intake import Intake
from schemas.partners.master_data import MasterKind, MasterName
from store.messaging import quarantine
from tests.gateway.harness import Gateway, gateway_on
from tests.gateway.messages import release
from tests.owner import OFFERING, Owner

NAMES = [
    MasterName("erp-one", kind, id)
    for kind, id in (
        (MasterKind.ITEM, "ITEM-1"),
        (MasterKind.SITE, "DC1"),
        (MasterKind.CUSTOMER, "clinic"),
        (MasterKind.CARRIER, "dhl"),
    )
]
CHANGE = {"id": "c-1", "kind": "item", "ids": ["ITEM-1"]}
READ = "/v1/master/item/ITEM-1"


@pytest.fixture
async def offering(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway, one of whose two ERPs offers master data and owns the stock."""
    async with gateway_on(database_url, erp=OFFERING, stock_erp={"*": "erp-one"}, release_wait_s=1.0) as gateway:
        yield gateway


@asynccontextmanager
async def worker(gateway: Gateway, owner: Owner) -> AsyncIterator[None]:
    """A worker that asks for what is wanted, as its relay does."""
    intake = Intake(gateway.database, registry=owner.behind(gateway.database))

    async def sweep() -> None:
        while True:
            await intake.look_up_wanted()
            await asyncio.sleep(0.02)

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()


async def test_a_release_of_which_all_is_known_is_promised_in_the_answer(offering: Gateway) -> None:
    await Owner().behind(offering.database).check(NAMES)
    answer = await offering.post("/v1/orders", "erp-one", release())
    assert (answer.status_code, offering.handoff.released) == (201, ["erp-one/PO-1"])


async def test_a_release_of_which_something_is_not_known_is_left_to_the_relay_at_once(offering: Gateway) -> None:
    await Owner().behind(offering.database).check(NAMES[1:])
    for _ in range(2):
        answer = await offering.post("/v1/orders", "erp-one", release())
        assert (answer.status_code, answer.json()["status"]) == (202, "released")
    assert offering.handoff.released == []
    [message] = await offering.inbox()
    assert message["not_before"] <= message["received_at"]


async def test_an_amendment_that_brings_an_item_which_is_not_known_is_left_to_the_relay_at_once(
    offering: Gateway,
) -> None:
    await Owner().behind(offering.database).check(NAMES)
    await offering.post("/v1/orders", "erp-one", release())
    wish = {"id": "chg-1", "reason": "more", "lines": [{"line": 9, "item": "ITEM-9", "quantity": 1}]}
    answer = await offering.post("/v1/orders/PO-1/amend", "erp-one", wish)
    assert (answer.status_code, offering.handoff.commands) == (202, [])
    [message] = [it for it in await offering.inbox() if it["kind"] == "order.amend"]
    assert (message["state"], message["not_before"] <= message["received_at"]) == ("received", True)
    await Owner().behind(offering.database).check([MasterName("erp-one", MasterKind.ITEM, "ITEM-9")])
    answer = await offering.post("/v1/orders/PO-1/amend", "erp-one", {**wish, "id": "chg-2"})
    assert (answer.status_code, [it.verb for it in offering.handoff.commands]) == (202, [])


async def test_what_expired_or_is_unknown_is_not_promised_in_the_answer(offering: Gateway) -> None:
    await Owner(unknown={"ITEM-1"}).behind(offering.database).check(NAMES)
    assert (await offering.post("/v1/orders", "erp-one", release())).status_code == 202
    await Owner().behind(offering.database).check(NAMES)
    await offering.rows("UPDATE master_record SET known = true, expires_at = now() RETURNING 1")
    assert (await offering.post("/v1/orders", "erp-one", release("PO-2"))).status_code == 202


async def test_nobody_is_asked_for_an_erp_that_offers_nothing(offering: Gateway) -> None:
    assert (await offering.post("/v1/orders", "erp-two", release())).status_code == 201
    assert await offering.rows("SELECT * FROM master_record") == []


def report(name: str, item: str) -> dict[str, Any]:
    """A receipt."""
    at = "2026-05-04T12:00:00Z"
    return {"id": name, "kind": "receipt", "site": "DC1", "item": item, "quantity": 5, "occurred_at": at}


async def test_reports_that_wait_are_named_and_the_others_are_booked(offering: Gateway) -> None:
    await Owner().behind(offering.database).check(NAMES)
    body = {"reports": [report("1", "ITEM-1"), report("2", "ITEM-2")]}
    answer = await offering.post("/v1/inventory", "wms-dc1", body)
    assert answer.status_code == 202
    assert (answer.json()["waiting"], [it["id"] for it in answer.json()["outcomes"]]) == (["2"], ["1"])
    [message] = await offering.inbox()
    assert message["state"] == "received"
    assert [row["item"] for row in await offering.rows("SELECT DISTINCT item FROM stock_balance")] == ["ITEM-1"]


async def test_rows_of_a_forecast_that_wait_are_counted(offering: Gateway) -> None:
    await Owner().behind(offering.database).check(NAMES)
    rows = [{"item": f"ITEM-{n}", "site": "DC1", "period": "2026-06-01", "packs": 7} for n in (1, 2)]
    body = {"version": "v1", "made_at": "2026-05-01T12:00:00Z", "bucket": "week", "rows": rows}
    answer = await offering.post("/v1/forecasts", "planner", body)
    assert (answer.status_code, answer.json()["changed"], answer.json()["waiting"]) == (202, 1, 1)


async def test_an_announcement_empties_what_is_kept_and_replays_what_waits(offering: Gateway) -> None:
    await Owner(unknown={"ITEM-1"}).behind(offering.database).check(NAMES)
    await offering.post("/v1/orders", "erp-one", release())
    [message] = await offering.inbox()
    async with offering.database.transaction() as connection:
        await quarantine.put(connection, message["id"], "r", "partner_message", NAMES[0].waiting_for)  # type: ignore[arg-type]
    answer = await offering.post("/v1/master-data", "erp-one", CHANGE)
    assert (answer.status_code, answer.json()) == (201, {"replayed": 1})
    kept = await offering.rows("SELECT kind, known FROM master_record WHERE fetched_at IS NOT NULL ORDER BY 1")
    assert [row["kind"] for row in kept] == ["carrier", "customer", "site"]
    assert [(row["kind"], row["state"]) for row in await offering.inbox()] == [
        ("order.release", "received"),
        ("master.change", "applied"),
    ]


async def test_an_erp_announces_and_reads_its_own(offering: Gateway) -> None:
    await Owner().behind(offering.database).check(NAMES)
    assert (await offering.post("/v1/master-data", "erp-two", CHANGE)).json() == {"replayed": 0}
    assert (await offering.get(READ, "erp-one")).status_code == 200, "another's announcement changed nothing"
    for caller in ("wms-dc1", "dhl", "acme", "planner", "helpdesk", "tms"):
        assert (await offering.post("/v1/master-data", caller, CHANGE)).status_code == 403, caller
    for caller in ("wms-dc1", "dhl", "acme", "tms"):
        assert (await offering.get(READ, caller)).status_code == 403, caller
    assert (await offering.get(f"{READ}?erp=erp-one", "erp-two")).status_code == 403
    assert (await offering.client.get(READ)).status_code == 401
    assert (await offering.client.post("/v1/master-data", json=CHANGE)).status_code == 401


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"kind": "planet"}, "kind"), ({"ids": []}, "ids"), ({"ids": ["A"] * 501}, "ids"), ({"more": 1}, "more")],
)
async def test_a_bad_announcement_is_refused_by_field(offering: Gateway, changes: dict[str, Any], field: str) -> None:
    answer = await offering.post("/v1/master-data", "erp-one", {**CHANGE, **changes})
    assert (answer.status_code, answer.json()["findings"][0]["field"]) == (422, field)


@pytest.mark.parametrize("caller", ["planner", "helpdesk", "root", "erp-one"])
async def test_who_may_reads_the_record_its_owner_and_its_age(offering: Gateway, caller: str) -> None:
    async with worker(offering, Owner()):
        answer = await offering.get(READ, caller)
    said = answer.json()
    assert answer.status_code == 200, answer.text
    assert (said["owner"], said["freshness"], said["record"]["id"]) == ("erp-one", "fresh", "ITEM-1")
    assert said["fetched_at"] < said["expires_at"]


async def test_what_is_stale_is_said_to_be_so(offering: Gateway) -> None:
    await Owner().behind(offering.database).check(NAMES)
    await offering.rows("UPDATE master_record SET expires_at = now() RETURNING 1")
    async with worker(offering, Owner(down=True)):
        answer = await offering.get(READ, "helpdesk")
        assert (answer.status_code, answer.json()["freshness"]) == (200, "stale")
        await offering.rows("UPDATE master_record SET fetched_at = now() - interval '2 days' RETURNING 1")
        answer = await offering.get(READ, "helpdesk")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_what_is_unknown_or_offered_by_nobody_is_not_there(offering: Gateway) -> None:
    async with worker(offering, Owner(unknown={"ITEM-1"})):
        unknown = await offering.get(READ, "helpdesk")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "erp-one knows no such item.")
    nobody = await offering.get(f"{READ}?erp=erp-two", "helpdesk")
    assert (nobody.status_code, nobody.json()["detail"]) == (404, "erp-two offers no master data.")
    assert (await offering.get("/v1/master/planet/X", "helpdesk")).status_code == 422


async def test_without_an_owner_of_stock_the_erp_must_be_named(gateway: Gateway) -> None:
    answer = await gateway.get(READ, "helpdesk")
    assert (answer.status_code, answer.json()["findings"][0]["field"]) == (422, "erp")


async def test_what_has_expired_is_not_shown_while_nobody_has_asked_again(offering: Gateway) -> None:
    await Owner().behind(offering.database).check(NAMES)
    await offering.rows("UPDATE master_record SET expires_at = now() RETURNING 1")
    assert (await offering.get(READ, "helpdesk")).status_code == 503
