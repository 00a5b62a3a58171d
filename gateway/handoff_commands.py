"""Hands committed commands to the workflows that decide on them: orders, cases, returns."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from gateway.admission import digest_of
from gateway.ports import CommandRefused
from gateway.requests import CASE_VERBS, Answer, CommandRecord
from schemas.base import Contract
from schemas.commands import (
    AmendRequest,
    CaseAnswer,
    Command,
    CommandAnswer,
    ReturnAnswer,
    ReturnRequest,
    Verb,
)
from schemas.lifecycle import AcceptedRelease
from schemas.milestones import ShippedLine
from schemas.orders import OrderStatus
from schemas.purchasing import PurchaseAnswer, inbound_id, is_purchase
from schemas.returns import ReturnOutcome, ReturnStart, ReturnState
from store import inbox, orders, returns
from store.engine import Database
from workflows.policies import TASK_TIMEOUT

ORDERS_QUEUE = "orders"
RETURN = "return"
ORDER_ENDED = "the order has ended: goods that were delivered can be sent back with a return"
CASE_ENDED = "the case is closed: should its cause come back, it is reopened"
ENDED: dict[type[Contract], str] = {
    CaseAnswer: CASE_ENDED,
    PurchaseAnswer: "the purchase order has ended: nothing more is expected of anybody",
}
Said = TypeVar("Said", bound=Answer)


class _Ended(CommandRefused):
    """There is no such workflow, or no longer."""


class CommandHandoff:
    """Carries out commands through Temporal; see `gateway.ports.Handoff.command`."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database

    async def carry_out(self, record: CommandRecord[Any], timeout_s: float) -> Answer | None:
        """Ask the workflow that the record concerns. Raises CommandRefused."""
        command = await self._committed(record)
        within = timedelta(seconds=timeout_s)
        if record.verb == RETURN:
            return await self._start_return(record, command, within)
        if record.verb == Verb.REPLAN:
            return await self._decide(record, command, within)
        if record.verb in CASE_VERBS:
            return await self._ask(f"case/{record.key}", record.verb, command, CaseAnswer, within)
        if is_purchase(record.key):
            inbound = inbound_id(record.key)
            return await self._ask(inbound, record.verb, command, PurchaseAnswer, within)
        try:
            return await self._ask(f"order/{record.key}", record.verb, command, CommandAnswer, within)
        except _Ended:
            if await self._still_to_start(record.key):
                return None
            raise

    async def _committed(self, record: CommandRecord[Any]) -> Command[Any]:
        """The command as workflows get it, without names and addresses, and with the first message that brought it."""
        digest = digest_of(record.raw)
        async with self._database.connection() as connection:
            inbox_id, accepted_at, traceparent = await inbox.command(connection, record.kind, record.request.id, digest)
        request = record.request
        return Command(
            request=request.without_names() if isinstance(request, AmendRequest) else request,
            by=record.by,
            role=record.role,
            inbox_id=inbox_id,
            accepted_at=accepted_at,
            traceparent=traceparent,
        )

    async def _ask(
        self, workflow_id: str, update: str, command: Command[Any], said: type[Said], within: timedelta
    ) -> Said | None:
        """Ask as an update, whose id is that of the message: a repeat gets the first one's answer."""
        update_id = f"{update}/{command.request.id}/{command.inbox_id}"
        try:
            handle = self._client.get_workflow_handle(workflow_id)
            answer: Said = await handle.execute_update(
                update, command, id=update_id, result_type=said, rpc_timeout=within
            )
        except WorkflowUpdateFailedError as error:
            raise CommandRefused(_reason(error)) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            return None
        except RPCError as error:
            _raise_if_ended(error, ENDED.get(said, ORDER_ENDED))
            return None
        return answer

    async def _decide(
        self, record: CommandRecord[Any], command: Command[Any], within: timedelta
    ) -> CommandAnswer | None:
        """A planner's decision is a signal: the order works it in, and settles its message, in its own time."""
        try:
            handle = self._client.get_workflow_handle(f"order/{record.key}")
            await handle.signal("replan", command, rpc_timeout=within)
        except RPCError as error:
            _raise_if_ended(error, ORDER_ENDED)
            return None
        async with self._database.connection() as connection:
            status = await orders.status_of(connection, record.key)
        return CommandAnswer(order=record.key, status=status, done="the order has been told")

    async def _start_return(
        self, record: CommandRecord[ReturnRequest], command: Command[ReturnRequest], within: timedelta
    ) -> ReturnAnswer | None:
        async with self._database.connection() as connection:
            accepted = await orders.accepted(connection, record.key)
            known = {row["rma"]: row for row in await returns.listing(connection, record.key)}.get(record.request.id)
        start = return_start(record.key, accepted, command)
        if known and packs_by_line(map(ShippedLine.model_validate, known["expected"])) != packs_by_line(start.lines):
            raise CommandRefused(f"return {start.rma} is known with other packs: ask again under another id")
        operation = _return_operation(start)
        try:
            answer: ReturnAnswer = await self._client.execute_update_with_start_workflow(
                "authorise",
                start.rma,
                id=f"authorise/{start.inbox_id}",
                result_type=ReturnAnswer,
                start_workflow_operation=operation,
                rpc_timeout=within,
            )
        except WorkflowAlreadyStartedError:
            await hear_out(operation)
            return _ended_return(start, ReturnState(known["state"]) if known else ReturnState.REFUSED)
        except WorkflowUpdateFailedError as error:
            raise CommandRefused(_reason(error)) from None
        except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
            await hear_out(operation)
            return None
        return answer

    async def _still_to_start(self, key: str) -> bool:
        async with self._database.connection() as connection:
            return await orders.status_of(connection, key) is OrderStatus.RELEASED


async def hear_out(operation: WithStartWorkflowOperation[Any, Any]) -> None:
    """Take note of why a workflow was not started: the SDK logs what nobody has asked its operation for."""
    with suppress(RPCError, WorkflowAlreadyStartedError):
        await operation.workflow_handle()


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


def _return_operation(start: ReturnStart) -> WithStartWorkflowOperation[object, ReturnOutcome]:
    keywords = {"ErpSystem": start.order.split("/", 1)[0], "Site": start.site, "Region": start.region}
    return WithStartWorkflowOperation(
        "Return",
        start,
        id=start.workflow_id,
        task_queue=ORDERS_QUEUE,
        result_type=ReturnOutcome,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        task_timeout=TASK_TIMEOUT,
        search_attributes=TypedSearchAttributes(
            [SearchAttributePair(SearchAttributeKey.for_keyword(name), value) for name, value in keywords.items()]
        ),
        static_summary=f"Return {start.rma} of {start.order} · {packs_of(start.lines)} packs · to {start.site}",
        static_details=f"Asked for by **{start.by}**: {start.reason}",
    )


def packs_by_line(lines: Iterable[ShippedLine]) -> Counter[int]:
    """How many packs of each line."""
    packs: Counter[int] = Counter()
    for line in lines:
        packs[line.line] += line.quantity
    return packs


def packs_of(lines: Iterable[ShippedLine]) -> int:
    """How many packs they are together."""
    return packs_by_line(lines).total()


def _ended_return(start: ReturnStart, state: ReturnState) -> ReturnAnswer:
    """What is known of a return whose workflow has ended. Raises CommandRefused."""
    if state is ReturnState.REFUSED:
        raise CommandRefused(f"return {start.rma} was refused: ask again under another id, for fewer packs")
    return ReturnAnswer(order=start.order, rma=start.rma, state=state, packs=packs_of(start.lines))


def _reason(error: WorkflowUpdateFailedError) -> str:
    """Why a workflow refused: in its own words when it has any."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == "refused":
        return cause.message
    return "it ended before it could decide: look at it, and ask again under another id"


def _raise_if_ended(error: RPCError, ended: str) -> None:
    """Temporal that is away comes back; a workflow that has ended does not."""
    if error.status is RPCStatusCode.NOT_FOUND:
        raise _Ended(ended) from None
