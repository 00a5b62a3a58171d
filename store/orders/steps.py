"""One step of an order, as one transaction: every change that it names, by the writer of its kind.

Safe to repeat: every statement is keyed, what is booked is the difference to what is booked already, and `version` keeps
an old record from overwriting a newer one. A pipeline sends statements in one round trip; what a step does not have costs
none.
"""

from schemas.cases.cases import NoticesPlanned
from schemas.finance.freight import GoodsIssued
from schemas.inventory.stock import StockMoved
from schemas.messaging.order_effects import RedatePromise
from schemas.messaging.owed import EffectsPlanned
from schemas.orders.changes import (
    ApartChanged,
    LinesChanged,
    OrderPromised,
    OrderViewChanged,
    ReleaseAmended,
    ShipmentsChanged,
    SitesJoined,
)
from schemas.planning.movements import OpenDemand, PlanningMoved
from schemas.planning.proposals import ProposalsDecided, ProposalsRaised
from schemas.workflows.records import StepRecord
from schemas.workflows.steps import WorkflowStep
from store import changes
from store.cases import notices
from store.changes import StepScope, WritePhase, Writer, Writers
from store.engine import Connection, Database
from store.finance import freight
from store.inventory import ledger, reservations
from store.inventory.reservations import ReservedStep
from store.messaging import effects, heads
from store.orders import amendments, order_view, parties
from store.planning import movements, order_demand, positions, proposals

SOURCE = "order"
"""The source of the movements that orders book."""
WRITERS: Writers = (
    Writer(OrderPromised, order_view.write_promise, WritePhase.READING),
    Writer(ReleaseAmended, amendments.write, WritePhase.READING),
    Writer(OrderViewChanged, order_view.write_view),
    Writer(LinesChanged, order_view.write_lines),
    Writer(ShipmentsChanged, order_view.write_shipments),
    Writer(ApartChanged, order_view.write_apart),
    Writer(SitesJoined, parties.write),
    Writer(ProposalsRaised, proposals.write_raised),
    Writer(ProposalsDecided, proposals.write_decided),
    Writer(EffectsPlanned, effects.write, corrects=True),
    Writer(PlanningMoved, movements.write),
    Writer(OpenDemand, order_demand.write),
    Writer(NoticesPlanned, notices.write),
    Writer(GoodsIssued, freight.write, corrects=True),
    # As late as can be: other orders wait for the balances of their items. Reservations follow what a repeated step moved.
    Writer(StockMoved, ledger.write, again=WritePhase.READING, corrects=True),
)
"""Who writes each kind of change of an order, in the order in which locks are taken."""


async def write(database: Database, step: WorkflowStep[StepRecord]) -> None:
    """Write a step: all of it or nothing. A step of an older task than the newest that was written changes nothing.

    Raises LookupError for a change that nobody writes of an order.
    """
    record = step.record
    changes.refuse_unknown(record, WRITERS)
    async with database.transaction() as connection:
        head = await heads.begin(connection, step)
        if head is None:
            return
        scope = StepScope(step, heads.repeated(head, step), stem=record.order, source=SOURCE)
        reserved = await reservations.hold(connection, record, again=scope.again)
        await changes.write(connection, scope, WRITERS, WritePhase.READING)
        if reserved:
            # The end has the version of the step before it: what was reserved meanwhile is given back all the same.
            await _reserve(connection, scope, newer_written=head.highest > record.version)
        async with connection.pipeline():
            await changes.write(connection, scope, WRITERS, WritePhase.PIPELINED)
            if _redates(record):
                await positions.redate(connection, f"{record.order}/v{record.version}", record.order)
            await heads.finish(connection, head, step)


async def _reserve(connection: Connection, scope: StepScope, *, newer_written: bool) -> None:
    """Make the reservations follow."""
    step = ReservedStep.of(scope.record)
    if scope.again:
        fresh = await effects.unknown(connection, scope.record.get(EffectsPlanned).effects)
        step = ReservedStep.of(scope.record, scope.booked, fresh)
    wanted_again = step.closed or (scope.again and (bool(scope.booked) or newer_written))
    await reservations.follow(connection, step, again=wanted_again)


def _redates(record: StepRecord) -> bool:
    """Whether what is under way may have another day of arrival now."""
    owed = record.get(EffectsPlanned).effects
    dated = any(x.eta for x in record.get(ShipmentsChanged).shipments)
    return dated or any(isinstance(e.payload, RedatePromise) for e in owed)
