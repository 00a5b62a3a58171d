"""Actions of cases and decisions of planners, as changes to the order that every system follows."""

from collections.abc import Container, Iterator
from datetime import date

from domain.milestones.variants import PLANS, RANK
from domain.orders import sourcing, targets, tendering, writing_off
from domain.orders.decision import Decision, EffectCause, change, effect, lines_open, rescheduled
from domain.orders.promises import OpenProposal
from domain.orders.state import OrderState
from schemas.cases.cases import Notice, NoticesPlanned
from schemas.cases.exceptions import OF_PURCHASES, Action, Channel
from schemas.ids import CaseKey
from schemas.messaging.effects import ChangeKind, Operation
from schemas.messaging.order_effects import AmendTender
from schemas.orders.changes import ReleaseAmended
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus
from schemas.planning.proposals import Decided, ProposalKind, ProposalsDecided
from schemas.plurals import counted
from schemas.workflows.commands import ActionRequest, ReplanDecision, Substitute, Verdict

PICKED, SHIPPED = RANK[OrderStatus.PICKED], RANK[OrderStatus.SHIPPED]
DELIVERED = RANK[OrderStatus.DELIVERED]
CUSTOMER = "customer"
MOVES_GOODS = frozenset({Action.RE_SOURCE, Action.SPLIT, Action.RE_TENDER, Action.RESCHEDULE})


def refusal(state: OrderState, wish: ActionRequest) -> str | None:
    """Why an action cannot be carried out, and what is possible instead."""
    if wish.action is Action.RESTART:
        return "the workflow runs: only one that does not run is begun again"
    if wish.action in OF_PURCHASES:
        return f"{wish.action} is for purchase orders"
    if state.ending.cancelled is not None and wish.action not in (
        Action.RETRY,
        Action.WRITE_OFF,
        Action.NOTIFY_CUSTOMER,
    ):
        return f"the order is cancelled: {wish.action} is not possible, retry or write_off is"
    if state.ending.cancelling and wish.action in MOVES_GOODS:
        return f"the goods are on their way back: {wish.action} is not possible, retry or write_off is"
    found: str | None = None
    match wish.action:
        case Action.RETRY if not state.issues.refused_effects:
            found = "no system has refused anything: what is owed is being retried already"
        case Action.RE_SOURCE | Action.SPLIT:
            found = _source_refusal(state, wish.site or "", wish.lines)
        case Action.RE_TENDER if state.rank >= SHIPPED:
            found = "the goods have left: intercept them by cancelling"
        case Action.RE_TENDER if state.transport.tender.exhausted and not wish.carrier:
            found = "no carrier is left to ask by the policy: name one"
        case Action.RESCHEDULE if state.delivered:
            found = "everything was delivered: a return takes goods back"
        case Action.WRITE_OFF:
            found = writing_off.refusal(state, wish)
    return found


def _source_refusal(state: OrderState, site: str, lines: tuple[ShippedLine, ...]) -> str | None:
    if Operation.INSTRUCT_WAREHOUSE not in PLANS[state.start.variant].instructions:
        return "a direct drop comes from its supplier: cancel it and release an order from a site"
    if site in targets.sites(state):
        return f"{site} was asked already: name another site"
    if not sourcing.movable(state) and not _open_short(state):
        return "everything has been picked: split before the pick, or write off what is missing"
    return writing_off.line_refusal(lines, sourcing.movable(state))


def act(state: OrderState, wish: ActionRequest, cause: EffectCause) -> Decision:
    """Carry out an action that was not refused."""
    match wish.action:
        case Action.RETRY:
            again = tuple(refused.effect for refused in state.issues.refused_effects.values())
            retried = state.with_changes(issues={"refused_effects": {}})
            done = Decision(state=retried, effects=again, done=f"{counted(len(again), 'effect')} tried again")
        case Action.REPLAY:
            brought = f"{counted(len(wish.messages), 'message')} brought back"
            done = Decision(state=state, replay=wish.messages, done=brought)
        case Action.RE_SOURCE | Action.SPLIT:
            done = _from_site(state, wish.site or "", wish.lines, _open_short(state), cause)
        case Action.RE_TENDER:
            done = tendering.retender(state, state.transport.tender.carrier or state.carrier, cause, wish.carrier or "")
        case Action.RESCHEDULE:
            if wish.promises:
                done = _reschedule_lines(state, wish, cause)
            else:
                done = reschedule(state, wish.promised_on or state.promised_on, cause)
        case Action.NOTIFY_CUSTOMER:
            notices = NoticesPlanned(notices=(_to_customer(state, wish, cause),))
            done = Decision(state=state, changes=(notices,), done="the customer is told")
        case Action.WRITE_OFF:
            done = writing_off.write_off(state, wish, cause)
    return done


def _open_short(state: OrderState) -> str:
    """The first shortage that nobody has dealt with; empty when there is none."""
    waits = (name for name, it in state.issues.shortages.items() if not it.covered and sourcing.still_short(state, it))
    return next(waits, "")


def _from_site(
    state: OrderState, site: str, lines: tuple[ShippedLine, ...], short: str, cause: EffectCause
) -> Decision:
    """Let another site send these packs, or what the other one is short of, or all that is not ready yet."""
    if short and not lines:
        what = state.issues.shortages[short]
        missing = sourcing.still_short(state, what)
        return sourcing.from_site(state, site, missing, cause, instead_of=what.site, short=short)
    return sourcing.from_site(state, site, writing_off.joined(lines) or sourcing.movable(state), cause)


def _to_customer(state: OrderState, wish: ActionRequest, cause: EffectCause) -> Notice:
    case = CaseKey.read(wish.case)
    return Notice(
        key=f"{state.start.key}/{CUSTOMER}/{wish.id}",
        template=f"customer_{case.kind if case else 'generic'}",
        to=CUSTOMER,
        channel=Channel.EMAIL,
        order=state.start.key,
        case=wish.case or "",
        asked_at=cause.accepted_at,
        facts={"order": state.start.number, "promised_on": f"{state.promised_on}", "status": state.status},
    )


def reschedule(state: OrderState, day: date, cause: EffectCause) -> Decision:
    """Promise everything that is open for another day."""
    days = {**state.promises.by_decision, **{x.line: day for x in lines_open(state, DELIVERED)}}
    supply, eta = (_without(found, days) for found in (state.promises.by_supply, state.promises.by_eta))
    promised = state.with_changes(promises={"by_decision": days, "by_supply": supply, "by_eta": eta})
    return Decision(state=promised, effects=rescheduled(promised, state, cause), done=f"promised for {day}")


def _reschedule_lines(state: OrderState, wish: ActionRequest, cause: EffectCause) -> Decision:
    """Supply allows other days for single lines, as far as they are open. The first promise stays what it was, and the
    order is late by it."""
    left = {x.line for x in lines_open(state, DELIVERED)}
    days = {x.line: x.promised_on for x in wish.promises if x.line in left}
    supply, eta = {**state.promises.by_supply, **days}, _without(state.promises.by_eta, days)
    promised = state.with_changes(promises={"by_supply": supply, "by_eta": eta})
    return Decision(state=promised, effects=rescheduled(promised, state, cause), done=f"promised anew: {wish.reason}")


def _without(known: dict[int, date], lines: Container[int]) -> dict[int, date]:
    return {line: day for line, day in known.items() if line not in lines}


def replan_refusal(state: OrderState, decision: ReplanDecision) -> str | None:
    """Why a planner's decision cannot be followed any more."""
    if decision.proposal not in state.replanning.proposals:
        return "the proposal was answered before, or has been withdrawn"
    if decision.site and (refused := _source_refusal(state, decision.site, decision.lines)):
        return refused
    if (decision.carrier or decision.expedite) and state.rank >= SHIPPED:
        return "the goods have left: carrier and service can no longer be changed"
    known = {x.line for x in lines_open(state, PICKED)}
    strange = next((s.line for s in decision.substitutes if s.line not in known), None)
    return f"line {strange} is not open for a substitute" if strange else None


def replan(state: OrderState, decision: ReplanDecision, cause: EffectCause, by: str) -> Decision:
    """Follow a planner's decision; who, when and why are recorded with the proposal."""
    asked = state.replanning.proposals[decision.proposal]
    left = {name: it for name, it in state.replanning.proposals.items() if name != decision.proposal}
    states = {Verdict.ACCEPT: "accepted", Verdict.REJECT: "rejected", Verdict.OVERRIDE: "overridden"}
    record = Decided(
        id=decision.proposal,
        state=states[decision.verdict],
        by=by,
        at=cause.accepted_at,
        reason=decision.reason,
    )
    answered = state.with_changes(replanning={"proposals": left})
    followed = Decision(state=answered, changes=(ProposalsDecided(decided=(record,)),))
    for step in _steps(followed.state, asked, decision, cause):
        followed = followed.plus(step)
    return followed.model_copy(update={"done": followed.done or f"{record.state} by {by}"})


def _steps(state: OrderState, asked: OpenProposal, decision: ReplanDecision, cause: EffectCause) -> Iterator[Decision]:
    if decision.verdict is Verdict.ACCEPT:
        yield _accepted(state, asked, cause)
    elif decision.verdict is Verdict.REJECT and asked.kind == ProposalKind.SHORTAGE:
        yield writing_off.drop(state, sourcing.still_short(state, state.issues.shortages[asked.subject]), cause)
    elif decision.verdict is Verdict.OVERRIDE:
        yield from _overrides(state, asked, decision, cause)


def _accepted(state: OrderState, asked: OpenProposal, cause: EffectCause) -> Decision:
    if asked.kind == ProposalKind.SHORTAGE:
        missing = sourcing.still_short(state, state.issues.shortages[asked.subject])
        return sourcing.backorder(state, missing, asked.proposed_on, cause, short=asked.subject)
    return reschedule(state, asked.proposed_on, cause)


def _overrides(
    state: OrderState, asked: OpenProposal, decision: ReplanDecision, cause: EffectCause
) -> Iterator[Decision]:
    """Each on the state that the one before has left."""
    if decision.substitutes:
        swapped = _substitute(state, decision.substitutes, cause)
        yield swapped
        state = swapped.state
    if decision.site:
        short = asked.subject if asked.kind == ProposalKind.SHORTAGE else ""
        moved = _from_site(state, decision.site, decision.lines, short, cause)
        yield moved
        state = moved.state
    if decision.carrier:
        tendered = tendering.retender(state, state.transport.tender.carrier or state.carrier, cause, decision.carrier)
        yield tendered
        state = tendered.state
    if decision.expedite:
        faster = effect(
            state,
            AmendTender(expedite=True, promised_on=decision.promised_on, reason=cause.reason),
            cause,
            key=f"{Operation.AMEND_TENDER}/expedite/{cause.ref}",
        )
        yield Decision(state=state, effects=(faster,), done="expedited")
    if decision.promised_on:
        yield reschedule(state, decision.promised_on, cause)


def _substitute(state: OrderState, substitutes: tuple[Substitute, ...], cause: EffectCause) -> Decision:
    """Send another item for what is not picked yet."""
    items = {s.line: s.item for s in substitutes}
    left = {x.line: x.quantity for x in lines_open(state, PICKED)}
    swapped = tuple(ShippedLine(line=line, quantity=left[line]) for line in items)
    changed = targets.substituted(sourcing.covered(state, swapped, "substituted"), items, left)
    told = change(changed, ChangeKind.SUBSTITUTED, cause, targets=targets.changed_targets(state, changed))
    return Decision(
        state=changed,
        effects=(*targets.amended(state, changed, cause), told),
        changes=(ReleaseAmended(items=items),),
        done="substituted",
    )
