"""The registry as a process knows it: a whole picture of one moment, replaced at once when it changes.

Committed changes announce themselves (NOTIFY); a process that has lost the connection sees them at the next look.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from pydantic import SecretStr, ValidationError

from dispatch.partners.secrets import SecretReader, UnreadableSecret
from domain.partners.adapters import MASTER_DATA
from domain.partners.credentials import references_of, secrets_at
from domain.partners.directory import EMPTY, PartnerDirectory, ResolvedConnection
from schemas.base import System
from schemas.partners.references import ClosedConnection, SecretPlace
from schemas.partners.registry import ConnectionState, PartnerDefinition
from schemas.settings import Endpoint, Settings
from store.engine import Database
from store.messaging.listening import Hearing
from store.partners import registry

LOOK_EVERY_S = 2.0
"""The longest time that a change may be missed while the listening connection is renewed; a look is one indexed row."""
COMMANDS_EVERY_S = 300.0
"""The time for which a command's output is used: each call of a secret store costs a process."""
_log = structlog.get_logger("partners")

Secrets = Mapping[str, SecretStr | ClosedConnection]


@dataclass(frozen=True)
class RegistrySnapshot:
    """The registry after so many changes, with its secrets as they were read: by reference, or why they were not."""

    change: int = -1
    directory: PartnerDirectory = EMPTY
    secrets: Secrets = field(default_factory=dict)
    commands_at: float = 0.0


class PartnerRegistry:
    """The registry, kept up to date while `running`. Without a `reader`, it has no secrets and locates nothing."""

    def __init__(
        self, database: Database, reader: SecretReader | None = None, look_every_s: float = LOOK_EVERY_S
    ) -> None:
        self._database, self._reader, self._look_every_s = database, reader, look_every_s
        self._snapshot = RegistrySnapshot()
        self._changed = asyncio.Event()

    @property
    def directory(self) -> PartnerDirectory:
        """Partners and connections, as they are known now."""
        return self._snapshot.directory

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Know the registry before the block begins, and follow it until the block ends."""
        async with Hearing(self._database.url, (registry.CHANNEL,), lambda _: self._changed.set()):
            await self.refresh()
            following = asyncio.create_task(self._follow())
            try:
                yield
            finally:
                following.cancel()
                with suppress(asyncio.CancelledError):
                    await following

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_every_s):
                    await self._changed.wait()
            self._changed.clear()
            try:
                await self.refresh()
            except (OperationalError, PoolTimeout):
                _log.warning("partners.not_refreshed")  # the database is away: what is known stays in force
            except Exception:
                _log.exception("partners.not_refreshed")

    async def refresh(self) -> None:
        """Look now. Everything that is asked while this runs is answered from the picture before."""
        before = self._snapshot
        async with self._database.transaction() as connection:
            change = await registry.changes(connection)
            rows = await registry.newest(connection) if change != before.change else None
        directory = before.directory
        if rows is not None:
            read = (_read(row, before.directory) for row in rows.values())
            directory = PartnerDirectory.of(it for it in read if it is not None)
        due = time.monotonic() - before.commands_at > COMMANDS_EVERY_S
        secrets = await self._secrets(directory, before.secrets, due=due)
        commands_at = time.monotonic() if due else before.commands_at
        self._snapshot = RegistrySnapshot(change, directory, secrets, commands_at)
        if rows is not None:
            _log.info("partners.refreshed", change=change, partners=len(directory.partners))

    async def _secrets(self, directory: PartnerDirectory, before: Secrets, *, due: bool) -> Secrets:
        """Secrets of the connections that answer calls. One that cannot be read any more stays what it was."""
        if self._reader is None:
            return {}
        named = {
            reference
            for found in directory.places.values()
            if found.connection.credentials
            for reference in references_of(found.connection.credentials)
        }
        kept = {
            it: before[it]
            for it in named
            if SecretPlace.of(it).source == "command" and not due and isinstance(before.get(it), SecretStr)
        }
        wanted = sorted(named - kept.keys())
        read = await asyncio.gather(*(self._secret(self._reader, it, before.get(it)) for it in wanted))
        return {**kept, **dict(zip(wanted, read, strict=True))}

    async def _secret(
        self, reader: SecretReader, reference: str, before: SecretStr | ClosedConnection | None
    ) -> SecretStr | ClosedConnection:
        try:
            return await reader.read(reference)
        except UnreadableSecret as error:
            said = ClosedConnection(str(error))
            if before != said:
                _log.warning("partners.secret_unreadable", reference=reference, why=str(error))
            return before if isinstance(before, SecretStr) else said

    def locate(self, system: System, target: str) -> Endpoint | ClosedConnection | None:
        """The address of a target; the reason why it is not called now; None when the registry has no connection for
        it."""
        snapshot = self._snapshot
        found = snapshot.directory.resolve(system, target)
        if found is None or self._reader is None:
            return None
        if found.paused:
            return ClosedConnection(f"connection {found.name} is paused")
        return _endpoint(found, snapshot.secrets)

    def offers_master_data(self, erp: str, config: Settings) -> bool:
        """Whether an ERP is to be asked for master data: as its connection says, else the settings."""
        found = self._snapshot.directory.resolve(System.ERP, erp)
        return config.offers_master_data(erp) if found is None else found.connection.options.get(MASTER_DATA) is True


def _read(row: registry.KeptVersion, before: PartnerDirectory) -> PartnerDefinition | None:
    """A partner as it is kept. One that a newer process has written, and this one cannot read, stays what it was."""
    try:
        return PartnerDefinition.model_validate(row.definition)
    except ValidationError:
        _log.exception("partners.unreadable", partner=row.partner, version=row.version)
        return before.partners.get(row.partner)


def _endpoint(found: ResolvedConnection, secrets: Secrets) -> Endpoint | ClosedConnection:
    connection = found.connection
    assert connection.state is ConnectionState.LIVE
    url = connection.channel.http if connection.channel else None
    if url is None:
        return ClosedConnection(f"connection {found.name} has no address")
    token: SecretStr | ClosedConnection = SecretStr("")
    if connection.credentials:
        reference = secrets_at(connection.credentials, datetime.now(UTC))["token"]
        token = secrets.get(reference, ClosedConnection("it was not read yet"))
    if isinstance(token, ClosedConnection):
        return ClosedConnection(f"the secret of connection {found.name} cannot be read: {token.why}")
    settings = {name: value for name, value in connection.options.items() if name != MASTER_DATA}
    return Endpoint(
        url=url,
        token=token,
        adapter=connection.adapter or "standard",
        settings=settings,
        master_data=connection.options.get(MASTER_DATA) is True,
    )
