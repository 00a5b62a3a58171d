"""The client of the Syncline REST API for an ERP's bulk rows: a port's method is one POST."""

from dataclasses import dataclass

from connectors.http.client import SystemClient
from connectors.ports import Call
from schemas.finance.erp_feed import ErpForecastBatch, ErpFreightBatch, ErpStockBatch
from schemas.messaging.instructions import Accepted


@dataclass(frozen=True)
class StandardBulkErp:
    """An ERP that takes stock movements, forecasts and freight in the Syncline REST API."""

    client: SystemClient

    async def move_stock(self, message: ErpStockBatch, call: Call) -> Accepted:
        """See BulkErpPort."""
        return await self.client.post("/v1/stock-movements", message, call, Accepted)

    async def forecast(self, message: ErpForecastBatch, call: Call) -> Accepted:
        """See BulkErpPort."""
        return await self.client.post("/v1/forecasts", message, call, Accepted)

    async def post_freight(self, message: ErpFreightBatch, call: Call) -> Accepted:
        """See BulkErpPort."""
        return await self.client.post("/v1/freight-postings", message, call, Accepted)
