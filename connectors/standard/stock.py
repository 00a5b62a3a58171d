"""A system's own books over the Syncline REST API: pages of GET, for reconciliation."""

from dataclasses import dataclass

from connectors.http.client import API_ORIGIN, SystemClient
from connectors.ports import Call, Unavailable
from schemas.finance.reconciliation import AccountsReport, DemandReport, EffectsReport, OrdersReport, TargetsReport
from schemas.inventory.supply import StockReport


@dataclass(frozen=True)
class StandardStock:
    """A system that shows its books in the Syncline REST API."""

    client: SystemClient

    async def stock(self, after: str, limit: int, call: Call) -> StockReport:
        """See StockPort. A system without this address is one that does not answer."""
        page = await self.client.page("/v1/stock", {"after": after, "limit": limit}, call, StockReport)
        if page is None:
            raise Unavailable(API_ORIGIN[self.client.system], f"{self.client.system}: tells no stock")
        return page

    async def orders(self, after: str, limit: int, call: Call, since: str = "") -> OrdersReport | None:
        """See StockPort."""
        return await self.client.page("/v1/order-status", _query(after, limit, since), call, OrdersReport)

    async def targets(self, after: str, limit: int, call: Call, since: str = "") -> TargetsReport | None:
        """See StockPort."""
        return await self.client.page("/v1/order-targets", _query(after, limit, since), call, TargetsReport)

    async def effects(self, after: str, limit: int, call: Call, since: str = "") -> EffectsReport | None:
        """See StockPort."""
        return await self.client.page("/v1/effects", _query(after, limit, since), call, EffectsReport)

    async def accounts(self, after: str, limit: int, call: Call, since: str = "") -> AccountsReport | None:
        """See StockPort."""
        return await self.client.page("/v1/order-accounts", _query(after, limit, since), call, AccountsReport)

    async def demand(self, after: str, limit: int, call: Call) -> DemandReport | None:
        """See StockPort."""
        return await self.client.page("/v1/open-demand", {"after": after, "limit": limit}, call, DemandReport)


def _query(after: str, limit: int, since: str) -> dict[str, str | int]:
    asked: dict[str, str | int] = {"after": after, "limit": limit}
    return {**asked, "changed_since": since} if since else asked
