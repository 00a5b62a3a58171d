"""Finding an order on a caller's behalf: a partner sees only orders that it takes part in; our own people see all."""

from collections.abc import Awaitable, Callable
from typing import Any

from gateway.http.problems import AMBIGUOUS, NOT_FOUND, Problem
from schemas.base import Role
from store.audit import audit_trail
from store.engine import Connection, Database
from store.orders import orders
from store.partners.partners import Caller
from store.procurement import purchase_orders

Find = Callable[[Connection, str, str | None, str | None], Awaitable[list[dict[str, Any]]]]
"""Orders of a kind by number, party and ERP."""
SEE_ALL = (Role.SUPPORT, Role.ADMIN, Role.PLANNING)
"""Roles that see the orders of all partners."""


def party_of(caller: Caller) -> str | None:
    """The partner whose orders the caller sees; None: everybody's."""
    return None if caller.role in SEE_ALL else caller.partner


async def visible_order(database: Database, caller: Caller, number: str, erp: str | None) -> dict[str, Any]:
    """The one order with this number that the caller may see, as store.orders.orders.find reads it.

    Raises `Problem`: 404 when there is none (the attempt is audited when the order is somebody else's), 409 when
    several ERPs have one.
    """
    return await _visible(database, caller, number, erp, orders.find, "order")


async def visible_purchase(database: Database, caller: Caller, number: str, erp: str | None) -> dict[str, Any]:
    """The one purchase order with this number that the caller may see; see `visible_order`."""
    return await _visible(database, caller, number, erp, purchase_orders.named, "purchase order")


async def _visible(
    database: Database, caller: Caller, number: str, erp: str | None, find: Find, what: str
) -> dict[str, Any]:
    async with database.connection() as connection:
        found = await find(connection, number, party_of(caller), erp)
        hidden = [] if found else await find(connection, number, None, erp)
    if hidden:
        async with database.transaction() as connection:
            for order in hidden:
                await audit_trail.add_entry(connection, caller.partner, "access_denied", order["key"])
    if not found:
        raise Problem(NOT_FOUND, f"You take part in no {what} with this number.")
    if len(found) > 1:
        erps = ", ".join(order["erp"] for order in found)
        raise Problem(AMBIGUOUS, f"The number is used by {erps}: name one with ?erp=.")
    return found[0]
