"""Quarantine: what could not be placed, and bringing it back after a repair."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from dispatch.requests import ReplayRequest
from gateway.http.auth import SupportCaller
from gateway.http.limits import read_body
from gateway.http.problems import answers_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from gateway.views.orders import QuarantinedMessage, QuarantineList, Replayed
from schemas.base import Whole
from schemas.parsing import parse_strict
from store.audit import audit_trail
from store.messaging import quarantine

router = APIRouter(tags=["quarantine"])


@router.get(
    "/v1/quarantine",
    summary="List quarantined messages",
    response_model=QuarantineList,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def listed(
    request: Request, caller: SupportCaller, limit: Annotated[Whole, Query(ge=1, le=500)] = 100
) -> Response:
    """The newest first, with the reason, where it arose, and what the message waits for; without its bytes."""
    async with services_of(request).database.transaction() as connection:
        rows = await quarantine.quarantined(connection, limit)
        await audit_trail.add_entry(connection, caller.partner, "quarantine_listed", "inbox", messages=len(rows))
    return answer(QuarantineList(messages=tuple(QuarantinedMessage.model_validate(row) for row in rows)))


@router.post(
    "/v1/quarantine/replay",
    summary="Replay quarantined messages",
    response_model=Replayed,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body("application/json", "ReplayRequest")),
)
async def replay(request: Request, caller: SupportCaller) -> Response:
    """Bring messages back after a repair. Ids that are not in quarantine are passed over."""
    _, raw = await read_body(request, "application/json")
    wish = parse_strict(ReplayRequest, raw)
    async with services_of(request).database.transaction() as connection:
        replayed = await quarantine.replay(connection, list(wish.ids))
        await audit_trail.add_entry(
            connection, caller.partner, "quarantine_replayed", "inbox", ids=wish.ids, replayed=replayed
        )
    return answer(Replayed(replayed=replayed))
