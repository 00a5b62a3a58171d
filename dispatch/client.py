"""The way to Temporal: connected once it is needed and there, so that the gateway starts and accepts without it."""

import asyncio
from typing import Any

import structlog

from dispatch.handoff import TemporalHandoff
from dispatch.ports import TaskKept
from dispatch.requests import CommandRecord
from dispatch.temporal.connecting import connect
from schemas.orders.release import Promise
from schemas.settings import Settings, UnusableSettings
from schemas.workflows.lifecycle import StatusAnswer
from store.engine import Database
from store.messaging.heads import Provisional
from store.messaging.verdicts import First

_log = structlog.get_logger("gateway")

CONNECT_TIMEOUT_S = 2.0
"""Seconds to connect: a release waits three in all."""


class LateHandoff:
    """A `dispatch.ports.Handoff` that answers None until Temporal is reached, then is a `TemporalHandoff`."""

    def __init__(self, config: Settings, database: Database) -> None:
        self._config = config
        self._database = database
        self._connecting = asyncio.Lock()
        self._handoff: TemporalHandoff | None = None

    async def release(self, key: str, timeout_s: float) -> Promise | None:
        """See `dispatch.ports.Handoff`."""
        handoff = await self._connected()
        return await handoff.release(key, timeout_s) if handoff else None

    async def command(self, record: CommandRecord[Any], first: First, timeout_s: float) -> bool:
        """See `dispatch.ports.Handoff`."""
        handoff = await self._connected()
        return await handoff.command(record, first, timeout_s) if handoff else False

    async def kept(self, step: Provisional) -> TaskKept:
        """See `dispatch.ports.Handoff`."""
        handoff = await self._connected()
        return await handoff.kept(step) if handoff else TaskKept.AWAY

    async def restart(self, key: str, actor: str, reason: str) -> str | None:
        """See `dispatch.ports.Handoff`."""
        handoff = await self._connected()
        return await handoff.restart(key, actor, reason) if handoff else None

    async def status(self, key: str, timeout_s: float) -> StatusAnswer | None:
        """See `dispatch.ports.Handoff`."""
        handoff = await self._connected()
        return await handoff.status(key, timeout_s) if handoff else None

    async def healthy(self) -> bool:
        """See `dispatch.ports.Handoff`."""
        handoff = await self._connected()
        return await handoff.healthy() if handoff else False

    async def _connected(self) -> TemporalHandoff | None:
        if self._handoff or self._connecting.locked():
            return self._handoff
        async with self._connecting:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    client = await connect(self._config.main_temporal)
            # The SDK has no narrower type than RuntimeError for a failed connection. A certificate may vanish later.
            except (RuntimeError, TimeoutError, UnusableSettings) as error:
                _log.warning("temporal is away", error=type(error).__name__)
                return None
            self._handoff = TemporalHandoff(client, self._database)
        return self._handoff
