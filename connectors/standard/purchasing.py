"""The clients of the Syncline REST API for procurement: a port's method is one POST."""

from dataclasses import dataclass

from connectors.http.client import SystemClient
from connectors.ports import Call
from schemas.messaging.instructions import Accepted
from schemas.procurement.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    ReceiptPosting,
    TransferInstruction,
)
from schemas.procurement.replenishment import ReplenishmentRequest, ReplenishmentResult


@dataclass(frozen=True)
class StandardPurchasing:
    """An ERP whose purchasing speaks the Syncline REST API."""

    client: SystemClient

    async def report_confirmation(self, message: ConfirmationReport, call: Call) -> Accepted:
        """See PurchasingPort."""
        return await self.client.post(f"/v1/purchase-orders/{message.po}/confirmations", message, call, Accepted)

    async def post_receipt(self, message: ReceiptPosting, call: Call) -> Accepted:
        """See PurchasingPort."""
        return await self.client.post(f"/v1/purchase-orders/{message.po}/receipts", message, call, Accepted)

    async def settle_invoice(self, message: InvoiceSettlement, call: Call) -> Accepted:
        """See PurchasingPort."""
        return await self.client.post(f"/v1/purchase-orders/{message.po}/invoices", message, call, Accepted)

    async def report_decision(self, message: DecisionReport, call: Call) -> Accepted:
        """See PurchasingPort."""
        return await self.client.post(f"/v1/purchase-orders/{message.po}/decisions", message, call, Accepted)

    async def post_issue(self, message: IssuePosting, call: Call) -> Accepted:
        """See PurchasingPort."""
        return await self.client.post(f"/v1/purchase-orders/{message.po}/issues", message, call, Accepted)

    async def replenish(self, message: ReplenishmentRequest, call: Call) -> Accepted:
        """See PurchasingPort."""
        return await self.client.post("/v1/replenishments", message, call, Accepted)


@dataclass(frozen=True)
class StandardTransfers:
    """A warehouse that takes transfers in the Syncline REST API."""

    client: SystemClient

    async def transfer(self, message: TransferInstruction, call: Call) -> Accepted:
        """See TransferPort."""
        return await self.client.post(f"/v1/transfers/{message.po}", message, call, Accepted)


@dataclass(frozen=True)
class StandardProposing:
    """Planning that proposes in the Syncline REST API."""

    client: SystemClient

    async def answer(self, message: ReplenishmentResult, call: Call) -> Accepted:
        """See ProposingPort."""
        return await self.client.post(f"/v1/replenishments/{message.id}/result", message, call, Accepted)
