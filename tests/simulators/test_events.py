"""Planned and improvised events: told in order, signed, repeated and reordered on demand, stopped by a cancellation."""

from collections import Counter
from random import Random

import pytest

from schemas.messaging.webhooks import webhook_secret
from schemas.orders.milestones import MilestoneKind
from simulators.world.plans import OrderPlan, PlannedShipment
from simulators.world.world import CARRIERS
from tests.simulators.network import MASTER_SECRET, Gateway, Systems, plan, systems, until

COURSE = ["picked", "packed", "shipped", "in_transit", "delivered"]


async def test_a_plan_is_told_in_order_by_its_partners(sims: Systems, gateway: Gateway) -> None:
    assert (await sims.plan(plan())).json() == {"orders": 1, "events": 5}
    await sims.instruct()
    assert (await sims.tender()).json()["carrier"] == "carrier-kilo"
    status = await sims.all_said(5)
    assert gateway.kinds() == COURSE
    assert status == {
        "planned": 5,
        "stopped": 0,
        "sent": 5,
        "accepted": 5,
        "rejected": 0,
        "pending": 0,
        "messages": 5,
        "attempts": 5,
    }
    picked, delivered = gateway.captured[0], gateway.captured[-1]
    assert picked.partner == "wms-rdc-afr"
    assert picked.event["source"] == "/partners/wms-rdc-afr"
    assert picked.event["type"] == "syncline.shipment.milestone.v1"
    assert picked.event["id"] == "PO-1.PO-1-S1.picked"
    assert picked.event["data"] == {
        "kind": "picked",
        "erp": "erp-main",
        "order": "PO-1",
        "shipment": "PO-1-S1",
        "occurred_at": "2026-03-02T08:00:00Z",
        "lines": [{"line": 1, "quantity": 5}],
        "handling_units": [],
        "sequence": 0,
        "merges": [],
    }
    assert delivered.partner == "carrier-kilo"
    assert "order" not in delivered.event["data"]
    assert delivered.event["data"]["lines"] == []


async def test_events_wait_for_the_system_that_must_know(sims: Systems, gateway: Gateway) -> None:
    await sims.plan(plan())
    await sims.tender()
    assert (await sims.outbox())["pending"] == 5
    await sims.instruct()
    await sims.all_said(5)
    assert gateway.kinds() == COURSE


async def test_warehouse_events_need_no_tender_but_carriage_does(sims: Systems, gateway: Gateway) -> None:
    await sims.plan(plan())
    await sims.instruct()

    async def warehouse_done() -> bool:
        return (await sims.outbox())["accepted"] == 3

    await until(warehouse_done)
    assert (await sims.outbox())["pending"] == 2
    assert gateway.kinds() == COURSE[:3]


async def test_every_shipment_of_a_plan_is_told(sims: Systems, gateway: Gateway) -> None:
    await sims.plan(plan(shipments=3), plan("PO-2"))
    for order in ("PO-1", "PO-2"):
        await sims.instruct(order)
        await sims.tender(order)
    await sims.all_said(20)
    for shipment in ("PO-1-S1", "PO-1-S2", "PO-1-S3", "PO-2-S1"):
        data = [message.event["data"] for message in gateway.captured]
        assert [x["kind"] for x in data if x["shipment"] == shipment] == COURSE


async def test_messages_are_signed_as_standard_webhooks(sims: Systems, gateway: Gateway) -> None:
    await sims.plan(plan())
    await sims.instruct()
    await sims.tender()
    await sims.all_said(5)
    for message in gateway.captured:
        message.verify(webhook_secret(MASTER_SECRET, message.partner))
    assert len({webhook_secret(MASTER_SECRET, "p", 1), webhook_secret(MASTER_SECRET, "p", 2)}) == 2


async def test_a_message_is_sent_until_it_is_taken(sims: Systems, gateway: Gateway) -> None:
    gateway.statuses = [503, 429, 500]
    await sims.plan(plan())
    await sims.instruct()
    await sims.tender()
    status = await sims.all_said(5)
    assert (status["accepted"], status["rejected"], status["messages"], status["attempts"]) == (5, 0, 5, 8)
    ids = Counter(message.headers["webhook-id"] for message in gateway.captured)
    assert len(ids) == 5
    assert ids.total() == 8


async def test_a_refused_message_is_not_sent_again(sims: Systems, gateway: Gateway) -> None:
    gateway.statuses = [404]
    await sims.plan(plan())
    await sims.instruct()
    await sims.tender()
    status = await sims.all_said(5)
    assert (status["accepted"], status["rejected"], status["attempts"]) == (4, 1, 5)


async def test_duplicates_repeat_the_event_id(sims: Systems, gateway: Gateway) -> None:
    await sims.faults("wms", duplicate=1)
    await sims.plan(plan(shipments=4))
    await sims.instruct()
    await sims.tender()
    status = await sims.all_said(20)
    assert (status["sent"], status["accepted"], status["messages"]) == (20, 20, 32)
    times = Counter(message.told for message in gateway.captured)
    assert all(n == (2 if partner == "wms-rdc-afr" else 1) for (partner, _), n in times.items())
    bodies = {message.told: message.body for message in gateway.captured}
    assert all(bodies[message.told] == message.body for message in gateway.captured)
    message_ids = {message.headers["webhook-id"] for message in gateway.captured}
    assert 20 < len(message_ids) < 32, "some repeats have a message id of their own, some not"


async def test_reorder_tells_an_event_after_the_next_one(sims: Systems, gateway: Gateway) -> None:
    await sims.faults("tms", reorder=1)
    await sims.plan(plan())
    await sims.tender()
    await sims.instruct()
    await sims.all_said(5)
    assert gateway.kinds() == ["picked", "packed", "shipped", "delivered", "in_transit"]


async def test_late_events_are_overtaken_and_still_arrive(gateway: Gateway) -> None:
    async with systems(gateway.url, pace_s=0.01) as sims:
        await sims.faults("wms", late=1)
        await sims.plan(plan(shipments=5))
        await sims.tender()
        await sims.instruct()
        status = await sims.all_said(25)
    assert status["accepted"] == status["messages"] == 25
    assert gateway.kinds().index("in_transit") < 24 - gateway.kinds()[::-1].index("shipped")


@pytest.mark.parametrize(
    ("path", "key"), [("/wms/RDC-AFR/v1/instructions/PO-1/cancellation", "c"), ("/tms/v1/tenders/PO-1/void", "v")]
)
async def test_a_cancellation_stops_what_has_not_happened(sims: Systems, gateway: Gateway, path: str, key: str) -> None:
    await sims.plan(plan(), plan("PO-2"))
    await sims.instruct()
    await sims.instruct("PO-2")

    async def warehouse_done() -> bool:
        return (await sims.outbox())["accepted"] == 6

    await until(warehouse_done)
    stopped = await sims.post(path, {"order": "PO-1", "revision": 1, "reason": "customer withdrew"}, key)
    assert stopped.status_code == 201
    for order in ("PO-1", "PO-2"):
        await sims.tender(order)
    status = await sims.all_said(8)
    assert (status["planned"], status["stopped"], status["accepted"]) == (8, 2, 8)
    assert {message.event["data"]["shipment"] for message in gateway.captured[6:]} == {"PO-2-S1"}


async def test_a_cancellation_that_comes_first_stops_everything(sims: Systems, gateway: Gateway) -> None:
    path = "/wms/RDC-AFR/v1/instructions/PO-1"
    await sims.post(f"{path}/cancellation", {"order": "PO-1", "reason": "customer withdrew"}, "c")
    await sims.instruct()
    await sims.tender()
    kept = (await sims.client.get(path)).json()
    assert (kept["state"], kept["packs"], kept["lines"], kept["put_away"]) == ("cancelled", 0, [], 0)
    status = await sims.outbox()
    assert (status["planned"], status["pending"]) == (0, 0)
    assert gateway.captured == []


async def test_without_a_plan_a_centre_picks_packs_and_ships(sims: Systems, gateway: Gateway) -> None:
    await sims.tender()
    await sims.instruct()
    await sims.all_said(6)
    assert gateway.kinds() == ["picked", "packed", "shipped", "in_transit", "out_for_delivery", "delivered"]
    assert [message.partner for message in gateway.captured[:3]] == ["wms-rdc-afr"] * 3
    carriers = {message.partner for message in gateway.captured[3:]}
    assert carriers == {(await sims.client.get("/tms/v1/tenders/PO-1")).json()["carrier"]}
    assert carriers < set(CARRIERS)
    assert gateway.captured[0].event["data"]["lines"] == [{"line": 1, "quantity": 5}]


async def test_without_a_plan_or_warehouse_the_supplier_ships(sims: Systems, gateway: Gateway) -> None:
    await sims.tender(carrier="carrier-named")
    await sims.all_said(4)
    assert gateway.kinds() == ["shipped", "in_transit", "out_for_delivery", "delivered"]
    assert [message.partner for message in gateway.captured] == ["acme-pharma", *["carrier-named"] * 3]
    assert {message.event["data"]["order"] for message in gateway.captured} == {"PO-1"}


async def test_a_late_instruction_overrules_the_improvised_drop(sims: Systems, gateway: Gateway) -> None:
    await sims.tender()
    await sims.all_said(4)
    await sims.instruct()
    status = await sims.all_said(10)
    assert (status["planned"], status["accepted"], status["pending"]) == (10, 10, 0)
    assert gateway.kinds()[4:7] == ["picked", "packed", "shipped"]


async def test_the_same_seed_chooses_the_same_carriers(gateway: Gateway) -> None:
    async def chosen(seed: int) -> list[str]:
        async with systems(gateway.url, seed=seed) as sims:
            return [(await sims.tender(f"PO-{number}")).json()["carrier"] for number in range(12)]

    first = await chosen(3)
    assert await chosen(3) == first
    assert await chosen(4) != first


async def test_the_same_seed_says_the_same_with_the_same_faults(gateway: Gateway) -> None:
    async def messages(seed: int) -> Counter[str]:
        gateway.captured.clear()
        async with systems(gateway.url, seed=seed) as sims:
            await sims.faults("wms", duplicate=0.4, reorder=0.4, late=0.4)
            await sims.plan(plan(shipments=4))
            await sims.instruct()
            await sims.tender()
            await sims.all_said(20)
        return Counter(message.headers["webhook-id"] for message in gateway.captured)

    first = await messages(3)
    assert await messages(3) == first
    assert await messages(4) != first


async def test_a_plan_can_be_repeated_but_not_changed_under_way(sims: Systems) -> None:
    await sims.plan(plan(shipments=2))
    assert (await sims.plan(plan())).json() == {"orders": 1, "events": 5}
    assert (await sims.plan(plan())).json() == {"orders": 0, "events": 0}
    await sims.instruct()
    assert (await sims.plan(plan())).status_code == 200
    refused = await sims.plan(plan("PO-9"), plan(carrier="carrier-other"))
    assert (refused.status_code, refused.json()["code"]) == (409, "under_way")
    assert (await sims.outbox())["planned"] == 5


async def test_impossible_plans_are_refused(sims: Systems) -> None:
    no_eta = plan()
    no_eta["shipments"][0]["events"] = [{"kind": "delayed", "partner": "carrier-kilo"}]
    too_many = [plan(f"PO-{number}") for number in range(501)]
    for plans in ([no_eta], too_many):
        refused = await sims.plan(*plans)
        assert (refused.status_code, refused.json()["code"]) == (422, "plans_invalid")
    assert (await sims.outbox())["planned"] == 0


def test_carriage_is_never_told_before_the_goods_were_shipped() -> None:
    planned = OrderPlan.model_validate(plan()).shipments[0]
    for seed in range(50):
        shuffled = Random(seed).sample(planned.events, len(planned.events))
        told = PlannedShipment(shipment="S-1", events=tuple(shuffled)).in_telling_order()
        kinds = [event.kind for event in told]
        assert sorted(kinds) == sorted(event.kind for event in planned.events)
        shipped_at = kinds.index(MilestoneKind.SHIPPED)
        assert all(event.by_warehouse for event in told[:shipped_at])
