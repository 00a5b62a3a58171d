"""An order as its parties see it, and its cancellation."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from gateway.admission import digest_of
from gateway.auth import AnyCaller, CancellingCaller
from gateway.exchange import exchange_of
from gateway.limits import read_body
from gateway.lookup import visible_order
from gateway.openapi import Body, takes
from gateway.ports import CancelRefused
from gateway.problems import CANCEL_REFUSED, Problem, answers_of
from gateway.requests import CancelCommand
from gateway.routes.releases import RELAY_HEAD_START_S
from gateway.services import answer, services_of
from gateway.views import OrderView, order_view
from schemas.base import OrderNumber, Role, SystemId
from schemas.door import admit
from schemas.orders import CancelAnswer, CancelRequest
from store import inbox, orders
from store.inbox import NewMessage

router = APIRouter(tags=["orders"])

Number = Annotated[OrderNumber, Path(description="The ERP's own order number.")]
Erp = Annotated[SystemId | None, Query(description="Whose number it is, when several ERPs use it.")]
_SEE_EFFECTS = (Role.ERP, Role.SUPPORT, Role.ADMIN)


@router.get(
    "/v1/orders/{number}",
    summary="Show an order",
    response_model=OrderView,
    responses=answers_of(401, 404, 409, 422, 429, 503),
)
async def show(request: Request, caller: AnyCaller, number: Number, erp: Erp = None) -> Response:
    """The order with lines, shipments, promises and timeline; for the ERP and support also the effects ledger."""
    database = services_of(request).database
    order = await visible_order(database, caller, number, erp)
    async with database.connection() as connection:
        details = await orders.details(connection, order["key"])
    return answer(order_view(order, details, caller.role in _SEE_EFFECTS))


@router.post(
    "/v1/orders/{number}/cancel",
    summary="Cancel an order",
    response_model=CancelAnswer,
    responses={
        202: {"description": "Committed; the decision follows", "model": CancelAnswer},
        **answers_of(401, 403, 404, 409, 413, 415, 422, 429, 503),
    },
    openapi_extra=takes(Body("application/json", "CancelRequest")),
)
async def cancel(request: Request, caller: CancellingCaller, number: Number, erp: Erp = None) -> Response:
    """Cancel an order that has not been shipped. The same `id` is carried out once."""
    gateway, exchange = services_of(request), exchange_of(request.scope)
    _, raw = await read_body(request, "application/json")
    wish = admit(CancelRequest, raw)
    order = await visible_order(gateway.database, caller, number, erp)
    command = CancelCommand(key=order["key"], request=wish).model_dump_json().encode()
    wait_s = gateway.settings.release_wait_s
    message = NewMessage(
        partner=caller.partner,
        channel="api",
        kind=inbox.CANCEL,
        external_id=wish.id,
        digest=digest_of(command),
        raw=command,
        traceparent=exchange.traceparent,
        headers={"request-id": exchange.request_id},
        delay_s=wait_s + RELAY_HEAD_START_S,
    )
    await gateway.accepter.accept([message])
    gateway.metrics.accepted(inbox.CANCEL)
    try:
        done = await gateway.handoff.cancel(order["key"], wish, wait_s)
    except CancelRefused as refused:
        raise Problem(CANCEL_REFUSED, refused.reason) from refused
    if done is None:
        return answer(CancelAnswer(order=order["key"], status=order["status"], reason="not decided yet"), 202)
    return answer(done)
