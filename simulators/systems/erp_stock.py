"""Stock and money of an ERP's orders by its own books: its releases, and the reports since.

An ERP keeps free and allocated packs of a site in one account, `on_hand`. It receives nothing on goods in transit to a
site, so its `transit` places are for goods on their way to customers.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from schemas.base import Variant
from schemas.finance.reconciliation import AccountFigure, AccountsReport, OrderFigure, OrdersReport, TargetFigure
from schemas.finance.valuation import Account
from schemas.inventory.stock import Bucket, place
from schemas.messaging.effects import ChangeKind, LineTarget
from schemas.orders.milestones import Disposition, ShippedLine
from schemas.orders.release import OrderRelease, OrderStatus
from schemas.procurement.postings import IssuePosting, ReceiptPosting
from simulators.systems.call_handling import problem
from simulators.systems.erp import Erp, ErpOrder
from simulators.systems.lists import Packs, Path, StockLists, TargetLists, listed
from simulators.systems.purchasing import Purchasing
from simulators.systems.stock_books import StockPostings
from simulators.systems.targets import taken

SENDER = "rts-"
"""How the number of a return begins whose goods a carrier brings back; its shipment follows."""
Lines = Counter[int]
"""Packs by line."""
Releases = TypeAdapter(tuple[OrderRelease, ...])
"""Body of `PUT /{erp}/released`."""


class ErpStock:
    """Stock and orders of every ERP. It knows the items of those orders only that it has `released`."""

    def __init__(self, erp: Erp, purchasing: Purchasing, feed: StockPostings) -> None:
        self._erp, self._purchasing, self._feed = erp, purchasing, feed
        self._released: defaultdict[str, dict[str, OrderRelease]] = defaultdict(dict)

    def routes(self) -> list[Route]:
        """The Syncline REST API under `/erp`, and the driver's `PUT /{erp}/released`."""
        return [
            *StockLists(self._erp.handler, self._stock).routes("/{instance}"),
            listed("/{instance}/v1/order-status", self._statuses, lambda found: OrdersReport(orders=tuple(found))),
            *TargetLists(self._targets).routes("/{instance}"),
            listed("/{instance}/v1/order-accounts", self._accounts, lambda found: AccountsReport(figures=tuple(found))),
            Route("/{instance}/released", self._release, methods=["PUT"]),
        ]

    def _orders(self, instance: str) -> dict[str, "OrderBook"]:
        told = self._erp.of(instance)
        released = self._released[instance].items()
        return {number: OrderBook(it, told.get(number, ErpOrder(number=number))) for number, it in released}

    def _stock(self, instance: str) -> Packs:
        packs = self._feed.packs(instance)
        packs.update(received(self._purchasing.receipts(instance)))
        packs.update(sent(self._purchasing.issues(instance)))
        for order in self._orders(instance).values():
            packs.update(order.stock())
        return packs

    def _statuses(self, path: Path) -> dict[str, OrderFigure]:
        orders = self._orders(path["instance"]).items()
        return {number: OrderFigure(order=number, status=it.status()) for number, it in orders}

    def _targets(self, path: Path) -> Iterator[TargetFigure]:
        for number, it in self._orders(path["instance"]).items():
            cancelled = it.status() is OrderStatus.CANCELLED
            yield TargetFigure(order=number, cancelled=cancelled, lines=() if cancelled else it.lines)

    def _accounts(self, path: Path) -> dict[str, AccountFigure]:
        amounts = self._feed.freight(path["instance"])
        for number, order in self._orders(path["instance"]).items():
            for (account, currency), amount in order.worth().items():
                amounts[number, account, currency] += amount
        return {
            " ".join(name): AccountFigure(order=name[0], account=name[1], currency=name[2], amount=amount)
            for name, amount in amounts.items()
            if amount
        }

    async def _release(self, request: Request) -> Response:
        try:
            orders = Releases.validate_json(await request.body(), strict=True)
        except ValidationError as error:
            return problem(422, "releases_invalid", str(error))
        self._released[request.path_params["instance"]].update({order.number: order for order in orders})
        return JSONResponse({"orders": len(orders)})


class OrderBook:
    """What follows from an order as it was released and what was told of it."""

    def __init__(self, release: OrderRelease, order: ErpOrder) -> None:
        self._release, self._order = release, order
        self._own = release.variant is Variant.DISTRIBUTION_CENTRE
        self._items = {line.line: line.item for line in release.lines}
        self._items.update({x.line: x.item for x in order.lines if x.quantity > 0})
        released = (LineTarget(line=x.line, item=x.item, quantity=x.quantity) for x in release.lines)
        self.lines, _ = taken(order.lines, released, 0, first=True)
        self._wanted = Lines()
        for line in self.lines:
            self._wanted[line.line] += line.quantity
        self._wanted = +self._wanted
        self._issued = self._by_shipment()
        self._delivered = self._arrived()

    def status(self) -> OrderStatus:
        """The state of the order: as reported, until nothing of it is open."""
        order, back = self._order, Lines()
        if order.cancelled_because is not None:
            return OrderStatus.CANCELLED
        for rma in self._returns():
            back += self._received(rma) if rma.startswith(SENDER) else Lines()
        arrived = sum(self._delivered.values(), Lines())
        if self._wanted - back - arrived:
            return max(order.status, OrderStatus.PROMISED, key=list(OrderStatus).index)
        return OrderStatus.CLOSED if arrived or not back else OrderStatus.RETURNED

    def stock(self) -> Packs:
        """Packs of each item that its sites and shipments have more, or less, because of it."""
        packs = Packs()
        for issue in {x.shipment: x for x in self._order.goods_issues}.values() if self._own else ():
            for line, quantity in self._issued[issue.shipment].items():
                packs[self._items[line], place(Bucket.ON_HAND, issue.site or self._release.site or "")] -= quantity
        for shipment, lines in self._on_the_road().items():
            for line, quantity in lines.items():
                packs[self._items[line], place(Bucket.TRANSIT, shipment or self._release.number)] += quantity
        for cut in self._order.cuts if self._own else ():
            packs[self._items[cut.line], place(Bucket.ON_HAND, cut.site)] -= cut.quantity
        for rma, site in self._returns().items():
            inspected = {it: self._reported(ChangeKind.RETURNED, rma, it) for it in Disposition}
            for line, quantity in self._received(rma).items():
                restocked = inspected[Disposition.RESTOCK][line]
                waiting = quantity - restocked - inspected[Disposition.SCRAP][line]
                packs[self._items[line], place(Bucket.RETURNS, site)] += waiting
                packs[self._items[line], place(Bucket.ON_HAND, site)] += restocked
        return packs

    def worth(self) -> dict[tuple[str, str], Decimal]:
        """Value by (account, currency): the change of packs at its sites, in transit, and with customers.

        Items of several lines have the mean of their values; those released without a value, none.
        """
        valued, packs = defaultdict[str, Decimal](Decimal), Counter[str]()
        for line in self._release.lines:
            if line.value is not None:
                valued[line.item] += line.value
                packs[line.item] += line.quantity
        moving = f"{Bucket.TRANSIT}:"
        held = [
            (Account.GOODS_IN_TRANSIT if at.startswith(moving) else Account.INVENTORY, item, n)
            for (item, at), n in self.stock().items()
        ]
        held += [(Account.COST_OF_GOODS_SOLD, self._items[line], n) for line, n in self._kept().items()]
        found = defaultdict[tuple[str, str], Decimal](Decimal)
        for account, item, n in held:
            found[account, self._release.currency] += n * valued[item] / packs[item] if item in packs else Decimal(0)
        return defaultdict(Decimal, {name: round(amount, 4) for name, amount in found.items()})

    def _kept(self) -> Lines:
        """Packs that customers got and did not return."""
        back = (self._received(rma) for rma in self._returns() if not rma.startswith(SENDER))
        return sum(self._delivered.values(), Lines()) - sum(back, Lines())

    def _by_shipment(self) -> defaultdict[str, Lines]:
        """What left, in each shipment. An issue of the whole order is of what no other issue is of."""
        found: defaultdict[str, Lines] = defaultdict(Lines)
        for issue in self._order.goods_issues:
            found[issue.shipment] = _lines(issue.lines)
        if "" in found and not found[""]:
            found[""] = self._wanted - sum(found.values(), Lines())
        return found

    def _arrived(self) -> dict[str, Lines]:
        """What of each shipment was delivered. One that was merged into another arrives with that one."""
        found = {shipment: Lines() for shipment in self._issued}
        told: dict[str, Lines] = {}
        for arrival in sorted(self._order.arrivals, key=lambda x: x.signed):
            told.setdefault(arrival.shipment, _lines(arrival.lines))
        for name, said in told.items():
            rest = said.copy()
            for shipment in (name,) if name and name in self._issued else sorted(self._issued):
                left = self._issued[shipment] - found[shipment]
                part = left & rest if said else left
                found[shipment] += part
                rest -= part
        return found

    def _on_the_road(self) -> dict[str, Lines]:
        """What left and neither arrived, nor came back, nor is known to be lost."""
        total = sum(self._issued.values(), Lines())
        lost = self._reported(ChangeKind.WRITTEN_OFF) + (
            (total - self._wanted) & self._reported(ChangeKind.CLOSED_SHORT)
        )
        found = {}
        for shipment in sorted(self._issued):
            back = self._received(f"{SENDER}{shipment}")
            left = self._issued[shipment] - self._delivered[shipment] - back
            found[shipment] = left - lost
            lost -= left
        return found

    def _returns(self) -> dict[str, str]:
        """Return authorisations, and the site to which each comes back."""
        kind = ChangeKind.RETURN_AUTHORISED
        return {x.rma: x.site or self._release.site or "" for x in self._order.changes if x.change is kind}

    def _received(self, rma: str) -> Lines:
        """What came back. What was inspected was received, whether that was told or not."""
        inspected = sum((self._reported(ChangeKind.RETURNED, rma, it) for it in Disposition), Lines())
        return self._reported(ChangeKind.RETURNED, rma) | inspected

    def _reported(self, kind: ChangeKind, rma: str = "", disposition: Disposition | None = None) -> Lines:
        wanted = (kind, rma, disposition)
        changes = (x for x in self._order.changes if (x.change, x.rma, x.disposition) == wanted)
        return _lines(line for change in changes for line in change.lines)


def received(receipts: Iterable[ReceiptPosting]) -> Packs:
    """Packs that goods receipts of purchase orders brought to their sites."""
    packs = Packs()
    for receipt in receipts:
        for line in receipt.lines:
            packs[line.item, place(Bucket.ON_HAND, receipt.site)] += line.packs - line.damaged
            packs[line.item, place(Bucket.BLOCKED, receipt.site)] += line.damaged
    return packs


def sent(issues: Iterable[IssuePosting]) -> Packs:
    """Packs that transfers took from the sites that sent them."""
    packs = Packs()
    for issue in issues:
        for line in issue.lines:
            packs[line.item, place(Bucket.ON_HAND, issue.site)] -= line.packs
    return packs


def _lines(said: Iterable[ShippedLine]) -> Lines:
    packs = Lines()
    for line in said:
        packs[line.line] += line.quantity
    return packs
