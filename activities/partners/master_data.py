"""Asks owners for master data: through what is kept, each record once however many want it, also over processes.

Not a Temporal activity: the relay asks before it hands a message over, so that no workflow's history knows of it.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from connectors.ports import Call, ConnectorError, MasterDataPort
from schemas.partners.master_data import Checked, MasterKind, MasterName
from schemas.settings import Settings
from store.engine import Database
from store.partners import master_data
from store.partners.master_data import KeptRecord

AT_ONCE = 16
"""Look-ups under way in this process."""
WAIT_S = 0.05
"""Between two looks whether somebody else has got the answer."""
CLASSES_AT_ONCE = 500
"""So many items have their owner asked for their class at once; of more, what is kept is used."""
PAUSE_S = 2.0
"""Seconds in which an owner that did not answer for a record is not asked for it."""
LEASE_MARGIN_S = 1.0
"""A claim lasts so much longer than a call: whoever holds it longer has died."""
_log = structlog.get_logger("master")


class MasterData:
    """See `dispatch.partners.master_data.Registry`."""

    def __init__(
        self,
        port: MasterDataPort,
        database: Database,
        config: Settings,
        offers: Callable[[str], bool] | None = None,
    ) -> None:
        self._port = port
        self._offers = offers or config.offers_master_data
        self._database = database
        self._config = config
        self._places = asyncio.Semaphore(AT_ONCE)
        self._finding: dict[MasterName, asyncio.Task[KeptRecord]] = {}

    async def check(self, names: Iterable[MasterName]) -> Checked:
        """Names that their owners do not know. Owners that offer no master data are not asked."""
        asked = {name for name in names if self._offers(name.owner)}
        if not asked:
            return Checked()
        async with self._database.connection() as connection:
            asked -= await master_data.fresh(connection, asked)
        found = dict(zip(asked, await asyncio.gather(*map(self._joined, asked)), strict=True))
        missing = sorted(name for name, entry in found.items() if not entry.usable(self._config.master.stale_s))
        unknown = tuple(name for name in missing if found[name].fresh)
        return Checked(unknown=unknown, unanswered=tuple(name for name in missing if name not in unknown))

    def offers(self, owner: str) -> bool:
        """See `dispatch.partners.master_data.Registry`."""
        return self._offers(owner)

    async def classes(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The class of each item at a site, as the ERP that owns the site's stock says; without those that it does not
        name, or not answer for."""
        named = {it: MasterName(owner, MasterKind.ITEM, it[0]) for it in places if (owner := self._owner_of(it[1]))}
        names = sorted(set(named.values()))
        await self.check(names[:CLASSES_AT_ONCE])
        async with self._database.connection() as connection:
            known = await master_data.item_classes(connection, names, self._config.master.stale_s)
        return {it: known[name] for it, name in named.items() if name in known}

    def _owner_of(self, site: str) -> str | None:
        owner = self._config.stock_owner(site)
        return owner if owner and self._offers(owner) else None

    async def _joined(self, name: MasterName) -> KeptRecord:
        """Find a record, together with everybody of this process who looks for it: a message with thousands of items is
        tried again before they are all found."""
        task = self._finding.get(name)
        if task is None:
            task = self._finding[name] = asyncio.create_task(self._find(name))
            task.add_done_callback(lambda _: self._finding.pop(name, None))
        return await asyncio.shield(task)

    async def _find(self, name: MasterName) -> KeptRecord:
        """What is kept, once the owner has been asked if that is due: by us, or by who came first."""
        while True:
            async with self._places:
                async with self._database.connection() as connection:
                    token = await master_data.claim(connection, name, self._config.call_timeout_s + LEASE_MARGIN_S)
                if token:
                    await self._ask(name, token)
                async with self._database.connection() as connection:
                    entry = await master_data.find(connection, name)
            if entry and (entry.fresh or entry.down):
                return entry
            await asyncio.sleep(WAIT_S)

    async def _ask(self, name: MasterName, token: datetime) -> None:
        call = Call(name.owner, f"master/{name.kind}/{name.id}", timeout_s=self._config.call_timeout_s)
        try:
            record = await self._port.look_up(name.kind, name.id, call)
        except ConnectorError as error:
            _log.warning("master.unanswered", owner=name.owner, kind=name.kind, origin=error.origin)
            async with self._database.connection() as connection:
                await master_data.unanswered(connection, name, token, PAUSE_S)
            return
        keep_s = self._config.master.fresh_s if record else self._config.master.unknown_s
        body = record.model_dump(mode="json", exclude_unset=True) if record else None
        async with self._database.transaction() as connection:
            await master_data.keep(connection, name, token, body, keep_s)
