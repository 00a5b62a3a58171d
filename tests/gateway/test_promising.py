"""Promising over real PostgreSQL: no pack is promised twice, whoever asks at once; reservations follow what happens."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway.promising import promised
from schemas.base import Variant
from schemas.exceptions import OrderPolicy
from schemas.lifecycle import AcceptedRelease
from schemas.orders import OrderLine, OrderRelease, OrderStatus, Party, Promise
from schemas.procurement import PurchaseLine, PurchaseOrder
from schemas.purchasing import PurchaseRecord, PurchaseStatus
from schemas.records import LineRecord, StepRecord
from schemas.stock import StockMove
from schemas.supply import Supply, SupplyKind
from store import inbox, ledger, orders, procurement, promising, steps, supply
from store.engine import Database
from store.inbox import NewMessage
from tests.gateway.harness import Gateway

NOW = datetime.now(UTC)
TODAY = NOW.date()
PO = Supply(
    key="po/erp-one/7781/1",
    item="A",
    site="LYS",
    kind=SupplyKind.PURCHASE,
    ref="PO 7781",
    packs=60,
    day=TODAY + timedelta(days=9),
)


def release(number: str, packs: int, priority: int = 3, **more: Any) -> OrderRelease:
    """An order of item A from Lyon."""
    return OrderRelease(
        number=number,
        released_at=NOW,
        requested_on=TODAY,
        variant=more.pop("variant", Variant.DISTRIBUTION_CENTRE),
        lines=(OrderLine(line=1, item=more.pop("item", "A"), quantity=packs),),
        ship_from=Party(id="LYS", country="FR"),
        ship_to=Party(id="C", country="DE"),
        site="LYS",
        region="EMEA",
        priority=priority,
        **more,
    )


async def stocked(database: Database, packs: int, *supplies: Supply) -> None:
    """So many packs are in Lyon, and more is to come."""
    moves = {"adjustment:LYS": {"A": -packs}, "on_hand:LYS": {"A": packs}}
    counted = StockMove(key="count/1", kind="adjust", source="inventory", ref="LYS", occurred_at=NOW, moves=moves)
    async with database.transaction() as connection:
        await ledger.book(connection, [counted] if packs else [])
        await supply.known_at(connection, [("A", "LYS")])
        await supply.set_supplies(connection, list(supplies))


async def ask(database: Database, order: OrderRelease) -> Promise:
    """Release an order and have it promised."""
    key = f"erp-one/{order.number}"
    async with database.transaction() as connection:
        [inbox_id] = await inbox.accept(
            connection, [NewMessage("erp-one", "api", inbox.RELEASE, order.number, order.number, b"{}")]
        )
        await orders.open_order(connection, "erp-one", order, "d", inbox_id, ["erp-one"])
        accepted = await orders.accepted(connection, key)
    assert isinstance(accepted, AcceptedRelease)
    return await promised(database, accepted, OrderPolicy())


async def pegs(database: Database) -> dict[str, int]:
    """Packs reserved by order and supply; nothing may be reserved twice."""
    async with database.connection() as connection:
        assert await promising.oversold(connection) == []
        cursor = await connection.execute("SELECT order_key, supply_key, packs FROM peg ORDER BY 1, 2")
        rows = await cursor.fetchall()
    return {f"{row['order_key'].split('/')[1]} {row['supply_key'] or 'stock'}": row["packs"] for row in rows}


async def test_a_promise_reserves_what_it_is_made_of_and_is_the_same_for_who_asks_again(gateway: Gateway) -> None:
    await stocked(gateway.database, 40, PO)
    first = await ask(gateway.database, release("SO-1", 100))
    assert "40 A from LYS now, 60 from PO 7781" in first.reason
    async with gateway.database.connection() as connection:
        accepted = await orders.accepted(connection, "erp-one/SO-1")
    again = await asyncio.gather(*(promised(gateway.database, accepted, OrderPolicy()) for _ in range(5)))
    assert again == [first] * 5
    assert await pegs(gateway.database) == {"SO-1 stock": 40, f"SO-1 {PO.key}": 60}
    second = await ask(gateway.database, release("SO-2", 10))
    assert "must be replenished" in second.reason


async def test_many_at_once_are_never_promised_the_same_packs(gateway: Gateway) -> None:
    await stocked(gateway.database, 100, PO)
    made = await asyncio.gather(*(ask(gateway.database, release(f"SO-{n}", 7)) for n in range(40)))
    found = await pegs(gateway.database)
    assert sum(packs for name, packs in found.items() if name.endswith("stock")) == 100
    assert sum(packs for name, packs in found.items() if name.endswith(PO.key)) == 60
    assert sum("must be replenished" in promise.reason for promise in made) == 40 - 160 // 7


@pytest.mark.parametrize(
    "order",
    [
        release("SO-1", 5, item="X"),
        release("SO-1", 5, clock="events"),
        release("SO-1", 5, variant=Variant.DIRECT_DROP, supplier="acme"),
    ],
)
async def test_what_is_not_sent_from_known_stock_goes_by_lead_time(gateway: Gateway, order: OrderRelease) -> None:
    await stocked(gateway.database, 40)
    made = await ask(gateway.database, order)
    assert "LYS" not in made.reason
    assert await pegs(gateway.database) == {}


def step(version: int, moves: dict[str, dict[str, int]], *, closed: bool = False, **line: int) -> StepRecord:
    """A step of the order."""
    record = LineRecord(line=1, item="A", ordered=40, **{"shipped": 0, "delivered": 0, **line}, promised_on=TODAY)
    return StepRecord(
        order="erp-one/SO-1",
        version=version,
        status=OrderStatus.PICKED,
        promised_on=TODAY,
        lines=(record,),
        moves=moves,
        closed=closed,
    )


async def test_what_is_set_aside_cancelled_or_over_is_not_reserved_any_more(gateway: Gateway) -> None:
    await stocked(gateway.database, 30, PO)
    promise = await ask(gateway.database, release("SO-1", 40))
    first = StepRecord(
        order="erp-one/SO-1", version=0, status=OrderStatus.PROMISED, promised_on=TODAY, first_promise=promise
    )
    await steps.write(gateway.database, first)
    aside = {"on_hand:LYS": {"A": -25}, "allocated:LYS": {"A": 25}}
    await steps.write(gateway.database, step(1, aside, allocated=25))
    assert await pegs(gateway.database) == {"SO-1 stock": 5, f"SO-1 {PO.key}": 10}
    await steps.write(gateway.database, step(2, {}, allocated=25, cancelled=8))
    assert sum((await pegs(gateway.database)).values()) == 7
    await steps.write(gateway.database, step(3, {}, allocated=25, cancelled=15, closed=True))
    assert await pegs(gateway.database) == {}


async def test_reservations_follow_their_supply(gateway: Gateway) -> None:
    await stocked(gateway.database, 0, PO)
    await ask(gateway.database, release("SO-1", 30))
    await ask(gateway.database, release("SO-2", 30, priority=1))
    later = PO.model_copy(update={"day": PO.day + timedelta(days=5)})
    async with gateway.database.transaction() as connection:
        await supply.set_supplies(connection, [later])
    days = await gateway.rows("SELECT DISTINCT day FROM peg")
    assert [row["day"] for row in days] == [later.day]
    moves = {"transit:ASN-1": {"A": -20}, "on_hand:LYS": {"A": 20}}
    came = StockMove(key="in/1", kind="receipt", source="purchase", ref="po", occurred_at=NOW, moves=moves)
    async with gateway.database.transaction() as connection:
        await ledger.book(connection, [came])
        await supply.set_supplies(connection, [later.model_copy(update={"packs": 40})], {"A": 20})
    assert await pegs(gateway.database) == {"SO-2 stock": 20, f"SO-2 {PO.key}": 10, f"SO-1 {PO.key}": 30}
    async with gateway.database.transaction() as connection:
        await supply.set_supplies(connection, [later.model_copy(update={"packs": 15})])
    assert await pegs(gateway.database) == {"SO-2 stock": 20, f"SO-2 {PO.key}": 10, f"SO-1 {PO.key}": 5}


async def test_availability_by_day_and_what_would_be_promised(gateway: Gateway) -> None:
    await stocked(gateway.database, 40, PO)
    await ask(gateway.database, release("SO-1", 70))
    found = (await gateway.get("/v1/availability?item=A&site=LYS&horizon_days=10", "planner")).json()
    assert (found["known"], found["on_hand"], found["allocated"]) == (True, 40, 0)
    assert [found["days"][n]["projected"] for n in (0, 8, 9)] == [0, 0, 30]
    assert date.fromisoformat(found["days"][9]["day"]) == PO.day
    question = release("SO-2", 20).model_dump(mode="json", exclude_none=True)
    answer = (await gateway.post("/v1/promises", "erp-one", question)).json()
    assert "20 from PO 7781" in answer["reason"]
    assert len(await pegs(gateway.database)) == 2, "a question reserves nothing"
    unknown = (await gateway.get("/v1/availability?item=Z&site=LYS", "planner")).json()
    assert (unknown["known"], unknown["days"]) == (False, [])
    assert (await gateway.get("/v1/availability?item=A&site=LYS", "dhl")).status_code == 403


async def test_a_receipt_that_is_written_twice_turns_supply_into_stock_once(gateway: Gateway) -> None:
    line = PurchaseLine(line=1, item="A", packs=60, unit_price=Decimal("2.5"), due_on=PO.day)
    order = PurchaseOrder(
        number="7781", supplier="acme", site="LYS", region="EMEA", currency="EUR", ordered_at=NOW, lines=(line,)
    )
    async with gateway.database.transaction() as connection:
        key = await procurement.open_purchase(connection, "erp-one", order, ["erp-one", "acme"])
        await supply.set_supplies(connection, [PO])
    await ask(gateway.database, release("SO-1", 50))
    receipt = PurchaseRecord(
        order=key,
        version=2,
        status=PurchaseStatus.ORDERED,
        purchase=order,
        supplies=(PO.model_copy(update={"packs": 40}),),
        moves={"supplier:acme": {"A": -20}, "on_hand:LYS": {"A": 20}},
    )
    for _ in range(2):
        await procurement.write(gateway.database, receipt)
        assert await pegs(gateway.database) == {"SO-1 stock": 20, f"SO-1 {PO.key}": 30}
