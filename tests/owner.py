"""An owner of master data: what it knows, what it was asked, and whether it answers."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from activities.partners.master_data import MasterData
from connectors.ports import Call, Unavailable
from schemas.base import Origin
from schemas.partners.master_data import RECORDS, MasterKind, MasterRecord
from schemas.settings import Endpoint, MasterSettings, Settings
from store.engine import Database

OFFERING = {"erp-one": Endpoint(url="http://erp.test", master_data=True)}


@dataclass
class Owner:
    """Knows everything but what is `unknown`, and one class of items. `down`: it does not answer. `busy`: it answers
    when that is set."""

    unknown: set[str] = field(default_factory=set)
    down: bool = False
    busy: asyncio.Event | None = None
    asked: list[str] = field(default_factory=list)
    item_class: str | None = None
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What its records say beside their id, by id."""

    async def look_up(self, kind: MasterKind, id: str, call: Call) -> MasterRecord | None:
        """Answer, and note that it was asked. What it knows is looked up before it is `busy`."""
        self.asked.append(f"{call.target}/{kind}/{id}")
        known = id not in self.unknown
        if self.busy:
            await self.busy.wait()
        if self.down:
            raise Unavailable(Origin.ERP_API, "erp: down")
        named = {"item_class": self.item_class} if self.item_class and kind is MasterKind.ITEM else {}
        return RECORDS[kind](id=id, **named, **self.said.get(id, {})) if known else None

    def behind(self, database: Database, **times: float) -> MasterData:
        """A process that asks it; `times`: how long its word is kept."""
        master = MasterSettings(**times)
        config = Settings(erp=OFFERING, stock_erp={"*": "erp-one"}, master=master, call_timeout_s=5.0)
        return MasterData(self, database, config)
