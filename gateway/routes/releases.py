"""Order release: the ERP is answered with the promised day in the same call."""

import hashlib

from fastapi import APIRouter, Request, Response
from psycopg import Rollback

from domain.master import named_in_release
from domain.parties import parties
from gateway.auth import ErpCaller
from gateway.exchange import exchange_of
from gateway.limits import read_body
from gateway.master import unsettled
from gateway.openapi import Body, takes
from gateway.problems import CONTENT_DIFFERS, Problem, answers_of
from gateway.services import Services, answer, services_of
from schemas.door import admit
from schemas.orders import LinePromise, OrderRelease, OrderStatus, Promise, ReleaseAnswer
from store import inbox, orders
from store.inbox import NewMessage
from store.orders import Birth

router = APIRouter(tags=["orders"])

RELAY_HEAD_START_S = 2.0
"""How long after our own wait the relay leaves a release or command to us."""


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
    openapi_extra=takes(Body("application/json", "OrderRelease")),
)
async def release_order(request: Request, caller: ErpCaller) -> Response:
    """Release an order for execution and wait for its promise.

    What names an item, site or customer that we do not know yet is committed, and looked up before it goes on (202).
    Releasing it again with the same content changes nothing; with other content it is refused with 409.
    """
    gateway, exchange = services_of(request), exchange_of(request.scope)
    _, raw = await read_body(request, "application/json")
    release = admit(OrderRelease, raw)
    ready = await _ready(gateway, caller.partner, release)
    message = exchange.message(
        caller.partner,
        inbox.RELEASE,
        release.number,
        raw,
        delay_s=gateway.settings.release_wait_s + RELAY_HEAD_START_S if ready else 0.0,
    )
    birth = await _record(gateway, message, release)
    said = None if birth.new else await _said_before(gateway, caller.partner, release.number)
    if said is None:
        promise = await gateway.handoff.release(birth.key, gateway.settings.release_wait_s) if ready else None
        status = OrderStatus.PROMISED if promise else OrderStatus.RELEASED
        said = _answer(birth.key, release.number, status, promise)
    code = 202 if said.status is OrderStatus.RELEASED else 201 if birth.new else 200
    return answer(said, code, {"Location": said.links["self"]})


async def _ready(gateway: Services, erp: str, release: OrderRelease) -> bool:
    """Whether the order can start now: else the relay looks up what it names, and starts it."""
    if not gateway.settings.offers_master_data(erp):
        return True
    async with gateway.database.connection() as connection:
        return not await unsettled(connection, gateway.settings, named_in_release(erp, release))


async def _record(gateway: Services, message: NewMessage, release: OrderRelease) -> Birth:
    """Commit the release and its raw message together. A repeat commits nothing. Raises the 409 `Problem`."""
    content = content_digest(release)
    async with gateway.database.transaction() as connection:
        [inbox_id] = await inbox.accept(connection, [message])
        taking_part = parties(message.partner, release)
        birth = await orders.open_order(connection, message.partner, release, content, inbox_id, taking_part)
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
        details = await orders.details(connection, order["key"])
    status = OrderStatus(order["status"])
    if status is OrderStatus.RELEASED:
        return None
    lines = tuple(LinePromise(line=x["line"], promised_on=x["promised_on"]) for x in details["lines"])
    promised_on = order["promised_on"]
    promise = (
        Promise(promised_on=promised_on, lines=lines, reason=order["promise_reason"] or "") if promised_on else None
    )
    return _answer(order["key"], number, status, promise)


def _answer(key: str, number: str, status: OrderStatus, promise: Promise | None) -> ReleaseAnswer:
    return ReleaseAnswer(order=key, status=status, promise=promise, links={"self": f"/v1/orders/{number}"})


def content_digest(release: OrderRelease) -> str:
    """SHA-256 of the canonical content: formatting, spelled-out defaults and the offset of times make no difference."""
    return hashlib.sha256(release.model_dump_json(exclude_defaults=True).encode()).hexdigest()
