"""Stand-in ERP: orders with status, goods issues, promise and cancellation. Several ERPs keep separate books."""

from collections.abc import Mapping
from datetime import date

from starlette.routing import Route

from schemas.base import Contract
from schemas.effects import Operation
from schemas.instructions import Accepted, ErpCancellation, ErpMilestone, ErpPromise
from schemas.milestones import MilestoneKind, ShippedLine
from schemas.orders import OrderStatus
from simulators.desk import Desk, Refusal
from simulators.ledger import RECURRING, Call, deed

_RISING = list(OrderStatus)


class GoodsIssue(Contract):
    """What left for good with one shipment."""

    shipment: str
    lines: tuple[ShippedLine, ...]


class ErpOrder(Contract):
    """An order as this ERP keeps it."""

    number: str
    status: OrderStatus = OrderStatus.RELEASED
    goods_issues: tuple[GoodsIssue, ...] = ()
    promised_on: date | None = None
    cancelled_because: str | None = None


class Erp:
    """The books of every ERP. An order is opened when it is first named."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._orders: dict[tuple[str, str], ErpOrder] = {}

    def routes(self) -> list[Route]:
        """The dialect under `/erp`."""
        order = "/{instance}/v1/orders/{order}"
        return [
            self.desk.takes(f"{order}/milestones", ErpMilestone, self._post_milestone),
            self.desk.takes(f"{order}/promise", ErpPromise, self._redate),
            self.desk.takes(f"{order}/cancellation", ErpCancellation, self._cancel),
            self.desk.shows(order, self._find),
            *self.desk.control(),
        ]

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
            if order.cancelled_because is not None:
                raise Refusal("order_cancelled", f"order {body.order} is cancelled: nothing may be posted to it")
            if _RISING.index(body.order_status) < _RISING.index(order.status):
                raise Refusal("status_fell", f"order {body.order} is {order.status}, not {body.order_status}")
            issues = order.goods_issues
            if body.milestone is MilestoneKind.SHIPPED:
                issues = (*issues, GoodsIssue(shipment=body.shipment, lines=body.lines))
            return self._write(instance, body.order, status=body.order_status, goods_issues=issues)

        occurrence = body.occurred_at.isoformat() if body.milestone in RECURRING else ""
        what = deed(instance, Operation.REPORT_MILESTONE, body.order, body.shipment, body.milestone, occurrence)
        return self.desk.ledger.once(call, what, post)

    def _redate(self, call: Call, instance: str, body: ErpPromise) -> Accepted:
        what = deed(instance, Operation.REDATE_PROMISE, body.order, occurrence=f"{body.promised_on}|{call.key}")
        return self.desk.ledger.once(
            call, what, lambda: self._write(instance, body.order, promised_on=body.promised_on)
        )

    def _cancel(self, call: Call, instance: str, body: ErpCancellation) -> Accepted:
        what = deed(instance, Operation.CONFIRM_CANCELLATION, body.order)
        change = {"status": OrderStatus.CANCELLED, "cancelled_because": body.reason}
        return self.desk.ledger.once(call, what, lambda: self._write(instance, body.order, **change))
