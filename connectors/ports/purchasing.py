"""An ERP's purchasing: calls on its purchase orders, and requests to order.

Every method raises `Refused`, `Unavailable` or `UnknownOutcome`, as `connectors.ports.erp` says. Quantities are packs,
amounts exact decimals in the currency that stands beside them.
"""

from typing import Protocol

from connectors.ports.call import Call
from schemas.messaging.instructions import Accepted
from schemas.procurement.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    ReceiptPosting,
)
from schemas.procurement.replenishment import ReplenishmentRequest


class PurchasingPort(Protocol):
    """An ERP's purchase orders."""

    async def report_confirmation(self, message: ConfirmationReport, call: Call) -> Accepted:
        """The supplier has confirmed, with these differences.

        Args: `message.revision`: which confirmation; the highest counts. Returns: the ERP's number.
        Raises: see the module. Once: by key, or by purchase order and revision.
        """

    async def post_receipt(self, message: ReceiptPosting, call: Call) -> Accepted:
        """Goods were received.

        Args: `message.number`: of the receipt; `lines`: packs, absolute for that receipt.
        Returns: the number of the posting. Raises: see the module.
        Once: a receipt must not post twice; by key, or by the receipt's number.
        """

    async def settle_invoice(self, message: InvoiceSettlement, call: Call) -> Accepted:
        """Pay an invoice, or hold it.

        Args: `message.amount`: what is released. Returns: the number of the posting. Raises: see the module.
        Once: an invoice must not be paid twice; by key, or by the invoice's number and revision.
        """

    async def report_decision(self, message: DecisionReport, call: Call) -> Accepted:
        """The decision about a difference; the ERP informs the supplier.

        Args: `message.id`: of the decision. Returns: the ERP's number. Raises: see the module.
        Once: by key, or by the decision's id.
        """

    async def post_issue(self, message: IssuePosting, call: Call) -> Accepted:
        """A transfer has left its site.

        Args: `message.lines`: packs that left with that shipment. Returns: the number of the posting.
        Raises: see the module. Once: by key, or by shipment and revision.
        """

    async def replenish(self, message: ReplenishmentRequest, call: Call) -> Accepted:
        """Validate, and order.

        Args: `message.packs`: how many. Returns: the number of the purchase order.
        Raises: see the module. Once: goods must not be ordered twice; by key, or by the proposal's id.
        """
