"""Finance over the API: who reads what, and who may invoice freight."""

from datetime import date
from typing import Any

import pytest

from schemas.orders import LinePromise, OrderStatus, Promise
from schemas.records import ShipmentRecord, StepRecord
from store import steps
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
    lines = [{"line": 1, "item": "ITEM-1", "quantity": 10, "value": 200.0}]
    await gateway.post("/v1/orders", "erp-one", release(lines=lines))
    step = StepRecord(
        order=KEY,
        version=1,
        status=OrderStatus.SHIPPED,
        promised_on=DAY,
        first_promise=Promise(promised_on=DAY, lines=(LinePromise(line=1, promised_on=DAY),)),
        shipments=(ShipmentRecord(shipment="S-1", status=OrderStatus.SHIPPED),),
        moves={"on_hand:DC1": {"ITEM-1": -10}, "transit:S-1": {"ITEM-1": 10}},
    )
    await steps.write(gateway.database, step)
    return gateway


async def test_the_erp_reads_its_own_books(shipped: Gateway) -> None:
    own = (await shipped.get("/v1/finance?days=1", "erp-one")).json()
    assert [(x["packs"], x["amount"]) for x in own["in_transit"]] == [(10, "200.000000")]
    assert [(x["shipment"], x["amount"]) for x in own["accruals"]] == [("S-1", "10.000000")]
    assert own["differences"] == []
    assert own["as_of"]
    assert (await shipped.get("/v1/finance", "erp-two")).json()["accounts"] == []
    assert (await shipped.get("/v1/finance", "root")).json()["accounts"] == own["accounts"]
    before = (await shipped.get("/v1/finance?as_of=2026-01-01T00:00:00Z", "erp-one")).json()
    assert before["accounts"] == []
    for partner in ("dhl", "wms-dc1", "planner"):
        assert (await shipped.get("/v1/finance", partner)).status_code == 403


async def test_the_carrier_invoices_its_own_order_once(shipped: Gateway) -> None:
    first, again = [await shipped.post("/v1/freight-invoices", "dhl", INVOICE) for _ in range(2)]
    assert (first.status_code, first.json()) == (200, again.json())
    assert (first.json()["accrued"], first.json()["difference"]) == ("10.000000", "2.500000")
    other = await shipped.post("/v1/freight-invoices", "dhl", {**INVOICE, "amount": "13.00"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/content-differs")
    [move] = await shipped.rows("SELECT count(*) AS n FROM finance_move WHERE kind = 'freight_invoice'")
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
    assert [x["amount"] for x in (await shipped.get("/v1/finance", "root")).json()["accruals"]] == ["10.000000"]
