"""What stock is worth: the accounts, and goods in transit by day, from the ledger that supply chain reads."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.auth import OwningCaller
from gateway.problems import answers_of
from gateway.services import answer, services_of
from schemas.base import Role
from schemas.finance import AccountBalance, Accounts, InTransit, InTransitDay
from store import finance
from store.partners import Caller

router = APIRouter(tags=["finance"])


@router.get(
    "/v1/finance/accounts",
    summary="Value and packs by account",
    response_model=Accounts,
    responses=answers_of(401, 403, 429, 503),
)
async def accounts(request: Request, caller: OwningCaller) -> Response:
    """Inventory, goods in transit, cost of goods sold, what suppliers sent, losses: a currency's amounts sum to zero.

    An ERP reads what its own orders have moved.
    """
    now = datetime.now(UTC)
    async with services_of(request).database.connection() as connection:
        rows = await finance.accounts(connection, _own(caller))
    return answer(Accounts(as_of=now, accounts=tuple(AccountBalance.model_validate(row) for row in rows)))


@router.get(
    "/v1/finance/in-transit",
    summary="Goods in transit by day",
    response_model=InTransit,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def in_transit(
    request: Request,
    caller: OwningCaller,
    days: Annotated[int, Query(ge=1, le=400, description="So many days up to today (UTC).")] = 30,
) -> Response:
    """Value and packs that had left and were not delivered, at the end of each day; of today so far."""
    now = datetime.now(UTC)
    async with services_of(request).database.connection() as connection:
        rows = await finance.in_transit(connection, now.date() - timedelta(days=days - 1), now.date(), _own(caller))
    return answer(InTransit(as_of=now, days=tuple(InTransitDay.model_validate(row) for row in rows)))


def _own(caller: Caller) -> str | None:
    """The ERP whose orders are meant; None for people, who read all."""
    return caller.partner if caller.role is Role.ERP else None
