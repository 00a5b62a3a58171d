"""The door and units of measure: what an order is in the books is said by its ERP's master data, or it is refused."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from schemas.orders.milestones import ShippedLine
from schemas.partners.master_data import MasterKind, MasterName
from store.inventory import stock
from store.orders import orders
from store.partners import master_data
from tests.gateway.api.test_master import NAMES
from tests.gateway.api.test_procurement import ORDER
from tests.gateway.harness import Gateway, gateway_on
from tests.gateway.messages import release
from tests.owner import OFFERING, Owner

SAID: dict[str, dict[str, Any]] = {
    "ITEM-1": {"units": [{"unit": "CT", "base": 24}]},
    "ITEM-2": {"unit": "GRM"},
    "dhl": {"modes": ["road"]},
}
KNOWN = [*NAMES, MasterName("erp-one", MasterKind.ITEM, "ITEM-2")]


@pytest.fixture
async def offering(database_url: str) -> AsyncIterator[Gateway]:
    """A gateway, one of whose two ERPs offers master data; nothing of it is known yet."""
    async with gateway_on(database_url, erp=OFFERING, stock_erp={"*": "erp-one"}, release_wait_s=1.0) as gateway:
        yield gateway


def lines(*said: dict[str, Any]) -> list[dict[str, Any]]:
    """Lines of a release."""
    return [{"line": n, "item": f"ITEM-{n}", **it} for n, it in enumerate(said, 1)]


@pytest.mark.parametrize("unit", ["PF", "CT", "EA", "KT", "KGM"])
async def test_a_unit_that_nobody_converts_is_refused_and_nothing_is_stored(gateway: Gateway, unit: str) -> None:
    answer = await gateway.post("/v1/orders", "erp-one", release(lines=lines({"quantity": 2, "unit": unit})))
    assert answer.status_code == 422
    rule = f"the item is kept in PK, and no conversion of {unit} is known"
    assert answer.json()["findings"] == [{"field": "lines[0].unit", "rule": rule}]
    assert await gateway.inbox() == []


async def test_half_a_pack_is_refused(gateway: Gateway) -> None:
    answer = await gateway.post("/v1/orders", "erp-one", release(lines=lines({"quantity": 2.5})))
    assert (answer.status_code, answer.json()["findings"][0]["field"]) == (422, "lines[0].quantity")


async def test_cartons_and_kilograms_are_packs_and_grams_in_every_book_and_instruction(offering: Gateway) -> None:
    await Owner(said=SAID).behind(offering.database).check(KNOWN)
    wish = release(lines=lines({"quantity": 2, "unit": "CT"}, {"quantity": 2.5, "unit": "KGM"}))
    answer = await offering.post("/v1/orders", "erp-one", wish)
    assert answer.status_code == 201
    async with offering.database.connection() as connection:
        for read in (orders.released, orders.release_of):
            kept = await read(connection, "erp-one/PO-1")
            assert [(it.quantity, it.unit.value) for it in kept.lines] == [(48, "PK"), (2500, "GRM")]
    assert (await offering.post("/v1/orders", "erp-one", wish)).status_code == 200
    other = release(lines=lines({"quantity": 48}, {"quantity": 2.5, "unit": "KGM"}))
    assert (await offering.post("/v1/orders", "erp-one", other)).status_code == 409


async def test_what_the_erp_says_of_items_and_carriers_is_held_against_its_release(offering: Gateway) -> None:
    await Owner(said=SAID).behind(offering.database).check(KNOWN)
    wish = release(lines=lines({"quantity": 2, "unit": "PF"}, {"quantity": 1}), mode="air")
    answer = await offering.post("/v1/orders", "erp-one", wish)
    assert answer.status_code == 422
    assert [it["field"] for it in answer.json()["findings"]] == ["lines[0].unit", "lines[1].unit", "carrier"]
    assert await offering.inbox() == []


async def test_an_amendment_says_its_unit_where_the_release_did(
    offering: Gateway,
) -> None:
    await Owner(said=SAID).behind(offering.database).check(KNOWN)
    wish = release(lines=lines({"quantity": 2, "unit": "CT"}, {"quantity": 700, "unit": "GRM"}))
    assert (await offering.post("/v1/orders", "erp-one", wish)).status_code == 201
    asked = {"id": "a-1", "reason": "more", "lines": [{"line": 1, "quantity": 3}, {"line": 2, "quantity": 800}]}
    refused = await offering.post("/v1/orders/PO-1/amend", "erp-one", asked)
    assert refused.status_code == 422
    assert [it["field"] for it in refused.json()["findings"]] == ["lines[0].unit"]
    asked["lines"] = [{"line": 1, "quantity": 3, "unit": "PF"}, {"line": 2, "quantity": 2, "unit": "KGM"}]
    refused = await offering.post("/v1/orders/PO-1/amend", "erp-one", asked)
    assert [it["field"] for it in refused.json()["findings"]] == ["lines[0].unit"]
    asked["lines"] = [{"line": 1, "quantity": 3, "unit": "CT"}, {"line": 2, "quantity": 2, "unit": "KGM"}]
    assert (await offering.post("/v1/orders/PO-1/amend", "erp-one", asked)).status_code in (200, 202)
    [record] = offering.handoff.commands
    assert [(it.quantity, it.unit) for it in record.request.lines] == [(72, None), (2000, None)]


async def test_inventory_is_booked_in_packs_and_refused_where_it_has_no_whole_number(offering: Gateway) -> None:
    site = MasterName("erp-one", MasterKind.SITE, "DC1")
    await Owner(said=SAID).behind(offering.database).check([*KNOWN, site])
    at = {"site": "DC1", "occurred_at": "2026-05-05T12:00:00Z"}
    reports = [
        {**at, "id": "r-1", "kind": "receipt", "item": "ITEM-1", "quantity": 2, "unit": "CT"},
        {**at, "id": "r-2", "kind": "damage", "item": "ITEM-1", "quantity": 0.25, "unit": "CT"},
        {**at, "id": "r-3", "kind": "scrap", "item": "ITEM-1", "quantity": 1},
        {**at, "id": "r-4", "kind": "receipt", "item": "ITEM-2", "quantity": 2.5, "unit": "KGM"},
    ]
    assert (await offering.post("/v1/inventory", "wms-dc1", {"reports": reports})).status_code == 201
    async with offering.database.connection() as connection:
        [tablets] = await stock.positions(connection, "ITEM-1")
        [powder] = await stock.positions(connection, "ITEM-2")
    assert (tablets["on_hand"], tablets["blocked"], powder["on_hand"]) == (42, 5, 2500)
    wrong = [
        {**at, "id": "w-1", "kind": "receipt", "item": "ITEM-1", "quantity": 1, "unit": "PF"},
        {**at, "id": "w-2", "kind": "count", "item": "ITEM-1", "quantity": 0.33, "unit": "CT"},
        {**at, "id": "w-3", "kind": "receipt", "item": "ITEM-1", "quantity": 1},
    ]
    refused = await offering.post("/v1/inventory", "wms-dc1", {"reports": wrong})
    assert refused.status_code == 422
    assert [it["field"] for it in refused.json()["findings"]] == ["reports[0].unit", "reports[1].quantity"]
    assert [it["kind"] for it in await offering.inbox()] == ["inventory"], "nothing of it is stored"


async def test_a_purchase_order_without_whole_numbers_is_refused(offering: Gateway) -> None:
    names = [MasterName("erp-one", MasterKind.ITEM, "ITEM-1"), MasterName("erp-one", MasterKind.SITE, "DC1")]
    await Owner(said=SAID).behind(offering.database).check(names)
    line = {**ORDER["lines"][0], "item": "ITEM-1"}
    wrong = [{**line, "unit": "PF"}, {**line, "line": 2, "packs": 0.33, "unit": "CT"}]
    refused = await offering.post("/v1/purchase-orders", "erp-one", {**ORDER, "lines": wrong})
    assert refused.status_code == 422
    assert [it["field"] for it in refused.json()["findings"]] == ["lines[0].unit", "lines[1].packs"]
    assert await offering.inbox() == []
    good = {**ORDER, "lines": [{**line, "packs": 0.5, "unit": "CT"}]}
    assert (await offering.post("/v1/purchase-orders", "erp-one", good)).status_code == 202


async def test_a_return_is_in_the_units_of_its_order_even_when_the_erp_says_otherwise_by_now(offering: Gateway) -> None:
    await Owner(said=SAID).behind(offering.database).check(KNOWN)
    wish = release(lines=lines({"quantity": 2, "unit": "CT"}, {"quantity": 700, "unit": "GRM"}))
    assert (await offering.post("/v1/orders", "erp-one", wish)).status_code == 201
    smaller = Owner(said={"ITEM-1": {"units": [{"unit": "CT", "base": 12}]}})
    async with offering.database.transaction() as connection:
        await master_data.forget(connection, KNOWN)
    await smaller.behind(offering.database).check(KNOWN[:1])
    back = {"id": "RMA-1", "reason": "too many", "lines": [{"line": 1, "quantity": 0.5, "unit": "CT"}]}
    answer = await offering.post("/v1/orders/PO-1/returns", "erp-one", back)
    assert answer.status_code == 200, answer.text
    [record] = offering.handoff.commands
    assert [(type(it), it.quantity) for it in record.request.lines] == [(ShippedLine, 12)]
    wrong = [{"line": 1, "quantity": 1, "unit": "PF"}, {"line": 2, "quantity": 0.5, "unit": "GRM"}]
    refused = await offering.post("/v1/orders/PO-1/returns", "erp-one", {**back, "id": "RMA-2", "lines": wrong})
    assert refused.status_code == 422
    assert [it["field"] for it in refused.json()["findings"]] == ["lines[0].unit", "lines[1].quantity"]
