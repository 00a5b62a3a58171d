"""The door of procurement: who may send which document, what is refused, what is shown to whom."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from schemas.procurement.documents import PurchaseOrder
from schemas.procurement.purchase_orders import PurchaseLineRecord, PurchaseStatus
from store.procurement import purchase_orders, purchase_steps
from tests import written
from tests.gateway.harness import Gateway

ORDER: dict[str, Any] = {
    "number": "4500",
    "supplier": "acme",
    "site": "DC1",
    "region": "EMEA",
    "currency": "EUR",
    "ordered_at": "2026-03-01T12:00:00Z",
    "lines": [{"line": 1, "item": "A", "packs": 10, "unit_price": "2.50", "due_on": "2026-03-20"}],
}
OF = {"erp": "erp-one", "po": "4500"}
LINE = {"line": 1, "packs": 10}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "confirmation": {**OF, "lines": [{**LINE, "day": "2026-03-20"}]},
    "despatch": {
        **OF,
        "shipment": "S1",
        "shipped_at": "2026-03-02T12:00:00Z",
        "eta": "2026-03-09T12:00:00Z",
        "lines": [LINE],
    },
    "receipt": {**OF, "number": "G1", "site": "DC1", "received_at": "2026-03-09T12:00:00Z", "lines": [LINE]},
    "invoice": {
        **OF,
        "number": "I1",
        "currency": "EUR",
        "due_on": "2026-04-01",
        "lines": [{**LINE, "unit_price": 2.5}],
    },
    "order": ORDER,
}
PROPOSAL: dict[str, Any] = {
    "id": "R-1",
    "erp": "erp-one",
    "kind": "purchase",
    "item": "A",
    "site": "DC1",
    "region": "EMEA",
    "supplier": "acme",
    "quantity": 10,
    "wanted_on": "2026-03-20",
    "proposed_at": "2026-03-01T12:00:00Z",
}


def event(kind: str, partner: str, **changes: Any) -> dict[str, Any]:
    """A document in its envelope."""
    return {
        "specversion": "1.0",
        "id": f"{kind}-1",
        "source": f"/partners/{partner}",
        "type": f"syncline.procurement.{kind}.v1",
        "data": {**DOCUMENTS[kind], **changes},
    }


@pytest.mark.parametrize(
    ("kind", "owners"),
    [
        ("confirmation", {"acme", "wms-dc1"}),  # a warehouse supplies what is transferred; the relay knows whose it is
        ("despatch", {"acme", "wms-dc1"}),
        ("receipt", {"wms-dc1"}),
        ("invoice", {"acme", "erp-one"}),
        ("order", {"erp-one"}),
    ],
)
async def test_only_its_owner_sends_a_document(gateway: Gateway, kind: str, owners: set[str]) -> None:
    for partner in ("acme", "wms-dc1", "erp-one", "dhl", "tms", "planner", "helpdesk"):
        answer = await gateway.post("/v1/procurement", partner, event(kind, partner))
        assert answer.status_code == (202 if partner in owners else 403), (partner, answer.text)
    assert {row["partner"] for row in await gateway.inbox()} == owners
    assert {row["kind"] for row in await gateway.inbox()} == {"purchase.document"}


async def test_nobody_speaks_for_another(gateway: Gateway) -> None:
    answer = await gateway.post("/v1/procurement", "acme", event("invoice", "other"))
    assert answer.status_code == 403 and answer.json()["findings"][0]["field"] == "source"
    assert (await gateway.client.post("/v1/procurement", json=event("invoice", "acme"))).status_code == 401
    assert await gateway.inbox() == []


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        ("confirmation", {"lines": [{**LINE, "day": "2026-03-20"}] * 2}, "data.lines"),
        ("confirmation", {"lines": []}, "data.lines"),
        ("despatch", {"eta": "2026-03-01T12:00:00Z"}, "data.eta"),
        ("despatch", {"handling_units": ["123"]}, "data.handling_units[0]"),
        ("receipt", {"lines": [{**LINE, "damaged": 11}]}, "data.lines[0].damaged"),
        ("receipt", {"surprise": 1}, "data.surprise"),
        ("invoice", {"lines": [{**LINE, "unit_price": "2.55555"}]}, "data.lines[0].unit_price"),
        ("invoice", {"lines": [{**LINE, "packs": 1.5, "unit_price": 1}]}, "data.lines[0].packs"),
    ],
)
async def test_bad_documents_name_field_and_rule(
    gateway: Gateway, kind: str, changes: dict[str, Any], field: str
) -> None:
    partner = "wms-dc1" if kind == "receipt" else "acme"
    answer = await gateway.post("/v1/procurement", partner, event(kind, partner, **changes))
    assert answer.status_code == 422, answer.text
    assert field in [finding["field"] for finding in answer.json()["findings"]]


async def test_an_unknown_type_is_refused(gateway: Gateway) -> None:
    answer = await gateway.post("/v1/procurement", "acme", {**event("invoice", "acme"), "type": "syncline.other.v1"})
    assert answer.status_code == 422 and answer.json()["findings"][0]["field"] == "type"


async def test_an_erp_releases_a_purchase_order(gateway: Gateway) -> None:
    answer = await gateway.post("/v1/purchase-orders", "erp-one", ORDER)
    assert (answer.status_code, answer.headers["Location"]) == (202, "/v1/purchase-orders/4500")
    assert (await gateway.post("/v1/purchase-orders", "acme", ORDER)).status_code == 403
    late = {**ORDER, "lines": [{**ORDER["lines"][0], "due_on": "2026-02-01"}]}
    answer = await gateway.post("/v1/purchase-orders", "erp-one", late)
    assert answer.status_code == 422 and answer.json()["findings"][0]["field"] == "lines"


async def test_only_planning_proposes(gateway: Gateway) -> None:
    assert (await gateway.post("/v1/replenishments", "planner", PROPOSAL)).status_code == 202
    assert (await gateway.post("/v1/replenishments", "erp-one", PROPOSAL)).status_code == 403
    answer = await gateway.post("/v1/replenishments", "planner", {**PROPOSAL, "quantity": 0})
    assert answer.status_code == 422 and answer.json()["findings"][0]["field"] == "quantity"
    assert (await gateway.get("/v1/replenishments/R-1", "planner")).status_code == 404, "the relay makes it known"


async def test_parties_see_it_and_prices_are_for_those_who_pay(gateway: Gateway) -> None:
    order = PurchaseOrder.model_validate_json(json.dumps(ORDER))
    async with gateway.database.transaction() as connection:
        key = await purchase_orders.open_purchase(connection, "erp-one", order, ["erp-one", "acme", "wms-dc1"])
    line = PurchaseLineRecord(
        line=1, item="A", ordered=10, unit_price=Decimal("2.5"), due_on=date(2026, 3, 20), expected_on=None
    )
    record = written.purchase_record(order=key, version=2, status=PurchaseStatus.ORDERED, purchase=order, lines=(line,))
    await purchase_steps.write(gateway.database, written.step(record))
    await purchase_steps.write(gateway.database, written.step(written.but(record, version=1, lines=())))
    for partner, price in (("erp-one", True), ("acme", True), ("helpdesk", True), ("wms-dc1", False)):
        answer = await gateway.get("/v1/purchase-orders/4500", partner)
        assert ("unit_price" in answer.json()["lines"][0]) is price, partner
    for partner in ("erp-two", "dhl", "ups"):
        assert (await gateway.get("/v1/purchase-orders/4500", partner)).status_code == 404
    denied = await gateway.rows("SELECT actor FROM audit_entry WHERE action = 'access_denied' ORDER BY 1")
    assert [row["actor"] for row in denied] == ["dhl", "erp-two", "ups"]
