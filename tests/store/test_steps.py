"""A step is written once, whole, and never over a newer one."""

from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest

from schemas.base import Origin
from schemas.effects import Effect, Movement, Operation, PlanningDelta
from schemas.milestones import MilestoneKind
from schemas.orders import CancelRequest, LinePromise, OrderLine, OrderRelease, OrderStatus, Party, Promise
from schemas.records import LineRecord, Outcome, ShipmentRecord, StepRecord
from store import effects, inbox, orders, report, steps
from store.engine import Database
from store.inbox import NewMessage

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DUE, LATER = date(2026, 5, 20), date(2026, 5, 28)
KEY = "erp-one/SO-1"
EFFECT = Effect(
    key=f"{KEY}/DN-1/shipped",
    order=KEY,
    operation=Operation.REPORT_MILESTONE,
    shipment="DN-1",
    milestone=MilestoneKind.SHIPPED,
    accepted_at=NOW,
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
FIRST = StepRecord(
    order=KEY,
    version=0,
    status=OrderStatus.PROMISED,
    promised_on=DUE,
    first_promise=Promise(promised_on=DUE, lines=(LinePromise(line=1, promised_on=DUE),), reason="as requested"),
)
SHIPPED = StepRecord(
    order=KEY,
    version=3,
    status=OrderStatus.SHIPPED,
    promised_on=LATER,
    carrier="dhl",
    lines=(LineRecord(line=1, shipped=40, delivered=0, promised_on=LATER),),
    shipments=(ShipmentRecord(shipment="DN-1", status=OrderStatus.SHIPPED, shipped_at=NOW),),
    effects=(EFFECT,),
    deltas=(DELTA,),
)
PICKED = StepRecord(
    order=KEY,
    version=1,
    status=OrderStatus.PICKED,
    promised_on=DUE,
    lines=(LineRecord(line=1, shipped=0, delivered=0, promised_on=DUE),),
    shipments=(ShipmentRecord(shipment="DN-1", status=OrderStatus.PICKED),),
)
TABLES = ("order_view", "order_line_view", "shipment_order", "promise", "effect", "planning_delta", "inbox_message")


async def open_order(database: Database) -> int:
    """A released order; returns the id of the message that brought it."""
    release = OrderRelease(
        number="SO-1",
        released_at=NOW,
        requested_on=DUE,
        variant="distribution_centre",
        lines=(OrderLine(line=1, item="A", quantity=40),),
        ship_from=Party(id="LYS", country="FR"),
        ship_to=Party(id="C", country="DE"),
        site="LYS",
        region="EMEA",
    )
    async with database.transaction() as connection:
        message = NewMessage("erp-one", "api", inbox.RELEASE, "SO-1", "d", b"{}")
        [inbox_id] = await inbox.accept(connection, [message])
        await orders.open_order(connection, "erp-one", release, "d", inbox_id, ["erp-one"])
    return inbox_id


async def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    """All rows, without the times of writing."""
    found = {}
    async with database.connection() as connection:
        for table in TABLES:
            rows = await (await connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2".encode())).fetchall()
            found[table] = [{k: v for k, v in row.items() if k not in ("updated_at", "settled_at")} for row in rows]
    return found


async def test_a_step_written_again_changes_nothing(database: Database) -> None:
    inbox_id = await open_order(database)
    first = FIRST.model_copy(update={"outcomes": (Outcome(event_id="release", inbox_id=inbox_id),)})
    for record in (first, SHIPPED):
        await steps.write(database, record)
        once = await everything(database)
        await steps.write(database, record)
        assert await everything(database) == once
    assert [row["state"] for row in once["inbox_message"]] == ["applied"]
    assert [row["promised_on"] for row in once["promise"]] == [DUE, LATER]
    assert [(row["key"], row["outcome"]) for row in once["effect"]] == [(EFFECT.key, "planned")]


@pytest.mark.parametrize("old", [FIRST, PICKED], ids=["first", "picked"])
async def test_an_old_record_never_overwrites_a_newer_one(database: Database, old: StepRecord) -> None:
    await open_order(database)
    await steps.write(database, FIRST)
    await steps.write(database, SHIPPED)
    newest = await everything(database)
    await steps.write(database, old)
    assert await everything(database) == newest


async def test_all_of_a_step_or_nothing(database: Database) -> None:
    await open_order(database)
    await steps.write(database, FIRST)
    before = await everything(database)
    broken = SHIPPED.model_copy(update={"deltas": (DELTA.model_copy(update={"region": None}),)})
    with pytest.raises(psycopg.errors.NotNullViolation):
        await steps.write(database, broken)
    assert await everything(database) == before


async def test_applied_by_one_order_is_not_hidden_by_the_refusal_of_another(database: Database) -> None:
    inbox_id = await open_order(database)
    applied = SHIPPED.model_copy(update={"outcomes": (Outcome(event_id="e", inbox_id=inbox_id),)})
    refused = SHIPPED.model_copy(update={"outcomes": (Outcome(event_id="e", inbox_id=inbox_id, superseded="why"),)})
    for records in ((applied, refused), (refused, applied)):
        for record in records:
            await steps.write(database, record)
        assert [row["state"] for row in (await everything(database))["inbox_message"]] == ["applied"]


async def test_the_ledger_keeps_what_was_done_whatever_a_late_failure_says(database: Database) -> None:
    await open_order(database)
    await steps.write(database, FIRST)
    await steps.write(database, SHIPPED)
    async with database.connection() as connection:
        await effects.failed(connection, EFFECT, Origin.ERP_API, "no answer", final=False)
        assert not await report.settled(connection)
        await effects.done(connection, EFFECT, "REF-1", 1)
        await effects.failed(connection, EFFECT, Origin.ERP_API, "no answer", final=True)
    [row] = (await everything(database))["effect"]
    assert (row["outcome"], row["attempts"], row["reference"]) == ("done", 3, "REF-1")


async def test_messages_get_their_ids_in_the_order_in_which_they_came(database: Database) -> None:
    said = [NewMessage("p", "api", inbox.EVENT, f"x{n}", "d", b"{}", headers={"n": str(n)}) for n in range(300)]
    async with database.transaction() as connection:
        ids = await inbox.accept(connection, said)
    assert ids == sorted(ids)
    async with database.connection() as connection:
        rows = await (await connection.execute("SELECT id, external_id FROM inbox_message")).fetchall()
    assert {row["id"]: row["external_id"] for row in rows} == {i: m.external_id for i, m in zip(ids, said, strict=True)}


async def test_two_orders_may_be_cancelled_under_the_same_request_id(database: Database) -> None:
    async with database.transaction() as connection:
        wanted, _ = await inbox.accept(
            connection, [NewMessage("erp-one", "api", inbox.CANCEL, "c1", digest, b"{}") for digest in ("one", "two")]
        )
        found = await inbox.cancellation(connection, CancelRequest(id="c1", reason="r"), "one")
        assert found.inbox_id == wanted
        with pytest.raises(LookupError):
            await inbox.cancellation(connection, CancelRequest(id="c2", reason="r"), "one")
