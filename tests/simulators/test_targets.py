"""Absolute targets at the systems: repeated and in any order they come to the same, and each system lists them."""

from random import Random
from typing import Any

import httpx
import pytest

from connectors.connections import of_endpoint
from connectors.http.client import SystemClient
from connectors.ports import Call
from connectors.standard.stock import StandardStock
from schemas.base import System
from schemas.finance.reconciliation import TargetFigure
from schemas.settings import Endpoint
from tests.simulators.network import TOKEN, Systems, instruction, tender

SITE = "RDC-AFR"


def line(number: int, packs: int, item: str = "") -> dict[str, Any]:
    """A target."""
    return {"line": number, "item": item or f"ITEM-{number}", "quantity": packs}


def warehouse(order: str) -> list[tuple[str, dict[str, Any]]]:
    """What a warehouse is told of an order: path and body, in the order in which it was decided."""
    about = {"order": order, "site": SITE}
    path = f"/wms/{SITE}/v1/instructions"
    return [
        (path, {**instruction(order, SITE), "lines": [line(1, 40), line(2, 60)], "revision": 1}),
        (f"{path}/{order}/amendments", {**about, "revision": 1, "lines": [line(1, 30)]}),
        (f"{path}/{order}/amendments", {**about, "revision": 2, "lines": [line(1, 55), line(3, 5)]}),
        (f"{path}/{order}/hold", {"order": order, "revision": 3, "on": True}),
        (f"{path}/{order}/amendments", {**about, "revision": 4, "lines": [line(2, 0), line(2, 60, "ITEM-X")]}),
        (f"{path}/{order}/amendments", {**about, "revision": 5, "promised_on": "2026-03-12"}),
        (f"{path}/{order}/hold", {"order": order, "revision": 6, "on": False}),
        (f"{path}/{order}/amendments", {**about, "revision": 7, "lines": [line(1, 20)], "promised_on": "2026-03-11"}),
    ]


def transport(order: str) -> list[tuple[str, dict[str, Any]]]:
    """What transport is told of an order, in the order in which it was decided."""
    path, about = "/tms/v1/tenders", {"order": order, "reason": "because"}
    return [
        (path, {**tender(order, carrier="carrier-one"), "packs": 100, "revision": 1}),
        (f"{path}/{order}/amendments", {**about, "revision": 2, "packs": 110}),
        (path, {**tender(order), "packs": 40, "site": "RDC-EMEA", "revision": 3}),
        (f"{path}/{order}/amendments", {**about, "revision": 3, "packs": 70}),
        (f"{path}/{order}/void", {**about, "revision": 4}),
        (path, {**tender(order, carrier="carrier-two"), "packs": 70, "revision": 4}),
        (f"{path}/{order}/amendments", {**about, "site": "RDC-EMEA", "revision": 5, "packs": 35}),
        (f"{path}/{order}/hold", {"order": order, "revision": 6, "on": True}),
    ]


def at_erp(order: str) -> list[tuple[str, dict[str, Any]]]:
    """What an ERP is told of an order, in the order in which it was decided."""
    path = f"/erp/erp-main/v1/orders/{order}"
    return [
        (f"{path}/changes", {"order": order, "revision": 2, "change": "amended", "changes": [line(1, 30), line(2, 9)]}),
        (f"{path}/promise", {"order": order, "revision": 2, "promised_on": "2026-03-12"}),
        (f"{path}/changes", {"order": order, "revision": 3, "change": "held"}),
        (f"{path}/changes", {"order": order, "revision": 4, "change": "closed_short", "changes": [line(2, 4)]}),
        (f"{path}/changes", {"order": order, "revision": 5, "change": "resumed"}),
        (f"{path}/promise", {"order": order, "revision": 6, "promised_on": "2026-03-10"}),
    ]


COUNTED = ("address_version", "attempts", "changes", "number", "order", "addressed")
"""What counts how often it was told, or by whose first word."""


@pytest.mark.parametrize(
    ("told", "book"),
    [
        (warehouse, f"/wms/{SITE}/v1/instructions/"),
        (transport, "/tms/v1/tenders/"),
        (at_erp, "/erp/erp-main/v1/orders/"),
    ],
)
async def test_in_any_order_and_repeated_it_comes_to_the_same(sims: Systems, told: Any, book: str) -> None:
    found = []
    for seed in range(25):
        messages = list(enumerate(told(f"PO-{seed}")))
        if seed:
            chance = Random(seed)
            messages += chance.choices(messages, k=3)
            chance.shuffle(messages)
        for n, (path, body) in messages:
            answer = await sims.post(path, body, f"PO-{seed}/{n}")
            assert answer.status_code in (200, 201), answer.text
        kept = (await sims.client.get(f"{book}PO-{seed}")).json()
        if "parts" in kept:
            kept["parts"] = sorted((it["site"], it["packs"], it["revision"]) for it in kept["parts"])
        found.append({name: value for name, value in kept.items() if name not in COUNTED})
    assert all(kept == found[0] for kept in found), found


async def test_an_older_revision_is_answered_as_superseded(sims: Systems) -> None:
    for path, body in [*warehouse("PO-1"), *transport("PO-1"), *at_erp("PO-1")]:
        await sims.post(path, {**body, "revision": 9}, f"{path} {body}")
    late = [warehouse("PO-1")[2], warehouse("PO-1")[3], transport("PO-1")[1], transport("PO-1")[4], *at_erp("PO-1")[:3]]
    for path, body in late:
        answer = await sims.post(path, body, f"late {path} {body}")
        assert (answer.status_code, answer.json()["superseded"]) == (200, True), (path, body)


async def test_a_cancelled_order_takes_nothing_any_more(sims: Systems) -> None:
    [instructed, amended, *_] = warehouse("PO-1")
    cancelled = {"order": "PO-1", "revision": 9, "reason": "because"}
    await sims.post(f"/wms/{SITE}/v1/instructions/PO-1/cancellation", cancelled, "c")
    await sims.post("/tms/v1/tenders/PO-1/void", cancelled, "v")
    for path, body in (instructed, amended, transport("PO-1")[0], transport("PO-1")[1]):
        assert (await sims.post(path, body, f"late {path}")).json()["superseded"]
    assert (await sims.client.get(f"/wms/{SITE}/v1/instructions/PO-1")).json()["packs"] == 0
    assert (await sims.client.get("/tms/v1/tenders/PO-1")).json()["packs"] == 0


async def test_each_system_lists_what_it_was_told_last(sims: Systems) -> None:
    for path, body in [*warehouse("PO-1"), *transport("PO-1"), *at_erp("PO-1")]:
        await sims.post(path, body, f"{path} {body}")
    [at_site] = (await sims.client.get(f"/wms/{SITE}/v1/order-targets")).json()["orders"]
    assert {(it["line"], it["item"]): (it["quantity"], it["revision"]) for it in at_site["lines"]} == {
        (1, "ITEM-1"): (20, 7),
        (2, "ITEM-2"): (0, 4),
        (2, "ITEM-X"): (60, 4),
        (3, "ITEM-3"): (5, 2),
    }
    [carried] = (await sims.client.get("/tms/v1/order-targets")).json()["orders"]
    assert {it["site"]: (it["packs"], it["revision"]) for it in carried["parts"]} == {"": (70, 4), "RDC-EMEA": (35, 5)}


async def test_an_erp_lists_what_is_wanted_of_the_orders_that_it_released(sims: Systems) -> None:
    about = {"ship_from": {"id": SITE, "country": "ZA"}, "ship_to": {"id": "C", "country": "KE"}, "region": "AFR"}
    about |= {"released_at": "2026-03-02T12:00:00Z", "requested_on": "2026-03-12", "variant": "distribution_centre"}
    numbers = ("PO-1", "PO-2", "PO-3")
    orders = [{**about, "number": n, "site": SITE, "lines": [line(1, 40), line(2, 9)]} for n in numbers]
    assert (await sims.client.put("/erp/erp-main/released", json=orders)).status_code == 200
    for path, body in at_erp("PO-2"):
        await sims.post(path, body, f"{path} {body}")
    cancelled = {"order": "PO-3", "revision": 9, "reason": "because"}
    await sims.post("/erp/erp-main/v1/orders/PO-3/cancellation", cancelled, "c")
    endpoint = Endpoint(url=f"{str(sims.client.base_url).rstrip('/')}/erp/{{id}}", token=TOKEN)
    found: list[TargetFigure] = []
    async with SystemClient(of_endpoint(System.ERP, endpoint)) as client:
        for after in ("", "PO-1", "PO-2"):
            page = await StandardStock(client).targets(after, 1, Call("erp-main", ""))
            assert page is not None
            found += page.orders
    told = {it.order: [(x.line, x.quantity, x.revision) for x in it.lines] for it in found}
    assert told == {"PO-1": [(1, 40, 0), (2, 9, 0)], "PO-2": [(1, 30, 2), (2, 4, 4)], "PO-3": []}
    assert [it.cancelled for it in found] == [False, False, True]


async def test_a_system_without_such_a_list_has_none() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(404))
    async with SystemClient(of_endpoint(System.WMS, Endpoint(url="http://wms.test")), transport) as client:
        assert await StandardStock(client).targets("", 10, Call("LYS", "")) is None
