"""Order release: the ERP is answered with the promised day, in the same call where nothing has to be looked up."""

import hashlib
from datetime import UTC

from fastapi import APIRouter, Request, Response
from psycopg import Rollback
from pydantic_core import to_json

from dispatch.orders.units import Measured, measured
from dispatch.partners.master_data import unsettled
from domain.partners.master_data import named_in_release
from domain.partners.parties import parties
from domain.units import converted
from gateway.http.auth import ErpCaller
from gateway.http.limits import read_body
from gateway.http.problems import CONTENT_DIFFERS, Problem, answers_of
from gateway.http.request_context import RequestContext, request_context_of
from gateway.openapi import Body, takes
from gateway.services import Services, answer, services_of
from gateway.views.orders import promise_reason
from schemas.ids import order_key
from schemas.orders.release import (
    BaseLine,
    LinePromise,
    OrderRelease,
    OrderStatus,
    Promise,
    ReleaseAnswer,
    ReleaseRequest,
)
from schemas.parsing import MAX_FINDINGS, InvalidMessage, parse_strict, refuse
from schemas.workflow_ids import workflow_of
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.orders import orders
from store.orders.orders import Birth

router = APIRouter(tags=["orders"])

RELAY_HEAD_START_S = 2.0
"""Seconds that the relay leaves a release or command to the gateway, after the gateway's own wait."""


@router.post(
    "/v1/orders",
    summary="Release an order",
    status_code=201,
    response_model=ReleaseAnswer,
    responses={
        200: {"description": "Released before with the same content: the promise in force", "model": ReleaseAnswer},
        202: {"description": "Committed; the promise follows at Location", "model": ReleaseAnswer},
        **answers_of(401, 403, 409, 413, 415, 422, 429, 503),
    },
    openapi_extra=takes(Body("application/json", "ReleaseRequest")),
)
async def release_order(request: Request, caller: ErpCaller) -> Response:
    """Release an order for execution and wait for its promise.

    What names an item, site or customer that we do not know yet is committed, and looked up before it goes on (202).
    Releasing it again with the same content changes nothing; with other content it is refused with 409. When more come
    than can be served, the rest hear 429 with Retry-After, and nothing of them is stored.
    """
    gateway = services_of(request)
    _, raw = await read_body(request, "application/json")
    async with gateway.releasing.place(caller.partner):
        return await _release(gateway, request_context_of(request.scope), caller.partner, raw)


async def _release(gateway: Services, context: RequestContext, erp: str, raw: bytes) -> Response:
    release = parse_strict(ReleaseRequest, raw)
    if release.clock == "events" and not gateway.settings.replays:
        refuse("clock", "must be `wall`: this installation takes no replays of past business time")
    known = await _known(gateway, erp, release)
    ready = known is not None
    message = context.message(
        erp,
        inbox.RELEASE,
        release.number,
        raw,
        delay_s=gateway.settings.release_wait_s + RELAY_HEAD_START_S if ready else 0.0,
        workflow_id=workflow_of(order_key(erp, release.number)),
    )
    birth = await _record(gateway, message, release, known)
    said = None if birth.new else await _said_before(gateway, erp, release.number)
    if said is None:
        promise = await gateway.handoff.release(birth.key, gateway.settings.release_wait_s) if ready else None
        status = OrderStatus.PROMISED if promise else OrderStatus.RELEASED
        said = _answer(birth.key, release.number, status, promise)
    code = 202 if said.status is OrderStatus.RELEASED else 201 if birth.new else 200
    return answer(said, code, {"Location": said.links["self"]})


async def _known(gateway: Services, erp: str, release: ReleaseRequest) -> list[BaseLine] | None:
    """Lines that are kept in another unit than they are ordered in, when the order can start now. None: the relay looks
    up what it names, and starts it. Raises `InvalidMessage` for what has no whole number in the books."""
    if not gateway.offers_master_data(erp):
        found = Measured(*converted(release, {}))
    else:
        async with gateway.database.connection() as connection:
            if await unsettled(connection, gateway.offers_master_data, named_in_release(erp, release)):
                return None
            found = await measured(connection, erp, release)
    if found.findings:
        raise InvalidMessage(found.findings[:MAX_FINDINGS])
    return found.converted


async def _record(
    gateway: Services, message: NewMessage, release: ReleaseRequest, known: list[BaseLine] | None
) -> Birth:
    """Commit the release and its raw message together. A repeat commits nothing. Raises the 409 `Problem`."""
    content = content_digest(release)
    async with gateway.database.transaction() as connection:
        [inbox_id] = await inbox.insert(connection, [message])
        kept = release if known is None else release.kept_in(known)
        taking_part = parties(message.partner, release)
        birth = await orders.open_order(connection, message.partner, kept, content, inbox_id, taking_part, known)
        if not birth.new:
            raise Rollback
    if birth.digest != content:
        raise Problem(CONTENT_DIFFERS, f"Order {release.number} is known with other content. Nothing was changed.")
    if birth.new:
        gateway.metrics.accepted(inbox.RELEASE)
    return birth


async def _said_before(gateway: Services, erp: str, number: str) -> ReleaseAnswer | None:
    """The answer to a repeat: the promise in force. None while there is no promise: it may be asked for once more."""
    async with gateway.database.connection() as connection:
        [order] = await orders.find(connection, number, erp, erp)
        promised = await orders.line_promises(connection, order["key"])
        details = await orders.beside(connection, order["key"])
    status = OrderStatus(order["status"])
    if status is OrderStatus.RELEASED:
        return None
    lines = tuple(LinePromise(line=x["line"], promised_on=x["promised_on"]) for x in promised)
    promised_on = order["promised_on"]
    promise = (
        Promise(promised_on=promised_on, lines=lines, reason=promise_reason(order, details) or "")
        if promised_on
        else None
    )
    return _answer(order["key"], number, status, promise)


def _answer(key: str, number: str, status: OrderStatus, promise: Promise | None) -> ReleaseAnswer:
    return ReleaseAnswer(order=key, status=status, promise=promise, links={"self": f"/v1/orders/{number}"})


def content_digest(release: OrderRelease | ReleaseRequest) -> str:
    """SHA-256 of the canonical content: formatting, spelled-out defaults and the offset of times make no difference.

    Nor does it whether a value is a number or a string: it counts as a number, as earlier builds had it.
    """
    moment = release.released_at.astimezone(UTC)
    content = release.model_copy(update={"released_at": moment}).model_dump(mode="json", exclude_defaults=True)
    for line in content["lines"]:
        if "value" in line:
            line["value"] = float(line["value"])
    return hashlib.sha256(to_json(content)).hexdigest()
