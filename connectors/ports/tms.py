"""A transport desk: who carries what, when.

Every method raises `Refused`, `Unavailable` or `UnknownOutcome`, as `connectors.ports.erp` says. `call.target` is the
region. Packs are absolute. Of two messages about one tender the higher `revision` counts.
"""

from typing import Protocol

from connectors.ports.call import Call
from schemas.messaging.instructions import (
    Accepted,
    Interception,
    ReturnCollection,
    Tender,
    TenderAmendment,
    TenderHold,
    TenderVoid,
)


class TmsPort(Protocol):
    """A transport desk's tenders."""

    async def tender(self, message: Tender, call: Call) -> Accepted:
        """Carry this.

        Args: `message.carrier`: who is wanted; the desk chooses when empty.
        Returns: the desk's number, and the carrier, unless one has still to be found.
        Raises: `Refused` also when no carrier takes it. Once: nothing must be booked twice; by key, or by order.
        """

    async def amend(self, message: TenderAmendment, call: Call) -> Accepted:
        """Carry so much more or less, for another day or address, or faster.

        Args: `message.packs`: in all from now on. Returns: the desk's number. Raises: see the module.
        Once: a repeat changes nothing.
        """

    async def hold(self, message: TenderHold, call: Call) -> Accepted:
        """Do not pick up, or do.

        Args: `message.on`: stop, or go on. Returns: the desk's number. Raises: see the module.
        Once: a state, not a step; a repeat changes nothing.
        """

    async def void(self, message: TenderVoid, call: Call) -> Accepted:
        """Take the tender back.

        Args: `message.reason`: as it was given. Returns: the desk's number.
        Raises: `Refused` also when the goods were picked up. Once: a repeat changes nothing.
        """

    async def intercept(self, message: Interception, call: Call) -> Accepted:
        """Stop a shipment under way and bring it back.

        Args: `message.shipment`: which. Returns: the desk's number. Raises: `Refused` also when it was delivered.
        Once: by key, or by shipment.
        """

    async def collect_return(self, message: ReturnCollection, call: Call) -> Accepted:
        """Collect at the customer what comes back.

        Args: `message.rma`: of the return. Returns: the desk's number, and the carrier. Raises: see the module.
        Once: by key, or by the return's number.
        """
