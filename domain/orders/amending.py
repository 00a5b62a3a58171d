"""An amendment: until which state what may change, and what each system is to have then."""

from datetime import date

from domain.days import day_of, shared_day
from domain.inventory.promise import delivered_on
from domain.milestones.variants import RANK
from domain.orders import targets
from domain.orders.decision import Decision, EffectCause, LineDifference, change, rescheduled
from domain.orders.state import OrderState
from schemas.messaging.effects import ChangeKind
from schemas.orders.changes import ReleaseAmended
from schemas.orders.release import MAX_LINES, LineDue, OrderStatus
from schemas.plurals import with_verb
from schemas.workflows.commands import Amendment, LineAmendment

SHIPPED = RANK[OrderStatus.SHIPPED]


def refusal(state: OrderState, wish: Amendment) -> str | None:
    """Why this order cannot be amended so, and what is possible instead; None when it can."""
    if state.rank >= SHIPPED:
        return f"the order is {state.status}: release a new order for more, or authorise a return for less"
    if wish.address and any(it.left for it in state.goods.values()):
        return (
            "a shipment has left for the old address: cancel the order to intercept it, or let the carrier redirect it"
        )
    known = {line.line: line for line in state.lines}
    reasons = (_line_refusal(state, known.get(amended.line), amended) for amended in wish.lines)
    return _whole_refusal(state, wish, known) or next((reason for reason in reasons if reason), None)


def _whole_refusal(state: OrderState, wish: Amendment, known: dict[int, LineDue]) -> str | None:
    """Refusals that the release would make as well."""
    there = day_of(state.start.released_at, state.start.there)
    released_on = max(there, state.start.released_on or there)
    if any(day < released_on for day in (wish.requested_on, *(x.requested_on for x in wish.lines)) if day):
        return f"requested_on: {released_on} is the day of the release; name a later one"
    if len({*known, *(line.line for line in wish.lines)}) > MAX_LINES:
        return f"an order has at most {MAX_LINES} lines: release another order for the rest"
    quantities = {**{n: line.quantity for n, line in known.items()}, **_quantities(wish)}
    if not any(quantity > state.demand.cancelled_quantity.get(n, 0) for n, quantity in quantities.items()):
        return "nothing would be left of the order: cancel it instead"
    return None


def _line_refusal(state: OrderState, line: LineDue | None, amended: LineAmendment) -> str | None:
    if line is None:
        if amended.item is None or not amended.quantity:
            return f"line {amended.line} is not on the order: a new line needs item and quantity"
        return None
    if amended.item not in (None, line.item):
        return f"line {amended.line} is of another item: remove it and add a line, or ask the planner to substitute"
    left, gone = state.moved(line, SHIPPED), state.demand.cancelled_quantity.get(line.line, 0)
    if amended.quantity is not None and left and amended.quantity < left + gone:
        closed = f" and {gone} are cancelled" if gone else ""
        return (
            f"line {amended.line}: {with_verb(left, 'pack', 'has', 'have')} left{closed}; "
            f"it cannot be less than {left + gone}: authorise a return for the rest"
        )
    return None


def _quantities(wish: Amendment) -> dict[int, int]:
    return {amended.line: amended.quantity for amended in wish.lines if amended.quantity is not None}


def amend(state: OrderState, wish: Amendment, cause: EffectCause, inbox_id: int) -> Decision:
    """Amend: every system is told what it is to have now, where that changed."""
    changes = _changes(state, wish)
    days = _days(state, wish, cause)
    amended = state.with_changes(
        demand={
            "amended_lines": _lines(state, wish),
            "address_message": inbox_id if wish.address else state.demand.address_message,
        },
        promises={
            "by_decision": days,
            "by_supply": _kept(state.promises.by_supply, days, state),
            "by_eta": _kept(state.promises.by_eta, days, state),
        },
    )
    amended = targets.fitted(amended)
    dated = rescheduled(amended, state, cause)
    terms = targets.NewTerms(amended.promised_on if dated else None, inbox_id if wish.address else None)
    instructed = targets.amended(state, amended, cause, terms)
    wanted = targets.changed_targets(state, amended)
    effects = (
        *instructed,
        change(amended, ChangeKind.AMENDED, cause, targets=wanted, promised_on=amended.promised_on),
        *dated,
    )
    return Decision(
        state=amended,
        effects=effects,
        changes=(ReleaseAmended(messages=(inbox_id,)),),
        done=_in_words(wish, changes, amended),
    )


def _kept(known: dict[int, date], days: dict[int, date], state: OrderState) -> dict[int, date]:
    """Of the lines that were not given another first promise by `days`."""
    return {n: day for n, day in known.items() if days.get(n) == state.promises.by_decision.get(n)}


def _changes(state: OrderState, wish: Amendment) -> tuple[LineDifference, ...]:
    known = {line.line: line for line in state.lines}
    found = []
    for amended in wish.lines:
        line = known.get(amended.line)
        before = state.wanted(line) if line else 0
        after = before
        if amended.quantity is not None:
            after = max(0, amended.quantity - state.demand.cancelled_quantity.get(amended.line, 0))
        if after != before:
            item = line.item if line else amended.item or ""
            found.append(LineDifference(line=amended.line, item=item, quantity=after - before))
    return tuple(found)


def _lines(state: OrderState, wish: Amendment) -> tuple[LineDue, ...]:
    lines = {line.line: line for line in state.lines}
    for amended in wish.lines:
        known = lines.get(amended.line)
        due = amended.requested_on or wish.requested_on or (known.due_on if known else state.first_promised_on)
        quantity = amended.quantity if amended.quantity is not None else (known.quantity if known else 0)
        item = known.item if known else amended.item or ""
        lines[amended.line] = LineDue(line=amended.line, item=item, quantity=quantity, due_on=due)
    if wish.requested_on:
        asked = {line.line for line in wish.lines if line.requested_on}
        moved_to = {"due_on": wish.requested_on}
        lines = {n: line if n in asked else line.model_copy(update=moved_to) for n, line in lines.items()}
    return tuple(lines[number] for number in sorted(lines))


def _days(state: OrderState, wish: Amendment, cause: EffectCause) -> dict[int, date]:
    """First promises after the amendment: the wanted day, or the earliest that the lead time allows."""
    earliest = _earliest(state, cause)
    days = dict(state.promises.by_decision)
    new = {line.line for line in wish.lines} - {line.line for line in state.lines}
    asked = {line.line: line.requested_on for line in wish.lines if line.requested_on}
    for line in {*(x.line for x in state.lines), *new}:
        wanted = asked.get(line) or wish.requested_on
        if wanted:
            days[line] = max(shared_day(wanted, state.start.way.carriage, state.start.there), earliest)
        elif line in new:
            days[line] = max(state.first_promised_on, earliest)
    return days


def _earliest(state: OrderState, cause: EffectCause) -> date:
    """The day that the lead time allows from now on."""
    start = state.start
    return delivered_on(day_of(cause.accepted_at, start.here), start.variant, None, start.way)


def _in_words(wish: Amendment, changes: tuple[LineDifference, ...], state: OrderState) -> str:
    said = [f"line {x.line} {x.quantity:+d} {x.item}" for x in changes]
    if wish.requested_on or any(line.requested_on for line in wish.lines):
        said.append(f"promised now {state.promised_on}")
    if wish.address:
        said.append("new address")
    return "amended: " + (", ".join(said) or "nothing differs")
