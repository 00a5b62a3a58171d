"""What may be asked of a running order: amend, cancel, hold, resume, an action of a case, a return."""

from typing import Any

from fastapi import APIRouter, Request, Response

from gateway.auth import HoldingCaller, OwningCaller, SupportCaller
from gateway.commands import JSON, asked, carried_out
from gateway.handoff_commands import RETURN, packs_of
from gateway.lookup import visible_order
from gateway.openapi import Body, takes
from gateway.problems import answers_of
from gateway.routes.orders import Erp, Number
from gateway.services import services_of
from schemas.base import Contract
from schemas.commands import CommandAnswer, ReturnAnswer, Verb
from schemas.orders import OrderStatus
from store.partners import Caller

router = APIRouter(tags=["orders"])

UNDECIDED = "not decided yet"


def described(contract: str, answered: type[Contract] = CommandAnswer) -> dict[str, Any]:
    """How an operation that takes a command describes itself."""
    return {
        "response_model": answered,
        "responses": {
            202: {"description": "Committed; the decision follows", "model": answered},
            **answers_of(401, 403, 404, 409, 413, 415, 422, 429, 503),
        },
        "openapi_extra": takes(Body(JSON, contract)),
    }


async def _command(request: Request, caller: Caller, verb: Verb, number: str, erp: str | None) -> Response:
    wish = await asked(request, caller, verb)
    order = await visible_order(services_of(request).database, caller, number, erp)
    undecided = CommandAnswer(order=order["key"], status=OrderStatus(order["status"]), done=UNDECIDED)
    return await carried_out(request, wish.about(order["key"]), undecided)


@router.post("/v1/orders/{number}/amend", summary="Amend an order", **described("AmendRequest"))
async def amend(request: Request, caller: OwningCaller, number: Number, erp: Erp = None) -> Response:
    """Change quantities, days, lines or the address while that is possible; what is absent stays as it is.

    Warehouse and transport are told the difference only. The same `id` is carried out once.
    """
    return await _command(request, caller, Verb.AMEND, number, erp)


@router.post("/v1/orders/{number}/cancel", summary="Cancel an order", **described("CancelRequest"))
async def cancel(request: Request, caller: OwningCaller, number: Number, erp: Erp = None) -> Response:
    """Cancel an order. What was done is undone: put away, voided, or stopped under way and brought back.

    The same `id` is carried out once.
    """
    return await _command(request, caller, Verb.CANCEL, number, erp)


@router.post("/v1/orders/{number}/hold", summary="Hold an order", **described("HoldRequest"))
async def hold(request: Request, caller: HoldingCaller, number: Number, erp: Erp = None) -> Response:
    """Stop work on an order that has not been shipped, until it is resumed. The same `id` is carried out once."""
    return await _command(request, caller, Verb.HOLD, number, erp)


@router.post("/v1/orders/{number}/resume", summary="Resume an order", **described("ResumeRequest"))
async def resume(request: Request, caller: HoldingCaller, number: Number, erp: Erp = None) -> Response:
    """Go on with an order that is on hold. The same `id` is carried out once."""
    return await _command(request, caller, Verb.RESUME, number, erp)


@router.post("/v1/orders/{number}/act", summary="Act on an order's trouble", **described("ActionRequest"))
async def act(request: Request, caller: SupportCaller, number: Number, erp: Erp = None) -> Response:
    """Carry out an action that a case offers, such as `retry` or `re_source`. The same `id` is carried out once."""
    return await _command(request, caller, Verb.ACT, number, erp)


@router.post("/v1/orders/{number}/returns", summary="Authorise a return", **described("ReturnRequest", ReturnAnswer))
async def send_back(request: Request, caller: OwningCaller, number: Number, erp: Erp = None) -> Response:
    """A customer sends delivered goods back. The `id` becomes the number of the return authorisation."""
    wish = await asked(request, caller, RETURN)
    order = await visible_order(services_of(request).database, caller, number, erp)
    packs = packs_of(wish.request.lines)
    undecided = ReturnAnswer(order=order["key"], rma=wish.request.id, state=UNDECIDED, packs=packs)
    return await carried_out(request, wish.about(order["key"]), undecided)
