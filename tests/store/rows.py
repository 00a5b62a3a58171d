"""An order at hand for the tests of the store, and everything that the database holds."""

from datetime import UTC, date, datetime
from typing import Any

from schemas.messaging.effects import Movement, PlanningDelta
from schemas.messaging.order_effects import OrderEffect, ReportMilestone
from schemas.orders.changes import LineRecord, ShipmentRecord
from schemas.orders.milestones import MilestoneKind
from schemas.orders.release import LinePromise, OrderLine, OrderRelease, OrderStatus, Party, Promise
from store.engine import Database
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.orders import orders, steps
from tests import written

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DUE, LATER = date(2026, 5, 20), date(2026, 5, 28)
KEY = "erp-one/SO-1"
EFFECT = OrderEffect(
    key=f"{KEY}/DN-1/shipped",
    order=KEY,
    accepted_at=NOW,
    payload=ReportMilestone(
        milestone=MilestoneKind.SHIPPED, order_status=OrderStatus.SHIPPED, occurred_at=NOW, shipment="DN-1"
    ),
)
DELTA = PlanningDelta(
    key=f"{KEY}/DN-1/shipped",
    order=KEY,
    kind="shipped",
    region="EMEA",
    site="LYS",
    occurred_at=NOW,
    accepted_at=NOW,
    movements=(Movement(item="A", quantity=40),),
)
FIRST = written.order_record(
    order=KEY,
    version=0,
    status=OrderStatus.PROMISED,
    promised_on=DUE,
    first_promise=Promise(promised_on=DUE, lines=(LinePromise(line=1, promised_on=DUE),), reason="as requested"),
)
LINE = LineRecord(line=1, item="A", ordered=40, shipped=0, delivered=0, promised_on=DUE)
GONE = LINE.model_copy(update={"allocated": 40, "picked": 40, "packed": 40, "shipped": 40, "promised_on": LATER})
PICKED = written.order_record(
    order=KEY,
    version=1,
    status=OrderStatus.PICKED,
    promised_on=DUE,
    lines=(LINE.model_copy(update={"allocated": 40, "picked": 40}),),
    shipments=(ShipmentRecord(shipment="DN-1", status=OrderStatus.PICKED),),
)
SHIPPED = written.order_record(
    order=KEY,
    version=3,
    status=OrderStatus.SHIPPED,
    promised_on=LATER,
    carrier="dhl",
    lines=(GONE,),
    shipments=(ShipmentRecord(shipment="DN-1", status=OrderStatus.SHIPPED, shipped_at=NOW),),
    effects=(EFFECT,),
    deltas=(DELTA,),
)
RELEASE = OrderRelease(
    number="SO-1",
    released_at=NOW,
    requested_on=DUE,
    variant="distribution_centre",
    lines=(OrderLine(line=1, item="A", quantity=40),),
    ship_from=Party(id="LYS", country="FR"),
    ship_to=Party(id="C", country="DE", address="Hauptstraße 1", email="goods@c.example"),
    site="LYS",
    region="EMEA",
)
TABLES = {
    "order_view": "key",
    "order_line_view": "order_key, line",
    "shipment_order": "shipment, order_key",
    "promise": "id",
    "effect": "key",
    "planning_delta": "id",
    "inbox_message": "id",
    "exception_case": "id",
    "notice": "key",
    "replan_proposal": "id",
    "return_order": "order_key, rma",
    "head": "workflow_id",
    "outcome": "workflow_id, event_id, inbox_id",
    "stock_move": "key",
    "stock_entry": "move_key, place, item",
    "freight_entry": "move_key, account, shipment, currency",
}
WRITTEN_AT = ("updated_at", "settled_at", "written_at")


async def open_order(database: Database) -> int:
    """A released order; returns the id of the message that brought it."""
    async with database.transaction() as connection:
        message = NewMessage("erp-one", "api", inbox.RELEASE, "SO-1", "d", b"{}")
        [inbox_id] = await inbox.insert(connection, [message])
        await orders.open_order(connection, "erp-one", RELEASE, "d", inbox_id, ["erp-one"])
    return inbox_id


async def shipped_order(database: Database, delivered: int = 0) -> None:
    """An order that has been shipped whole, and delivered in part."""
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    line = GONE.model_copy(update={"delivered": delivered})
    await steps.write(database, written.step(written.but(SHIPPED, lines=(line,))))


async def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    """All rows, without the times of writing."""
    return {table: await rows(database, table) for table in TABLES}


async def rows(database: Database, table: str) -> list[dict[str, Any]]:
    """The rows of a table by its key, without the times of writing."""
    async with database.connection() as connection:
        cursor = await connection.execute(f"SELECT * FROM {table} ORDER BY {TABLES[table]}".encode())
        found = await cursor.fetchall()
    return [{k: v for k, v in row.items() if k not in WRITTEN_AT} for row in found]
