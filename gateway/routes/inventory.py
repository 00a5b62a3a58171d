"""Inventory: warehouses report it, for their own site; planning, ERPs and people read it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from domain.parties import warehouse_partner
from gateway.admission import CLOCK_TOLERANCE, digest_of
from gateway.auth import StockCaller, WarehouseCaller
from gateway.commands import JSON
from gateway.exchange import exchange_of
from gateway.limits import read_body
from gateway.openapi import Body, takes
from gateway.problems import FORBIDDEN, Problem, answers_of
from gateway.services import answer, services_of
from schemas.base import Role, SiteId
from schemas.door import admit, refuse
from schemas.inventory import Arrival, InventoryBatch, InventoryTaken, Stock, StockPosition
from schemas.milestones import ItemId
from store import erp_feed, inbox, stock
from store.inbox import NewMessage

router = APIRouter(tags=["inventory"])
INVENTORY = "inventory"
"""Kind of an inbox message that brings inventory reports."""


@router.post(
    "/v1/inventory",
    summary="Report inventory",
    status_code=201,
    response_model=InventoryTaken,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "InventoryBatch")),
)
async def report(request: Request, caller: WarehouseCaller) -> Response:
    """Receipts, damage, scrap and counts of the caller's own site: booked before it is answered, each report once."""
    gateway, exchange = services_of(request), exchange_of(request.scope)
    _, raw = await read_body(request, JSON)
    batch = admit(InventoryBatch, raw)
    latest = datetime.now(UTC) + CLOCK_TOLERANCE
    ahead = [n for n, it in enumerate(batch.reports) if it.occurred_at > latest]
    if ahead:
        refuse(f"reports[{ahead[0]}].occurred_at", "must not lie more than 10 minutes in the future")
    foreign = [n for n, it in enumerate(batch.reports) if warehouse_partner(it.site) != caller.partner]
    if foreign:
        found = [{"field": f"reports[{n}].site", "rule": "is not yours"} for n in foreign[:20]]
        raise Problem(FORBIDDEN, "A warehouse reports the inventory of its own site.", found)
    message = NewMessage(
        partner=caller.partner,
        channel="api",
        kind=INVENTORY,
        external_id=batch.reports[0].id,
        digest=digest_of(raw),
        raw=raw,
        traceparent=exchange.traceparent,
        headers={"request-id": exchange.request_id},
    )
    async with gateway.database.transaction() as connection:
        [inbox_id] = await inbox.accept(connection, [message])
        outcomes = await stock.take_in(connection, caller.partner, batch.reports)
        booked = [stock.move_key(caller.partner, it.id) for it in outcomes if it.superseded is None]
        await erp_feed.owe_movements(connection, gateway.settings.stock_owner, booked)
        old = all(it.superseded for it in outcomes)
        why = "; ".join(f"{it.id}: {it.superseded}" for it in outcomes if it.superseded) or None
        await inbox.settle(connection, [inbox_id], "superseded" if old else "applied", [why])
    gateway.metrics.accepted(INVENTORY)
    return answer(InventoryTaken(outcomes=tuple(outcomes)), 201)


@router.get(
    "/v1/stock",
    summary="Stock of an item",
    response_model=Stock,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def read(
    request: Request,
    caller: StockCaller,
    item: Annotated[ItemId, Query()],
    site: Annotated[SiteId | None, Query(description="One site; all when absent.")] = None,
) -> Response:
    """On hand, allocated, blocked, waiting for inspection, reserved and available at each site; and what is under way.

    A warehouse reads its own site.
    """
    now = datetime.now(UTC)
    own = caller.role is Role.WMS
    async with services_of(request).database.connection() as connection:
        found = await stock.positions(connection, item, site)
        coming = [] if own or site else await stock.in_transit(connection, item)
    seen = [it for it in found if not own or warehouse_partner(it["site"]) == caller.partner]
    return answer(
        Stock(
            item=item,
            as_of=now,
            positions=tuple(StockPosition.model_validate(it) for it in seen),
            in_transit=tuple(Arrival.model_validate(it) for it in coming),
        )
    )
