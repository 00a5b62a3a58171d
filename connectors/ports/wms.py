"""A warehouse: what it is to do, and with which goods.

Every method raises `Refused`, `Unavailable` or `UnknownOutcome`, as `connectors.ports.erp` says. `call.target` is the
site. Quantities are packs and absolute: what the site is to have from now on. Of two messages about one order the
higher `revision` counts.
"""

from typing import Protocol

from connectors.ports.call import Call
from schemas.messaging.instructions import (
    Accepted,
    ReturnNotice,
    WarehouseAmendment,
    WarehouseCancellation,
    WarehouseHold,
    WarehouseInstruction,
)
from schemas.procurement.postings import TransferInstruction


class WmsPort(Protocol):
    """A warehouse's orders."""

    async def instruct(self, message: WarehouseInstruction, call: Call) -> Accepted:
        """Pick, pack and hand over.

        Args: `message.lines`: packs of each line for this site. Returns: the warehouse's number of the order.
        Raises: see the module. Once: goods must not be picked twice; by key, or by order and site.
        """

    async def amend(self, message: WarehouseAmendment, call: Call) -> Accepted:
        """Pick so much more or less, for another day or address.

        Args: `message.lines`: packs that the line has from now on, 0 for none. Returns: the warehouse's number.
        Raises: `Refused` also when the goods have left. Once: targets are absolute; a repeat changes nothing.
        """

    async def hold(self, message: WarehouseHold, call: Call) -> Accepted:
        """Stop work, or go on with it.

        Args: `message.on`: stop, or go on. Returns: the warehouse's number. Raises: see the module.
        Once: a state, not a step; a repeat changes nothing.
        """

    async def cancel(self, message: WarehouseCancellation, call: Call) -> Accepted:
        """Stop, or put away.

        Args: `message.reason`: as it was given. Returns: the warehouse's number.
        Raises: `Refused` also when the goods have left. Once: a repeat changes nothing.
        """

    async def expect_return(self, message: ReturnNotice, call: Call) -> Accepted:
        """Receive and inspect what comes back.

        Args: `message.rma`: of the return; `lines`: packs that are expected. Returns: the warehouse's number.
        Raises: see the module. Once: by key, or by the return's number.
        """


class TransferPort(Protocol):
    """A warehouse that sends goods to another site."""

    async def transfer(self, message: TransferInstruction, call: Call) -> Accepted:
        """Pick and send, or leave what was not sent.

        Args: `message.lines`: packs that are to be sent in all. Returns: the warehouse's number.
        Raises: see the module. Once: by key, or by the transfer's number and revision.
        """
