"""The client of the dialect for master data: a look-up is one GET, and 404 says that there is no such record."""

from dataclasses import dataclass
from urllib.parse import quote

from connectors.http import SystemClient
from connectors.ports import Call, Unavailable
from schemas.base import Origin
from schemas.master import RECORDS, MasterKind, MasterRecord


@dataclass(frozen=True)
class DialectMasterData:
    """An ERP that answers for master data in the dialect."""

    client: SystemClient

    async def look_up(self, kind: MasterKind, id: str, call: Call) -> MasterRecord | None:
        """See MasterDataPort."""
        found = await self.client.find(f"/v1/master/{kind}/{quote(id, safe='')}", {}, call, RECORDS[kind])
        if found and found.id != id:
            raise Unavailable(Origin.ERP_API, "erp: the answer is about another record")
        return found
