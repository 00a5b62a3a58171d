"""Reports of milestones to ERP and planning, and of the invoice to the ERP.

A milestone is told once more, as a correction, when other packs or another day count. A report on one shipment may
change what counts for another one: a delivery that stated no packs is of those that had left.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from domain.days import day_of
from domain.milestones.shipments import NOTHING, UNRANKED, Packs, lines_of, packs_by_line
from domain.milestones.signed_for import Mismatch
from domain.milestones.variants import step_for
from domain.orders import goods
from domain.orders.decision import EffectCause, change, delta, effect
from domain.orders.issues import IssueKey
from domain.orders.state import NO_SHIPMENT, WHOLE_ORDER, OrderState
from schemas.messaging.effects import ChangeKind, Movement, PlanningDelta
from schemas.messaging.order_effects import OrderEffect, ReportMilestone
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M


class Corrected(NamedTuple):
    """A milestone of which others were told `had`, and of which `has` counts now. `rescheduled`: on another day."""

    kind: M
    had: Packs
    has: Packs
    rescheduled: bool


def corrections(before: OrderState, state: OrderState, shipment: str) -> Iterator[Corrected]:
    """Milestones of a shipment that were reported before, and of which other packs or another day count now."""
    was, now = before.reports.shipments.get(shipment, NO_SHIPMENT), state.reports.shipments[shipment]
    if not was.seen:
        return
    there = state.start.there
    for kind in (it for it in M if it in was.seen):
        had, has = was.concerned(kind), now.concerned(kind)
        rescheduled = day_of(was.seen[kind], there) != day_of(now.seen[kind], there)
        if rescheduled or (had is not has and had != has):
            yield Corrected(kind, had, has, rescheduled)


def to_erp(
    before: OrderState, state: OrderState, event: MilestoneEvent, corrected: Iterable[Corrected], *, fresh: bool
) -> tuple[OrderEffect, ...]:
    """The report of a milestone to the ERP. `fresh`: it is reported for the first time."""
    step, effects = step_for(state.start.variant, event.kind), list[OrderEffect]()
    if fresh and step and step.tell_erp:
        effects.append(_first(before, state, event))
    for it in corrected:
        step = step_for(state.start.variant, it.kind)
        if step and step.tell_erp and (it.rescheduled or (it.had and it.had != it.has)):
            effects.append(_again(state, event, it))
    return tuple(effects)


def _first(before: OrderState, state: OrderState, event: MilestoneEvent) -> OrderEffect:
    lines = _concerned(before, event) if event.kind in UNRANKED else ()
    payload = ReportMilestone(
        milestone=event.kind,
        order_status=state.status,
        occurred_at=event.occurred_at,
        shipment=event.shipment,
        lines=lines or lines_of(state.reports.shipments[event.shipment].concerned(event.kind)),
        site=_issued_by(state, event.shipment, event.kind),
        location=event.location or "",
        handling_units=event.handling_units,
    )
    return effect(state, payload, _cause(event), key=_key(event))


def _concerned(before: OrderState, event: MilestoneEvent) -> tuple[ShippedLine, ...]:
    """The packs that an issue is about, where somebody said: its own report, or the one that is cleared by it."""
    if event.lines or event.kind is not M.CLEARED:
        return event.lines
    known = before.issues.reported_issues.get(str(IssueKey.of(event)))
    return known.lines if known else ()


def _again(state: OrderState, event: MilestoneEvent, it: Corrected) -> OrderEffect:
    payload = ReportMilestone(
        milestone=it.kind,
        order_status=state.status,
        occurred_at=state.reports.shipments[event.shipment].seen[it.kind],
        shipment=event.shipment,
        lines=lines_of(it.has),
        site=_issued_by(state, event.shipment, it.kind),
        location=(event.location or "") if event.kind is it.kind else "",
        handling_units=event.handling_units if event.kind is it.kind else (),
        correction=True,
    )
    return effect(state, payload, _cause(event), key=f"{event.shipment or '-'}/{it.kind}/{event.id}")


def _issued_by(state: OrderState, shipment: str, kind: M) -> str:
    """The site that a goods issue is of, when it is another than the order's own."""
    if kind is not M.SHIPPED:
        return ""
    site = goods.site_of(state, state.reports.shipments[shipment])
    return "" if site == state.start.site else site


def _cause(event: MilestoneEvent) -> EffectCause:
    return EffectCause(event.id, event.received_at, event.reason or "", event.traceparent)


def _key(event: MilestoneEvent) -> str:
    key = f"{event.shipment or '-'}/{event.kind}"
    return f"{key}/{event.id}" if event.kind in UNRANKED else key


def to_planning(
    before: OrderState, state: OrderState, event: MilestoneEvent, corrected: Iterable[Corrected], *, fresh: bool
) -> tuple[PlanningDelta, ...]:
    """The report of a milestone to planning. `fresh`: it is reported for the first time."""
    step, deltas = step_for(state.start.variant, event.kind), list[PlanningDelta]()
    moves = event.kind is not M.DELAYED or before.promise_days != state.promise_days
    if fresh and step and step.tell_planning and moves:
        said = packs_by_line(event.lines) if event.kind in UNRANKED else NOTHING
        deltas += _moved(state, event, _key(event), said or _packs(state, event.shipment, event.kind), event)
    for it in corrected:
        step = step_for(state.start.variant, it.kind)
        if step and step.tell_planning and (it.had != it.has or (it.rescheduled and step.tell_erp)):
            deltas += _moved_again(before, state, event, it)
    return tuple(deltas)


def _packs(state: OrderState, shipment: str, kind: M) -> Packs:
    if shipment == WHOLE_ORDER:
        return {x.line: x.quantity for x in state.lines if x.quantity}
    return state.reports.shipments[shipment].concerned(kind)


def _moved(
    state: OrderState, said: MilestoneEvent, key: str, packs: Packs, event: MilestoneEvent
) -> tuple[PlanningDelta, ...]:
    known = state.by_line
    return delta(
        state,
        said.kind,
        EffectCause(event.id, event.received_at, "", event.traceparent),
        tuple(Movement(item=known[x].item, quantity=n) for x, n in packs.items() if x in known and n),
        key=key,
        shipment=event.shipment,
        occurred_at=said.occurred_at,
    )


def _moved_again(before: OrderState, state: OrderState, event: MilestoneEvent, it: Corrected) -> list[PlanningDelta]:
    """The reversal of an earlier report on its day, and the report that counts now."""
    shipment, key = event.shipment, f"{event.shipment or '-'}/{it.kind}/{event.id}"
    had, has = it.had, it.has
    if shipment == WHOLE_ORDER:
        had = has = _packs(state, shipment, it.kind) if it.rescheduled else NOTHING
    said = event.model_copy(update={"kind": it.kind, "occurred_at": before.reports.shipments[shipment].seen[it.kind]})
    now = event.model_copy(update={"kind": it.kind, "occurred_at": state.reports.shipments[shipment].seen[it.kind]})
    taken_back = _moved(state, said, f"{key}/back", {line: -packs for line, packs in had.items()}, event)
    return [*taken_back, *_moved(state, now, key, has, event)]


def invoice(before: OrderState, state: OrderState, cause: EffectCause) -> tuple[OrderEffect, ...]:
    """Have the invoice held for a shipment that was signed for differently, and released when that is settled."""
    if before.tally.signed is state.tally.signed:
        return ()
    was, now = before.mismatches, state.mismatches
    return (
        *_invoices(
            state, ChangeKind.INVOICE_HELD, now, {it.shipment for it in now} - {it.shipment for it in was}, cause
        ),
        *_invoices(
            state, ChangeKind.INVOICE_RELEASED, was, {it.shipment for it in was} - {it.shipment for it in now}, cause
        ),
    )


def _invoices(
    state: OrderState, kind: ChangeKind, about: tuple[Mismatch, ...], shipments: set[str], cause: EffectCause
) -> Iterator[OrderEffect]:
    for shipment in sorted(shipments):
        lines = tuple(
            ShippedLine(line=it.line, quantity=abs(it.left - it.signed)) for it in about if it.shipment == shipment
        )
        yield change(state, kind, cause._replace(ref=f"{shipment}/{cause.ref}"), shipment=shipment, lines=lines)
