"""What each operation for a purchase order needs: one payload for each, under the operation's name.

A step of a purchase order decides the message whole, and the payload carries it. `site` is the one that is supplied.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.messaging.effects import Effect, EffectPayload, EffectTopic, Operation
from schemas.procurement.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    ReceiptPosting,
    TransferInstruction,
)


class ReportConfirmation(EffectPayload):
    """What the supplier confirmed otherwise than it was ordered."""

    operation: Literal[Operation.REPORT_CONFIRMATION] = Operation.REPORT_CONFIRMATION
    site: str
    message: ConfirmationReport


class PostReceipt(EffectPayload):
    """A goods receipt."""

    operation: Literal[Operation.POST_RECEIPT] = Operation.POST_RECEIPT
    message: ReceiptPosting

    @property
    def topic(self) -> EffectTopic:
        """The site that received, and the shipment."""
        return EffectTopic(site=self.message.site, shipment=self.message.shipment)


class SettleInvoice(EffectPayload):
    """An invoice is released, held or rejected."""

    operation: Literal[Operation.SETTLE_INVOICE] = Operation.SETTLE_INVOICE
    site: str
    message: InvoiceSettlement


class ReportDecision(EffectPayload):
    """What was decided about a difference."""

    operation: Literal[Operation.REPORT_DECISION] = Operation.REPORT_DECISION
    site: str
    message: DecisionReport


class InstructTransfer(EffectPayload):
    """Goods are to be picked and sent to another site."""

    operation: Literal[Operation.INSTRUCT_TRANSFER] = Operation.INSTRUCT_TRANSFER
    message: TransferInstruction

    @property
    def topic(self) -> EffectTopic:
        """The site that sends."""
        return EffectTopic(site=self.message.site)


class PostIssue(EffectPayload):
    """The goods issue of a transfer."""

    operation: Literal[Operation.POST_ISSUE] = Operation.POST_ISSUE
    message: IssuePosting

    @property
    def topic(self) -> EffectTopic:
        """The site that sent, and the shipment."""
        return EffectTopic(site=self.message.site, shipment=self.message.shipment)


PurchasePayload = Annotated[
    ReportConfirmation | PostReceipt | SettleInvoice | ReportDecision | InstructTransfer | PostIssue,
    Field(discriminator="operation"),
]


class PurchaseEffect(Effect[PurchasePayload]):
    """An effect for a purchase order. `order` is its key."""
