"""The way to a real system, on which answers are lost and callers die."""

from dataclasses import dataclass, field
from enum import StrEnum

import httpx

from tests.activities.unkeyed import Killed


class OnTheWay(StrEnum):
    """What befalls a request that changes something."""

    NOTHING = "nothing"
    LOST = "answer lost"
    KILLED = "killed after"
    KILLED_BEFORE = "killed before"


@dataclass
class FaultyWay(httpx.AsyncBaseTransport):
    """Hands requests to the real system. `plan`: what befalls the next changes, one after the other; then nothing."""

    plan: list[OnTheWay] = field(default_factory=list)
    met: list[OnTheWay] = field(default_factory=list)
    _inner: httpx.AsyncHTTPTransport = field(default_factory=lambda: httpx.AsyncHTTPTransport(trust_env=False))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        changes = request.method != "GET"
        fault = self.plan.pop(0) if changes and self.plan else OnTheWay.NOTHING
        if fault is not OnTheWay.NOTHING:
            self.met.append(fault)
        if fault is OnTheWay.KILLED_BEFORE:
            raise Killed
        answer = await self._inner.handle_async_request(request)
        if fault in (OnTheWay.LOST, OnTheWay.KILLED):
            await answer.aread()
            if fault is OnTheWay.KILLED:
                raise Killed
            raise httpx.ReadError("connection reset")
        return answer

    async def aclose(self) -> None:
        """See httpx."""
        await self._inner.aclose()
