"""Freight over the API: what is accrued, and who may invoice it."""

import json
from datetime import date
from typing import Any

import pytest

from schemas.orders.changes import ShipmentRecord
from schemas.orders.release import LinePromise, OrderStatus, Promise
from store.orders import steps
from tests import written
from tests.gateway.harness import Gateway
from tests.gateway.messages import release

KEY, DAY = "erp-one/PO-1", date(2026, 3, 9)
INVOICE: dict[str, Any] = {
    "id": "F-1",
    "order": "PO-1",
    "shipment": "S-1",
    "amount": "12.50",
    "currency": "USD",
}


@pytest.fixture
async def shipped(gateway: Gateway) -> Gateway:
    """A gateway with an order of 200 USD on its way."""
    rule = {"id": "freight", "about": "freight", "scope": {"site": "DC1"}, "body": {"share": 0.05}}
    headers = {**gateway.auth("root"), "Content-Type": "application/json"}
    assert (await gateway.client.put("/v1/policies", content=json.dumps(rule), headers=headers)).status_code == 200
    lines = [{"line": 1, "item": "ITEM-1", "quantity": 10, "value": "200.00"}]
    await gateway.post("/v1/orders", "erp-one", release(lines=lines))
    step = written.order_record(
        order=KEY,
        version=1,
        status=OrderStatus.SHIPPED,
        promised_on=DAY,
        first_promise=Promise(promised_on=DAY, lines=(LinePromise(line=1, promised_on=DAY),)),
        shipments=(ShipmentRecord(shipment="S-1", status=OrderStatus.SHIPPED),),
        moves={"on_hand:DC1": {"ITEM-1": -10}, "transit:S-1": {"ITEM-1": 10}},
        issued={"transit:S-1": {"ITEM-1": 10}},
    )
    await steps.write(gateway.database, written.step(step))
    return gateway


async def accruals(gateway: Gateway, caller: str) -> list[tuple[str, str]]:
    """(shipment, amount) of what no invoice has settled."""
    found = (await gateway.get("/v1/finance/accounts", caller)).json()["accruals"]
    return [(x["shipment"], x["amount"]) for x in found]


async def test_the_erp_reads_its_own_accruals(shipped: Gateway) -> None:
    assert await accruals(shipped, "erp-one") == await accruals(shipped, "root") == [("S-1", "10.0000")]
    assert await accruals(shipped, "erp-two") == []


async def test_the_carrier_invoices_its_own_order_once(shipped: Gateway) -> None:
    first, again = [await shipped.post("/v1/freight-invoices", "dhl", INVOICE) for _ in range(2)]
    assert (first.status_code, first.json()) == (200, again.json())
    assert (first.json()["accrued"], first.json()["difference"]) == ("10.0000", "2.5000")
    other = await shipped.post("/v1/freight-invoices", "dhl", {**INVOICE, "amount": "13.00"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/content-differs")
    [move] = await shipped.rows("SELECT count(*) AS n FROM freight_move WHERE digest <> ''")
    assert move["n"] == 1


@pytest.mark.parametrize(
    ("partner", "change", "status"),
    [
        ("ups", {}, 404),
        ("erp-one", {}, 403),
        ("root", {}, 403),
        ("dhl", {"shipment": "S-9"}, 404),
        ("dhl", {"currency": "EUR"}, 422),
        ("dhl", {"amount": "-1"}, 422),
        ("dhl", {"amount": "1.234"}, 422),
        ("dhl", {"amount": 12.5}, 422),
        ("dhl", {"surprise": 1}, 422),
    ],
)
async def test_others_and_nonsense_are_refused(
    shipped: Gateway, partner: str, change: dict[str, Any], status: int
) -> None:
    answer = await shipped.post("/v1/freight-invoices", partner, {**INVOICE, **change})
    assert answer.status_code == status, answer.text
    assert await accruals(shipped, "root") == [("S-1", "10.0000")]


@pytest.mark.parametrize(("reported", "status"), [("", 403), ("tender_accepted", 403), ("in_transit", 200)])
async def test_a_replaced_carrier_invoices_what_it_has_carried_only(
    shipped: Gateway, reported: str, status: int
) -> None:
    async with shipped.database.connection() as connection:
        await connection.execute("UPDATE order_view SET carrier = 'ups', parties = parties || '{ups}'::text[]")
        if reported:
            await connection.execute(
                "WITH e AS (INSERT INTO event (source, event_id, kind, shipment, partner, inbox_id, occurred_at, "
                "received_at, body) SELECT 's', '1', %s, 'S-1', 'dhl', min(id), now(), now(), '{}' FROM inbox_message "
                "RETURNING id) INSERT INTO event_order (order_key, event_id, event, state) "
                "SELECT %s, 's#1', id, 'applied' FROM e",
                (reported, KEY),
            )
    answer = await shipped.post("/v1/freight-invoices", "dhl", INVOICE)
    assert answer.status_code == status, answer.text
    new = await shipped.post("/v1/freight-invoices", "ups", {**INVOICE, "id": "U-1"})
    assert new.status_code == 200, "the one that it is carried by now"
