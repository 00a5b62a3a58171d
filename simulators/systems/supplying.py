"""Stand-in suppliers, and the warehouses that receive from them: confirm, ship, receive, invoice, as a plan says.

Everything is told as signed webhooks, as those who own the documents.
"""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b

from pydantic import ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.base import Contract
from schemas.parsing import heard
from schemas.procurement.documents import (
    DOCUMENTS,
    AdvisedLine,
    ConfirmedLine,
    DespatchAdvice,
    GoodsReceipt,
    Invoice,
    InvoicedLine,
    ProcurementDocument,
    PurchaseOrder,
    ReceivedLine,
    SupplierConfirmation,
)
from simulators.systems.call_handling import answer, problem
from simulators.systems.wms_stock import WmsStock
from simulators.webhooks import Outbox, WebhookMessage

TYPE_OF = {document: name for name, document in DOCUMENTS.items()}


def document_message(partner: str, document: ProcurementDocument, event_id: str) -> WebhookMessage:
    """A procurement document in its envelope, as a partner tells it. The same event has the same message id."""
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/partners/{partner}",
        "type": TYPE_OF[type(document)],
        "data": document.model_dump(mode="json", exclude_none=True),
    }
    message_id = "msg_" + blake2b(f"{partner}/{event_id}".encode(), digest_size=12).hexdigest()
    return WebhookMessage(partner, message_id, json.dumps(envelope).encode())


class SupplyPlan(Contract):
    """What a supplier does about a purchase order of `erp`, and what the warehouse finds.

    `short` and `damaged`: packs of a line that it does not confirm, or that arrive damaged. `late_days`: so much later
    than it was ordered. `dearer`: added to every price that it invoices. Nobody invoices a transfer.
    """

    model_config = ConfigDict(extra="forbid")

    erp: str
    order: PurchaseOrder
    short: dict[int, int] = {}  # noqa: RUF012 - pydantic copies field defaults
    damaged: dict[int, int] = {}  # noqa: RUF012
    late_days: int = 0
    dearer: Decimal = Decimal()

    def documents(self, now: datetime) -> tuple[tuple[str, ProcurementDocument], ...]:
        """(partner, document) of everything that happens, in the order in which it does."""
        order = self.order
        of_order = {"erp": self.erp, "po": order.number}
        supplier, warehouse = order.supplier, f"wms-{order.site.lower()}"
        sent = {line.line: line.packs - self.short.get(line.line, 0) for line in order.lines}
        price = {line.line: line.unit_price + self.dearer for line in order.lines}
        lateness, shipment = timedelta(days=self.late_days), f"ASN-{order.number}"
        day = {line.line: line.due_on + lateness for line in order.lines}
        confirmed = tuple(ConfirmedLine(line=n, packs=packs, day=day[n]) for n, packs in sent.items())
        left = {n: packs for n, packs in sent.items() if packs}
        eta = max(now, datetime.combine(max(day.values()), datetime.min.time(), UTC))
        received = tuple(ReceivedLine(line=n, packs=x, damaged=self.damaged.get(n, 0)) for n, x in left.items())
        invoiced = tuple(InvoicedLine(line=n, packs=packs, unit_price=price[n]) for n, packs in left.items())
        told: tuple[tuple[str, ProcurementDocument], ...] = (
            (supplier, SupplierConfirmation(**of_order, lines=confirmed)),
            (
                supplier,
                DespatchAdvice(
                    **of_order,
                    shipment=shipment,
                    shipped_at=now,
                    eta=eta,
                    carrier=order.carrier,
                    lines=tuple(AdvisedLine(line=n, packs=packs) for n, packs in left.items()),
                ),
            ),
            (
                warehouse,
                GoodsReceipt(
                    **of_order,
                    number=f"GR-{order.number}",
                    site=order.site,
                    shipment=shipment,
                    received_at=now,
                    final=bool(self.short),
                    lines=received,
                ),
            ),
        )
        if order.from_site:
            return told
        due_on = (now + timedelta(days=30)).date()
        number = f"INV-{order.number}"
        invoice = Invoice(**of_order, number=number, currency=order.currency, due_on=due_on, lines=invoiced)
        return (*told, (supplier, invoice))


class Suppliers:
    """`PUT /supplies` with a `SupplyPlan`: everything in it is told, once, one document after the other.

    A warehouse books what it receives, or sends to another site, before it tells of it.
    """

    def __init__(self, outbox: Outbox, stock: WmsStock) -> None:
        self._outbox = outbox
        self._stock = stock
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun: list[SupplyPlan] = []

    def release(self, erp: str, order: PurchaseOrder) -> None:
        """An ERP sends a purchase order out."""
        self._outbox.post(document_message(erp, order, f"po-{order.number}-r{order.revision}"))

    def routes(self) -> list[Route]:
        """The driver's."""
        return [Route("/supplies", self._put, methods=["PUT"])]

    async def _put(self, request: Request) -> Response:
        try:
            plan = heard(SupplyPlan, await request.body())
        except ValidationError as error:
            return problem(422, "plan_invalid", str(error))
        if plan not in self._begun:  # it may be put again when its answer was lost
            self._begun.append(plan)
            task = asyncio.create_task(self._tell(plan))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return answer(plan)

    async def _tell(self, plan: SupplyPlan) -> None:
        items = {line.line: line.item for line in plan.order.lines}
        for number, (partner, document) in enumerate(plan.documents(datetime.now(UTC)), 1):
            if isinstance(document, GoodsReceipt):
                self._stock.received(document, items)
            elif isinstance(document, DespatchAdvice) and plan.order.from_site:
                self._stock.sent(document, items, partner)
            await self._outbox.post(document_message(partner, document, f"{plan.order.number}-{number}")).wait()
