"""Stock books of the stand-ins: from what each was told or did, whatever is repeated; lists, and a lost movement."""

from typing import Any

import pytest

from simulators.driver import Driver, Targets
from simulators.systems.supplying import SupplyPlan
from tests.simulators.network import MASTER_SECRET, NOON, TOKEN, Gateway, Systems, instruction, until

SITE, WAREHOUSE = "RDC-AFR", "wms-rdc-afr"


async def stock(sims: Systems, path: str) -> dict[str, int]:
    """`item place` → packs."""
    answer = await sims.client.get(path)
    assert answer.status_code == 200, answer.text
    return {f"{it['item']} {it['place']}": it["packs"] for it in answer.json()["figures"]}


async def at_site(sims: Systems, site: str = SITE) -> dict[str, int]:
    """The warehouse's books of ITEM-1, by bucket."""
    found = await stock(sims, f"/wms/{site}/v1/stock")
    return {name.split()[1].removesuffix(f":{site}"): packs for name, packs in found.items() if "ITEM-1" in name}


async def report(sims: Systems, number: int, kind: str, packs: int, minute: int = 0) -> None:
    """The warehouse finds, breaks or throws away something, and books it."""
    at = f"2026-03-02T12:{minute:02}:00Z"
    one = {"id": f"r{number}", "kind": kind, "site": SITE, "item": "ITEM-1", "quantity": packs, "occurred_at": at}
    answer = await sims.client.put("/wms/reports", json={"reports": [one]})
    assert answer.status_code == 204, answer.text


async def say(sims: Systems, event: str, kind: str, packs: int, **said: Any) -> None:
    """The driver plays the warehouse: it books what it is about to tell."""
    data = {"kind": kind, "order": "PO-1", "occurred_at": NOON, "lines": [{"line": 1, "quantity": packs}], **said}
    envelope = {
        "specversion": "1.0",
        "id": event,
        "source": f"/partners/{WAREHOUSE}",
        "type": "syncline.shipment.milestone.v1",
        "data": data,
    }
    answer = await sims.client.put(f"/wms/said/{WAREHOUSE}", json=envelope)
    assert answer.status_code == 204, answer.text


async def test_a_warehouse_books_what_it_finds_breaks_and_throws_away_once(sims: Systems) -> None:
    for _ in range(2):
        await report(sims, 1, "receipt", 100)
        await report(sims, 2, "damage", 10, minute=2)
        await report(sims, 3, "scrap", 4, minute=3)
        await report(sims, 4, "unblock", 1, minute=4)
    assert await at_site(sims) == {"on_hand": 91, "blocked": 5}
    await report(sims, 5, "count", 97, minute=1)
    assert await at_site(sims) == {"on_hand": 88, "blocked": 5}, "three were missing before anything broke"


async def test_what_is_instructed_is_set_aside_until_it_leaves_or_is_called_off(sims: Systems) -> None:
    await report(sims, 1, "receipt", 100)
    told = instruction("PO-1", SITE)
    [line] = told["lines"]
    packs = line["quantity"]
    await sims.post(f"/wms/{SITE}/v1/instructions/PO-1/hold", {"order": "PO-1", "on": True}, "h")
    await sims.instruct()
    await sims.instruct("PO-2")

    async def one_left() -> bool:
        return await at_site(sims) == {"on_hand": 100 - 2 * packs, "allocated": packs}

    await until(one_left)
    await sims.post(f"/wms/{SITE}/v1/instructions/PO-1/cancellation", {"order": "PO-1", "reason": "no"}, "c")
    assert await at_site(sims) == {"on_hand": 100 - packs}


async def test_goods_leave_come_short_and_come_back_once_each(sims: Systems) -> None:
    await report(sims, 1, "receipt", 100)
    await sims.post(f"/wms/{SITE}/v1/instructions/PO-1/hold", {"order": "PO-1", "on": True}, "h")
    await sims.instruct()
    for event in ("e1", "e1", "e2"):
        await say(sims, event, "shipped", 7, shipment="S-1")
    for event in ("e3", "e3"):
        await say(sims, event, "short_picked", 3)
    assert (await at_site(sims))["on_hand"] + (await at_site(sims)).get("allocated", 0) == 90
    await say(sims, "e4", "return_received", 4, rma="R-1")
    assert (await at_site(sims))["returns"] == 4
    await say(sims, "e5", "return_inspected", 3, rma="R-1", disposition="restock")
    await say(sims, "e6", "return_inspected", 2, rma="R-1", disposition="scrap")
    found = await at_site(sims)
    assert "returns" not in found, "one more was inspected than was received"
    assert found["on_hand"] + found.get("allocated", 0) == 93


async def test_a_corrected_goods_issue_is_reversed_and_posted_anew_whatever_is_said_first(sims: Systems) -> None:
    await report(sims, 1, "receipt", 100)
    await sims.post(f"/wms/{SITE}/v1/instructions/PO-1/hold", {"order": "PO-1", "on": True}, "h")
    await sims.instruct()

    async def left() -> int:
        found = await at_site(sims)
        return 100 - found["on_hand"] - found.get("allocated", 0)

    await say(sims, "e1", "shipped", 7, shipment="S-1")
    for event, packs, said, total in (
        ("e2", 4, {"corrects": "e1"}, 4),
        ("e2", 4, {"corrects": "e1"}, 4),
        ("e3", 6, {"occurred_at": "2026-03-02T11:59:00Z"}, 4),
        ("e4", 5, {"occurred_at": "2026-03-02T11:59:00Z", "corrects": "e2"}, 5),
        ("e5", 3, {"sequence": 1}, 3),
    ):
        await say(sims, event, "shipped", packs, shipment="S-1", **said)
        assert await left() == total, event
    await say(sims, "e7", "shipped", 1, shipment="S-2", corrects="e6")
    await say(sims, "e6", "shipped", 2, shipment="S-2")
    assert await left() == 3 + 1, "the correction came first"


async def test_a_carrier_moves_no_warehouse(sims: Systems) -> None:
    await sims.instruct()
    before = await at_site(sims)
    body = {"kind": "shipped", "order": "PO-1", "shipment": "S-9", "occurred_at": NOON, "lines": []}
    envelope = {"specversion": "1.0", "id": "x", "source": "/c", "type": "syncline.shipment.milestone.v1", "data": body}
    assert (await sims.client.put("/wms/said/carrier-kilo", json=envelope)).status_code == 204
    assert await at_site(sims) == before
    assert (await sims.client.put(f"/wms/said/{WAREHOUSE}", json={**envelope, "data": {}})).status_code == 422
    assert (await sims.client.put("/wms/reports", json={"reports": []})).status_code == 422


def release(number: str = "PO-1", **fields: Any) -> dict[str, Any]:
    """An order of 10 packs of A and 5 of B from the site."""
    body = {
        "number": number,
        "released_at": NOON,
        "requested_on": "2026-03-12",
        "variant": "distribution_centre",
        "lines": [{"line": 1, "item": "A", "quantity": 10}, {"line": 2, "item": "B", "quantity": 5}],
        "ship_from": {"id": SITE, "country": "ZA"},
        "ship_to": {"id": "C", "country": "KE"},
        "site": SITE,
        "region": "AFR",
    }
    return {**body, **fields}


class TheErp:
    """What the ERP releases and is told, and what its books say."""

    def __init__(self, sims: Systems) -> None:
        self._sims = sims
        self._calls = 0

    async def releases(self, *orders: dict[str, Any]) -> None:
        """Release orders."""
        answer = await self._sims.client.put("/erp/erp-main/released", json=list(orders))
        assert answer.status_code == 200, answer.text

    async def told(self, kind: str, status: str, lines: dict[int, int], shipment: str = "S-1", **said: Any) -> None:
        """A milestone."""
        await self._post("milestones", milestone=kind, order_status=status, shipment=shipment, lines=lines, **said)

    async def changed(self, change: str, lines: dict[int, int], **said: Any) -> None:
        """A change."""
        await self._post("changes", change=change, lines=lines, **said)

    async def _post(self, what: str, lines: dict[int, int], **said: Any) -> None:
        self._calls += 1
        packs = [{"line": n, "quantity": quantity} for n, quantity in lines.items()]
        body = {"order": "PO-1", "occurred_at": NOON, "lines": packs, **said}
        answer = await self._sims.post(f"/erp/erp-main/v1/orders/PO-1/{what}", body, f"k{self._calls}")
        assert answer.status_code == 201, answer.text

    async def stock(self) -> dict[str, int]:
        """Its books."""
        return await stock(self._sims, "/erp/erp-main/v1/stock")

    async def status(self) -> str:
        """Where it thinks that PO-1 is."""
        answer = await self._sims.client.get("/erp/erp-main/v1/order-status")
        [order] = [it for it in answer.json()["orders"] if it["order"] == "PO-1"]
        return str(order["status"])


@pytest.fixture
async def erp(sims: Systems) -> TheErp:
    """An ERP that has released PO-1."""
    found = TheErp(sims)
    await found.releases(release())
    return found


async def test_goods_issues_take_from_their_site_until_they_arrive(erp: TheErp) -> None:
    assert (await erp.stock(), await erp.status()) == ({}, "promised")
    await erp.told("shipped", "promised", {1: 10})
    await erp.told("shipped", "shipped", {2: 5}, "S-2", site="RDC-EMEA")
    assert await erp.stock() == {
        f"A on_hand:{SITE}": -10,
        "A transit:S-1": 10,
        "B on_hand:RDC-EMEA": -5,
        "B transit:S-2": 5,
    }
    await erp.told("proof_of_delivery", "shipped", {1: 8})
    await erp.told("delivered", "shipped", {1: 9})
    assert (await erp.stock())["A transit:S-1"] == 1, "the delivery scan says how many, not the signature"
    await erp.changed("written_off", {1: 1})
    await erp.told("delivered", "delivered", {}, "S-2")
    assert await erp.stock() == {f"A on_hand:{SITE}": -10, "B on_hand:RDC-EMEA": -5}


async def test_what_is_closed_short_was_lost_only_when_it_had_left(erp: TheErp) -> None:
    await erp.told("shipped", "promised", {1: 10})
    left = [{"line": 1, "item": "A", "quantity": 8}, {"line": 2, "item": "B", "quantity": 0}]
    await erp.changed("closed_short", {1: 2, 2: 5}, changes=left)
    assert await erp.stock() == {f"A on_hand:{SITE}": -10, "A transit:S-1": 8}
    await erp.told("delivered", "delivered", {1: 8})
    assert await erp.stock() == {f"A on_hand:{SITE}": -10}
    assert await erp.status() == "closed"


async def test_merged_shipments_arrive_with_the_one_that_they_became(erp: TheErp) -> None:
    await erp.told("shipped", "promised", {1: 10})
    await erp.told("shipped", "shipped", {2: 5}, "S-2")
    await erp.told("delivered", "shipped", {1: 10}, "S-3")
    assert await erp.stock() == {f"A on_hand:{SITE}": -10, f"B on_hand:{SITE}": -5, "B transit:S-2": 5}


async def test_what_a_carrier_brings_back_is_inspected_and_put_back(erp: TheErp) -> None:
    await erp.told("shipped", "shipped", {1: 10, 2: 5})
    await erp.changed("return_authorised", {1: 10, 2: 5}, rma="rts-S-1", site=SITE)
    await erp.changed("returned", {1: 10}, rma="rts-S-1")
    assert await erp.stock() == {
        f"A on_hand:{SITE}": -10,
        f"A returns:{SITE}": 10,
        f"B on_hand:{SITE}": -5,
        "B transit:S-1": 5,
    }
    await erp.changed("returned", {1: 7, 2: 5}, rma="rts-S-1", disposition="restock")
    await erp.changed("returned", {1: 3}, rma="rts-S-1", disposition="scrap")
    assert await erp.stock() == {f"A on_hand:{SITE}": -3}
    assert await erp.status() == "returned"


async def test_a_short_pick_cuts_what_is_there_and_a_direct_drop_touches_no_site(erp: TheErp) -> None:
    await erp.changed("short_picked", {1: 4}, site=SITE, reason="stockout")
    assert await erp.stock() == {f"A on_hand:{SITE}": -4}
    await erp.releases(release(variant="direct_drop", site=None, supplier="maker"))
    await erp.told("shipped", "shipped", {}, "")
    assert await erp.stock() == {"A transit:PO-1": 10, "B transit:PO-1": 5}


async def test_an_amended_and_a_cancelled_order(erp: TheErp) -> None:
    more = [{"line": 1, "item": "A", "quantity": 0}, {"line": 3, "item": "C", "quantity": 2}]
    await erp.changed("amended", {}, changes=more)
    await erp.told("shipped", "shipped", {2: 5, 3: 2})
    await erp.told("delivered", "delivered", {})
    assert await erp.stock() == {f"B on_hand:{SITE}": -5, f"C on_hand:{SITE}": -2}
    assert await erp.status() == "closed"


async def test_goods_receipts_are_in_both_books(sims: Systems, gateway: Gateway) -> None:
    line = {"line": 1, "item": "ITEM-1", "packs": 100, "unit_price": "1", "due_on": "2026-04-01"}
    order = {
        "number": "7781",
        "supplier": "maker",
        "site": SITE,
        "region": "AFR",
        "currency": "EUR",
        "ordered_at": NOON,
        "lines": [line],
    }
    plan = SupplyPlan.model_validate({"erp": "erp-main", "order": order, "damaged": {1: 4}})
    targets = Targets(gateway.url, "", str(sims.client.base_url), TOKEN, MASTER_SECRET)
    async with Driver(targets) as driver:
        await driver.supply(plan)

    async def booked() -> bool:
        return await at_site(sims) == {"on_hand": 96, "blocked": 4}

    await until(booked)
    posting = {
        "po": "7781",
        "number": "GR-1",
        "revision": 1,
        "site": SITE,
        "received_at": NOON,
        "lines": [{"line": 1, "item": "ITEM-1", "packs": 100, "damaged": 4}],
    }
    await sims.post("/erp/erp-main/v1/purchase-orders/7781/receipts", posting, "k1")
    assert await stock(sims, "/erp/erp-main/v1/stock") == await stock(sims, f"/wms/{SITE}/v1/stock")


async def keys(sims: Systems, path: str) -> list[str]:
    """A page of what a system did."""
    found: list[str] = (await sims.client.get(path)).json()["keys"]
    return found


async def test_lists_that_grow_can_be_asked_for_what_changed(sims: Systems) -> None:
    await sims.instruct("PO-1")
    path = f"/wms/{SITE}/v1/effects"
    as_of = (await sims.client.get(path)).json()["as_of"]
    await sims.instruct("PO-2")
    assert await keys(sims, f"{path}?changed_since={as_of}") == [f"PO-1/{SITE}", f"PO-2/{SITE}"], "not too early"
    as_of = (await sims.client.get(path)).json()["as_of"]
    assert await keys(sims, f"{path}?changed_since={as_of}") == []
    assert "as_of" not in (await sims.client.get(f"/wms/{SITE}/v1/stock")).json()


async def test_lists_are_read_page_by_page_and_a_system_can_lose_a_movement(sims: Systems) -> None:
    rows = [
        {"key": f"r{n}", "item": f"I{n}", "site": SITE, "day": "2026-03-02", "kind": "stock:on_hand", "packs": n + 1}
        for n in range(5)
    ]
    await sims.post("/planning/v1/rows", {"region": "AFR", "rows": rows}, "b1")
    pages = ["", f"I1 on_hand:{SITE}", f"I3 on_hand:{SITE}", f"I4 on_hand:{SITE}"]
    found = [await stock(sims, f"/planning/v1/stock?after={after}&limit=2") for after in pages]
    assert [list(page.values()) for page in found] == [[1, 2], [3, 4], [5], []]
    assert (await sims.client.get("/planning/v1/stock?limit=0")).status_code == 422
    assert await keys(sims, "/planning/v1/effects") == [], "a row is no effect"
    for order in ("PO-1", "PO-2"):
        await sims.instruct(order)
    assert await keys(sims, f"/wms/{SITE}/v1/effects?limit=1") == [f"PO-1/{SITE}"]
    assert await keys(sims, f"/wms/{SITE}/v1/effects?after=PO-1/{SITE}") == [f"PO-2/{SITE}"]
    assert await keys(sims, "/wms/OTHER/v1/effects") == []
    lost = {"figures": [{"item": "I4", "place": f"on_hand:{SITE}", "packs": 3}]}
    assert (await sims.client.put("/planning/forget_stock", json=lost)).status_code == 200
    assert (await stock(sims, "/planning/v1/stock"))[f"I4 on_hand:{SITE}"] == 2
    assert (await sims.client.put("/planning/forget_stock", json={})).status_code == 200
    assert (await stock(sims, "/planning/v1/stock"))[f"I4 on_hand:{SITE}"] == 5
    assert (await sims.client.put("/planning/forget_stock", json={"packs": 3})).status_code == 422
