"""What a decision holds, and how the effects in it are made: every effect under a key that follows from its cause."""

from datetime import datetime
from typing import Any, NamedTuple

from domain.orders.state import WHOLE_ORDER, OrderState
from schemas.base import Contract
from schemas.changes import Change
from schemas.ids import EffectKey
from schemas.messaging.effects import ChangeKind, Movement, PlanningDelta
from schemas.messaging.order_effects import OrderEffect, OrderPayload, RedatePromise, ReportChange
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import LinePromise
from schemas.workflows.returns import ReturnStart


class Decision(Contract):
    """A new state, and what must be done because of it. `superseded` says why an event or command changed nothing.

    `changes` go into the step, those of a kind as one. `replay` names quarantined messages to bring back; `done` says
    in words what was decided.
    """

    state: OrderState
    superseded: str | None = None
    effects: tuple[OrderEffect, ...] = ()
    deltas: tuple[PlanningDelta, ...] = ()
    changes: tuple[Change, ...] = ()
    returns: tuple[ReturnStart, ...] = ()
    replay: tuple[int, ...] = ()
    done: str = ""

    def plus(self, other: "Decision") -> "Decision":
        """This decision, and another that was taken on its state."""
        lists = ("effects", "deltas", "changes", "returns", "replay")
        joined = {name: (*getattr(self, name), *getattr(other, name)) for name in lists}
        return other.model_copy(
            update={
                **joined,
                "superseded": self.superseded,
                "done": other.done or self.done,
            }
        )


class LineDifference(NamedTuple):
    """Packs of a line that are wanted more, or less when negative. Our own movements only: nobody else is told one."""

    line: int
    item: str
    quantity: int


class EffectCause(NamedTuple):
    """Why effects are made: what makes their keys unique, when it was accepted, the words for it, and its trace."""

    ref: str
    accepted_at: datetime
    reason: str = ""
    traceparent: str = ""


def effect(state: OrderState, payload: OrderPayload, cause: EffectCause, *, key: str = "") -> OrderEffect:
    """An effect of an order. Its key is `<order>/<operation>/<ref>`, or `<order>/<key>`."""
    return OrderEffect(
        key=str(EffectKey(state.start.subject, key or f"{payload.operation}/{cause.ref}")),
        order=state.start.key,
        accepted_at=cause.accepted_at,
        traceparent=cause.traceparent,
        revision=state.version,
        payload=payload,
    )


def change(state: OrderState, kind: ChangeKind, cause: EffectCause, **fields: Any) -> OrderEffect:
    """Tell the ERP of a change to its order."""
    payload = ReportChange(change=kind, reason=cause.reason, **fields)
    return effect(state, payload, cause, key=f"change/{kind}/{cause.ref}")


def redated(state: OrderState, before: OrderState, cause: EffectCause, shipment: str = "") -> tuple[OrderEffect, ...]:
    """Tell the ERP which lines are promised for another day than before; nothing when none is."""
    known, days = before.promise_days, state.promise_days
    if known is days or state.delivered:
        return ()
    moved = tuple(LinePromise(line=n, promised_on=day) for n, day in days.items() if known.get(n, day) != day)
    if not moved:
        return ()
    payload = RedatePromise(promised_on=state.promised_on, promises=moved, shipment=shipment, reason=cause.reason)
    return (effect(state, payload, cause, key=f"redate/{cause.ref}"),)


def delta(
    state: OrderState, kind: str, cause: EffectCause, movements: tuple[Movement, ...], *, key: str = "", **fields: Any
) -> tuple[PlanningDelta, ...]:
    """Let planning know of a movement; nothing when no packs moved."""
    if not movements:
        return ()
    known: dict[str, Any] = {
        "occurred_at": cause.accepted_at,
        "site": state.start.site,
        "shipment": WHOLE_ORDER,
        **fields,
    }
    return (
        PlanningDelta(
            key=f"{state.start.key}/{key or f'-/{kind}/{cause.ref}'}",
            order=state.start.key,
            kind=kind,
            region=state.start.region,
            accepted_at=cause.accepted_at,
            promised_on=state.promised_on,
            movements=movements,
            **known,
        ),
    )


def moved(state: OrderState, lines: tuple[ShippedLine, ...]) -> tuple[Movement, ...]:
    """Packs of lines as movements of their items."""
    known = state.by_line
    return tuple(
        Movement(item=known[x.line].item, quantity=x.quantity) for x in lines if x.line in known and x.quantity
    )


def lines_open(state: OrderState, rank: int) -> tuple[ShippedLine, ...]:
    """Packs of each line that have not reached a rank and are still to."""
    found = ((line.line, state.due(line) - state.standing(line, rank)) for line in state.lines)
    return tuple(ShippedLine(line=line, quantity=quantity) for line, quantity in found if quantity > 0)
