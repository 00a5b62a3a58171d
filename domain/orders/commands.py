"""What people and the ERP may ask of an order: who, until which state, and what is possible instead.

`refusal` is what the workflow and the gateway ask; `decide` what is done. Both are pure, and `decide` is only called
when `refusal` has nothing to say about the same state.
"""

from typing import Any

from domain.milestones.variants import PLANS, RANK
from domain.orders import actions, amending, cancellation, proposals
from domain.orders.decision import Decision, EffectCause, change, effect
from domain.orders.state import OrderState
from domain.orders.targets import joined, sites
from schemas.base import Role
from schemas.messaging.effects import ChangeKind, Operation
from schemas.messaging.order_effects import HoldTransport, HoldWarehouse, OrderEffect, ResumeTransport, ResumeWarehouse
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import Command, Verb

PEOPLE = frozenset({Role.SUPPORT, Role.ADMIN})
WHO_MAY = {
    Verb.AMEND: PEOPLE | {Role.ERP},
    Verb.CANCEL: PEOPLE | {Role.ERP},
    Verb.HOLD: PEOPLE | {Role.ERP, Role.PLANNING},
    Verb.RESUME: PEOPLE | {Role.ERP, Role.PLANNING},
    Verb.ACT: PEOPLE,
    Verb.REPLAN: PEOPLE | {Role.PLANNING},
}
SHIPPED, DELIVERED = RANK[OrderStatus.SHIPPED], RANK[OrderStatus.DELIVERED]


def refusal(state: OrderState, verb: Verb, command: Command[Any]) -> str | None:
    """Why this cannot be done, and what is possible instead; None when it can."""
    if command.role not in WHO_MAY[verb]:
        may = ", ".join(sorted(WHO_MAY[verb]))
        return f"{verb} is for {may}; it was asked by {command.role}"
    return _ended(state, verb) or _not_now(state, verb, command.request)


def _ended(state: OrderState, verb: Verb) -> str | None:
    if state.ending.closed:
        return after_end(state.status, with_customer=_with_customer(state))
    if verb is Verb.ACT:
        return None
    if state.ending.cancelled is not None:
        return f"the order is already cancelled: {state.ending.cancelled}"
    return "the order is being cancelled: its goods are on their way back" if state.ending.cancelling else None


def after_end(status: OrderStatus, *, with_customer: bool) -> str:
    """Why nothing is done any more, and what is possible instead. `with_customer`: somebody has goods of the order."""
    if status is OrderStatus.CANCELLED:
        return "the order was cancelled: release another order for what is still wanted"
    if status is OrderStatus.RETURNED:
        return "the goods of the order came back: release another order for what is still wanted"
    if with_customer:
        return "the order is closed: what was delivered can be sent back with a return, more is another order"
    return "the order is closed, and its customer has nothing of it: release another order for what is still wanted"


def _with_customer(state: OrderState) -> bool:
    kept = {line.line: state.moved(line, DELIVERED) for line in state.lines}
    back = {line: packs - state.sent_back(line) for line, packs in state.tally.back.items()}
    return any(packs > back.get(line, 0) for line, packs in kept.items())


def _not_now(state: OrderState, verb: Verb, request: Any) -> str | None:
    match verb:
        case Verb.AMEND:
            found = amending.refusal(state, request)
        case Verb.CANCEL:
            found = cancellation.refusal(state)
        case Verb.HOLD:
            found = _hold_refusal(state)
        case Verb.RESUME:
            found = None if state.ending.held else "the order is not on hold"
        case Verb.ACT:
            found = actions.refusal(state, request)
        case Verb.REPLAN:
            found = actions.replan_refusal(state, request)
    return found


def _hold_refusal(state: OrderState) -> str | None:
    if state.ending.held:
        return f"the order is on hold already: {state.ending.held}"
    if state.rank >= SHIPPED:
        return f"the order is {state.status}: cancel it to have the goods intercepted and brought back"
    return None


def decide(state: OrderState, verb: Verb, command: Command[Any]) -> Decision:
    """Carry out a command that was not refused."""
    request = command.request
    cause = EffectCause(f"{verb}/{request.id}", command.accepted_at, request.reason, command.traceparent)
    decision = _carried_out(state, verb, command, cause)
    promised_anew = verb is Verb.ACT and request.promises  # by order promising, and not by somebody who has decided
    if promised_anew:
        asked = proposals.replan(decision.state, cause).model_copy(update={"done": decision.done})
    else:
        asked = proposals.withdrawn(decision.state, cause)
    decided = decision.plus(asked)
    return decided.model_copy(update={"effects": joined(decided.effects)})


def _carried_out(state: OrderState, verb: Verb, command: Command[Any], cause: EffectCause) -> Decision:
    request = command.request
    match verb:
        case Verb.AMEND:
            return amending.amend(state, request, cause, command.inbox_id)
        case Verb.CANCEL:
            return cancellation.cancel(state, request, cause)
        case Verb.HOLD:
            held = state.with_changes(ending={"held": request.reason})
            return Decision(state=held, effects=_stop_or_go(held, cause, on=True), done="on hold")
        case Verb.RESUME:
            free = state.with_changes(ending={"held": None})
            return Decision(state=free, effects=_stop_or_go(free, cause, on=False), done="resumed")
        case Verb.ACT:
            return actions.act(state, request, cause)
        case Verb.REPLAN:
            return actions.replan(state, request, cause, command.by)


def _stop_or_go(state: OrderState, cause: EffectCause, *, on: bool) -> tuple[OrderEffect, ...]:
    warehouse = HoldWarehouse if on else ResumeWarehouse
    transport = HoldTransport if on else ResumeTransport
    found = list[OrderEffect]()
    if Operation.INSTRUCT_WAREHOUSE in PLANS[state.start.variant].instructions:
        for site in sites(state):
            payload = warehouse(site=site, reason=cause.reason)
            found.append(effect(state, payload, cause, key=f"{payload.operation}/{site}/{cause.ref}"))
    found.append(effect(state, transport(reason=cause.reason), cause))
    found.append(change(state, ChangeKind.HELD if on else ChangeKind.RESUMED, cause))
    return tuple(found)
