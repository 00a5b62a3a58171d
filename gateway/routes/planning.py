"""Rows that planning refused: seen, sent again after a repair, or given up."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.auth import SupportCaller
from gateway.limits import read_body
from gateway.openapi import Body, takes
from gateway.parked import MovedOn, ParkedList, ParkedRequest, ParkedRow
from gateway.problems import answers_of
from gateway.services import answer, services_of
from schemas.door import admit
from store import audit, parking
from store.engine import Connection
from store.partners import Caller

router = APIRouter(tags=["planning"])

ANSWERS = answers_of(401, 403, 413, 415, 422, 429, 503)
BODY = takes(Body("application/json", "ParkedRequest"))


@router.get(
    "/v1/planning/parked",
    summary="List rows that planning refused",
    response_model=ParkedList,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def listed(
    request: Request, _caller: SupportCaller, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> Response:
    """The oldest first, with the rule. Later movements of the item at the site wait behind; all others go on."""
    async with services_of(request).database.connection() as connection:
        rows = await parking.parked(connection, limit)
    return answer(ParkedList(rows=tuple(ParkedRow.model_validate(row) for row in rows)))


@router.post(
    "/v1/planning/replay",
    summary="Send refused rows to planning again",
    response_model=MovedOn,
    responses=ANSWERS,
    openapi_extra=BODY,
)
async def replay(request: Request, caller: SupportCaller) -> Response:
    """After a repair, under the same keys: what planning has counted stays counted once. Others are passed over."""
    return await _move_on(request, caller, "planning_replayed", parking.replay)


@router.post(
    "/v1/planning/drop",
    summary="Give refused rows up",
    response_model=MovedOn,
    responses=ANSWERS,
    openapi_extra=BODY,
)
async def drop(request: Request, caller: SupportCaller) -> Response:
    """Planning never counts them, and its figures differ from the ledger by so many packs. Others are passed over."""
    return await _move_on(request, caller, "planning_dropped", parking.drop)


async def _move_on(
    request: Request, caller: Caller, action: str, do: Callable[[Connection, list[str]], Awaitable[list[str]]]
) -> Response:
    _, raw = await read_body(request, "application/json")
    wish = admit(ParkedRequest, raw)
    async with services_of(request).database.transaction() as connection:
        keys = await do(connection, list(wish.keys))
        await audit.record(connection, caller.partner, action, "planning", keys=keys, reason=wish.reason)
    return answer(MovedOn(keys=tuple(keys)))
