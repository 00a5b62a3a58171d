"""What systems are told of purchase orders and replenishments, by operation: each function has the name of its
operation. Their workflows decide it whole: an effect carries its message."""

from schemas.messaging.effects import Effect
from schemas.procurement.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    ReceiptPosting,
    TransferInstruction,
)
from schemas.procurement.purchase_effects import (
    InstructTransfer,
    PostIssue,
    PostReceipt,
    ReportConfirmation,
    ReportDecision,
    SettleInvoice,
)
from schemas.procurement.replenishment import (
    AnswerReplenishment,
    PlaceReplenishment,
    ReplenishmentRequest,
    ReplenishmentResult,
)


def report_confirmation(effect: Effect[ReportConfirmation]) -> ConfirmationReport:
    """Differences of a supplier's confirmation from the order."""
    return effect.payload.message


def post_receipt(effect: Effect[PostReceipt]) -> ReceiptPosting:
    """A goods receipt."""
    return effect.payload.message


def settle_invoice(effect: Effect[SettleInvoice]) -> InvoiceSettlement:
    """An invoice is released, held or rejected."""
    return effect.payload.message


def report_decision(effect: Effect[ReportDecision]) -> DecisionReport:
    """The decision on a difference."""
    return effect.payload.message


def post_issue(effect: Effect[PostIssue]) -> IssuePosting:
    """The goods issue of a transfer."""
    return effect.payload.message


def instruct_transfer(effect: Effect[InstructTransfer]) -> TransferInstruction:
    """Goods are to be picked and sent to another site."""
    return effect.payload.message


def place_replenishment(effect: Effect[PlaceReplenishment]) -> ReplenishmentRequest:
    """A replenishment is to be validated and ordered."""
    return effect.payload.message


def answer_replenishment(effect: Effect[AnswerReplenishment]) -> ReplenishmentResult:
    """The outcome of a planning proposal."""
    return effect.payload.message
