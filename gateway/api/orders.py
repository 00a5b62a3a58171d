"""An order as its parties see it."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from psycopg import DataError

from gateway.http.auth import AnyCaller
from gateway.http.lookup import visible_order
from gateway.http.problems import FORBIDDEN, Problem, answers_of
from gateway.services import answer, services_of
from gateway.views.orders import SEE_EFFECTS, SUPPORTERS, OrderPage, OrderView, order_view
from schemas.base import OrderNumber, SystemId
from schemas.parsing import refuse
from store.orders import order_parts, orders
from store.orders.order_parts import SHOWN

router = APIRouter(tags=["orders"])

Number = Annotated[OrderNumber, Path(description="The ERP's own order number.")]
Erp = Annotated[SystemId | None, Query(description="Whose number it is, when several ERPs use it.")]
MAX_PAGE = 500
"""Entries of a page: an order of 500 lines fits on one."""
STATUS_WAIT_S = 1.0
"""Seconds for the order's workflow to say what it waits for; after that the order is shown without."""


class OrderPart(StrEnum):
    """A list of an order that grows with it."""

    LINES = "lines"
    SHIPMENTS = "shipments"
    PROMISES = "promises"
    EFFECTS = "effects"
    TIMELINE = "timeline"


@router.get(
    "/v1/orders/{number}",
    summary="Show an order",
    response_model=OrderView,
    responses=answers_of(401, 404, 409, 422, 429, 503),
)
async def show(request: Request, caller: AnyCaller, number: Number, erp: Erp = None) -> Response:
    """The order with lines, shipments, promises, returns, timeline and cases; of long lists a part.

    The ERP and support also see the effects ledger; support also the proposals, and what the order waits for.
    """
    gateway = services_of(request)
    order = await visible_order(gateway.database, caller, number, erp)
    async with gateway.database.connection() as connection:
        details = await orders.details(connection, order["key"])
        counts = await order_parts.counts(connection, order["key"])
    waiting = None
    if caller.role in SUPPORTERS and order["closed_at"] is None:
        waiting = await gateway.handoff.status(order["key"], STATUS_WAIT_S)
    return answer(order_view(order, details, caller.role, waiting, counts))


@router.get(
    "/v1/orders/{number}/pages/{part}",
    summary="Read a list of an order page by page",
    response_model=OrderPage,
    responses=answers_of(401, 403, 404, 409, 422, 429, 503),
)
async def pages(
    request: Request,
    caller: AnyCaller,
    number: Number,
    part: Annotated[OrderPart, Path(description="Which list.")],
    erp: Erp = None,
    after: Annotated[str, Query(max_length=1000, description="The start of the page: from `next`, as it is.")] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Entries of a page.")] = SHOWN,
) -> Response:
    """All lines, shipments, promises, effects or reports of an order, oldest first.

    Effects are for the ERP and support.
    """
    order = await visible_order(services_of(request).database, caller, number, erp)
    if part is OrderPart.EFFECTS and caller.role not in SEE_EFFECTS:
        raise Problem(FORBIDDEN, f"Effects are for the role {' or '.join(SEE_EFFECTS)}.")
    try:
        async with services_of(request).database.connection() as connection:
            rows, rest = await order_parts.after(connection, order["key"], part, _read(part, after), limit)
    except DataError:
        refuse("query.after", "must be taken from `next`")
    query = urlencode({"erp": order["erp"], "after": _written(rest), "limit": limit}) if rest else ""
    link = f"/v1/orders/{quote(number, safe='')}/pages/{part}?{query}" if rest else None
    return answer(OrderPage.model_validate({part: rows, "next": link}))


def _written(cursor: list[str]) -> str:
    return urlsafe_b64encode(json.dumps(cursor).encode()).decode()


def _read(part: OrderPart, after: str) -> list[str] | None:
    """The cursor in a query. Raises `Refused` when it is none of this list."""
    if not after:
        return None
    try:
        cursor = json.loads(urlsafe_b64decode(after))
    except ValueError:
        cursor = None
    known = isinstance(cursor, list) and all(isinstance(key, str) and "\0" not in key for key in cursor)
    if not known or len(cursor) != order_parts.key_count(part):
        refuse("query.after", "must be taken from `next`")
    return list(cursor)
