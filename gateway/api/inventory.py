"""Inventory: warehouses report it, for their own site; planning, ERPs and people read it."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from dispatch.events.admission import CLOCK_TOLERANCE
from dispatch.inventory.intake import Brought, named_in, record_inventory
from dispatch.partners.master_data import unsettled
from domain.partners.parties import warehouse_partner
from gateway.api.command_handling import JSON
from gateway.http.auth import StockCaller, WarehouseCaller
from gateway.http.limits import read_body
from gateway.http.problems import FORBIDDEN, Problem, answers_of
from gateway.http.request_context import request_context_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from schemas.base import Role, SiteId
from schemas.ids import erp_of
from schemas.inventory.reports import Arrival, InventoryTaken, SentBatch, Stock, StockPosition
from schemas.orders.milestones import ItemId
from schemas.parsing import parse_strict, refuse
from store.inventory import stock
from store.messaging import inbox
from store.partners.partners import Caller

router = APIRouter(tags=["inventory"])


@router.post(
    "/v1/inventory",
    summary="Report inventory",
    status_code=201,
    response_model=InventoryTaken,
    responses={
        202: {"description": "Committed; reports that are `waiting` follow", "model": InventoryTaken},
        **answers_of(401, 403, 413, 415, 422, 429, 503),
    },
    openapi_extra=takes(Body(JSON, "SentBatch")),
)
async def report(request: Request, caller: WarehouseCaller) -> Response:
    """Receipts, damage, scrap and counts of the caller's own site: booked before it is answered, each report once.

    Reports of an item or site that we do not know yet are committed, and booked when the ERP that owns it does (202).
    """
    gateway, context = services_of(request), request_context_of(request.scope)
    _, raw = await read_body(request, JSON)
    batch = parse_strict(SentBatch, raw)
    latest = datetime.now(UTC) + CLOCK_TOLERANCE
    ahead = [n for n, it in enumerate(batch.reports) if it.occurred_at > latest]
    if ahead:
        refuse(f"reports[{ahead[0]}].occurred_at", "must not lie more than 10 minutes in the future")
    foreign = [n for n, it in enumerate(batch.reports) if warehouse_partner(it.site) != caller.partner]
    if foreign:
        found = [{"field": f"reports[{n}].site", "rule": "is not yours"} for n in foreign[:20]]
        raise Problem(FORBIDDEN, "A warehouse reports the inventory of its own site.", found)
    message = context.message(caller.partner, inbox.INVENTORY, batch.reports[0].id, raw)
    async with gateway.database.transaction() as connection:
        [inbox_id] = await inbox.insert(connection, [message])
        owner, by = gateway.settings.stock_owner, Brought(inbox_id, caller.partner)
        waiting = await unsettled(connection, gateway.offers_master_data, named_in(batch, owner))
        taken = await record_inventory(connection, owner, by, batch, waiting)
    gateway.metrics.accepted(inbox.INVENTORY)
    return answer(taken, 202 if taken.waiting else 201)


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
    """On hand, allocated, blocked, in inspection, reserved and available at each site; and goods in transit by day of
    arrival. A warehouse reads its own site."""
    now = datetime.now(UTC)
    async with services_of(request).database.connection() as connection:
        found = await stock.positions(connection, item, site)
        coming = await stock.in_transit(connection, item, site)

    def seen(at: str) -> bool:
        mine = caller.role is not Role.WMS or warehouse_partner(at) == caller.partner
        return mine and site in (None, at)

    everything = caller.role is not Role.WMS and site is None
    arrivals = [Arrival.model_validate(it) for it in coming]
    arrivals = [it for it in arrivals if everything or seen(it.origin) or seen(it.destination)]
    if caller.role is Role.ERP:  # another ERP's orders are not its to know
        arrivals = [it if _ordered_by(caller, it) else it.model_copy(update={"order": ""}) for it in arrivals]
    positions = [it for it in _with_transit(item, found, arrivals) if seen(it.site)]
    return answer(Stock(item=item, as_of=now, positions=tuple(positions), in_transit=tuple(arrivals)))


def _ordered_by(caller: Caller, it: Arrival) -> bool:
    return bool(it.order) and erp_of(it.order) == caller.partner


def _with_transit(item: str, found: list[dict[str, Any]], arrivals: list[Arrival]) -> list[StockPosition]:
    """Each site that has stock of the item, or that some is on its way to or from."""
    positions = {it["site"]: StockPosition.model_validate(it) for it in found}
    for it in arrivals:
        for at, name in ((it.destination, "inbound"), (it.origin, "outbound")):
            if at:
                known = positions.get(at, StockPosition(item=item, site=at))
                positions[at] = known.model_copy(update={name: getattr(known, name) + it.packs})
    return [positions[at] for at in sorted(positions)]
