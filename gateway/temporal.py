"""The way to Temporal: connected once it is needed and there, so that the gateway starts and accepts without it."""

import asyncio
from typing import Any

import structlog
from temporalio.client import Client

from gateway.handoff import TemporalHandoff
from gateway.requests import Answer, CommandRecord
from schemas.lifecycle import StatusAnswer
from schemas.orders import Promise
from schemas.settings import Settings
from store.engine import Database
from workflows.payloads import CONVERTER

_log = structlog.get_logger("gateway")

CONNECT_TIMEOUT_S = 2.0


class LateHandoff:
    """A `gateway.ports.Handoff` that answers None until Temporal is reached, then is a `TemporalHandoff`."""

    def __init__(self, config: Settings, database: Database) -> None:
        self._config = config
        self._database = database
        self._connecting = asyncio.Lock()
        self._handoff: TemporalHandoff | None = None

    async def release(self, key: str, timeout_s: float) -> Promise | None:
        """See `gateway.ports.Handoff`."""
        handoff = await self._connected()
        return await handoff.release(key, timeout_s) if handoff else None

    async def command(self, record: CommandRecord[Any], timeout_s: float) -> Answer | None:
        """See `gateway.ports.Handoff`."""
        handoff = await self._connected()
        return await handoff.command(record, timeout_s) if handoff else None

    async def status(self, key: str, timeout_s: float) -> StatusAnswer | None:
        """See `gateway.ports.Handoff`."""
        handoff = await self._connected()
        return await handoff.status(key, timeout_s) if handoff else None

    async def healthy(self) -> bool:
        """See `gateway.ports.Handoff`."""
        handoff = await self._connected()
        return await handoff.healthy() if handoff else False

    async def _connected(self) -> TemporalHandoff | None:
        if self._handoff or self._connecting.locked():
            return self._handoff
        async with self._connecting:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    client = await Client.connect(
                        self._config.temporal_address,
                        namespace=self._config.temporal_namespace,
                        data_converter=CONVERTER,
                    )
            except (RuntimeError, TimeoutError) as error:  # the SDK has no narrower type for a failed connection
                _log.warning("temporal is away", error=type(error).__name__)
                return None
            self._handoff = TemporalHandoff(client, self._database)
        return self._handoff
