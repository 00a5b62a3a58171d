"""Demand signals: ERPs send in bulk what customers sell, hold and order; planning is told what changed."""

from fastapi import APIRouter, Request, Response

from dispatch.inventory.intake import Brought, keep_demand, named_in, read_signals
from dispatch.partners.master_data import unsettled
from gateway.api.command_handling import JSON
from gateway.http.auth import ErpCaller
from gateway.http.limits import read_body
from gateway.http.problems import answers_of
from gateway.http.request_context import request_context_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from schemas.planning.demand import DemandTaken
from store.messaging import inbox

router = APIRouter(tags=["planning"])


@router.post(
    "/v1/demand-signals",
    summary="Send demand signals",
    status_code=201,
    response_model=DemandTaken,
    responses={
        202: {"description": "Committed; rows that are `waiting` follow", "model": DemandTaken},
        **answers_of(401, 403, 413, 415, 422, 429, 503),
    },
    openapi_extra=takes(Body(JSON, "DemandBatch")),
)
async def send(request: Request, caller: ErpCaller) -> Response:
    """Up to 5,000 rows, kept before the answer. A row that breaks a rule is refused for itself: the answer names it,
    and the others are taken. Only changes go on to planning.

    Rows of an unknown item or site are committed, and taken in once the ERP that owns it knows it (202).
    """
    gateway, context = services_of(request), request_context_of(request.scope)
    _, raw = await read_body(request, JSON)
    signals = read_signals(raw)
    message = context.message(caller.partner, inbox.DEMAND, signals.id, raw)
    async with gateway.database.transaction() as connection:
        [inbox_id] = await inbox.insert(connection, [message])
        owner, by = gateway.settings.stock_owner, Brought(inbox_id, caller.partner)
        waiting = await unsettled(connection, gateway.offers_master_data, named_in(signals, owner))
        taken = await keep_demand(connection, owner, by, signals, waiting)
    gateway.metrics.accepted(inbox.DEMAND)
    return answer(taken, 202 if taken.waiting else 201)
