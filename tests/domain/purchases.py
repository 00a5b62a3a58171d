"""Small builders: a purchase order of two lines, and documents on it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from schemas.base import Role
from schemas.orders.milestones import MilestoneEvent, MilestoneKind
from schemas.procurement.documents import (
    AdvisedLine,
    ConfirmedLine,
    DespatchAdvice,
    GoodsReceipt,
    Invoice,
    InvoicedLine,
    PurchaseLine,
    PurchaseOrder,
    ReceivedLine,
    SupplierConfirmation,
)
from schemas.procurement.purchase_orders import InboundStart, ProcurementPolicy, PurchaseDocument

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DUE = date(2026, 5, 20)
OF = {"erp": "erp-one", "po": "4500"}


def start(number: str = "4500", accepted_at: datetime = NOON, **policy: Any) -> InboundStart:
    return InboundStart(
        erp="erp-one",
        number=number,
        supplier="acme",
        site="LYS",
        region="EMEA",
        accepted_at=accepted_at,
        policy=ProcurementPolicy(**policy),
    )


def document(name: str, received_at: datetime = NOON, **said: Any) -> PurchaseDocument:
    return PurchaseDocument(id=name, partner="acme", inbox_id=1, received_at=received_at, **said)


def order(revision: int = 1, packs: tuple[int, int] = (100, 50), **more: Any) -> PurchaseDocument:
    lines = tuple(
        PurchaseLine(line=n, item=item, packs=count, unit_price=Decimal(10), due_on=more.get("due_on", DUE))
        for n, item, count in ((1, "A", packs[0]), (2, "B", packs[1]))
    )
    body = PurchaseOrder(
        number=more.get("number", "4500"),
        revision=revision,
        supplier="acme",
        site="LYS",
        region="EMEA",
        currency="EUR",
        ordered_at=more.get("ordered_at", NOON),
        cancelled=more.get("cancelled", False),
        match=more.get("match"),
        lines=lines,
    )
    return document(f"order-{revision}", order=body)


def of_own(plain: PurchaseDocument) -> PurchaseDocument:
    """The same order as a transfer from our own site HAM."""
    body = plain.order and plain.order.model_copy(update={"from_site": "HAM", "supplier": "wms-ham"})
    return plain.model_copy(update={"order": body})


def confirmed(packs: tuple[int, int] = (100, 50), day: date = DUE, revision: int = 1) -> PurchaseDocument:
    lines = tuple(ConfirmedLine(line=n, packs=count, day=day) for n, count in enumerate(packs, 1))
    return document(f"confirmed-{revision}", confirmation=SupplierConfirmation(**OF, revision=revision, lines=lines))


def advised(shipment: str, eta: datetime = NOON + timedelta(days=5), **lines: int) -> PurchaseDocument:
    """`l1=60`: packs of line 1."""
    body = DespatchAdvice(
        **OF,
        shipment=shipment,
        shipped_at=NOON,
        eta=eta,
        carrier="dhl",
        lines=tuple(AdvisedLine(line=int(name[1:]), packs=count) for name, count in lines.items()),
    )
    return document(f"advice-{shipment}", advice=body)


def received(
    number: str, shipment: str | None = None, *, final: bool = False, damaged: int = 0, **lines: int
) -> PurchaseDocument:
    """`damaged` packs of the first line."""
    body = GoodsReceipt(
        **OF,
        number=number,
        site="LYS",
        shipment=shipment,
        received_at=NOON,
        final=final,
        lines=tuple(
            ReceivedLine(line=int(name[1:]), packs=count, damaged=0 if at else damaged)
            for at, (name, count) in enumerate(lines.items())
        ),
    )
    return document(f"receipt-{number}", receipt=body)


def invoiced(
    number: str, price: str = "10", revision: int = 1, currency: str = "EUR", **lines: int
) -> PurchaseDocument:
    body = Invoice(
        **OF,
        number=number,
        revision=revision,
        currency=currency,
        due_on=DUE,
        lines=tuple(
            InvoicedLine(line=int(name[1:]), packs=count, unit_price=Decimal(price)) for name, count in lines.items()
        ),
    )
    return document(f"invoice-{number}-{revision}", invoice=body)


def reported(kind: MilestoneKind, shipment: str, hours: float, eta: datetime | None = None) -> MilestoneEvent:
    return MilestoneEvent(
        id=f"dhl#{kind}-{shipment}-{hours}",
        kind=kind,
        shipment=shipment,
        occurred_at=NOON + timedelta(hours=hours),
        received_at=NOON,
        partner="dhl",
        role=Role.CARRIER,
        inbox_id=2,
        eta=eta,
    )
