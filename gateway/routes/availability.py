"""Availability by day, and what would be promised: for planning, ERPs and people."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from domain.policies import order_policy
from domain.promising import project
from gateway.auth import HoldingCaller
from gateway.commands import JSON
from gateway.limits import read_body
from gateway.openapi import Body, takes
from gateway.problems import answers_of
from gateway.promising import would_promise
from gateway.services import answer, services_of
from schemas.base import SiteId
from schemas.door import admit
from schemas.milestones import ItemId
from schemas.orders import OrderRelease, Promise
from schemas.promising import Projection
from store import policies, promising

router = APIRouter(tags=["promising"])


@router.get(
    "/v1/availability",
    summary="Availability of an item at a site by day",
    response_model=Projection,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def availability(
    request: Request,
    _caller: HoldingCaller,
    item: Annotated[ItemId, Query()],
    site: Annotated[SiteId, Query()],
    horizon_days: Annotated[int, Query(ge=1, le=366)] = 28,
) -> Response:
    """On hand, plus supply as it is expected now, less what is reserved: what is left to promise at the end of each
    day. A delay of what is on its way moves it to its new day at once."""
    now = datetime.now(UTC)
    async with services_of(request).database.connection() as connection:
        found = await promising.availability(connection, item, site)
    days = project(found["on_hand"], found.pop("supplies"), found.pop("reserved"), now.date(), horizon_days)
    return answer(Projection(item=item, site=site, as_of=now, days=days if found["known"] else (), **found))


@router.post(
    "/v1/promises",
    summary="Ask what would be promised",
    response_model=Promise,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "OrderRelease")),
)
async def ask(request: Request, caller: HoldingCaller) -> Response:
    """What a release would be promised now, and why. Nothing is reserved and nothing is kept."""
    _, raw = await read_body(request, JSON)
    release = admit(OrderRelease, raw)
    async with services_of(request).database.connection() as connection:
        rules = await policies.rules(connection, "order")
        policy = order_policy(
            rules,
            partner=caller.partner,
            site=release.site or release.supplier or "",
            region=release.region,
            customer=release.ship_to.id,
        )
        return answer(await would_promise(connection, release, policy))
