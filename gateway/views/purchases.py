"""Purchase orders and replenishments as they are shown: what the store reads, as contracts."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from gateway.views.orders import SEE_EFFECTS, CaseView, EffectView, case_view
from schemas.base import Contract, Role
from schemas.procurement.replenishment import HopEntry, ReplenishmentProposal


class PurchaseLineView(Contract):
    """A line, in packs; its price, for `per` packs, is shown to the ERP, the supplier and support."""

    line: int
    item: str
    ordered: int
    confirmed: int | None = None
    advised: int
    received: int
    damaged: int
    invoiced: int | None = None
    unit_price: Decimal | None = None
    per: int = 1
    due_on: date
    expected_on: date | None = None


class InboundShipmentView(Contract):
    """A shipment that brings packs of it, and its pallets and cartons (SSCC)."""

    shipment: str
    carrier: str
    eta: datetime
    status: str
    handling_units: tuple[str, ...] = ()


class InvoiceView(Contract):
    """An invoice: held or released, and why."""

    number: str
    revision: int
    decision: str
    match: str
    currency: str
    amount: Decimal
    due_on: date
    reasons: tuple[str, ...] = ()


class PurchaseView(Contract):
    """A purchase order as its parties see it. Prices and invoices are not shown to carriers and warehouses."""

    key: str
    erp: str
    number: str
    supplier: str
    site: str
    region: str
    currency: str
    status: str
    revision: int
    replenishment: str | None = None
    ordered_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    lines: tuple[PurchaseLineView, ...] = ()
    shipments: tuple[InboundShipmentView, ...] = ()
    invoices: tuple[InvoiceView, ...] | None = None
    effects: tuple[EffectView, ...] | None = None
    cases: tuple[CaseView, ...] = ()


class ReplenishmentView(Contract):
    """A proposal: the order that came of it, or which `hop` failed, whose failure it is (`origin`), and why."""

    id: str
    partner: str
    erp: str
    state: str
    hop: str
    origin: str | None = None
    reason: str = ""
    number: str = ""
    answered: bool
    proposal: ReplenishmentProposal
    trail: tuple[HopEntry, ...] = ()
    created_at: datetime
    updated_at: datetime


SEE_PRICES = (*SEE_EFFECTS, Role.SUPPLIER)
"""Roles that see what goods cost."""
PRICED = frozenset({"unit_price", "invoiced"})


def purchase_view(row: dict[str, Any], details: dict[str, list[dict[str, Any]]], role: Role) -> PurchaseView:
    """Put together what store.procurement.purchase_orders reads, as far as this role may see it."""
    hidden = PRICED if role not in SEE_PRICES else frozenset()
    shown: dict[str, Any] = {
        "lines": [{name: x for name, x in line.items() if name not in hidden} for line in details["lines"]],
        "shipments": details["shipments"],
        "cases": tuple(case_view(case, role) for case in details["cases"]),
    }
    if role in SEE_PRICES:
        shown["invoices"] = details["invoices"]
    if role in SEE_EFFECTS:
        shown["effects"] = details["effects"]
    return PurchaseView.model_validate({**row, **shown})
