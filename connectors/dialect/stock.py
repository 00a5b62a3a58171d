"""A system's own books over the dialect: pages of GET, for reconciliation."""

from dataclasses import dataclass

from connectors.http import API_ORIGIN, SystemClient
from connectors.ports import Call, Unavailable
from schemas.reconciling import AccountsReport, EffectsReport, OrdersReport
from schemas.supply import StockReport


@dataclass(frozen=True)
class DialectStock:
    """A system that tells its books in the dialect."""

    client: SystemClient

    async def stock(self, after: str, limit: int, call: Call) -> StockReport:
        """See StockPort. A system without this address is one that does not answer."""
        page = await self.client.find("/v1/stock", {"after": after, "limit": limit}, call, StockReport)
        if page is None:
            raise Unavailable(API_ORIGIN[self.client.system], f"{self.client.system}: tells no stock")
        return page

    async def orders(self, after: str, limit: int, call: Call) -> OrdersReport | None:
        """See StockPort."""
        return await self.client.find("/v1/order-status", {"after": after, "limit": limit}, call, OrdersReport)

    async def effects(self, after: str, limit: int, call: Call) -> EffectsReport | None:
        """See StockPort."""
        return await self.client.find("/v1/effects", {"after": after, "limit": limit}, call, EffectsReport)

    async def accounts(self, after: str, limit: int, call: Call) -> AccountsReport | None:
        """See StockPort."""
        return await self.client.find("/v1/order-accounts", {"after": after, "limit": limit}, call, AccountsReport)
