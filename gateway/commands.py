"""The one path of every command: commit it with its audit entry, hand it over, answer with what was decided."""

from typing import Any

from fastapi import Request, Response

from domain.master import named_in_command
from gateway.admission import digest_of
from gateway.exchange import exchange_of
from gateway.limits import read_body
from gateway.master import unsettled
from gateway.ports import CommandRefused
from gateway.problems import REFUSED, Problem
from gateway.requests import REQUESTS, Answer, CommandRecord, kind_of
from gateway.routes.releases import RELAY_HEAD_START_S
from gateway.services import Services, answer, services_of
from schemas.door import admit
from store import audit, inbox
from store.partners import Caller

JSON = "application/json"


async def asked(request: Request, caller: Caller, verb: str) -> CommandRecord[Any]:
    """The command in a request's body; of what, is still to be said. Raises `Refused` or the 415 `Problem`."""
    _, raw = await read_body(request, JSON)
    wish = admit(REQUESTS[kind_of(verb)], raw)
    return CommandRecord(key="", verb=verb, by=caller.partner, role=caller.role, request=wish)


async def carried_out(request: Request, record: CommandRecord[Any], undecided: Answer) -> Response:
    """Commit a command and have it carried out: 200 with what was decided, or 202 with `undecided`.

    Raises the 409 `Problem` when the workflow refuses: the command is then settled, and not tried again later.
    """
    gateway = services_of(request)
    ready = await _ready(gateway, record)
    inbox_id = await _commit(request, gateway, record, ready=ready)
    if not ready:
        return answer(undecided, 202)
    try:
        decided = await gateway.handoff.command(record, gateway.settings.release_wait_s)
    except CommandRefused as refused:
        async with gateway.database.transaction() as connection:
            await inbox.settle(connection, [inbox_id], "superseded", [refused.reason])
        raise Problem(REFUSED, refused.reason) from refused
    return answer(undecided, 202) if decided is None else answer(decided)


async def _ready(gateway: Services, record: CommandRecord[Any]) -> bool:
    """Whether all that it names is known: else the relay asks its owner, and carries it out."""
    erp = record.key.partition("/")[0]
    if not gateway.settings.offers_master_data(erp):
        return True
    async with gateway.database.connection() as connection:
        return not await unsettled(connection, gateway.settings, named_in_command(erp, record.request))


async def committed_before(gateway: Services, record: CommandRecord[Any]) -> bool:
    """Whether this command is a repeat: the same caller's same words under the same id."""
    async with gateway.database.connection() as connection:
        try:
            await inbox.command(connection, record.kind, record.request.id, digest_of(record.raw))
        except LookupError:
            return False
    return True


async def _commit(request: Request, gateway: Services, record: CommandRecord[Any], *, ready: bool) -> int:
    exchange = exchange_of(request.scope)
    message = exchange.message(
        record.by,
        record.kind,
        record.request.id,
        record.raw,
        delay_s=gateway.settings.release_wait_s + RELAY_HEAD_START_S if ready else 0.0,
    )
    async with gateway.database.transaction() as connection:
        [inbox_id] = await inbox.accept(connection, [message])
        await audit.record(connection, record.by, record.kind, record.key, id=record.request.id)
    gateway.metrics.accepted(record.kind)
    return inbox_id
