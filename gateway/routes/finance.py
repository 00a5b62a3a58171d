"""Finance: what goods under way are worth, what freight is owed, and the invoices of those who carry."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.auth import FreightCaller, OwningCaller
from gateway.commands import JSON
from gateway.limits import read_body
from gateway.lookup import visible_order
from gateway.openapi import Body, takes
from gateway.problems import CONTENT_DIFFERS, NOT_FOUND, Problem, answers_of
from gateway.services import answer, services_of
from schemas.base import Moment, Role
from schemas.door import admit, refuse
from schemas.finance import FinanceReport, FreightInvoice, FreightSettled
from store import audit, finance

router = APIRouter(tags=["finance"])


@router.get(
    "/v1/finance",
    summary="Read the finance books",
    response_model=FinanceReport,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def read(
    request: Request,
    caller: OwningCaller,
    as_of: Annotated[Moment | None, Query(description="What was booked until then; now when absent.")] = None,
    days: Annotated[int, Query(ge=1, le=366, description="So many days of value in transit.")] = 30,
) -> Response:
    """Accounts, value in transit by day, open freight accruals; an ERP reads those of its own orders.

    `differences` compares with the stock ledger: it is empty, or somebody has to look."""
    erp = caller.partner if caller.role is Role.ERP else None
    async with services_of(request).database.connection() as connection:
        return answer(await finance.report(connection, as_of or datetime.now(UTC), days, erp))


@router.post(
    "/v1/freight-invoices",
    summary="Invoice freight",
    response_model=FreightSettled,
    responses=answers_of(401, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "FreightInvoice")),
)
async def invoice(request: Request, caller: FreightCaller) -> Response:
    """Settle the freight that was accrued for a shipment of one of your orders. The same `id` is booked once."""
    _, raw = await read_body(request, JSON)
    sent = admit(FreightInvoice, raw)
    database = services_of(request).database
    order = await visible_order(database, caller, sent.order, sent.erp)
    digest = hashlib.sha256(sent.model_dump_json().encode()).hexdigest()
    async with database.transaction() as connection:
        try:
            settled = await finance.settle(connection, caller.partner, order["key"], sent, digest)
        except LookupError:
            raise Problem(NOT_FOUND, "The order has no such shipment.") from None
        except ValueError:
            refuse("currency", "must be the currency of the order")
        if settled is None:
            raise Problem(CONTENT_DIFFERS, "This invoice number was booked with other content.")
        await audit.record(connection, caller.partner, "freight_invoiced", order["key"], invoice=sent.id)
    return answer(settled)
