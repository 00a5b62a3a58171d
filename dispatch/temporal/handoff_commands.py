"""Hands committed commands to workflows: orders, purchase orders, cases by a signal; returns are started."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from dispatch import answers_after_end
from dispatch.ports import CommandRefused, SignalOutcome, SignalRefused
from dispatch.requests import CommandRecord
from dispatch.temporal import summaries
from dispatch.temporal.calls import signalled
from dispatch.temporal.indexing import indexed
from schemas.base import Origin
from schemas.ids import erp_of
from schemas.orders.milestones import ShippedLine
from schemas.queues import ORDERS_QUEUE
from schemas.workflows.commands import Command, ReturnAnswer, ReturnRequest
from schemas.workflows.lifecycle import AcceptedRelease
from schemas.workflows.returns import ReturnStart, ReturnState
from store.engine import Database
from store.messaging import inbox, quarantine, signals, verdicts
from store.orders import orders, returns
from workflows.runtime.search_attributes import ERP_SYSTEM, REGION, SITE
from workflows.runtime.timeouts_and_retries import TASK_TIMEOUT

_log = structlog.get_logger("handoff")


class CommandHandoff:
    """Hands commands to workflows; see `dispatch.ports.Handoff.command`."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database

    async def tell(self, record: CommandRecord[Any], first: verdicts.First, timeout_s: float) -> bool:
        """Signal the workflow that the record concerns; commands that none can decide any more are settled here."""
        command = record.command(first.id, first.received_at, first.traceparent)
        within = timedelta(seconds=timeout_s)
        try:
            taken = await (self._start_return if record.is_return else self._signal)(record, command, within)
            if taken is SignalOutcome.GONE:
                return await self._after_the_end(record.workflow_id, first.id)
        except CommandRefused as refused:
            await self._settle(first.id, refused.reason)
            return True
        except SignalRefused as refused:
            async with self._database.transaction() as connection:
                await quarantine.put(connection, first.id, f"Temporal refuses it: {refused}", Origin.PLATFORM)
            return False
        if taken is SignalOutcome.YES:
            async with self._database.connection() as connection:
                await inbox.mark_delivered(connection, first.id, record.workflow_id, signals.TAKEN_S)
        return taken is SignalOutcome.YES

    async def _signal(self, record: CommandRecord[Any], command: Command[Any], within: timedelta) -> SignalOutcome:
        """A signal of the verb's name. The workflow leaves out repeats."""
        try:
            handle = self._client.get_workflow_handle(record.workflow_id)
            await handle.signal(record.verb, command, rpc_timeout=within)
        except RPCError as error:
            return signalled(error, record.workflow_id)
        return SignalOutcome.YES

    async def _after_the_end(self, workflow: str, message: int) -> bool:
        """No workflow runs. Only what is closed in the store has ended; what is open waits for its workflow."""
        async with self._database.connection() as connection:
            standing = await signals.standing(connection, workflow)
        if standing is None or not standing.closed:
            _log.warning("handoff.no_workflow", workflow=workflow, message=message)
            return False
        await self._settle(message, answers_after_end.refusal(workflow, standing))
        return True

    async def _settle(self, message: int, refusal: str | None, answer: ReturnAnswer | None = None) -> None:
        async with self._database.transaction() as connection:
            said = answer.model_dump(mode="json") if answer else None
            await verdicts.settle_command(connection, message, refusal, said)

    async def _start_return(
        self, record: CommandRecord[ReturnRequest], command: Command[ReturnRequest], within: timedelta
    ) -> SignalOutcome:
        """Start the return, which settles the message that asked for it first; others hear what is known."""
        workflow, message = record.workflow_id, command.inbox_id
        async with self._database.connection() as connection:
            accepted = await orders.accepted(connection, record.key)
            known = {row["rma"]: row for row in await returns.listing(connection, record.key)}.get(record.request.id)
            asked_first = await verdicts.earliest(connection, workflow, message)
        start = return_start(record.key, accepted, command)
        if known and packs_by_line(map(ShippedLine.model_validate, known["expected"])) != packs_by_line(start.lines):
            raise CommandRefused(f"return {start.rma} is known with other packs: ask again under another id")
        if known and asked_first != message:
            await self._settle(message, None, known_return(start, ReturnState(known["state"])))
            return SignalOutcome.YES
        try:
            await self._start(start, within)
        except WorkflowAlreadyStartedError:
            if known is None:
                return SignalOutcome.GONE
            async with self._database.connection() as connection:
                decided = await verdicts.decided(connection, message)
            if not decided:
                await self._settle(message, None, known_return(start, ReturnState(known["state"])))
        except RPCError as error:
            return signalled(error, workflow)
        return SignalOutcome.YES

    async def _start(self, start: ReturnStart, within: timedelta) -> None:
        attributes = {ERP_SYSTEM: erp_of(start.order), SITE: start.site, REGION: start.region}
        await self._client.start_workflow(
            "Return",
            start,
            id=start.workflow_id,
            task_queue=ORDERS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            task_timeout=TASK_TIMEOUT,
            search_attributes=indexed(attributes),
            static_summary=summaries.of_return(start),
            static_details=f"Asked for by **{start.by}**: {start.reason}",
            rpc_timeout=within,
        )


def return_start(key: str, accepted: AcceptedRelease, command: Command[ReturnRequest]) -> ReturnStart:
    """A customer's return as its workflow is started: it comes back to where it was sent from.

    Raises CommandRefused for a line that the order does not have.
    """
    release, request = accepted.release, command.request
    items = {line.line: line.item for line in release.lines}
    for line in request.lines:
        if line.line not in items or line.order not in (None, release.number):
            raise CommandRefused(f"line {line.line} is not a line of this order: it has {', '.join(map(str, items))}")
    return ReturnStart(
        order=key,
        rma=request.id,
        reason=request.reason,
        lines=request.lines,
        items={line.line: items[line.line] for line in request.lines},
        site=release.site or release.supplier or "",
        region=release.region,
        collect=request.collect,
        inbox_id=command.inbox_id,
        by=command.by,
        accepted_at=command.accepted_at,
        traceparent=command.traceparent,
    )


def packs_by_line(lines: Iterable[ShippedLine]) -> Counter[int]:
    """Packs by line."""
    packs: Counter[int] = Counter()
    for line in lines:
        packs[line.line] += line.quantity
    return packs


def packs_of(lines: Iterable[ShippedLine]) -> int:
    """The sum of packs."""
    return packs_by_line(lines).total()


def known_return(start: ReturnStart, state: ReturnState) -> ReturnAnswer:
    """The known state of a return that was requested before. Raises CommandRefused."""
    if state is ReturnState.REFUSED:
        raise CommandRefused(f"return {start.rma} was refused: ask again under another id, for fewer packs")
    return ReturnAnswer(order=start.order, rma=start.rma, state=state, packs=packs_of(start.lines))
