"""What a decision holds, and how the effects in it are made: every effect under a key that follows from its cause."""

from datetime import datetime
from typing import Any, NamedTuple

from domain.state import WHOLE_ORDER, OrderState
from schemas.base import Contract
from schemas.cases import Notice
from schemas.effects import ChangeKind, Effect, LineChange, Movement, Operation, PlanningDelta
from schemas.milestones import ShippedLine
from schemas.records import Decided, Proposal
from schemas.returns import ReturnStart


class Decision(Contract):
    """A new state, and what must be done because of it. `superseded` says why an event or command changed nothing.

    `amended_by` names the messages whose amendments the store works into the release, `items` what lines were
    substituted by; `replay` quarantined messages to bring back; `done` says in words what was decided.
    """

    state: OrderState
    superseded: str | None = None
    effects: tuple[Effect, ...] = ()
    deltas: tuple[PlanningDelta, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    decided: tuple[Decided, ...] = ()
    notices: tuple[Notice, ...] = ()
    returns: tuple[ReturnStart, ...] = ()
    sites: tuple[str, ...] = ()
    replay: tuple[int, ...] = ()
    amended_by: tuple[int, ...] = ()
    items: dict[int, str] = {}  # noqa: RUF012 - pydantic copies field defaults
    done: str = ""

    def plus(self, other: "Decision") -> "Decision":
        """This decision, and another that was taken on its state."""
        lists = ("effects", "deltas", "proposals", "decided", "notices", "returns", "sites", "replay", "amended_by")
        joined = {name: (*getattr(self, name), *getattr(other, name)) for name in lists}
        return other.model_copy(
            update={
                **joined,
                "superseded": self.superseded,
                "items": {**self.items, **other.items},
                "done": other.done or self.done,
            }
        )


class Cause(NamedTuple):
    """Why effects are made: what makes their keys unique, when it was accepted, the words for it, and its trace."""

    ref: str
    accepted_at: datetime
    reason: str = ""
    traceparent: str = ""


def effect(state: OrderState, operation: Operation, cause: Cause, *, key: str = "", **fields: Any) -> Effect:
    """An effect of an order. Its key is `<order>/<operation>/<ref>`, or `<order>/<key>`."""
    return Effect(
        key=f"{state.start.key}/{key or f'{operation}/{cause.ref}'}",
        order=state.start.key,
        operation=operation,
        accepted_at=cause.accepted_at,
        traceparent=cause.traceparent,
        **{"reason": cause.reason, **fields},
    )


def change(state: OrderState, kind: ChangeKind, cause: Cause, **fields: Any) -> Effect:
    """Tell the ERP of a change to its order."""
    return effect(state, Operation.REPORT_CHANGE, cause, key=f"change/{kind}/{cause.ref}", change=kind, **fields)


def redated(state: OrderState, before: OrderState, cause: Cause, shipment: str = "") -> tuple[Effect, ...]:
    """Tell the ERP which lines are promised for another day than before; nothing when none is."""
    known = {x.line: x.promised_on for x in before.promises}
    moved = tuple(x for x in state.promises if known.get(x.line, x.promised_on) != x.promised_on)
    if state.delivered or not moved:
        return ()
    return (
        effect(
            state,
            Operation.REDATE_PROMISE,
            cause,
            key=f"redate/{cause.ref}",
            shipment=shipment,
            promised_on=state.promised_on,
            promises=moved,
        ),
    )


def delta(
    state: OrderState, kind: str, cause: Cause, movements: tuple[Movement, ...], *, key: str = "", **fields: Any
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
    items = {line.line: line.item for line in state.demand}
    return tuple(Movement(item=items[x.line], quantity=x.quantity) for x in lines if x.line in items and x.quantity)


def demand_deltas(state: OrderState, changes: tuple[LineChange, ...], cause: Cause) -> tuple[PlanningDelta, ...]:
    """Demand that an amendment adds and takes away, each as a delta of its own: movements are positive."""
    added = tuple(Movement(item=x.item, quantity=x.quantity) for x in changes if x.quantity > 0)
    removed = tuple(Movement(item=x.item, quantity=-x.quantity) for x in changes if x.quantity < 0)
    return (*delta(state, "demand_added", cause, added), *delta(state, "demand_removed", cause, removed))


def lines_open(state: OrderState, rank: int) -> tuple[ShippedLine, ...]:
    """Packs of each line that have not reached a rank and are still to."""
    found = ((line.line, state.due(line) - state.standing(line, rank)) for line in state.demand)
    return tuple(ShippedLine(line=line, quantity=quantity) for line, quantity in found if quantity > 0)
