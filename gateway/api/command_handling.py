"""The one path of every command: commit it with its audit entry, have it decided, answer with what was decided.

The answer comes from the store, once the step that decided it is confirmed. A repeat is answered as the first was.
"""

from typing import Any

from fastapi import Request, Response

from dispatch.events.admission import digest_of
from dispatch.orders.units import amended, sent_back
from dispatch.partners.master_data import unsettled
from dispatch.ports import CommandRefused
from dispatch.refusing import refusal
from dispatch.requests import SENT, Answer, CommandRecord, kind_of
from domain.partners.master_data import named_in_command
from gateway.api.releases import RELAY_HEAD_START_S
from gateway.http.limits import read_body
from gateway.http.problems import CONTENT_DIFFERS, REFUSED, UNAVAILABLE, Problem
from gateway.http.request_context import request_context_of
from gateway.services import Services, answer, services_of
from schemas.base import Contract
from schemas.parsing import parse_strict
from schemas.workflows.commands import AmendRequest, SentReturn
from store.audit import audit_trail
from store.messaging import inbox, verdicts
from store.messaging.inbox import NewMessage
from store.messaging.verdicts import CommandVerdict, First
from store.partners.partners import Caller

JSON = "application/json"


async def asked(request: Request, caller: Caller, verb: str) -> CommandRecord[Any]:
    """The command in a request's body; of what, is still to be said. Raises `Refused` or the 415 `Problem`."""
    _, raw = await read_body(request, JSON)
    wish = parse_strict(SENT[kind_of(verb)], raw)
    return CommandRecord(key="", verb=verb, by=caller.partner, role=caller.role, request=wish)


async def about(request: Request, wish: CommandRecord[Any], key: str) -> CommandRecord[Any]:
    """The command about an order, in the units that its items are kept in. Raises `Refused`."""
    record = wish.about(key)
    async with services_of(request).database.connection() as connection:
        if isinstance(record.request, AmendRequest):
            measured: Contract = await amended(connection, key, record.request)
        elif isinstance(record.request, SentReturn):
            measured = await sent_back(connection, key, record.request)
        else:
            return record
    return record.model_copy(update={"request": measured})


async def carried_out(request: Request, record: CommandRecord[Any], undecided: Answer) -> Response:
    """Commit a command and have it decided: 200 with what was decided, or 202 with `undecided` when that takes longer.

    Raises the 409 `Problem` when it is refused: it is then settled, and not tried again later.
    """
    gateway = services_of(request)
    ready = await _ready(gateway, record)
    inbox_id, first = await _commit(request, gateway, record, ready=ready)
    verdict = await _verdict(gateway, record, first, new=inbox_id == first.id) if ready else None
    if verdict is None:
        return answer(undecided, 202)
    if not verdict.applied:
        raise Problem(REFUSED, verdict.reason or "it was not carried out")
    return answer(record.answer_type.model_validate(verdict.answer))


async def begun_again(request: Request, caller: Caller, key: str, reason: str) -> str:
    """Begin the workflows of an order or purchase order again that do not run; what was done, in words. Raises the 409
    `Problem` when all of them run, the 503 one when Temporal is away."""
    try:
        done = await services_of(request).handoff.restart(key, caller.partner, reason)
    except CommandRefused as refused:
        raise Problem(REFUSED, refused.reason) from refused
    if done is None:
        raise Problem(UNAVAILABLE, "Temporal does not answer: ask again when it does.")
    return done


async def _verdict(gateway: Services, record: CommandRecord[Any], first: First, *, new: bool) -> CommandVerdict | None:
    """The verdict on a command, by the confirmed state or by its workflow. None when it takes too long, or too many
    wait: the command is decided all the same."""
    command = record.command(first.id, first.received_at, first.traceparent)
    if new and (reason := await refusal(gateway.database, record, command)):
        async with gateway.database.transaction() as connection:
            await verdicts.settle(connection, first.id, reason)
        return CommandVerdict(applied=False, reason=reason, answer=None)
    within_s = gateway.settings.release_wait_s
    with gateway.waiting.caller(first.id) as caller:
        delivered = await _delivered(gateway, record, first, within_s) if new else True
        return await caller.verdict(within_s) if delivered and caller else None


async def _delivered(gateway: Services, record: CommandRecord[Any], first: First, within_s: float) -> bool:
    """Tell the workflow of a command, unless one before it is still to be told: the relay then tells it of both."""
    async with gateway.database.connection() as connection:
        before = await inbox.left_behind(connection, record.workflow_id, first.id)
    if not before and await gateway.handoff.command(record, first, within_s):
        return True
    async with gateway.database.connection() as connection:
        await inbox.due_now(connection, first.id)
    return False


async def _ready(gateway: Services, record: CommandRecord[Any]) -> bool:
    """Whether all names in the command are known. Otherwise the relay asks their owner and tells the workflow."""
    erp = record.subject.owner
    if not gateway.offers_master_data(erp):
        return True
    async with gateway.database.connection() as connection:
        return not await unsettled(connection, gateway.offers_master_data, named_in_command(erp, record.request))


async def committed_before(gateway: Services, record: CommandRecord[Any]) -> bool:
    """Whether this command is a repeat: the same caller's same request under the same id."""
    async with gateway.database.connection() as connection:
        try:
            await verdicts.first(connection, _message(record))
        except LookupError:
            return False
    return True


async def _commit(request: Request, gateway: Services, record: CommandRecord[Any], *, ready: bool) -> tuple[int, First]:
    """Commit a command; the id of its message, and the first message that brought it. A repeat is settled as one.
    Raises the 409 `Problem` when that one asked for something else.

    The audit entry comes first: its lock orders those that are committed at the same time.
    """
    context = request_context_of(request.scope)
    message = context.message(
        record.by,
        record.kind,
        record.request.id,
        record.raw,
        delay_s=gateway.settings.release_wait_s + RELAY_HEAD_START_S if ready else 0.0,
        workflow_id=record.workflow_id,
    )
    async with gateway.database.transaction() as connection:
        await audit_trail.record(connection, record.by, record.kind, record.key, id=record.request.id)
        [inbox_id] = await inbox.insert(connection, [message])
        first = await verdicts.first(connection, message)
        if first.digest != message.digest:
            raise Problem(
                CONTENT_DIFFERS, f"The id {record.request.id} stands for another request. Nothing was changed."
            )
        if first.id != inbox_id:
            await verdicts.settle(connection, inbox_id, f"repeats message {first.id}")
    gateway.metrics.accepted(record.kind)
    return inbox_id, first


def _message(record: CommandRecord[Any]) -> NewMessage:
    """The message that a command is kept in, as far as repeats are known by it."""
    return NewMessage(
        partner=record.by,
        channel="api",
        kind=record.kind,
        external_id=record.request.id,
        digest=digest_of(record.raw),
        raw=record.raw,
        workflow_id=record.workflow_id,
    )
