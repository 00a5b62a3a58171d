"""What systems are told of purchase orders and replenishments, by operation: each function has the name of its
operation. Their workflows decide it whole: an effect carries its message."""

from typing import TypeVar

from temporalio.exceptions import ApplicationError

from schemas.procurement.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    ReceiptPosting,
    TransferInstruction,
)
from schemas.procurement.purchase_orders import PurchaseEffect
from schemas.procurement.replenishment import ReplenishmentEffect, ReplenishmentRequest, ReplenishmentResult

Message = TypeVar("Message")


def report_confirmation(effect: PurchaseEffect) -> ConfirmationReport:
    """Differences of a supplier's confirmation from the order."""
    return _carried(effect.confirmed)


def post_receipt(effect: PurchaseEffect) -> ReceiptPosting:
    """A goods receipt."""
    return _carried(effect.posting)


def settle_invoice(effect: PurchaseEffect) -> InvoiceSettlement:
    """An invoice is released, held or rejected."""
    return _carried(effect.settlement)


def report_decision(effect: PurchaseEffect) -> DecisionReport:
    """The decision on a difference."""
    return _carried(effect.decision)


def post_issue(effect: PurchaseEffect) -> IssuePosting:
    """The goods issue of a transfer."""
    return _carried(effect.issue)


def instruct_transfer(effect: PurchaseEffect) -> TransferInstruction:
    """Goods are to be picked and sent to another site."""
    return _carried(effect.transfer)


def place_replenishment(effect: ReplenishmentEffect) -> ReplenishmentRequest:
    """A replenishment is to be validated and ordered."""
    return _carried(effect.request)


def answer_replenishment(effect: ReplenishmentEffect) -> ReplenishmentResult:
    """The outcome of a planning proposal."""
    return _carried(effect.result)


def _carried(message: Message | None) -> Message:
    if message is None:
        raise ApplicationError("the effect does not say what to post", type="platform", non_retryable=True)
    return message
