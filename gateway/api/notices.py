"""Messages to people that did not arrive, and sending them again after a repair."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.http.auth import SupportCaller
from gateway.http.limits import read_body
from gateway.http.problems import answers_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from gateway.views.notices import NoticesAgain, NoticesOwed, RetryRequest, UndeliveredNotice
from schemas.parsing import parse_strict
from store.audit import audit_trail
from store.cases import notices

router = APIRouter(tags=["notices"])


@router.get(
    "/v1/notices",
    summary="List undelivered messages",
    response_model=NoticesOwed,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def listed(
    request: Request, _caller: SupportCaller, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> Response:
    """Notices given up (`failed`), then those that are retried (`planned`), the newest first, with the error and the
    next try."""
    async with services_of(request).database.connection() as connection:
        rows = await notices.failing(connection, limit)
    return answer(NoticesOwed(notices=tuple(UndeliveredNotice.model_validate(row) for row in rows)))


@router.post(
    "/v1/notices/retry",
    summary="Send messages again that were given up",
    response_model=NoticesAgain,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body("application/json", "RetryRequest")),
)
async def retry(request: Request, caller: SupportCaller) -> Response:
    """Take up again messages that were given up over a channel and to a queue, or all, after the receiver was
    repaired."""
    _, raw = await read_body(request, "application/json")
    wish = parse_strict(RetryRequest, raw)
    async with services_of(request).database.transaction() as connection:
        again = await notices.retry(connection, wish.channel, wish.to)
        named = wish.model_dump(mode="json", exclude_none=True)
        await audit_trail.add_entry(connection, caller.partner, "notices_retried", "notices", **named, notices=again)
    return answer(NoticesAgain(notices=again))
