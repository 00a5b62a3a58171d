"""Projected availability, and the question what would be promised."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from dispatch.orders.promising import would_promise
from domain.cases.escalation_policies import order_policy
from gateway.api.command_handling import JSON
from gateway.availability import availability
from gateway.http.auth import HoldingCaller
from gateway.http.limits import read_body
from gateway.http.problems import answers_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from schemas.base import SiteId, Whole
from schemas.inventory.promising import AvailabilityList, PromiseAnswer, PromiseQuestion
from schemas.orders.milestones import ItemId
from schemas.parsing import parse_strict
from store.cases import policies

router = APIRouter(tags=["planning"])

MOST_DAYS = 366
"""Days of a projection: a whole year, also a leap year."""


@router.get(
    "/v1/availability",
    summary="Show projected availability",
    response_model=AvailabilityList,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def available(
    request: Request,
    _caller: HoldingCaller,
    item: Annotated[ItemId, Query(description="The item.")],
    site: Annotated[SiteId | None, Query(description="At one site; at every site when absent.")] = None,
    horizon_days: Annotated[Whole, Query(ge=1, le=MOST_DAYS, description="The number of days, from today.")] = 30,
) -> Response:
    """On hand and expected supply, less reservations and demand, day by day, with and without the forecast; and the
    first day of shortage."""
    return answer(await availability(services_of(request).database, item, site, horizon_days))


@router.post(
    "/v1/promises",
    summary="Ask what would be promised",
    response_model=PromiseAnswer,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "PromiseQuestion")),
)
async def ask(request: Request, caller: HoldingCaller) -> Response:
    """Nothing is reserved: only the release of an order does that."""
    _, raw = await read_body(request, JSON)
    question = parse_strict(PromiseQuestion, raw)
    database = services_of(request).database
    async with database.connection() as connection:
        rules = await policies.rules(connection, "order")
    policy = order_policy(
        rules,
        partner=caller.partner,
        site=question.site,
        region=question.region or "",
        customer=question.customer or "",
    )
    return answer(await would_promise(database, question, policy, datetime.now(UTC), caller.partner))
