"""Effects as tests make them and look at them."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, get_args

from schemas.cases.exceptions import Action
from schemas.messaging.effects import ChangeKind, Effect, EffectPayload, Operation
from schemas.messaging.order_effects import OrderPayload
from schemas.orders.milestones import MilestoneKind, ShippedLine
from schemas.orders.release import LinePromise, OrderStatus
from schemas.procurement.documents import Match
from schemas.procurement.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    ReceiptPosting,
    SettlementDecision,
    TransferInstruction,
)
from schemas.procurement.purchase_effects import PurchasePayload
from schemas.procurement.replenishment import (
    ReplenishmentPayload,
    ReplenishmentRequest,
    ReplenishmentResult,
    ReplenishmentState,
    SourcedBy,
)

UNIONS: tuple[Any, ...] = (OrderPayload, PurchasePayload, ReplenishmentPayload)
KINDS: tuple[type[EffectPayload], ...] = tuple(kind for union in UNIONS for kind in get_args(get_args(union)[0]))
"""Every payload class, as the messages of workflows know them."""
NOON, DAY = datetime(2026, 5, 4, 12, tzinfo=UTC), date(2026, 6, 1)
TWO = (ShippedLine(line=1, quantity=2),)
NEEDED: dict[Operation, dict[str, Any]] = {
    Operation.INSTRUCT_WAREHOUSE: {"promised_on": DAY},
    Operation.TENDER_TRANSPORT: {"promised_on": DAY},
    Operation.EXPECT_RETURN: {"rma": "RMA-1", "lines": TWO},
    Operation.COLLECT_RETURN: {"rma": "RMA-1", "lines": TWO},
    Operation.INTERCEPT_SHIPMENT: {"shipment": "DN-1"},
    Operation.REPORT_CHANGE: {"change": ChangeKind.HELD},
    Operation.REDATE_PROMISE: {"promised_on": DAY, "promises": (LinePromise(line=1, promised_on=DAY),)},
    Operation.CONFIRM_CANCELLATION: {"reason": "because"},
    Operation.REPORT_MILESTONE: {
        "milestone": MilestoneKind.PICKED,
        "order_status": OrderStatus.PICKED,
        "occurred_at": NOON,
        "shipment": "DN-1",
    },
    Operation.REPORT_CONFIRMATION: {"site": "LYS", "message": ConfirmationReport(po="SO-1", revision=1)},
    Operation.POST_RECEIPT: {
        "message": ReceiptPosting(po="SO-1", number="G1", revision=1, site="LYS", received_at=NOON, lines=()),
    },
    Operation.SETTLE_INVOICE: {
        "site": "LYS",
        "message": InvoiceSettlement(
            po="SO-1",
            number="I1",
            revision=1,
            decision=SettlementDecision.RELEASED,
            match=Match.THREE_WAY,
            currency="EUR",
            amount=Decimal("12.5"),
        ),
    },
    Operation.REPORT_DECISION: {
        "site": "LYS",
        "message": DecisionReport(po="SO-1", id="d-1", action=Action.ASK_AGAIN),
    },
    Operation.POST_ISSUE: {
        "message": IssuePosting(po="SO-1", shipment="S1", revision=1, site="LYS", shipped_at=NOON, lines=())
    },
    Operation.INSTRUCT_TRANSFER: {
        "message": TransferInstruction(po="SO-1", version=1, site="LYS", to_site="HAM", wanted_on=DAY)
    },
    Operation.PLACE_REPLENISHMENT: {
        "message": ReplenishmentRequest(
            id="SO-1",
            kind=SourcedBy.TRANSFER,
            item="A",
            site="LYS",
            region="EMEA",
            from_site="HAM",
            packs=5,
            wanted_on=date(2099, 6, 1),
        )
    },
    Operation.ANSWER_REPLENISHMENT: {
        "region": "EMEA",
        "site": "LYS",
        "message": ReplenishmentResult(
            id="SO-1", state=ReplenishmentState.ORDERED, kind=SourcedBy.TRANSFER, number="7"
        ),
    },
}
"""What each operation cannot do without, of an order `SO-1`."""


def kind_of(operation: Operation) -> type[EffectPayload]:
    """The payload class of an operation."""
    [kind] = [it for it in KINDS if it.model_fields["operation"].default is operation]
    return kind


def payload_of(operation: Operation, **fields: Any) -> Any:
    """A payload of an operation: what it needs, and these fields."""
    return kind_of(operation)(**{**NEEDED.get(operation, {}), **fields})


def said(effect: Effect) -> Any:
    """What an effect says, whichever its operation is."""
    return effect.payload


def posted(effects: Iterable[Effect], operation: Operation) -> list[Any]:
    """The messages of the effects of one operation, in procurement, where a payload carries it."""
    return [said(it).message for it in effects if it.operation is operation]
