"""Orders, effects and messages for the control tower, written by the store's own functions."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from schemas.base import Origin, Variant
from schemas.cases.cases import CaseEntry, CaseRecord, CaseState, Finding
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.ids import order_key
from schemas.messaging.effects import Effect, Operation
from schemas.messaging.order_effects import OrderEffect
from schemas.orders.changes import LineRecord, ShipmentRecord
from schemas.orders.milestones import MilestoneKind, ShippedLine
from schemas.orders.release import LinePromise, OrderLine, OrderRelease, OrderStatus, Party, Promise
from schemas.planning.proposals import Decided, Proposal, ProposalKind
from schemas.workflows.returns import ReturnState
from store.cases import cases
from store.engine import Database
from store.messaging import effects, inbox, quarantine
from store.messaging.inbox import NewMessage
from store.orders import orders, returns, steps
from tests import written
from tests.payloads import payload_of

ERP = "erp-one"
CUSTOMER = "Ada Lovelace"
RELEASED = datetime(2026, 3, 2, 8, tzinfo=UTC)
PROMISED = date(2026, 3, 9)
PROMISE = Promise(promised_on=PROMISED, lines=(LinePromise(line=1, promised_on=PROMISED),), reason="stock")


def message(text: str) -> NewMessage:
    """A message of a carrier."""
    return NewMessage("dhl", "webhook", inbox.EVENT, text, text, text.encode())


def effect(number: str, operation: Operation = Operation.REPORT_MILESTONE) -> OrderEffect:
    """Something that a system is owed for an order."""
    key = f"{ERP}/{number}"
    payload = payload_of(operation, **({"shipment": ""} if operation is Operation.REPORT_MILESTONE else {}))
    return OrderEffect(key=f"{key}/{operation}", order=key, accepted_at=datetime.now(UTC), payload=payload)


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
        [inbox_id] = await inbox.insert(connection, [message(f"release {erp} {number}")])
        await orders.open_order(connection, erp, order, "digest", inbox_id, [erp])
    return order_key(erp, number)


async def step(
    database: Database,
    number: str,
    status: OrderStatus,
    version: int = 1,
    promised_on: date = PROMISED,
    owed: tuple[OrderEffect, ...] = (),
) -> None:
    """Write a step of an order with one shipment; `delivered` and `closed` deliver every pack on the promised day."""
    arrived = status in (OrderStatus.DELIVERED, OrderStatus.CLOSED)
    moment = datetime(promised_on.year, promised_on.month, promised_on.day, 12, tzinfo=UTC) if arrived else None
    packs = 10 if arrived else 0
    rank = OrderStatus.DELIVERED if arrived else status
    record = written.order_record(
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
                delivered_on=moment.date() if moment else None,
            ),
        ),
        shipments=(ShipmentRecord(shipment=f"DN-{number}", status=rank, delivered_at=moment),),
        effects=owed,
    )
    await steps.write(database, written.step(record))


async def quarantine_message(database: Database, text: str, reason: str, waiting_for: str | None = None) -> int:
    """Quarantine a message; returns its id."""
    async with database.transaction() as connection:
        [message_id] = await inbox.insert(connection, [message(text)])
        await quarantine.put(connection, message_id, reason, Origin.PARTNER_MESSAGE, waiting_for)
    return message_id


async def fail(database: Database, owed: Effect, error: str, *, final: bool) -> None:
    """An attempt of an effect failed."""
    async with database.transaction() as connection:
        await effects.failed(connection, owed, Origin.ERP_API, error, final=final)


async def everything(database: Database) -> None:
    """One order of each sort: on time, late, delayed, refused by the ERP, retried; two quarantined messages."""
    refused, retried = effect("SO-REFUSED"), effect("SO-RETRIED", Operation.INSTRUCT_WAREHOUSE)
    late = PROMISED + timedelta(days=3)
    for number in ("SO-ONTIME", "SO-LATE", "SO-DELAYED", "SO-REFUSED", "SO-RETRIED"):
        await release(database, number)
    payload = payload_of(Operation.REPORT_MILESTONE, shipment="", milestone=MilestoneKind.DELIVERED)
    told = effect("SO-ONTIME").model_copy(update={"payload": payload})
    await step(database, "SO-ONTIME", OrderStatus.CLOSED, owed=(told,))
    await step(database, "SO-LATE", OrderStatus.CLOSED, promised_on=late)
    await step(database, "SO-DELAYED", OrderStatus.SHIPPED, promised_on=late)
    await step(database, "SO-REFUSED", OrderStatus.PACKED, owed=(refused,))
    await step(database, "SO-RETRIED", OrderStatus.PROMISED, owed=(retried,))
    async with database.transaction() as connection:
        await effects.done(connection, told, "REF-1", 1)
    await fail(database, refused, "posting period is closed", final=True)
    await fail(database, retried, "no answer in 5 s", final=False)
    await quarantine_message(database, "early", "shipment DN-9 is not known", "shipment:DN-9")
    await quarantine_message(database, "odd", "the code X9 is not mapped")


async def case(database: Database, number: str, kind: ExceptionKind, queue: str, **changes: Any) -> str:
    """An exception of an order, opened an hour ago; returns its id."""
    key = f"{ERP}/{number}"
    opened_at = datetime.now(UTC) - timedelta(hours=1)
    summary = f"{kind.replace('_', ' ')} on DN-{number}"
    record = CaseRecord(
        id=f"{key}/{kind}/1",
        order=key,
        kind=kind,
        version=1,
        state=CaseState.OPEN,
        tier=0,
        queue=queue,
        summary=summary,
        findings=(Finding(kind=kind, subject=f"DN-{number}", summary=summary),),
        actions=(Action.RE_DATE, Action.NOTIFY_CUSTOMER),
        policy_version=1,
        opened_at=opened_at,
        next_at=opened_at + timedelta(hours=2),
        history=(CaseEntry(at=opened_at, what=f"opened: {summary}"),),
    ).model_copy(update=changes)
    await cases.write(database, written.step(record))
    return record.id


async def proposal(database: Database, number: str, version: int, slip_days: int = 5) -> str:
    """A question to the planner of an order; returns its id."""
    proposed_on = PROMISED + timedelta(days=slip_days)
    asked = Proposal(
        id=f"{ERP}/{number}/delay/{version}",
        kind=ProposalKind.DELAY,
        subject="promise",
        promised_on=PROMISED,
        proposed_on=proposed_on,
        summary=f"promised {PROMISED}, expected {proposed_on}: re-plan?",
        raised_at=datetime.now(UTC) - timedelta(minutes=20),
    )
    await _people(database, number, version, proposals=(asked,))
    return asked.id


async def decided(database: Database, number: str, version: int, proposal_id: str, state: str, reason: str) -> None:
    """A planner's answer to a question."""
    answer = Decided(id=proposal_id, state=state, by="planner", at=datetime.now(UTC), reason=reason)
    await _people(database, number, version, decided=(answer,))


async def sent_back(database: Database, number: str, rma: str) -> None:
    """A customer's return of three packs, two of which have come back: one is good, one is not."""
    record = written.return_record(
        order=f"{ERP}/{number}",
        rma=rma,
        version=1,
        state=ReturnState.INSPECTED,
        reason="ordered twice",
        sender=False,
        expected=(ShippedLine(line=1, quantity=3),),
        received=(ShippedLine(line=1, quantity=2),),
        restocked=(ShippedLine(line=1, quantity=1),),
        scrapped=(ShippedLine(line=1, quantity=1),),
    )
    await returns.write(database, written.step(record))


async def _people(database: Database, number: str, version: int, **fields: Any) -> None:
    record = written.order_record(
        order=f"{ERP}/{number}",
        version=version,
        status=OrderStatus.PROMISED,
        conditions=("delayed",),
        promised_on=PROMISED,
        **fields,
    )
    await steps.write(database, written.step(record))


async def trouble(database: Database) -> None:
    """SO-CASE with a fresh case and a question to the planner; SO-TAKEN with an escalated case that somebody has, one
    that is closed, and an answered question; SO-BACK with a return."""
    for number in ("SO-CASE", "SO-TAKEN", "SO-BACK"):
        await release(database, number)
    await step(database, "SO-CASE", OrderStatus.PROMISED)
    await step(database, "SO-TAKEN", OrderStatus.PROMISED)
    await step(database, "SO-BACK", OrderStatus.CLOSED)
    await case(database, "SO-CASE", ExceptionKind.DELAY, "transport")
    taken = {"state": CaseState.ASSIGNED, "assignee": "m.okafor", "acknowledged_at": datetime.now(UTC)}
    await case(database, "SO-TAKEN", ExceptionKind.TENDER_REJECT, "transport-manager", tier=1, reopened=2, **taken)
    over = {"state": CaseState.CURED, "closed_at": datetime.now(UTC), "next_at": None, "actions": ()}
    await case(database, "SO-TAKEN", ExceptionKind.ADDRESS, "customer-service", **over)
    await proposal(database, "SO-CASE", 2)
    asked = await proposal(database, "SO-TAKEN", 2, slip_days=3)
    await decided(database, "SO-TAKEN", 3, asked, "rejected", "the customer needs it by then")
    await sent_back(database, "SO-BACK", "RMA-77")
