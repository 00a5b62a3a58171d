"""An order as its parties see it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from gateway.auth import AnyCaller
from gateway.lookup import visible_order
from gateway.problems import answers_of
from gateway.services import answer, services_of
from gateway.views import SUPPORTERS, OrderView, order_view
from schemas.base import OrderNumber, SystemId
from store import orders

router = APIRouter(tags=["orders"])

Number = Annotated[OrderNumber, Path(description="The ERP's own order number.")]
Erp = Annotated[SystemId | None, Query(description="Whose number it is, when several ERPs use it.")]
STATUS_WAIT_S = 1.0
"""How long the order's workflow is asked what it waits for, before it is shown without."""


@router.get(
    "/v1/orders/{number}",
    summary="Show an order",
    response_model=OrderView,
    responses=answers_of(401, 404, 409, 422, 429, 503),
)
async def show(request: Request, caller: AnyCaller, number: Number, erp: Erp = None) -> Response:
    """The order with lines, shipments, promises, returns, timeline and cases.

    The ERP and support also see the effects ledger; support also the proposals, and what the order waits for.
    """
    gateway = services_of(request)
    order = await visible_order(gateway.database, caller, number, erp)
    async with gateway.database.connection() as connection:
        details = await orders.details(connection, order["key"])
    waiting = None
    if caller.role in SUPPORTERS and order["closed_at"] is None:
        waiting = await gateway.handoff.status(order["key"], STATUS_WAIT_S)
    return answer(order_view(order, details, caller.role, waiting))
