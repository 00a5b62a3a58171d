"""The ports of an ERP: calls for single orders, and calls in bulk.

Every method raises `Refused` when the ERP refuses by a rule, and `Unavailable` when it does not answer. It raises
`UnknownOutcome` when the ERP takes no key and an answer was lost. Of two messages about one thing the higher `revision`
counts: an older one changes nothing, and is answered with `superseded`. Quantities are packs, days those of the site.
"""

from typing import Protocol

from connectors.ports.call import Call
from schemas.finance.erp_feed import ErpForecastBatch, ErpFreightBatch, ErpStockBatch
from schemas.messaging.instructions import Accepted, ErpCancellation, ErpChange, ErpMilestone, ErpPromise


class ErpPort(Protocol):
    """An ERP's sales orders."""

    async def report_milestone(self, message: ErpMilestone, call: Call) -> Accepted:
        """A milestone of a shipment: order status, goods issue, receipt.

        Args: `message.lines`: packs of each line; all of the shipment when empty. `call.target`: the ERP's id.
        Returns: the ERP's number of what it posted. Raises: see the module.
        Once: a goods issue must not post twice; by key, or by shipment and milestone.
        """

    async def reschedule_promise(self, message: ErpPromise, call: Call) -> Accepted:
        """The promise moved.

        Args: `message.promised_on`: the day that is promised now, of the whole order; `lines` where they differ.
        Returns: the ERP's number. Raises: see the module.
        Once: the day is absolute; a repeat changes nothing.
        """

    async def report_change(self, message: ErpChange, call: Call) -> Accepted:
        """Something else happened that the ERP's books must follow.

        Args: `message.changes`: packs that each line has from now on, never a difference.
        Returns: the ERP's number. Raises: see the module.
        Once: by key, or by order, kind of change and revision.
        """

    async def confirm_cancellation(self, message: ErpCancellation, call: Call) -> Accepted:
        """The order was cancelled everywhere.

        Args: `message.reason`: as it was given. Returns: the ERP's number. Raises: see the module.
        Once: a cancelled order that is cancelled again stays as it is.
        """


class BulkErpPort(Protocol):
    """The calls to an ERP in bulk. A batch that is `Refused` was not taken at all."""

    async def move_stock(self, message: ErpStockBatch, call: Call) -> Accepted:
        """Movements beside orders.

        Args: `message.rows`: packs, negative for what left; each with a key. Returns: the ERP's number of the batch.
        Raises: see the module. Once: each row's key counts once, in any batch.
        """

    async def forecast(self, message: ErpForecastBatch, call: Call) -> Accepted:
        """Forecasts that changed.

        Args: `message.rows`: packs that are expected, absolute. Returns: the ERP's number of the batch.
        Raises: see the module. Once: each row's key counts once.
        """

    async def post_freight(self, message: ErpFreightBatch, call: Call) -> Accepted:
        """Freight that was accrued, reversed or settled.

        Args: `message.rows`: amounts with their currency, exact decimals. Returns: the ERP's number of the batch.
        Raises: see the module. Once: each row's key counts once.
        """
