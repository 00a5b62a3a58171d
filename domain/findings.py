"""What is wrong with an order now, as a function of its state: a case opens when a finding appears and closes when it
has gone. Nothing has to remember to close anything."""

from collections.abc import Iterable, Iterator

from domain.billing import mismatches
from domain.deadlines import ACKNOWLEDGEMENT, TENDER, overdue
from domain.delay import Band
from domain.sourcing import still_short
from domain.state import NO_SHIPMENT, OrderState
from domain.variants import RANK
from schemas.cases import Finding
from schemas.effects import Effect, Operation
from schemas.exceptions import ExceptionKind as X
from schemas.milestones import MilestoneKind as M
from schemas.orders import OrderStatus

COMPENSATING = frozenset({Operation.CANCEL_WAREHOUSE, Operation.VOID_TENDER, Operation.INTERCEPT_SHIPMENT})
ENDED_BY_DELIVERY = frozenset({X.ADDRESS, X.CUSTOMS})
SHIPPED = RANK[OrderStatus.SHIPPED]
UNTYPED = "other"


def findings(state: OrderState, waiting: Iterable[Effect] = ()) -> tuple[Finding, ...]:
    """Everything that is wrong, sorted. Nothing for an order that replays past business time."""
    if state.start.clock == "events":
        return ()
    found = [*_refusals(state)]
    if state.cancelled is None:
        found += [*_late(state, waiting), *_troubles(state), *_quantities(state), *_reports(state)]
    return tuple(sorted(found, key=lambda finding: (finding.kind, finding.subject)))


def _refusals(state: OrderState) -> Iterator[Finding]:
    for key, refused in state.refused.items():
        operation = refused.effect.operation
        kind = X.COMPENSATION if operation in COMPENSATING else X.REFUSED_EFFECT
        yield Finding(kind=kind, subject=key, summary=f"{refused.effect.system} refused {operation} ({refused.origin})")
    if state.cancelling and state.cancelled is None and _delivered_after_all(state):
        summary = "delivered although the order was cancelled under way: authorise a return"
        yield Finding(kind=X.COMPENSATION, subject="delivered", summary=summary)


def _delivered_after_all(state: OrderState) -> bool:
    return any(it.delivered_at and M.RETURNING not in it.seen for it in state.goods.values())


def _late(state: OrderState, waiting: Iterable[Effect]) -> Iterator[Finding]:
    for alarm in overdue(state, waiting):
        if alarm.name.startswith(ACKNOWLEDGEMENT):
            yield Finding(kind=X.MISSING_ACK, subject=alarm.name, summary=f"no {alarm.awaited}")
        elif not alarm.name.startswith(TENDER):
            yield Finding(
                kind=X.NO_SCAN, subject=alarm.name, summary=f"no {alarm.awaited} by {alarm.due:%d %b %H:%M} UTC"
            )
    if state.band is not Band.NONE and not state.delivered:
        days = (state.promised_on - state.first_promised_on).days
        yield Finding(kind=X.DELAY, subject=state.band, summary=f"{days} days late: promised now {state.promised_on}")
    if state.tender.exhausted and state.rank < SHIPPED:
        asked = ", ".join(state.tender.rejected) or "nobody answered"
        yield Finding(kind=X.TENDER_REJECT, subject="tender", summary=f"no carrier took the tender: {asked}")


def _troubles(state: OrderState) -> Iterator[Finding]:
    for name, trouble in state.troubles.items():
        cause, shipment = name.split("/", 1)
        kind = X.UNKNOWN_CODE if cause == UNTYPED else X(cause)
        about = state.goods.get(shipment) or state.shipments.get(shipment, NO_SHIPMENT)
        if trouble.open and not (kind in ENDED_BY_DELIVERY and (state.delivered or about.delivered_at)):
            where = f"shipment {shipment}" if shipment else "the order"
            summary = f"{cause} reported on {where}: {trouble.reason}".rstrip(": ")
            yield Finding(kind=kind, subject=shipment or "order", summary=summary)
    for event, short in state.shorts.items():
        packs = sum(line.quantity for line in still_short(state, short))
        if packs and not short.covered:
            yield Finding(
                kind=X.PICK_STOCKOUT, subject=event, summary=f"{packs} packs short at {short.site}: {short.reason}"
            )


def _quantities(state: OrderState) -> Iterator[Finding]:
    for line in state.demand:
        reported = sum(it.packs(line.line, SHIPPED) for it in state.goods.values()) - state.lost.get(line.line, 0)
        if reported > state.wanted(line):
            summary = f"line {line.line}: {reported - state.wanted(line)} packs more than ordered have left"
            yield Finding(kind=X.OVER_SHIP, subject=f"line {line.line}", summary=summary)
        prepared = sum(
            it.packs(line.line, RANK[OrderStatus.PICKED]) - it.packs(line.line, SHIPPED)
            for it in state.goods.values()
            if M.SHIPPED in it.seen
        )
        short = min(prepared, state.due(line) - state.standing(line, SHIPPED))
        if short > 0:
            summary = f"line {line.line}: {short} packs were picked and did not leave"
            yield Finding(kind=X.SHORT_SHIP, subject=f"line {line.line}", summary=summary)


def _reports(state: OrderState) -> Iterator[Finding]:
    """A delivery or its proof that does not state what left."""
    for it in mismatches(state):
        summary = f"line {it.line}: {it.left} packs left, {it.signed} were signed for"
        yield Finding(kind=X.POD_MISMATCH, subject=f"{it.shipment} line {it.line}", summary=summary)
