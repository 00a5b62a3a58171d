"""The purchases page: purchase orders by state, and proposals that no order came of. Pure but for `read_*`."""

from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.tower.work_lists import Choice
from gateway.views.purchases import PurchaseLineView, PurchaseView, purchase_view
from schemas.base import Role
from schemas.ids import purchase_key
from schemas.plurals import counted, verb
from schemas.procurement.purchase_orders import PurchaseStatus
from store.engine import Connection
from store.procurement import purchase_orders
from store.views import purchases as tower_purchases
from store.views.purchases import OPEN, PURCHASES, Failed, Purchase

PURCHASE_LIST = "/tower/purchases"


@dataclass(frozen=True)
class PurchaseList:
    """Purchase orders in a state (empty: open ones), and proposals that failed."""

    at: datetime
    state: str
    counts: dict[str, int]
    purchases: list[Purchase]
    failed: list[Failed]

    @property
    def states(self) -> list[Choice]:
        """The states that purchase orders are in; those that are open first, together."""
        still = sum(self.counts.get(state, 0) for state in OPEN)
        known = [Choice(state, self.counts[state], list_url(state), state == self.state) for state in PurchaseStatus]
        return [Choice("open", still, list_url(), not self.state), *(it for it in known if it.count or it.chosen)]

    @property
    def total(self) -> int:
        """Purchase orders that match the choice."""
        return next(it.count for it in self.states if it.chosen)

    @property
    def more(self) -> bool:
        """Whether more match than are listed."""
        return self.total > PURCHASES


@dataclass(frozen=True)
class PurchasePage:
    """One purchase order, with what differs from what was ordered."""

    at: datetime
    order: PurchaseView

    @property
    def differences(self) -> list[str]:
        """Differences from the order, in words."""
        return [said for line in self.order.lines for said in differences(line)]


async def read_list(connection: Connection, state: str) -> PurchaseList:
    """The list."""
    return PurchaseList(
        at=datetime.now(UTC),
        state=state,
        counts=await tower_purchases.states(connection),
        purchases=await tower_purchases.purchases(connection, state),
        failed=await tower_purchases.failed(connection),
    )


async def read_one(connection: Connection, erp: str, number: str) -> PurchasePage | None:
    """One purchase order, or None."""
    key = purchase_key(erp, number)
    row = await purchase_orders.find(connection, key) if key.isprintable() else None
    if row is None:
        return None
    order = purchase_view(row, await purchase_orders.details(connection, key), Role.ADMIN)
    return PurchasePage(datetime.now(UTC), order)


def differences(line: PurchaseLineView) -> list[str]:
    """Differences of a line from its order: packs confirmed, the day, damage, surplus."""
    found = []
    if line.confirmed is not None and line.confirmed != line.ordered:
        found.append(f"line {line.line}: {line.confirmed:,} of {counted(line.ordered, 'pack')} confirmed")
    if line.expected_on and line.expected_on > line.due_on:
        late = counted((line.expected_on - line.due_on).days, "day")
        found.append(f"line {line.line}: expected {late} after it is due")
    if line.damaged:
        found.append(f"line {line.line}: {counted(line.damaged, 'pack')} came damaged")
    if (more := line.received - line.ordered) > 0:
        found.append(f"line {line.line}: {counted(more, 'pack')} more came than {verb(more, 'was', 'were')} ordered")
    return found


def list_url(state: str = "") -> str:
    """The list of a state; open ones without."""
    return f"{PURCHASE_LIST}?state={state}" if state else PURCHASE_LIST
