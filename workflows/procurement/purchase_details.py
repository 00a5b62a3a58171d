"""The page of a purchase order: its status, and half a page of markdown in the Temporal UI."""

from temporalio import workflow

from domain.procurement.purchase_order import PurchaseFile
from schemas.messaging.effects import Effect
from schemas.procurement.purchase_orders import PurchaseOutcome
from workflows.runtime.deadline_timer import Due
from workflows.runtime.entity import TIMELINE_LINES
from workflows.runtime.search_attributes import ORDER_STATUS


def outcome(state: PurchaseFile, due: Due | None) -> PurchaseOutcome:
    """Where the purchase order is, and what is awaited."""
    return PurchaseOutcome(
        order=state.start.key,
        status=state.status,
        received=sum(line.received for line in state.lines),
        awaited=due.awaited if due else "",
        due_at=due.at if due else None,
    )


class PurchaseDetails:
    """Keeps the UI's picture of one purchase order. Indexes only what changed."""

    def __init__(self) -> None:
        self._indexed = ""

    def show(
        self, state: PurchaseFile, due: Due | None, owed: tuple[Effect, ...], cases: tuple[str, ...], history: list[str]
    ) -> None:
        """Refresh the details page; index the purchase order again when its status has changed."""
        if self._indexed != state.status:
            self._indexed = state.status
            workflow.upsert_search_attributes([ORDER_STATUS.value_set(state.status)])
        workflow.set_current_details(details(state, due, owed, cases, history))


def details(
    state: PurchaseFile, due: Due | None, owed: tuple[Effect, ...], cases: tuple[str, ...], history: list[str]
) -> str:
    """The purchase order on half a page of markdown."""
    lines = [
        f"**{state.status}** · purchase order {state.start.number} · {state.start.supplier} to {state.start.site}",
        "",
        *(
            f"- line {x.line.line}: {x.line.packs} ordered · {'-' if x.confirmed is None else x.confirmed} confirmed · "
            f"{x.advised} advised · {x.received} received · {x.damaged} damaged"
            for x in state.lines
        ),
        *(f"- invoice {name}: {it.decision} {'; '.join(it.reasons)}".rstrip() for name, it in state.judged.items()),
    ]
    if due:
        lines.append(f"- next: {due.awaited} by {due.at:%Y-%m-%d %H:%M} UTC")
    lines.extend(f"- open case: {case}" for case in cases)
    lines.extend(f"- owed to {x.system}: {x.operation}" for x in owed)
    lines.extend(["", *(f"1. {entry}" for entry in history[-TIMELINE_LINES:])])
    return "\n".join(lines)
