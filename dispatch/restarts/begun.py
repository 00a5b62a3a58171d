"""The start of a workflow's new run: its snapshot, or what is made of its messages."""

from typing import Any, NamedTuple

from dispatch.restarts import earlier, starting
from dispatch.restarts.earlier import EarlierRun, WorkflowBooks
from dispatch.restarts.starting import Beginning
from domain.cases.case_file import CaseFile
from domain.orders.order_run import OrderRun
from domain.orders.state import OrderState
from domain.procurement.purchase_run import InboundRun
from domain.returns.return_run import ReturnRun
from schemas.base import Contract
from schemas.procurement.replenishment import ReplenishmentRun
from schemas.workflow_ids import WorkflowId, WorkflowKind
from store.engine import Connection, Database
from store.finance import freight
from store.inventory import ledger
from store.inventory.ledger import Booking
from store.messaging import restarting
from store.messaging.heads import KeptHead
from workflows.cases.exception_case import RUNS_OF_AN_OPENING


class Restart(NamedTuple):
    """A restart: the start, the number of the run, what it has seen; `state` of an order."""

    kept: KeptHead
    run: int
    seen: tuple[str, ...]
    beginning: Beginning
    state: OrderState | None = None


async def found(database: Database, kept: KeptHead) -> EarlierRun:
    """The start of the new run. Raises LookupError, pydantic's ValidationError."""
    kind = WorkflowId.parse(kept.workflow_id).kind
    return await _from_messages(database, kept, kind) if kept.snapshot is None else _from_snapshot(kept, kind)


async def prepared(connection: Connection, kept: KeptHead, found: EarlierRun) -> Restart:
    """Number the new run, and have the books and what is shown follow it."""
    least = 1
    if isinstance(found.run, CaseFile):
        least += found.run.reopened * RUNS_OF_AN_OPENING
    number = await restarting.next_run(connection, kept.workflow_id, least)
    if kept.snapshot is None:
        kept = kept.model_copy(update={"snapshot_version": max(kept.version, found.version)})
    if found.books is not None:
        await _correct(connection, kept, number, found.version, found.books)
    await restarting.follow_from(connection, kept, kept.snapshot_version)
    run = _numbered(kept, found.run, number)
    seen: tuple[str, ...] = getattr(run, "seen", ())
    state = run.state if isinstance(run, OrderRun) else None
    return Restart(kept, number, seen, _beginning(run), state)


def _from_snapshot(kept: KeptHead, kind: WorkflowKind) -> EarlierRun:
    runs: dict[WorkflowKind, type[Contract]] = {
        WorkflowKind.ORDER: OrderRun,
        WorkflowKind.RETURN: ReturnRun,
        WorkflowKind.PURCHASE_ORDER: InboundRun,
        WorkflowKind.CASE: CaseFile,
        WorkflowKind.REPLENISHMENT: ReplenishmentRun,
    }
    return EarlierRun(runs[kind].model_validate_json(kept.snapshot or ""), kept.snapshot_version)


async def _from_messages(database: Database, kept: KeptHead, kind: WorkflowKind) -> EarlierRun:
    match kind:
        case WorkflowKind.ORDER:
            return await earlier.order(database, kept.subject, kept.version)
        case WorkflowKind.RETURN:
            return await earlier.returned(database, kept)
        case WorkflowKind.PURCHASE_ORDER:
            return await earlier.purchase(database, kept)
        case WorkflowKind.CASE:
            return await earlier.case(database, kept)
        case WorkflowKind.REPLENISHMENT:
            return await earlier.replenishment(database, kept)


async def _correct(connection: Connection, kept: KeptHead, run: int, version: int, books: WorkflowBooks) -> None:
    """Book what the new run takes for moved and is not booked: nothing, unless an earlier build decided otherwise."""
    key = f"{books.stem}/v{version}/{run}.0"
    booking = Booking(kept.workflow_id, key, books.source, kept.subject, 0, version, version, True, books.moves)
    if await ledger.post_movements(connection, booking) and books.issued:
        await freight.accrue(connection, booking._replace(moves=books.issued))


def _numbered(kept: KeptHead, run: Contract, number: int) -> Contract:
    """The run under its number. Effects that were done since are answered from the ledger."""
    if isinstance(run, CaseFile):
        return run.model_copy(update={"runs": number - 1 - run.reopened * RUNS_OF_AN_OPENING})
    changes: dict[str, Any] = {"run": number}
    if isinstance(run, ReplenishmentRun):
        changes["version"] = kept.version
    return run.model_copy(update=changes)


def _beginning(run: Contract) -> Beginning:
    if isinstance(run, OrderRun):
        return starting.order(run)
    if isinstance(run, ReturnRun):
        return starting.returning(run)
    if isinstance(run, InboundRun):
        return starting.inbound(run)
    if isinstance(run, CaseFile):
        return starting.case(run)
    if isinstance(run, ReplenishmentRun):
        return starting.replenishment(run)
    raise TypeError(type(run).__name__)
