"""The client of the Syncline REST API for master data: a look-up is one GET, and 404 says that there is no such
record."""

from dataclasses import dataclass
from urllib.parse import quote

from connectors.http.client import SystemClient
from connectors.ports import Call, Unavailable
from schemas.base import Origin
from schemas.partners.master_data import RECORDS, MasterKind, MasterRecord


@dataclass(frozen=True)
class StandardMasterData:
    """An ERP that answers for master data in the Syncline REST API."""

    client: SystemClient

    async def look_up(self, kind: MasterKind, id: str, call: Call) -> MasterRecord | None:
        """See MasterDataPort."""
        found = await self.client.find(f"/v1/master/{kind}/{quote(id, safe='')}", call, RECORDS[kind])
        if found and found.id != id:
            raise Unavailable(Origin.ERP_API, "erp: the answer is about another record")
        return found
