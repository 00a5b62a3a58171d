"""The value of stock: the accounts, and goods in transit by day, from the ledger; freight invoices."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.command_handling import JSON
from gateway.http.auth import FreightCaller, OwningCaller
from gateway.http.limits import read_body
from gateway.http.lookup import visible_order
from gateway.http.problems import CONTENT_DIFFERS, FORBIDDEN, NOT_FOUND, Problem, answers_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from schemas.base import Moment, Role, Whole
from schemas.finance.valuation import (
    AccountBalance,
    Accounts,
    FreightInvoice,
    FreightSettled,
    InTransit,
    InTransitDay,
    OpenAccrual,
)
from schemas.parsing import parse_strict, refuse
from store.audit import audit_trail
from store.finance import freight, freight_invoices, valuation
from store.partners.partners import Caller

router = APIRouter(tags=["finance"])


@router.get(
    "/v1/finance/accounts",
    summary="Value and packs by account",
    response_model=Accounts,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def accounts(
    request: Request,
    caller: OwningCaller,
    as_of: Annotated[Moment | None, Query(description="As it was booked by then; as it is now when absent.")] = None,
) -> Response:
    """Inventory, goods in transit, cost of goods sold, what suppliers sent, losses, adjustments, freight: a currency's
    amounts sum to zero. `accruals`: freight of what has left that no carrier has invoiced.

    Bookings stay: a figure of the past is the same whenever it is read. An ERP reads what its own orders have moved.
    """
    async with services_of(request).database.transaction() as connection:
        now = await valuation.one_moment(connection)
        by = min(now, as_of) if as_of else None
        rows = await valuation.accounts(connection, _own(caller), by)
        accruals = await freight.open_ones(connection, _own(caller), by)
    return answer(
        Accounts(
            as_of=by or now,
            accounts=tuple(AccountBalance.model_validate(row) for row in rows),
            accruals=tuple(OpenAccrual.model_validate(row) for row in accruals),
        )
    )


@router.get(
    "/v1/finance/in-transit",
    summary="Goods in transit by day",
    response_model=InTransit,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def in_transit(
    request: Request,
    caller: OwningCaller,
    days: Annotated[Whole, Query(ge=1, le=400, description="The number of days up to today (UTC).")] = 30,
) -> Response:
    """Value and packs that had left and were not delivered, at the end of each day; of today so far."""
    now = datetime.now(UTC)
    async with services_of(request).database.connection() as connection:
        rows = await valuation.in_transit(connection, now.date() - timedelta(days=days - 1), now.date(), _own(caller))
    return answer(InTransit(as_of=now, days=tuple(InTransitDay.model_validate(row) for row in rows)))


@router.post(
    "/v1/freight-invoices",
    summary="Invoice freight",
    response_model=FreightSettled,
    responses=answers_of(401, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "FreightInvoice")),
)
async def invoice(request: Request, caller: FreightCaller) -> Response:
    """Settle the freight that was accrued for a shipment of one of your orders; a carrier, for one that it carries. The
    same `id` is booked once."""
    _, raw = await read_body(request, JSON)
    sent = parse_strict(FreightInvoice, raw)
    database = services_of(request).database
    order = await visible_order(database, caller, sent.order, sent.erp)
    digest = hashlib.sha256(sent.model_dump_json().encode()).hexdigest()
    async with database.transaction() as connection:
        if caller.role is Role.CARRIER and not await freight_invoices.carries(
            connection, order["key"], sent.shipment, caller.partner
        ):
            raise Problem(FORBIDDEN, "Another carrier carries this shipment.")
        try:
            settled = await freight_invoices.settle_invoice(connection, caller.partner, order["key"], sent, digest)
        except LookupError:
            raise Problem(NOT_FOUND, "The order has no such shipment.") from None
        except ValueError:
            refuse("currency", "must be the currency of the order")
        if settled is None:
            raise Problem(CONTENT_DIFFERS, "This invoice number was booked with other content.")
        await audit_trail.add_entry(connection, caller.partner, "freight_invoiced", order["key"], invoice=sent.id)
    return answer(settled)


def _own(caller: Caller) -> str | None:
    """The ERP whose orders are meant; None for people, who read all."""
    return caller.partner if caller.role is Role.ERP else None
