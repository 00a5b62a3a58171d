"""The way to Temporal: connected once it is needed and there, so that the gateway starts and accepts without it."""

import asyncio

import structlog
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from gateway.handoff import TemporalHandoff
from schemas.orders import CancelAnswer, CancelRequest, Promise
from schemas.settings import Settings
from store.engine import Database

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

    async def cancel(self, key: str, request: CancelRequest, timeout_s: float) -> CancelAnswer | None:
        """See `gateway.ports.Handoff`."""
        handoff = await self._connected()
        return await handoff.cancel(key, request, timeout_s) if handoff else None

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
                        data_converter=pydantic_data_converter,
                    )
            except (RuntimeError, TimeoutError) as error:  # the SDK has no narrower type for a failed connection
                _log.warning("temporal is away", error=type(error).__name__)
                return None
            self._handoff = TemporalHandoff(client, self._database)
        return self._handoff
