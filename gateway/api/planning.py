"""Rows that planning refused: seen, sent again after a repair, or given up. Sites of which it cannot be told yet."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.http.auth import SupportCaller
from gateway.http.limits import read_body
from gateway.http.problems import REFUSED, Problem, answers_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from gateway.views.refused_rows import (
    DemandAgain,
    FiguresOwed,
    MovedOn,
    RefusedRow,
    RefusedRowList,
    RefusedRowsRequest,
    SiteRegion,
    WithoutRegionSite,
    WithoutRegionSites,
)
from schemas.base import Whole
from schemas.parsing import parse_strict
from store.audit import audit_trail
from store.engine import Connection
from store.partners.partners import Caller
from store.planning import order_demand, refused_rows, site_regions

router = APIRouter(tags=["planning"])

ANSWERS = answers_of(401, 403, 413, 415, 422, 429, 503)
BODY = takes(Body("application/json", "RefusedRowsRequest"))


@router.get(
    "/v1/planning/refused",
    summary="List rows that planning refused",
    response_model=RefusedRowList,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def listed(
    request: Request, _caller: SupportCaller, limit: Annotated[Whole, Query(ge=1, le=500)] = 100
) -> Response:
    """The oldest first, with the rule. Later movements of the item at the site wait behind; all others go on."""
    async with services_of(request).database.connection() as connection:
        rows = await refused_rows.listed(connection, limit)
    return answer(RefusedRowList(rows=tuple(RefusedRow.model_validate(row) for row in rows)))


@router.post(
    "/v1/planning/replay",
    summary="Send refused rows to planning again",
    response_model=MovedOn,
    responses=ANSWERS,
    openapi_extra=BODY,
)
async def replay(request: Request, caller: SupportCaller) -> Response:
    """After a repair, under the same keys: what planning has counted stays counted once. Others are passed over."""
    return await _move_on(request, caller, "planning_replayed", refused_rows.replay)


@router.post(
    "/v1/planning/drop",
    summary="Give refused rows up",
    response_model=MovedOn,
    responses=ANSWERS,
    openapi_extra=BODY,
)
async def drop(request: Request, caller: SupportCaller) -> Response:
    """Planning never counts them, and its figures differ from the ledger by so many packs. Others are passed over."""
    return await _move_on(request, caller, "planning_dropped", refused_rows.drop)


@router.post(
    "/v1/planning/demand",
    summary="Tell planning open demand again",
    response_model=FiguresOwed,
    responses=ANSWERS,
    openapi_extra=takes(Body("application/json", "DemandAgain")),
)
async def tell_again(request: Request, caller: SupportCaller) -> Response:
    """After planning has lost or changed figures: each goes under a new revision, and replaces what planning has."""
    _, raw = await read_body(request, "application/json")
    wish = parse_strict(DemandAgain, raw)
    async with services_of(request).database.transaction() as connection:
        figures = await order_demand.again(connection, wish.item, wish.site)
        await audit_trail.add_entry(
            connection, caller.partner, "planning_demand_again", "planning", **wish.model_dump()
        )
    return answer(FiguresOwed(figures=figures))


@router.get(
    "/v1/planning/sites",
    summary="List sites of which planning is not told",
    response_model=WithoutRegionSites,
    responses=answers_of(401, 403, 429, 503),
)
async def sites_without_region(request: Request, _caller: SupportCaller) -> Response:
    """Sites with stock whose region neither an order nor a purchase order nor their owner has named."""
    async with services_of(request).database.connection() as connection:
        rows = await site_regions.sites_without_region(connection)
    return answer(WithoutRegionSites(sites=tuple(WithoutRegionSite.model_validate(row) for row in rows)))


@router.post(
    "/v1/planning/sites",
    summary="Name the region of a site",
    response_model=SiteRegion,
    responses=answers_of(401, 403, 409, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body("application/json", "SiteRegion")),
)
async def assign_region(request: Request, caller: SupportCaller) -> Response:
    """Waiting rows go to planning at once. A site stays in its region: another is refused."""
    _, raw = await read_body(request, "application/json")
    wish = parse_strict(SiteRegion, raw)
    async with services_of(request).database.transaction() as connection:
        await site_regions.know_site(connection, wish.site, wish.region)
        if await site_regions.region_of(connection, wish.site) != wish.region:
            raise Problem(REFUSED, "The site belongs to another region: its stock was told there.")
        await audit_trail.add_entry(connection, caller.partner, "planning_site", "planning", **wish.model_dump())
    return answer(wish)


async def _move_on(
    request: Request, caller: Caller, action: str, do: Callable[[Connection, list[str]], Awaitable[list[str]]]
) -> Response:
    _, raw = await read_body(request, "application/json")
    wish = parse_strict(RefusedRowsRequest, raw)
    async with services_of(request).database.transaction() as connection:
        keys = await do(connection, list(wish.keys))
        await audit_trail.add_entry(connection, caller.partner, action, "planning", keys=keys, reason=wish.reason)
    return answer(MovedOn(keys=tuple(keys)))
