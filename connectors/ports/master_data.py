"""Master data: an ERP that answers for its items, sites and customers."""

from typing import Protocol

from connectors.ports.call import Call
from schemas.partners.master_data import MasterKind, MasterRecord


class MasterDataPort(Protocol):
    """An ERP that answers for master data."""

    async def look_up(self, kind: MasterKind, id: str, call: Call) -> MasterRecord | None:
        """A record.

        Args: `id`: as the ERP has it. Returns: the record; None: it knows none with this id.
        Raises: `Refused` or `Unavailable`. Once: nothing is written.
        """
