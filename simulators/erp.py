"""Stand-in ERP: orders with status, goods issues, promise, changes, credits. Several ERPs keep separate books."""

from collections.abc import Iterable, Mapping
from datetime import date

from starlette.routing import Route

from schemas.base import Contract
from schemas.effects import ChangeKind, LineChange, Operation
from schemas.instructions import Accepted, ErpCancellation, ErpChange, ErpMilestone, ErpPromise
from schemas.milestones import MilestoneKind, ShippedLine
from schemas.orders import OrderStatus
from simulators.answers import AnswerBook
from simulators.desk import Desk, Refusal
from simulators.ledger import RECURRING, Call, deed
from simulators.plans import GOODS_KINDS
from simulators.wms import net

_RISING = list(OrderStatus)
_MORE_TO_DO = frozenset({ChangeKind.AMENDED, ChangeKind.BACKORDERED, ChangeKind.RE_SOURCED})
"""Changes after which an order may be less far than it was."""
_OF_A_LIVE_ORDER = _MORE_TO_DO | {ChangeKind.HELD, ChangeKind.RESUMED, ChangeKind.SUBSTITUTED}
"""Changes that make no sense once an order is cancelled. Goods that come back, and their money, go on."""


class GoodsIssue(Contract):
    """What left for good with one shipment; `site` only when it was not the order's own."""

    shipment: str
    lines: tuple[ShippedLine, ...]
    site: str = ""


class Arrival(Contract):
    """What a customer got with one shipment, all of it without `lines`; or that it was signed for."""

    shipment: str
    lines: tuple[ShippedLine, ...]
    signed: bool


class AvailabilityCut(Contract):
    """Packs of a line that a site does not have, whatever its stock record said, and why."""

    site: str
    line: int
    quantity: int
    reason: str


class ErpOrder(Contract):
    """An order as this ERP keeps it.

    `lines` are the differences to what it released; `changes` is everything that it was told, `credits` the credit
    notes in it. `fallen_behind`: it refused a milestone or has more to do now, so its status may come late.
    """

    number: str
    status: OrderStatus = OrderStatus.RELEASED
    goods_issues: tuple[GoodsIssue, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    promised_on: date | None = None
    cancelled_because: str | None = None
    held: bool = False
    invoice_held: bool = False
    lines: tuple[LineChange, ...] = ()
    cuts: tuple[AvailabilityCut, ...] = ()
    credits: tuple[ErpChange, ...] = ()
    changes: tuple[ErpChange, ...] = ()
    fallen_behind: bool = False

    def packs(self, kind: ChangeKind, rma: str) -> int:
        """Packs told so far under a return authorisation."""
        return _packs(x for change in self.changes if (change.change, change.rma) == (kind, rma) for x in change.lines)


class Erp:
    """The books of every ERP. An order is opened when it is first named."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._answers = AnswerBook(desk.system)
        self._orders: dict[tuple[str, str], ErpOrder] = {}

    def routes(self) -> list[Route]:
        """The dialect under `/erp`."""
        order = "/{instance}/v1/orders/{order}"
        return [
            self.desk.takes(f"{order}/milestones", ErpMilestone, self._post_milestone),
            self.desk.takes(f"{order}/promise", ErpPromise, self._redate),
            self.desk.takes(f"{order}/changes", ErpChange, self._change),
            self.desk.takes(f"{order}/cancellation", ErpCancellation, self._cancel),
            self.desk.shows(order, self._find),
            self._answers.route(),
            *self.desk.control(),
        ]

    def of(self, instance: str) -> dict[str, ErpOrder]:
        """The orders of one ERP by number."""
        return {number: order for (erp, number), order in self._orders.items() if erp == instance}

    def _find(self, path: Mapping[str, str]) -> ErpOrder | None:
        return self._orders.get((path["instance"], path["order"]))

    def _write(self, instance: str, number: str, **change: object) -> Accepted:
        self._orders[instance, number] = self._order(instance, number).model_copy(update=change)
        return self.desk.accepted()

    def _order(self, instance: str, number: str) -> ErpOrder:
        return self._orders.get((instance, number)) or ErpOrder(number=number)

    def _post_milestone(self, call: Call, instance: str, body: ErpMilestone) -> Accepted:
        def post() -> Accepted:
            order = self._order(instance, body.order)
            self._check_period(instance, order)
            status = _status_after(order, body)
            return self._write(instance, body.order, status=status, **_goods(order, body))

        occurrence = body.occurred_at.isoformat() if body.milestone in RECURRING else ""
        what = deed(instance, Operation.REPORT_MILESTONE, body.order, body.shipment, body.milestone, occurrence)
        return self.desk.ledger.once(call, what, post)

    def _check_period(self, instance: str, order: ErpOrder) -> None:
        closed = Refusal("period_closed", f"order {order.number}: the accounting period is closed")
        try:
            self._answers.check(order.number, "milestone", closed)
        except Refusal:
            self._write(instance, order.number, fallen_behind=True)
            raise

    def _redate(self, call: Call, instance: str, body: ErpPromise) -> Accepted:
        what = deed(instance, Operation.REDATE_PROMISE, body.order, occurrence=f"{body.promised_on}|{call.key}")
        return self.desk.ledger.once(
            call, what, lambda: self._write(instance, body.order, promised_on=body.promised_on)
        )

    def _change(self, call: Call, instance: str, body: ErpChange) -> Accepted:
        def enter() -> Accepted:
            order = self._order(instance, body.order)
            _check_change(order, body)
            return self._write(instance, body.order, changes=(*order.changes, body), **_booked(order, body))

        content = body.model_dump_json(include={"lines", "changes", "site", "rma", "disposition"})
        occurrence = f"{content}|{call.after(body.rma or body.change)}"
        what = deed(instance, Operation.REPORT_CHANGE, body.order, body.shipment, body.change, occurrence)
        return self.desk.ledger.once(call, what, enter)

    def _cancel(self, call: Call, instance: str, body: ErpCancellation) -> Accepted:
        what = deed(instance, Operation.CONFIRM_CANCELLATION, body.order)
        change = {"status": OrderStatus.CANCELLED, "cancelled_because": body.reason}
        return self.desk.ledger.once(call, what, lambda: self._write(instance, body.order, **change))


def _status_after(order: ErpOrder, body: ErpMilestone) -> OrderStatus:
    """Raises `Refusal` for goods handled after the cancellation, and for a status that falls without a cause."""
    if order.cancelled_because is not None:
        if body.milestone in GOODS_KINDS:
            raise Refusal("order_cancelled", f"order {order.number} is cancelled: no goods may be posted to it")
        return order.status
    if _RISING.index(body.order_status) < _RISING.index(order.status) and not order.fallen_behind:
        raise Refusal("status_fell", f"order {order.number} is {order.status}, not {body.order_status}")
    return max(order.status, body.order_status, key=_RISING.index)


def _goods(order: ErpOrder, body: ErpMilestone) -> dict[str, object]:
    """How goods left, or arrived, by a milestone."""
    if body.milestone is MilestoneKind.SHIPPED:
        issue = GoodsIssue(shipment=body.shipment, lines=body.lines, site=body.site)
        return {"goods_issues": (*order.goods_issues, issue)}
    if body.milestone in (MilestoneKind.DELIVERED, MilestoneKind.PROOF_OF_DELIVERY):
        signed = body.milestone is MilestoneKind.PROOF_OF_DELIVERY
        arrival = Arrival(shipment=body.shipment, lines=() if signed else body.lines, signed=signed)
        return {"arrivals": (*order.arrivals, arrival)}
    return {}


def _check_change(order: ErpOrder, body: ErpChange) -> None:
    """Raises `Refusal` for what makes no sense to an ERP."""
    if order.cancelled_because is not None and body.change in _OF_A_LIVE_ORDER:
        raise Refusal("order_cancelled", f"order {order.number} is cancelled: it cannot be {body.change}")
    if body.change is ChangeKind.CREDITED:
        credited = order.packs(ChangeKind.CREDITED, body.rma) + _packs(body.lines)
        if not body.lines or credited > order.packs(ChangeKind.RETURNED, body.rma):
            raise Refusal("not_returned", f"order {order.number}: only what was returned is credited")


def _booked(order: ErpOrder, body: ErpChange) -> dict[str, object]:
    """What a change changes in the books beside being noted."""
    booked: dict[str, object] = {}
    match body.change:
        case ChangeKind.AMENDED | ChangeKind.SUBSTITUTED:
            booked["lines"] = net(order.lines, body.changes)
        case ChangeKind.HELD | ChangeKind.RESUMED:
            booked["held"] = body.change is ChangeKind.HELD
        case ChangeKind.INVOICE_HELD | ChangeKind.INVOICE_RELEASED:
            booked["invoice_held"] = body.change is ChangeKind.INVOICE_HELD
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
    if body.promised_on:
        booked["promised_on"] = body.promised_on
    return booked


def _packs(lines: Iterable[ShippedLine]) -> int:
    return sum(line.quantity for line in lines)
