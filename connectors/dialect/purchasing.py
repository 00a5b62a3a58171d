"""The clients of the dialect for procurement: a port's method is one POST."""

from dataclasses import dataclass

from connectors.http import SystemClient
from connectors.ports import Call
from schemas.instructions import Accepted
from schemas.purchasing import ConfirmationReport, InvoiceSettlement, ReceiptPosting
from schemas.replenishment import ReplenishmentRequest, ReplenishmentResult


@dataclass(frozen=True)
class DialectPurchasing:
    """An ERP whose purchasing speaks the dialect."""

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

    async def replenish(self, message: ReplenishmentRequest, call: Call) -> Accepted:
        """See PurchasingPort."""
        return await self.client.post("/v1/replenishments", message, call, Accepted)


@dataclass(frozen=True)
class DialectProposing:
    """Planning that proposes in the dialect."""

    client: SystemClient

    async def answer(self, message: ReplenishmentResult, call: Call) -> Accepted:
        """See ProposingPort."""
        return await self.client.post(f"/v1/replenishments/{message.id}/result", message, call, Accepted)
