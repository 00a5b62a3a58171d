"""Writing off: packs that will not come, issues that people have settled, effects that no system will take."""

from domain.milestones.shipments import lines_of, packs_by_line
from domain.milestones.variants import RANK
from domain.orders import sourcing, targets
from domain.orders.decision import Decision, EffectCause, change, lines_open
from domain.orders.issues import IssueKey
from domain.orders.reporting import invoice
from domain.orders.state import OrderState
from schemas.cases.exceptions import ExceptionKind as X
from schemas.ids import CaseKey
from schemas.messaging.effects import ChangeKind
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus
from schemas.plurals import counted, with_verb
from schemas.workflows.commands import ActionRequest

SHIPPED, DELIVERED = RANK[OrderStatus.SHIPPED], RANK[OrderStatus.DELIVERED]


def refusal(state: OrderState, wish: ActionRequest) -> str | None:
    """Why nothing can be written off so, and what is possible instead."""
    if state.issues.refused_effects and not wish.lines:
        return None
    if state.ending.cancelled is not None:
        return "the order is cancelled: nothing of it is open; no system has refused anything either"
    settles = any(issue.open for issue in state.issues.reported_issues.values()) or state.mismatches
    if state.delivered and (wish.lines or not settles):
        return "everything was delivered: a return takes goods back"
    return line_refusal(wish.lines, lines_open(state, DELIVERED))


def line_refusal(lines: tuple[ShippedLine, ...], most: tuple[ShippedLine, ...]) -> str | None:
    """Why these packs are too many."""
    left = packs_by_line(most)
    for number, packs in packs_by_line(lines).items():
        if packs > left.get(number, 0):
            return f"line {number}: only {with_verb(left.get(number, 0), 'pack', 'is', 'are')} open"
    return None


def write_off(state: OrderState, wish: ActionRequest, cause: EffectCause) -> Decision:
    """Give up what is missing: packs that will not come, or an effect that no system will take."""
    case = CaseKey.read(wish.case)
    kind = case.kind if case else ""
    given_up = kind in (X.REFUSED_EFFECT, X.COMPENSATION) or not kind or state.ending.cancelled is not None
    if state.issues.refused_effects and given_up and not wish.lines:
        gone = ", ".join(sorted(refused.effect.operation for refused in state.issues.refused_effects.values()))
        return Decision(state=state.with_changes(issues={"refused_effects": {}}), done=f"given up: {gone}")
    issues = {
        name: issue.model_copy(update={"open": False}) if kind in ("", IssueKey.parse(name).cause) else issue
        for name, issue in state.issues.reported_issues.items()
    }
    settled = Decision(state=state.with_changes(issues={"reported_issues": issues}), done="written off")
    lines = joined(wish.lines) or lines_open(state, DELIVERED)
    if lines:
        settled = settled.plus(drop(settled.state, lines, cause))
    unsigned = _unsigned(settled.state)
    if unsigned and kind in ("", X.POD_MISMATCH):
        settled = settled.plus(_lose(settled.state, unsigned, cause))
    released = invoice(state, settled.state, cause)
    return settled.model_copy(update={"effects": (*settled.effects, *released)})


def _unsigned(state: OrderState) -> tuple[ShippedLine, ...]:
    """Packs that left and that nobody signed for, beyond those that are known to be lost."""
    missing: dict[int, int] = {}
    for it in state.mismatches:
        missing[it.line] = missing.get(it.line, 0) + it.left - it.signed
    beyond = ((line, packs - state.demand.lost_quantity.get(line, 0)) for line, packs in sorted(missing.items()))
    return tuple(ShippedLine(line=line, quantity=packs) for line, packs in beyond if packs > 0)


def _lose(state: OrderState, lines: tuple[ShippedLine, ...], cause: EffectCause) -> Decision:
    """Packs were scanned as delivered and not signed for: they are booked as lost."""
    lost = _added(state.demand.lost_quantity, {x.line: x.quantity for x in lines})
    packs = sum(x.quantity for x in lines)
    booked = change(state, ChangeKind.WRITTEN_OFF, cause, lines=lines)
    written_off = state.with_changes(demand={"lost_quantity": lost})
    return Decision(state=written_off, effects=(booked,), done=f"{counted(packs, 'pack')} written off")


def drop(state: OrderState, lines: tuple[ShippedLine, ...], cause: EffectCause) -> Decision:
    """Cancel packs of lines: the ERP closes them short, sites and carriers leave what has not left."""
    here = {x.line: x.quantity for x in lines_open(state, SHIPPED)}
    gone = {x.line: x.quantity - min(x.quantity, here.get(x.line, 0)) for x in lines}
    less = sourcing.covered(state, lines, "cancelled").with_changes(
        demand={
            "cancelled_quantity": _added(state.demand.cancelled_quantity, {x.line: x.quantity for x in lines}),
            "lost_quantity": _added(state.demand.lost_quantity, gone),
            "cancelled_after_issue": _added(state.demand.cancelled_after_issue, gone),
        }
    )
    if not state.ending.cancelling:
        less = targets.fitted(less)
    told = () if state.ending.cancelling else targets.amended(state, less, cause)
    wanted = targets.changed_targets(state, less)
    closed = change(less, ChangeKind.CLOSED_SHORT, cause, lines=lines, targets=wanted)
    return Decision(
        state=less,
        effects=(*told, closed),
        done=f"{counted(sum(line.quantity for line in lines), 'pack')} written off",
    )


def _added(known: dict[int, int], more: dict[int, int]) -> dict[int, int]:
    return {**known, **{line: known.get(line, 0) + packs for line, packs in more.items() if packs}}


def joined(lines: tuple[ShippedLine, ...]) -> tuple[ShippedLine, ...]:
    """Each line once."""
    return lines_of(packs_by_line(lines))
