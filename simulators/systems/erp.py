"""Stand-in ERP: orders with status, goods issues, promise, changes, credits. Several ERPs keep separate books."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TypeVar

from starlette.routing import Route

from schemas.base import Contract
from schemas.finance.reconciliation import LineFigure
from schemas.messaging.effects import ChangeKind, Operation
from schemas.messaging.instructions import Accepted, ErpCancellation, ErpChange, ErpMilestone, ErpPromise
from schemas.orders.milestones import MilestoneKind, ShippedLine
from schemas.orders.release import OrderStatus
from simulators.systems.answers import RecordedAnswers
from simulators.systems.call_handling import CallHandler, RuleRefusal
from simulators.systems.ledger import RECURRING, LedgerCall, deed
from simulators.systems.targets import NEVER, counts, taken
from simulators.world.plans import GOODS_KINDS

_RISING = list(OrderStatus)
_MORE_TO_DO = frozenset({ChangeKind.AMENDED, ChangeKind.BACKORDERED, ChangeKind.RE_SOURCED})
"""Changes after which an order may be less far than it was."""
_OF_A_LIVE_ORDER = _MORE_TO_DO | {ChangeKind.HELD, ChangeKind.RESUMED, ChangeKind.SUBSTITUTED}
"""Changes that make no sense once an order is cancelled. Goods that come back, and their money, go on."""
_SWITCHES = {
    ChangeKind.HELD: ("held", True),
    ChangeKind.RESUMED: ("held", False),
    ChangeKind.INVOICE_HELD: ("invoice_held", True),
    ChangeKind.INVOICE_RELEASED: ("invoice_held", False),
}
"""Changes that turn something on or off."""


class GoodsIssue(Contract):
    """Goods that left for good with one shipment, by `revision`; `site` only when it was not the order's own."""

    shipment: str
    lines: tuple[ShippedLine, ...]
    site: str = ""
    revision: int = 0


class PostedArrival(Contract):
    """What a customer got with one shipment, all of it without `lines`; or that it was signed for."""

    shipment: str
    lines: tuple[ShippedLine, ...]
    signed: bool
    revision: int = 0


Posting = TypeVar("Posting", GoodsIssue, PostedArrival)


class AvailabilityCut(Contract):
    """Packs of a line that a site does not have, whatever its stock record said, and why."""

    site: str
    line: int
    quantity: int
    reason: str


class ErpOrder(Contract):
    """An order as this ERP keeps it.

    `lines` are the packs wanted now, where they differ from the release, each by its latest revision. `changes` is
    everything that it received, `credits` the credit notes in it. `dated`, `held_by`, `invoice_held_by` and
    `cancelled_by` are the revisions of those changes. `fallen_behind`: it refused a milestone or has more to do now, so
    its status may come late.
    """

    number: str
    status: OrderStatus = OrderStatus.RELEASED
    goods_issues: tuple[GoodsIssue, ...] = ()
    arrivals: tuple[PostedArrival, ...] = ()
    promised_on: date | None = None
    dated: int = NEVER
    cancelled_because: str | None = None
    cancelled_by: int = NEVER
    held: bool = False
    held_by: int = NEVER
    invoice_held: bool = False
    invoice_held_by: int = NEVER
    lines: tuple[LineFigure, ...] = ()
    cuts: tuple[AvailabilityCut, ...] = ()
    credits: tuple[ErpChange, ...] = ()
    changes: tuple[ErpChange, ...] = ()
    fallen_behind: bool = False

    def packs(self, kind: ChangeKind, rma: str) -> int:
        """Packs told so far under a return authorisation."""
        return _packs(x for change in self.changes if (change.change, change.rma) == (kind, rma) for x in change.lines)


class Erp:
    """The books of every ERP. An order is opened when it is first named."""

    def __init__(self, handler: CallHandler) -> None:
        self.handler = handler
        self._answers = RecordedAnswers(handler.system)
        self._orders: dict[tuple[str, str], ErpOrder] = {}

    def routes(self) -> list[Route]:
        """The Syncline REST API under `/erp`."""
        order = "/{instance}/v1/orders/{order}"
        return [
            self.handler.takes(f"{order}/milestones", ErpMilestone, self._post_milestone),
            self.handler.takes(f"{order}/promise", ErpPromise, self._reschedule),
            self.handler.takes(f"{order}/changes", ErpChange, self._change),
            self.handler.takes(f"{order}/cancellation", ErpCancellation, self._cancel),
            self.handler.shows(order, self._find),
            self._answers.route(),
            *self.handler.control(),
        ]

    def of(self, instance: str) -> dict[str, ErpOrder]:
        """The orders of one ERP by number."""
        return {number: order for (erp, number), order in self._orders.items() if erp == instance}

    def _find(self, path: Mapping[str, str]) -> ErpOrder | None:
        return self._orders.get((path["instance"], path["order"]))

    def _write(self, instance: str, number: str, **change: object) -> Accepted:
        self._orders[instance, number] = self._order(instance, number).model_copy(update=change)
        return self.handler.accepted()

    def _order(self, instance: str, number: str) -> ErpOrder:
        return self._orders.get((instance, number)) or ErpOrder(number=number)

    def _post_milestone(self, call: LedgerCall, instance: str, body: ErpMilestone) -> Accepted:
        def post() -> Accepted:
            order = self._order(instance, body.order)
            self._check_period(instance, order)
            status = _status_after(order, body)
            goods = _goods(order, body)
            if goods is None:
                return self.handler.superseded()
            return self._write(instance, body.order, status=status, **goods)

        occurrence = body.occurred_at.isoformat() if body.milestone in RECURRING else ""
        occurrence += f"|r{body.revision}" if body.correction else ""
        what = deed(instance, Operation.REPORT_MILESTONE, body.order, body.shipment, body.milestone, occurrence)
        return self.handler.ledger.once(call, what, post)

    def _check_period(self, instance: str, order: ErpOrder) -> None:
        closed = RuleRefusal("period_closed", f"order {order.number}: the accounting period is closed")
        try:
            self._answers.check(order.number, "milestone", closed)
        except RuleRefusal:
            self._write(instance, order.number, fallen_behind=True)
            raise

    def _reschedule(self, call: LedgerCall, instance: str, body: ErpPromise) -> Accepted:
        def reschedule() -> Accepted:
            if not counts(body.revision, self._order(instance, body.order).dated):
                return self.handler.superseded()
            return self._write(instance, body.order, promised_on=body.promised_on, dated=body.revision)

        what = deed(instance, Operation.RESCHEDULE_PROMISE, body.order, occurrence=f"{body.promised_on}|{call.key}")
        return self.handler.ledger.once(call, what, reschedule)

    def _change(self, call: LedgerCall, instance: str, body: ErpChange) -> Accepted:
        def enter() -> Accepted:
            order = self._order(instance, body.order)
            _check_change(order, body)
            booked, noted = _absolute(order, body), _booked(order, body)
            reply = self._write(instance, body.order, changes=(*order.changes, body), **noted, **booked)
            absolute = body.changes or body.promised_on or body.change in _SWITCHES
            return self.handler.superseded() if absolute and not (booked or body.lines) else reply

        content = body.model_dump_json(include={"lines", "changes", "site", "rma", "disposition"})
        occurrence = f"{content}|{call.after(body.rma or body.change)}"
        what = deed(instance, Operation.REPORT_CHANGE, body.order, body.shipment, body.change, occurrence)
        return self.handler.ledger.once(call, what, enter)

    def _cancel(self, call: LedgerCall, instance: str, body: ErpCancellation) -> Accepted:
        what = deed(instance, Operation.CONFIRM_CANCELLATION, body.order)
        change = {"status": OrderStatus.CANCELLED, "cancelled_because": body.reason, "cancelled_by": body.revision}
        return self.handler.ledger.once(call, what, lambda: self._write(instance, body.order, **change))


def _status_after(order: ErpOrder, body: ErpMilestone) -> OrderStatus:
    """Raises `RuleRefusal` for goods handled after the cancellation, and for a status that falls without a cause."""
    if order.cancelled_because is not None:
        if body.milestone in GOODS_KINDS:
            raise RuleRefusal("order_cancelled", f"order {order.number} is cancelled: no goods may be posted to it")
        return order.status
    if body.correction and body.order_status is not OrderStatus.CANCELLED:
        return body.order_status
    if _RISING.index(body.order_status) < _RISING.index(order.status) and not order.fallen_behind:
        raise RuleRefusal("status_fell", f"order {order.number} is {order.status}, not {body.order_status}")
    return max(order.status, body.order_status, key=_RISING.index)


def _goods(order: ErpOrder, body: ErpMilestone) -> dict[str, object] | None:
    """How goods left, or arrived, by a milestone: one that was told before is reversed. None: a later word is known."""
    if body.milestone is MilestoneKind.SHIPPED:
        issue = GoodsIssue(shipment=body.shipment, lines=body.lines, site=body.site, revision=body.revision)
        return _posted("goods_issues", order.goods_issues, issue, lambda x: x.shipment, body)
    if body.milestone in (MilestoneKind.DELIVERED, MilestoneKind.PROOF_OF_DELIVERY):
        signed = body.milestone is MilestoneKind.PROOF_OF_DELIVERY
        lines = () if signed else body.lines
        arrival = PostedArrival(shipment=body.shipment, lines=lines, signed=signed, revision=body.revision)
        return _posted("arrivals", order.arrivals, arrival, lambda x: (x.shipment, x.signed), body)
    return {}


def _posted(
    name: str, known: tuple[Posting, ...], new: Posting, about: Callable[[Posting], object], body: ErpMilestone
) -> dict[str, object] | None:
    """The postings with a new one, which as a correction takes the place of what was posted about the same."""
    before = next((it for it in known if about(it) == about(new)), None)
    if before is not None and body.revision < before.revision:
        return None
    if before is None or not body.correction:
        return {name: (*known, new)}
    return {name: tuple(new if it is before else it for it in known)}


def _check_change(order: ErpOrder, body: ErpChange) -> None:
    """Raises `RuleRefusal` for what makes no sense to an ERP."""
    late = body.revision >= order.cancelled_by
    if order.cancelled_because is not None and body.change in _OF_A_LIVE_ORDER and late:
        raise RuleRefusal("order_cancelled", f"order {order.number} is cancelled: it cannot be {body.change}")
    if body.change is ChangeKind.CREDITED:
        credited = order.packs(ChangeKind.CREDITED, body.rma) + _packs(body.lines)
        if not body.lines or credited > order.packs(ChangeKind.RETURNED, body.rma):
            raise RuleRefusal("not_returned", f"order {order.number}: only what was returned is credited")


def _absolute(order: ErpOrder, body: ErpChange) -> dict[str, object]:
    """What it says of lines, day and holds, as far as no higher revision said otherwise."""
    booked: dict[str, object] = {}
    lines, new = taken(order.lines, body.changes, body.revision)
    if new:
        booked["lines"] = lines
    if body.promised_on and counts(body.revision, order.dated):
        booked |= {"promised_on": body.promised_on, "dated": body.revision}
    if body.change in _SWITCHES:
        name, on = _SWITCHES[body.change]
        if counts(body.revision, getattr(order, f"{name}_by")):
            booked |= {name: on, f"{name}_by": body.revision}
    return booked


def _booked(order: ErpOrder, body: ErpChange) -> dict[str, object]:
    """The ERP's own postings beside the note."""
    booked: dict[str, object] = {}
    match body.change:
        case ChangeKind.CREDITED:
            booked["credits"] = (*order.credits, body)
        case ChangeKind.SHORT_PICKED:
            cuts = (
                AvailabilityCut(site=body.site, line=x.line, quantity=x.quantity, reason=body.reason)
                for x in body.lines
            )
            booked["cuts"] = (*order.cuts, *cuts)
    if body.change in _MORE_TO_DO:
        booked["fallen_behind"] = True
    return booked


def _packs(lines: Iterable[ShippedLine]) -> int:
    return sum(line.quantity for line in lines)
