"""A system's own books, for reconciliation. Nothing is written, so that a repeat does no harm.

Every method raises `Refused` or `Unavailable`. A page has at most `limit` entries, those behind `after` in the order of
their names. `since` (RFC 3339): only entries that changed since then, each whole; empty: all. It is asked of those that
say `as_of`. Quantities are packs.
"""

from typing import Protocol

from connectors.ports.call import Call
from schemas.finance.reconciliation import AccountsReport, DemandReport, EffectsReport, OrdersReport, TargetsReport
from schemas.inventory.supply import StockReport


class StockPort(Protocol):
    """The books of any kind of system."""

    async def stock(self, after: str, limit: int, call: Call) -> StockReport:
        """A page of figures. Args: `after`: `<item> <place>`, empty for the first. Raises: see the module."""

    async def orders(self, after: str, limit: int, call: Call, since: str = "") -> OrdersReport | None:
        """A page of orders. Args: `after`: an order's number. Returns: None when the system offers no such list."""

    async def targets(self, after: str, limit: int, call: Call, since: str = "") -> TargetsReport | None:
        """A page of the last messages on orders. Args: `after`: an order's number. Returns: None: no such list."""

    async def effects(self, after: str, limit: int, call: Call, since: str = "") -> EffectsReport | None:
        """A page of effects. Args: `after`: an effect's key. Returns: None when the system offers no such list."""

    async def accounts(self, after: str, limit: int, call: Call, since: str = "") -> AccountsReport | None:
        """A page of what orders have in accounts. Args: `after`: `<order> <account> <currency>`. Returns: amounts as
        exact decimals; None: no such list."""

    async def demand(self, after: str, limit: int, call: Call) -> DemandReport | None:
        """A page of open demand. Args: `after`: `<item> <site>`. Returns: None when the system offers no such list."""
