"""What changes the course of an order under way: holds, amendments, other sites, new tenders, interceptions."""

import asyncio
from typing import Any

import httpx
import pytest

from schemas.base import System
from schemas.messaging.webhooks import webhook_secret
from schemas.orders.milestones import Milestone, MilestoneKind
from schemas.orders.release import CancelRequest
from simulators.driver import Driver, Targets
from simulators.systems.answers import CallAnswers
from tests.simulators.network import (
    MASTER_SECRET,
    TOKEN,
    Gateway,
    Systems,
    instruction,
    milestone,
    plan,
    systems,
    tender,
    until,
)

WMS, TMS, ERP = "/wms/RDC-AFR/v1/instructions/PO-1", "/tms/v1/tenders/PO-1", "/erp/erp-main/v1/orders/PO-1"
BECAUSE = {"order": "PO-1", "reason": "because"}
AT_SITE = {"order": "PO-1", "site": "RDC-AFR", "revision": 1}
GOODS = ["picked", "packed", "shipped"]
CARRIAGE = ["in_transit", "out_for_delivery", "delivered"]


async def told(sims: Systems, events: int) -> None:
    """Wait until so many events were told."""

    async def so_many() -> bool:
        return (await sims.outbox())["accepted"] >= events

    await until(so_many)


async def stays_silent(sims: Systems, events: int) -> None:
    """For many paces, nothing is told beyond so many events."""
    for _ in range(10):
        assert (await sims.outbox())["sent"] == events
        await asyncio.sleep(0.005)


async def answers(sims: Systems, system: str, **given: object) -> httpx.Response:
    """Switch answers on."""
    return await sims.client.put(f"/{system}/answers/PO-1", json=given)


async def test_a_hold_stops_the_world_of_its_order_until_it_is_resumed(sims: Systems, gateway: Gateway) -> None:
    for path in (f"{WMS}/hold", f"{TMS}/hold"):
        await sims.post(path, {**BECAUSE, "on": True}, f"{path}-1")
    for order in ("PO-1", "PO-2"):
        await sims.instruct(order)
        await sims.tender(order)
    await told(sims, 6)
    await stays_silent(sims, 6)
    assert {message.event["data"]["shipment"] for message in gateway.captured} == {"PO-2-1"}
    await sims.post(f"{TMS}/hold", {**BECAUSE, "on": False}, "t2")
    await stays_silent(sims, 6)
    await sims.post(f"{WMS}/hold", {**BECAUSE, "on": False}, "w2")
    await sims.all_said(12)
    assert gateway.kinds()[6:] == GOODS + CARRIAGE


async def test_a_hold_takes_effect_under_way(sims: Systems, gateway: Gateway) -> None:
    await sims.instruct()
    await told(sims, 1)
    await sims.post(f"{TMS}/hold", {**BECAUSE, "on": True}, "t1")
    await sims.tender()
    await told(sims, 3)
    await stays_silent(sims, 3)
    assert (await sims.outbox())["pending"] == 3
    await sims.post(f"{TMS}/hold", {**BECAUSE, "on": False}, "t2")
    await sims.all_said(6)


async def test_a_hold_also_stops_what_is_about_to_happen(gateway: Gateway) -> None:
    async with systems(gateway.url, pace_s=0.3) as sims:
        await sims.instruct()
        await sims.post(f"{WMS}/hold", {**BECAUSE, "on": True}, "h1")
        await sims.instruct("PO-2")
        await told(sims, 3)
        assert {message.event["data"]["shipment"] for message in gateway.captured} == {"PO-2-1"}


async def test_what_is_amended_before_it_left_is_what_leaves(sims: Systems, gateway: Gateway) -> None:
    await sims.post(f"{WMS}/hold", {**BECAUSE, "on": True}, "h1")
    await sims.instruct()
    lines = [{"line": 1, "item": "ITEM-1", "quantity": 3}, {"line": 2, "item": "ITEM-2", "quantity": 4}]
    await sims.post(f"{WMS}/amendments", {**AT_SITE, "lines": lines}, "a1")
    await sims.post(f"{WMS}/hold", {**BECAUSE, "on": False}, "h2")
    await told(sims, 3)
    assert gateway.captured[2].event["data"]["lines"] == [{"line": 1, "quantity": 3}, {"line": 2, "quantity": 4}]
    assert (await sims.client.get(WMS)).json()["packs"] == 7


async def test_a_site_that_sends_nothing_any_more_tells_nothing_and_the_other_does(
    sims: Systems, gateway: Gateway
) -> None:
    await sims.post(f"{WMS}/hold", {**BECAUSE, "on": True}, "h1")
    await sims.instruct()
    await sims.instruct(site="RDC-EMEA")
    lines = [{"line": 1, "item": "ITEM-1", "quantity": 0}]
    await sims.post(f"{WMS}/amendments", {**AT_SITE, "lines": lines}, "a1")
    await sims.post(f"{WMS}/hold", {**BECAUSE, "on": False}, "h2")
    await sims.tender()
    status = await sims.all_said(6)
    assert (status["planned"], status["stopped"], status["pending"]) == (6, 6, 0)
    assert {message.event["data"]["shipment"] for message in gateway.captured} == {"PO-1-2"}
    assert {message.partner for message in gateway.captured[:3]} == {"wms-rdc-emea"}


async def test_a_planned_shipment_waits_for_the_site_that_sends_it(sims: Systems, gateway: Gateway) -> None:
    planned = plan(shipments=2)
    second = planned["shipments"][1]
    second["events"] = [{**x, "partner": x["partner"].replace("afr", "emea")} for x in second["events"]]
    await sims.plan(planned)
    await sims.instruct()
    await sims.tender()
    await told(sims, 5)
    await stays_silent(sims, 5)
    await sims.instruct(site="RDC-EMEA")
    await sims.all_said(10)
    assert [message.partner for message in gateway.captured[5:8]] == ["wms-rdc-emea"] * 3


async def test_a_tender_taken_back_and_offered_again_goes_on_with_the_new_carrier(
    sims: Systems, gateway: Gateway
) -> None:
    await sims.tender(carrier="carrier-first")
    await sims.post(f"{TMS}/void", {**BECAUSE, "revision": 1}, "erp-main/PO-1/void_tender/1")
    await sims.instruct()
    await told(sims, 3)
    await stays_silent(sims, 3)
    assert (await sims.outbox())["stopped"] == 3
    again = await sims.post(
        "/tms/v1/tenders", tender("PO-1", carrier="carrier-second", revision=1), "e/PO-1/tender_transport/2"
    )
    assert again.json()["carrier"] == "carrier-second"
    status = await sims.all_said(6)
    assert (status["planned"], status["stopped"]) == (6, 0)
    assert {message.partner for message in gateway.captured[3:]} == {"carrier-second"}
    assert (await sims.ledger("tms"))["duplicates"] == 0


async def test_a_pending_tender_moves_nothing_until_one_is_taken(sims: Systems, gateway: Gateway) -> None:
    assert (await answers(sims, "tms", tender=["pending"])).status_code == 200
    assert (await sims.tender()).json()["carrier"] is None
    await sims.instruct()
    await told(sims, 3)
    await stays_silent(sims, 3)
    taken = await sims.post("/tms/v1/tenders", tender("PO-1"), "e/PO-1/tender_transport/2")
    assert taken.json()["carrier"]
    await sims.all_said(6)


@pytest.mark.parametrize("planned", [True, False])
async def test_an_intercepted_shipment_returns_and_says_nothing_else(
    sims: Systems, gateway: Gateway, planned: bool
) -> None:
    if planned:
        await sims.plan(plan())
    await sims.instruct()
    await told(sims, 3)
    await sims.post(f"{TMS}/hold", {**BECAUSE, "on": True}, "h1")
    await sims.tender()
    shipment = "PO-1-S1" if planned else "PO-1-1"
    path = f"/tms/v1/shipments/{shipment}/interception"
    taken = await sims.post(path, {**BECAUSE, "shipment": shipment}, "i1")
    assert taken.status_code == 201
    # the rest of the order is cancelled with it: what is on its way back stays so
    await sims.post(f"{WMS}/cancellation", BECAUSE, "c1")
    await sims.post(f"{TMS}/hold", {**BECAUSE, "on": False}, "h2")
    status = await sims.all_said(4)
    assert (status["planned"], status["stopped"], status["pending"]) == (4, 2 if planned else 3, 0)
    last = gateway.captured[-1]
    assert (last.event["data"]["kind"], last.event["data"]["shipment"]) == ("returning", shipment)
    assert last.partner == (await sims.client.get(TMS)).json()["carrier"]


async def test_what_was_delivered_does_not_return(sims: Systems, gateway: Gateway) -> None:
    await sims.instruct()
    await sims.tender()
    await sims.all_said(6)
    await sims.post("/tms/v1/shipments/PO-1-1/interception", {**BECAUSE, "shipment": "PO-1-1"}, "i1")
    await stays_silent(sims, 6)


async def test_what_was_picked_is_put_away(sims: Systems) -> None:
    await sims.instruct()
    await told(sims, 3)
    await sims.post(f"{WMS}/cancellation", BECAUSE, "c1")
    kept = (await sims.client.get(WMS)).json()
    assert (kept["state"], kept["packs"], kept["put_away"]) == ("cancelled", 0, 5)


@pytest.mark.parametrize(
    ("system", "question", "path", "body", "code"),
    [
        ("wms", "cancel", f"{WMS}/cancellation", BECAUSE, "already_loaded"),
        (
            "tms",
            "intercept",
            "/tms/v1/shipments/S-1/interception",
            {**BECAUSE, "shipment": "S-1"},
            "cannot_intercept",
        ),
        ("erp", "milestone", f"{ERP}/milestones", milestone(), "period_closed"),
    ],
)
async def test_a_system_says_no_when_it_was_told_to(
    sims: Systems, system: str, question: str, path: str, body: dict[str, Any], code: str
) -> None:
    await answers(sims, system, **{question: "refuse"})
    for _ in range(2):
        refused = await sims.post(path, body, "k1")
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    await answers(sims, system, **{question: "refuse_once"})
    assert [(await sims.post(path, body, "k1")).status_code for _ in range(3)] == [422, 201, 200]
    assert (await sims.ledger(system))["executions"] == 1


@pytest.mark.parametrize(
    ("system", "given"),
    [
        ("erp", {"cancel": "refuse"}),
        ("wms", {"tender": ["pending"]}),
        ("tms", {"tender": ["perhaps"]}),
        ("tms", {"x": 1}),
    ],
)
async def test_answers_to_what_is_never_asked_are_refused(sims: Systems, system: str, given: dict[str, object]) -> None:
    refused = await answers(sims, system, **given)
    assert (refused.status_code, refused.json()["code"]) == (422, "answers_invalid")


async def test_a_milestone_that_was_refused_may_come_late(sims: Systems) -> None:
    await answers(sims, "erp", milestone="refuse_once")
    late = milestone(kind="shipped", status="shipped")
    assert (await sims.post(f"{ERP}/milestones", late, "k1")).status_code == 422
    await sims.post(f"{ERP}/milestones", milestone(kind="delivered", status="delivered"), "k2")
    assert (await sims.post(f"{ERP}/milestones", late, "k1")).status_code == 201
    order = (await sims.client.get(ERP)).json()
    assert (order["status"], len(order["goods_issues"])) == ("delivered", 1)


async def test_what_comes_back_is_posted_to_a_cancelled_order(sims: Systems) -> None:
    await sims.post(f"{ERP}/cancellation", BECAUSE, "k1")
    assert (
        await sims.post(f"{ERP}/milestones", milestone(kind="returning", status="shipped"), "k2")
    ).status_code == 201
    assert (await sims.client.get(ERP)).json()["status"] == "cancelled"


@pytest.mark.parametrize(
    ("system", "path", "body", "word"),
    [
        ("wms", "/wms/RDC-AFR/v1/instructions", instruction("PO-1", "RDC-AFR"), "instruct_warehouse"),
        ("wms", f"{WMS}/amendments", {**AT_SITE, "promised_on": "2026-03-10"}, "amend_warehouse"),
        ("wms", f"{WMS}/hold", {**BECAUSE, "on": True}, "hold_warehouse"),
        ("tms", "/tms/v1/tenders", tender("PO-1"), "tender_transport"),
        ("tms", f"{TMS}/amendments", {"order": "PO-1", "packs": 1}, "amend_tender"),
        ("tms", f"{TMS}/void", BECAUSE, "void_tender"),
        ("erp", f"{ERP}/changes", {"order": "PO-1", "change": "held"}, "held"),
    ],
)
async def test_done_again_for_another_reason_is_no_duplicate_and_for_none_it_is(
    sims: Systems, system: str, path: str, body: dict[str, Any], word: str
) -> None:
    for n in (1, 2):
        assert (await sims.post(path, {**body, "revision": n}, f"e/PO-1/{word}/{n}")).status_code == 201
    assert (await sims.ledger(system))["duplicates"] == 0
    await sims.post(path, body, f"another/e/PO-1/{word}/2")
    assert (await sims.ledger(system))["duplicates"] == 1


@pytest.mark.parametrize(
    ("system", "path", "body"),
    [
        ("wms", f"{WMS}/cancellation", BECAUSE),
        ("wms", "/wms/RDC-AFR/v1/returns", {"order": "PO-1", "rma": "R", "lines": []}),
        ("tms", "/tms/v1/shipments/S-1/interception", {**BECAUSE, "shipment": "S-1"}),
    ],
)
async def test_what_is_done_once_is_a_duplicate_under_any_other_key(
    sims: Systems, system: str, path: str, body: dict[str, Any]
) -> None:
    for key in ("k/1", "k/2"):
        await sims.post(path, body, key)
    assert (await sims.ledger(system))["duplicates"] == 1


async def test_the_driver_answers_speaks_commands_and_reads(sims: Systems, gateway: Gateway) -> None:
    targets = Targets(gateway.url, "key", str(sims.client.base_url), TOKEN, MASTER_SECRET)
    assert MASTER_SECRET not in repr(targets)
    async with Driver(targets) as driver:
        await driver.answers(System.TMS, "PO-1", CallAnswers(tender=("pending",)))
        await sims.tender()
        assert (await driver.read(System.TMS, "/v1/tenders/PO-1"))["state"] == "pending"
        assert await driver.read(System.TMS, "/v1/tenders/PO-9") == {}
        heard = Milestone(kind=MilestoneKind.TENDER_REJECTED, order="PO-1", occurred_at="2026-03-02T08:00:00Z")
        gateway.statuses = [503]
        assert (await driver.say("carrier-kilo", heard, "e1")).status_code == 202
        absent = await driver.command("/v1/orders/PO-1/cancel", CancelRequest(id="c1", reason="withdrawn"))
        assert absent.status_code == 404, "this gateway only captures webhooks"
    again, said = gateway.captured
    assert again.body == said.body
    assert said.partner == "carrier-kilo"
    assert (said.event["id"], said.event["data"]["kind"]) == ("e1", "tender_rejected")
    said.verify(webhook_secret(MASTER_SECRET, "carrier-kilo"))
