"""Every kind of movement in the real books, both sides; and orders, purchases, returns and reports on one ledger."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

import pytest

from domain.orders import goods
from domain.orders.goods import Holdings
from domain.orders.state import OrderState
from domain.procurement import documents as decisions
from domain.procurement import inbound
from domain.procurement.purchase_order import PurchaseFile
from domain.returns import returning
from schemas.base import Role
from schemas.cases.exceptions import Action
from schemas.inventory.reports import InventoryKind, InventoryReport
from schemas.orders.milestones import Disposition, MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.procurement.purchase_orders import PurchaseDocument
from schemas.workflows.commands import ActionRequest, Verb
from store.engine import Database
from store.inventory import ledger
from store.inventory import stock as reports
from tests.domain import purchases
from tests.domain.builders import FULL, NOON, after, done, event, opened
from tests.domain.orders.test_stock import returned

TWO = (ShippedLine(line=1, quantity=2),)
BUT_TWO = (ShippedLine(line=1, quantity=38), ShippedLine(line=2, quantity=60))
ALLOCATED, PICKED = event(M.ALLOCATED, 1, lines=FULL), event(M.PICKED, 2, lines=FULL)
SHIPPED, ON_THE_ROAD = event(M.SHIPPED, 3, lines=FULL), event(M.IN_TRANSIT, 4)
DELIVERED, IN_PART = event(M.DELIVERED, 5), event(M.DELIVERED, 5, lines=BUT_TWO)
WRITE_OFF = ActionRequest(id="w", reason="crushed", action=Action.WRITE_OFF)


class Books:
    """Books what the domain says has moved, as its workflows do: each step under its own key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[str, Holdings] = {}
        self._step = 0

    async def follow(self, source: str, ref: str, held: Holdings, *, times: int = 1) -> None:
        """A step of a workflow, written once or more."""
        moved = goods.moves(self._held.get(ref, Holdings()), held)
        self._held[ref] = held
        self._step += 1
        for _ in range(times):
            async with self._database.transaction() as connection:
                booking = ledger.Booking(
                    workflow=f"{source}/{ref}",
                    key=f"{ref}/v{self._step}",
                    source=source,
                    ref=ref,
                    base=self._step - 1,
                    version=self._step,
                    upto=self._step,
                    repeated=False,
                    moves=moved,
                )
                await ledger.post_movements(connection, booking)

    async def order(self, state: OrderState, **more: int) -> None:
        """A step of an order."""
        await self.follow("order", state.start.key, goods.of_order(state), **more)

    async def report(self, *said: InventoryReport) -> None:
        """A warehouse's word."""
        async with self._database.transaction() as connection:
            await reports.take_in(connection, "wms-lys", said)

    async def figures(self, item: str = "A") -> dict[str, int]:
        """Packs of the item by place."""
        async with self._database.connection() as connection:
            assert await ledger.audit(connection) == [], "balances are the entries, and every item sums to zero"
            return {it["place"]: it["packs"] for it in await ledger.balances(connection, item)}

    def expected(self) -> Counter[tuple[str, str]]:
        """What the domain says of all that was booked by steps."""
        total = Counter[tuple[str, str]]()
        for held in self._held.values():
            total.update(held)
        return total


@pytest.fixture
def books(database: Database) -> Books:
    """Empty books."""
    return Books(database)


def said(kind: InventoryKind, packs: int, n: int = 1, item: str = "A") -> InventoryReport:
    """A report of the warehouse."""
    at = NOON + timedelta(minutes=n)
    return InventoryReport(id=f"r{n}", kind=kind, site="LYS", item=item, quantity=packs, occurred_at=at)


OF_ORDERS: dict[str, tuple[Callable[[], OrderState], dict[str, int]]] = {
    "allocation": (lambda: after(opened(), ALLOCATED), {"on_hand:LYS": -40, "allocated:LYS": 40}),
    "pick": (lambda: after(opened(), ALLOCATED, PICKED), {"on_hand:LYS": -40, "allocated:LYS": 40}),
    "short pick": (
        lambda: after(opened(), event(M.SHORT_PICKED, 2, shipment="", lines=TWO)),
        {"on_hand:LYS": -2, "adjustment:LYS": 2},
    ),
    "ship": (lambda: after(opened(), PICKED, SHIPPED), {"on_hand:LYS": -40, "transit:DN-1": 40}),
    "in transit": (lambda: after(opened(), SHIPPED, ON_THE_ROAD), {"on_hand:LYS": -40, "transit:DN-1": 40}),
    "deliver": (lambda: after(opened(), SHIPPED, DELIVERED), {"on_hand:LYS": -40, "customer:": 40}),
    "damage at delivery": (
        lambda: done(after(opened(), SHIPPED, IN_PART), Verb.ACT, WRITE_OFF).state,
        {"on_hand:LYS": -40, "customer:": 38, "scrap:": 2},
    ),
    "loss in transit": (
        lambda: done(after(opened(), SHIPPED, ON_THE_ROAD), Verb.ACT, WRITE_OFF).state,
        {"on_hand:LYS": -40, "scrap:": 40},
    ),
}


@pytest.mark.parametrize("kind", OF_ORDERS)
async def test_what_happens_for_an_order_is_booked_with_both_sides(books: Books, kind: str) -> None:
    make, sides = OF_ORDERS[kind]
    await books.order(make(), times=2)
    assert await books.figures() == sides


OF_REPORTS: dict[str, tuple[tuple[InventoryReport, ...], dict[str, int]]] = {
    "receipt": ((said(InventoryKind.RECEIPT, 9),), {"received:LYS": -9, "on_hand:LYS": 9}),
    "damage": ((said(InventoryKind.DAMAGE, 9),), {"on_hand:LYS": -9, "blocked:LYS": 9}),
    "unblock": ((said(InventoryKind.UNBLOCK, 9),), {"on_hand:LYS": 9, "blocked:LYS": -9}),
    "scrap": ((said(InventoryKind.SCRAP, 9),), {"blocked:LYS": -9, "scrap:": 9}),
    "adjust": (
        (said(InventoryKind.RECEIPT, 9), said(InventoryKind.COUNT, 5, 2)),
        {"received:LYS": -9, "adjustment:LYS": 4, "on_hand:LYS": 5},
    ),
}


@pytest.mark.parametrize("kind", OF_REPORTS)
async def test_what_a_warehouse_reports_is_booked_with_both_sides(books: Books, kind: str) -> None:
    told, sides = OF_REPORTS[kind]
    for _ in range(2):
        await books.report(*told)
    assert await books.figures() == sides


OF_PURCHASES: dict[str, tuple[tuple[PurchaseDocument, ...], dict[str, int]]] = {
    "ordered": ((), {}),
    "in transit": ((purchases.advised("S1", l1=60),), {"supplier:acme": -60, "transit:S1": 60}),
    "receipt": (
        (purchases.advised("S1", l1=60), purchases.received("G1", "S1", l1=50)),
        {"supplier:acme": -60, "transit:S1": 10, "on_hand:LYS": 50},
    ),
    "damage": (
        (purchases.received("G1", None, damaged=5, l1=50),),
        {"supplier:acme": -50, "on_hand:LYS": 45, "blocked:LYS": 5},
    ),
}


@pytest.mark.parametrize("kind", OF_PURCHASES)
async def test_what_happens_for_a_purchase_order_is_booked_with_both_sides(books: Books, kind: str) -> None:
    told, sides = OF_PURCHASES[kind]
    state = bought((purchases.order(), *told))
    await books.follow("purchase", state.start.key, inbound.holdings(state), times=2)
    assert await books.figures() == sides


OF_RETURNS: dict[str, tuple[Disposition | None, dict[str, int]]] = {
    "return": (None, {"customer:": -40, "returns:LYS": 40}),
    "back in stock": (Disposition.RESTOCK, {"customer:": -40, "on_hand:LYS": 40}),
    "scrapped": (Disposition.SCRAP, {"customer:": -40, "scrap:": 40}),
}


@pytest.mark.parametrize("kind", OF_RETURNS)
async def test_what_comes_back_is_booked_with_both_sides(books: Books, kind: str) -> None:
    disposition, sides = OF_RETURNS[kind]
    state = returning.apply(returned(), event(M.RETURN_RECEIVED, 9, lines=FULL, rma="R1")).state
    if disposition:
        told = event(M.RETURN_INSPECTED, 10, lines=FULL, rma="R1", disposition=disposition)
        state = returning.apply(state, told).state
    await books.follow("return", "erp-one/SO-1", goods.of_return(state), times=2)
    assert await books.figures() == sides


def bought(documents: tuple[PurchaseDocument, ...]) -> PurchaseFile:
    """A purchase order that has seen these."""
    state = PurchaseFile(start=purchases.start())
    for it in documents:
        state, _ = decisions.take(state, it)
    return state


class Happening(NamedTuple):
    """Something that happens to one of the four; `what` depends on which."""

    to: str
    what: Any


STORY: tuple[Happening, ...] = (
    *(Happening("order", it) for it in (ALLOCATED, PICKED, SHIPPED, ON_THE_ROAD, IN_PART, WRITE_OFF)),
    Happening("order", event(M.SHORT_PICKED, 2, shipment="", lines=TWO)),
    *(
        Happening("purchase", it)
        for it in (
            purchases.order(),
            purchases.advised("S1", l1=60),
            purchases.advised("S2", l1=30, l2=50),
            purchases.received("G1", "S1", l1=55, damaged=5),
            purchases.received("G2", l2=10),
            purchases.received("G3", "S2", final=True, l1=20),
        )
    ),
    *(
        Happening("return", it)
        for it in (
            event(M.RETURN_RECEIVED, 9, lines=TWO, rma="R1"),
            event(M.RETURN_INSPECTED, 10, lines=TWO, rma="R1", disposition=Disposition.RESTOCK),
            event(M.RETURN_INSPECTED, 11, lines=FULL[1:], rma="R1", disposition=Disposition.SCRAP),
        )
    ),
    *(
        Happening("report", said(kind, packs, n))
        for n, (kind, packs) in enumerate(
            (
                (InventoryKind.RECEIPT, 100),
                (InventoryKind.DAMAGE, 7),
                (InventoryKind.UNBLOCK, 2),
                (InventoryKind.SCRAP, 3),
                (InventoryKind.COUNT, 90),
            )
        )
    ),
)


def shuffled(chance: Random) -> Iterator[Happening]:
    """All of it in any order, some of it twice."""
    told = [*STORY, *chance.sample(STORY, 6)]
    chance.shuffle(told)
    yield from told


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_at_once_on_one_ledger_adds_up(books: Books, seed: int) -> None:
    """An order, a purchase order, a return and a warehouse's reports move the same item at the same site."""
    chance = Random(seed)
    order, purchase, back = opened(), PurchaseFile(start=purchases.start()), returned()
    for it in shuffled(chance):
        times = chance.choice((1, 1, 2))
        match it:
            case Happening("order", MilestoneEvent() as told):
                order = after(order, told)
                await books.order(order, times=times)
            case Happening("order", ActionRequest()):
                if order.goods:
                    try:
                        order = done(order, Verb.ACT, WRITE_OFF, Role.ADMIN).state
                    except AssertionError:
                        continue
                    await books.order(order, times=times)
            case Happening("purchase", document):
                purchase, _ = decisions.take(purchase, document)
                await books.follow("purchase", purchase.start.key, inbound.holdings(purchase), times=times)
            case Happening("return", told):
                back = returning.apply(back, told).state
                await books.follow("return", "erp-one/RMA", goods.of_return(back), times=times)
            case Happening("report", report):
                for _ in range(times):
                    await books.report(report)
        await books.figures()
    found, stepped = await books.figures(), books.expected()
    only_steps = {place for place in found if place.split(":")[0] in ("transit", "customer", "supplier", "allocated")}
    assert {place: found[place] for place in only_steps} == {
        place: packs
        for (place, item), packs in stepped.items()
        if item == "A" and packs and place.split(":")[0] in ("transit", "customer", "supplier", "allocated")
    }
    assert all(packs >= 0 for place, packs in found.items() if place.startswith(("transit:", "scrap:", "returns:")))


def test_the_kinds_that_reports_may_have_are_all_shown_here() -> None:
    assert {it.kind for told, _ in OF_REPORTS.values() for it in told} == set(InventoryKind)
