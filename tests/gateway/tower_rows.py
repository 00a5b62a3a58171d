"""Orders, effects and messages for the control page, written by the store's own functions."""

from datetime import UTC, date, datetime, timedelta

from schemas.base import Origin, Variant
from schemas.effects import Effect, Operation
from schemas.milestones import MilestoneKind
from schemas.orders import LinePromise, OrderLine, OrderRelease, OrderStatus, Party, Promise
from schemas.records import LineRecord, ShipmentRecord, StepRecord
from store import effects, inbox, orders, steps
from store.engine import Database
from store.inbox import NewMessage

ERP = "erp-one"
CUSTOMER = "Ada Lovelace"
RELEASED = datetime(2026, 3, 2, 8, tzinfo=UTC)
PROMISED = date(2026, 3, 9)
PROMISE = Promise(promised_on=PROMISED, lines=(LinePromise(line=1, promised_on=PROMISED),), reason="stock")


def message(text: str) -> NewMessage:
    """A message of a carrier."""
    return NewMessage("dhl", "webhook", inbox.EVENT, text, text, text.encode())


def effect(number: str, operation: Operation = Operation.REPORT_MILESTONE) -> Effect:
    """Something that a system is owed for an order."""
    key = f"{ERP}/{number}"
    return Effect(key=f"{key}/{operation}", order=key, operation=operation, accepted_at=datetime.now(UTC))


async def release(database: Database, number: str, erp: str = ERP) -> str:
    """Accept an order; returns its key."""
    party = Party(id="CUST-1", name=CUSTOMER, country="GB", address="12 St James's Square, London")
    order = OrderRelease(
        number=number,
        released_at=RELEASED,
        requested_on=PROMISED,
        variant=Variant.DISTRIBUTION_CENTRE,
        lines=(OrderLine(line=1, item="ABC-1", quantity=10, value=1250.0),),
        ship_from=Party(id="LYS", country="FR"),
        ship_to=party,
        site="LYS",
        region="EMEA",
    )
    async with database.transaction() as connection:
        [inbox_id] = await inbox.accept(connection, [message(f"release {erp} {number}")])
        await orders.open_order(connection, erp, order, "digest", inbox_id, [erp])
    return orders.order_key(erp, number)


async def step(
    database: Database,
    number: str,
    status: OrderStatus,
    version: int = 1,
    promised_on: date = PROMISED,
    owed: tuple[Effect, ...] = (),
) -> None:
    """Write a step of an order with one shipment; `delivered` and `closed` deliver every pack on the promised day."""
    arrived = status in (OrderStatus.DELIVERED, OrderStatus.CLOSED)
    moment = datetime(promised_on.year, promised_on.month, promised_on.day, 12, tzinfo=UTC) if arrived else None
    packs = 10 if arrived else 0
    rank = OrderStatus.DELIVERED if arrived else status
    record = StepRecord(
        order=f"{ERP}/{number}",
        version=version,
        status=status,
        conditions=("delayed",) if promised_on > PROMISED else (),
        promised_on=promised_on,
        closed=status is OrderStatus.CLOSED,
        first_promise=PROMISE if version == 1 else None,
        lines=(
            LineRecord(
                line=1,
                item="ABC-1",
                ordered=10,
                allocated=packs,
                picked=packs,
                packed=packs,
                shipped=packs,
                delivered=packs,
                promised_on=promised_on,
                delivered_at=moment,
            ),
        ),
        shipments=(ShipmentRecord(shipment=f"DN-{number}", status=rank, delivered_at=moment),),
        effects=owed,
    )
    await steps.write(database, record)


async def park(database: Database, text: str, reason: str, waiting_for: str | None = None) -> int:
    """Quarantine a message; returns its id."""
    async with database.transaction() as connection:
        [message_id] = await inbox.accept(connection, [message(text)])
        await inbox.quarantine(connection, message_id, reason, Origin.PARTNER_MESSAGE, waiting_for)
    return message_id


async def fail(database: Database, owed: Effect, error: str, *, final: bool) -> None:
    """An attempt of an effect failed."""
    async with database.transaction() as connection:
        await effects.failed(connection, owed, Origin.ERP_API, error, final=final)


async def everything(database: Database) -> None:
    """One order of each sort: on time, late, delayed on its way, refused by the ERP, retried; two parked messages."""
    refused, retried = effect("SO-REFUSED"), effect("SO-RETRIED", Operation.INSTRUCT_WAREHOUSE)
    late = PROMISED + timedelta(days=3)
    for number in ("SO-ONTIME", "SO-LATE", "SO-DELAYED", "SO-REFUSED", "SO-RETRIED"):
        await release(database, number)
    told = effect("SO-ONTIME").model_copy(update={"milestone": MilestoneKind.DELIVERED})
    await step(database, "SO-ONTIME", OrderStatus.CLOSED, owed=(told,))
    await step(database, "SO-LATE", OrderStatus.CLOSED, promised_on=late)
    await step(database, "SO-DELAYED", OrderStatus.SHIPPED, promised_on=late)
    await step(database, "SO-REFUSED", OrderStatus.PACKED, owed=(refused,))
    await step(database, "SO-RETRIED", OrderStatus.PROMISED, owed=(retried,))
    async with database.transaction() as connection:
        await effects.done(connection, told, "REF-1", 1)
    await fail(database, refused, "posting period is closed", final=True)
    await fail(database, retried, "no answer in 5 s", final=False)
    await park(database, "early", "shipment DN-9 is not known", "shipment:DN-9")
    await park(database, "odd", "the code X9 is not mapped")
