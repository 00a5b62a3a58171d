"""Stock, supply and orders at hand for the tests of promising."""

from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from dispatch.orders.promising import first_promise
from dispatch.requests import CommandRecord
from domain.orders.opening import opening
from schemas.base import Role
from schemas.cases.exceptions import OrderPolicy
from schemas.inventory.stock import Moves, StockMove
from schemas.inventory.supply import Supply, SupplyKind
from schemas.orders.changes import LineRecord
from schemas.orders.release import OrderLine, OrderRelease, OrderStatus, Party
from schemas.workflows.commands import AmendRequest, LineAmendment
from schemas.workflows.lifecycle import OrderStart
from schemas.workflows.records import StepRecord
from schemas.workflows.steps import WorkflowStep
from store.engine import Database
from store.inventory import ledger, promising, supply
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.orders import orders, steps
from tests import written

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TODAY = NOW.date()
_tasks = count(10)
ITEM, SITE = "A", "LYS"
LEAD_DAYS = 4
"""From goods on hand to delivery, without a mode."""


def may(day: int) -> date:
    """A day of May 2026; today is the 4th."""
    return date(2026, 5, day)


def incoming(number: str, packs: int, day: int, item: str = ITEM, site: str = SITE) -> Supply:
    """A purchase order."""
    return Supply(
        key=f"po/erp/{number}/1",
        item=item,
        site=site,
        kind=SupplyKind.PURCHASE,
        ref=f"PO {number}",
        packs=packs,
        day=may(day),
    )


async def put_stock(database: Database, key: str, packs: int, item: str = ITEM, site: str = SITE) -> None:
    """Book packs found, or missed when negative."""
    await book(database, key, {f"adjustment:{site}": {item: -packs}, f"on_hand:{site}": {item: packs}})


async def book(database: Database, key: str, moves: Moves) -> None:
    """Book a movement."""
    move = StockMove(key=key, kind="count", source="test", ref=key, occurred_at=NOW, moves=moves)
    known = {(item, at.split(":")[1]) for at in moves if at.startswith("on_hand:") for item in moves[at]}
    async with database.transaction() as connection:
        await supply.known_at(connection, known)
        await supply.lock(connection, known)
        await ledger.book(connection, [move])


async def expect(database: Database, *supplies: Supply) -> None:
    """Say what is to come."""
    async with database.transaction() as connection:
        await supply.set_supplies(connection, supplies)


def release(number: str, *packs: int, wanted: int = 8, item: str = ITEM, **fields: Any) -> OrderRelease:
    """An order, a line for each number of packs."""
    return OrderRelease.model_validate(
        {
            "number": number,
            "released_at": NOW,
            "requested_on": may(wanted),
            "variant": "distribution_centre",
            "lines": tuple(OrderLine(line=n, item=item, quantity=q) for n, q in enumerate(packs, 1)),
            "ship_from": Party(id=SITE, country="FR"),
            "ship_to": Party(id="C", country="DE"),
            "site": SITE,
            "region": "EMEA",
            **fields,
        }
    )


async def accept(database: Database, wish: OrderRelease) -> OrderStart:
    """Take an order in; it is not promised yet."""
    async with database.transaction() as connection:
        message = NewMessage("erp", "api", inbox.RELEASE, wish.number, wish.number, b"{}")
        [inbox_id] = await inbox.insert(connection, [message])
        birth = await orders.open_order(connection, "erp", wish, wish.number, inbox_id, ["erp"])
        accepted = await orders.accepted(connection, birth.key)
    return opening(accepted)


async def promise(database: Database, number: str, *packs: int, alternates: tuple[str, ...] = (), **fields: Any) -> Any:
    """Release an order and promise it."""
    wish = release(number, *packs, **fields)
    start = await accept(database, wish)
    return await first_promise(database, start, wish, OrderPolicy(alternates=alternates), NOW)


async def begin(database: Database, start: OrderStart) -> None:
    """The first step of its workflow."""
    opened = written.order_record(
        order=start.key,
        version=0,
        status=OrderStatus.PROMISED,
        promised_on=start.promise.promised_on,
        first_promise=start.promise,
    )
    await steps.write(database, written.step(opened))


def step(
    start: OrderStart, version: int, moves: Moves, *lines: LineRecord, base: int | None = None, **fields: Any
) -> WorkflowStep[StepRecord]:
    """A step of a later task than those before."""
    record = written.order_record(
        order=start.key,
        version=version,
        status=fields.pop("status", OrderStatus.ALLOCATED),
        promised_on=start.promise.promised_on,
        lines=lines,
        moves=moves,
        **fields,
    )
    return written.step(record, base=base, at=next(_tasks))


def line(number: int, ordered: int, **fields: Any) -> LineRecord:
    """A line of a step."""
    known: dict[str, Any] = {"item": ITEM, "shipped": 0, "delivered": 0, "promised_on": may(8), **fields}
    return LineRecord(line=number, ordered=ordered, **known)


async def amendment(database: Database, start: OrderStart, *lines: LineAmendment) -> int:
    """The message of an amendment."""
    wish = AmendRequest(id="a", reason="as asked", lines=lines)
    record = CommandRecord[AmendRequest](key=start.key, verb="amend", by="erp", role=Role.ERP, request=wish)
    async with database.transaction() as connection:
        message = NewMessage("erp", "api", record.kind, wish.id, "d", record.raw)
        [inbox_id] = await inbox.insert(connection, [message])
    return inbox_id


async def reservations(database: Database) -> dict[str, int]:
    """`order line site supply` → packs."""
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT * FROM peg ORDER BY order_key, line, site, supply_key")
        rows = await cursor.fetchall()
    return {
        f"{r['order_key'].split('/')[1]} {r['line']} {r['site']} {r['supply_key']}".strip(): r["packs"] for r in rows
    }


async def oversold(database: Database) -> int:
    """Item-sites where more is reserved than there is."""
    async with database.connection() as connection:
        return len(await promising.oversold(connection))
