"""Commands for a running order: amend, cancel, hold, resume, an action of a case, a return."""

from typing import Any

from fastapi import APIRouter, Request, Response

from dispatch.requests import RETURN
from dispatch.temporal.handoff_commands import packs_of
from gateway.api.command_handling import JSON, about, asked, begun_again, carried_out
from gateway.api.orders import Erp, Number
from gateway.http.auth import HoldingCaller, OwningCaller, SupportCaller
from gateway.http.limits import read_body
from gateway.http.lookup import visible_order
from gateway.http.problems import answers_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from schemas.base import Contract
from schemas.cases.exceptions import Action
from schemas.orders.release import OrderStatus
from schemas.parsing import parse_strict
from schemas.workflows.commands import CommandAnswer, NoteRequest, ReturnAnswer, Verb
from store.partners.partners import Caller

router = APIRouter(tags=["orders"])

UNDECIDED = "not decided yet"


def described(contract: str, answered: type[Contract] = CommandAnswer) -> dict[str, Any]:
    """The OpenAPI description of an operation that takes a command."""
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
    return await carried_out(request, await about(request, wish, order["key"]), undecided)


@router.post("/v1/orders/{number}/amend", summary="Amend an order", **described("AmendRequest"))
async def amend(request: Request, caller: OwningCaller, number: Number, erp: Erp = None) -> Response:
    """Change quantities, days, lines or the address while that is possible; what is absent stays as it is.

    Each system gets its new target, where that changed. The same `id` is carried out once.
    """
    return await _command(request, caller, Verb.AMEND, number, erp)


@router.post("/v1/orders/{number}/cancel", summary="Cancel an order", **described("CancelRequest"))
async def cancel(request: Request, caller: OwningCaller, number: Number, erp: Erp = None) -> Response:
    """Cancel an order. Finished parts are undone: put away, voided, or stopped under way and brought back.

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
    wish = await asked(request, caller, Verb.ACT)
    order = await visible_order(services_of(request).database, caller, number, erp)
    answered = CommandAnswer(order=order["key"], status=OrderStatus(order["status"]), done=UNDECIDED)
    if wish.request.action is Action.RESTART:
        done = await begun_again(request, caller, order["key"], wish.request.reason)
        return answer(answered.model_copy(update={"done": done}))
    return await carried_out(request, wish.about(order["key"]), answered)


@router.post(
    "/v1/orders/{number}/restart",
    summary="Begin an order's workflow again",
    response_model=CommandAnswer,
    responses=answers_of(401, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "NoteRequest")),
)
async def restart(request: Request, caller: SupportCaller, number: Number, erp: Erp = None) -> Response:
    """Restart an open order whose workflow does not run, from the database; messages that came meanwhile follow. 409
    when it runs."""
    _, raw = await read_body(request, JSON)
    wish = parse_strict(NoteRequest, raw)
    order = await visible_order(services_of(request).database, caller, number, erp)
    status = OrderStatus(order["status"])
    done = await begun_again(request, caller, order["key"], wish.reason)
    return answer(CommandAnswer(order=order["key"], status=status, done=done))


@router.post("/v1/orders/{number}/returns", summary="Authorise a return", **described("SentReturn", ReturnAnswer))
async def send_back(request: Request, caller: OwningCaller, number: Number, erp: Erp = None) -> Response:
    """A customer sends delivered goods back. The `id` becomes the number of the return authorisation."""
    wish = await asked(request, caller, RETURN)
    order = await visible_order(services_of(request).database, caller, number, erp)
    record = await about(request, wish, order["key"])
    packs = packs_of(record.request.lines)
    undecided = ReturnAnswer(order=order["key"], rma=record.request.id, state=UNDECIDED, packs=packs)
    return await carried_out(request, record, undecided)
