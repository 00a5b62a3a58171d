"""Procurement documents as partners send them: each line in the unit that suits its sender.

Partners send them as CloudEvents (`schemas.messaging.envelope`), whose `type` carries the version of the contract; the
ERP posts its purchase orders as they are. A number without a `unit` is of what the item is kept in.
`dispatch.partners.measuring` makes of them what our books count (`schemas.procurement.documents`).
"""

from decimal import Decimal

from pydantic import ConfigDict, Field

from schemas.base import InUnit, Quantity, QuantityOrNone
from schemas.procurement.documents import (
    DOCUMENTS,
    AdviceOf,
    AdvisedLineOf,
    ConfirmedLineOf,
    InvoicedLineOf,
    InvoiceOf,
    OfPurchase,
    OrderOf,
    PurchaseLineOf,
    ReceiptOf,
    ReceivedLineOf,
)


class SentPurchaseLine(PurchaseLineOf[Decimal], InUnit):
    """So much of an item, due at the site on a day. `packs` is in `unit`, `unit_price` is for `per` of that unit."""

    model_config = ConfigDict(title="PurchaseLine")

    packs: Quantity


class SentOrder(OrderOf[SentPurchaseLine]):
    """A purchase order of an ERP to a supplier. The ERP owns it: a higher `revision` replaces it, `cancelled` ends it.

    `match`: how its invoices are matched, where that is not left to the policy. `replenishment`: the proposal it fills.
    `from_site` makes it a transfer order. Then `supplier` is the partner of that site's warehouse, prices are values of
    the goods, and nobody sends an invoice.
    """

    model_config = ConfigDict(title="PurchaseOrder")


class SentConfirmedLine(ConfirmedLineOf[Decimal], InUnit):
    """The packs of a line that the supplier will bring, none when it will not, and the day at the site. `packs` is in
    `unit`.

    `unit_price` and `item`, where they are not as ordered: another price for `per` of the unit, another item instead.
    """

    model_config = ConfigDict(title="ConfirmedLine")

    packs: QuantityOrNone


class SentConfirmation(OfPurchase[SentConfirmedLine]):
    """The confirmation of the supplier. A line that is not named is not confirmed."""

    model_config = ConfigDict(title="SupplierConfirmation")


class SentAdvisedLine(AdvisedLineOf[Decimal], InUnit):
    """The packs of a line in a shipment. `packs` is in `unit`."""

    model_config = ConfigDict(title="AdvisedLine")

    packs: Quantity


class SentAdvice(AdviceOf[SentAdvisedLine]):
    """Advance ship notice: a shipment has left the supplier. `carrier` may then report on it by its number."""

    model_config = ConfigDict(title="DespatchAdvice")


class SentReceivedLine(ReceivedLineOf[Decimal], InUnit):
    """The received packs of a line, and the damaged ones of them. Both are in `unit`."""

    model_config = ConfigDict(title="ReceivedLine")

    packs: QuantityOrNone
    damaged: QuantityOrNone = Field(Decimal(0), validate_default=False)


class SentReceipt(ReceiptOf[SentReceivedLine]):
    """The receipt of the site's warehouse. `final`: nothing more is expected on this purchase order."""

    model_config = ConfigDict(title="GoodsReceipt")


class SentInvoicedLine(InvoicedLineOf[Decimal], InUnit):
    """The invoiced packs of a line. `packs` is in `unit`, `unit_price` is for `per` of that unit."""

    model_config = ConfigDict(title="InvoicedLine")

    packs: Quantity


class SentInvoice(InvoiceOf[SentInvoicedLine]):
    """The supplier's invoice, to be paid by `due_on`; or, with `credits`, a credit note on that invoice."""

    model_config = ConfigDict(title="Invoice")


SentDocument = SentOrder | SentConfirmation | SentAdvice | SentReceipt | SentInvoice
SentDocumentLine = SentPurchaseLine | SentConfirmedLine | SentAdvisedLine | SentReceivedLine | SentInvoicedLine
SENT: dict[str, type[SentDocument]] = dict(
    zip(DOCUMENTS, (SentOrder, SentConfirmation, SentAdvice, SentReceipt, SentInvoice), strict=True)
)
"""The documents of partners, by the `type` of their CloudEvent."""
