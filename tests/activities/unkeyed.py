"""A system that takes no idempotency key, with a list that shows new records late, and ways to lose an answer."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum

from connectors.once import written_once
from connectors.ports import Call, Refused, Unavailable
from schemas.base import Origin
from schemas.messaging.instructions import Accepted


class Killed(BaseException):
    """The process is gone: nothing more of it is carried out."""


class Fault(StrEnum):
    """What befalls a write."""

    NONE = "none"
    LOST = "lost"
    """It is committed, and its answer never arrives."""
    SILENT = "silent"
    """It is committed, and nothing is answered until the caller gives up."""
    KILLED = "killed"
    """It is committed, and the caller dies."""
    KILLED_BEFORE = "killed_before"
    """The caller dies on its way."""
    UNREACHED = "unreached"
    """There is nobody at the address."""
    REFUSED = "refused"


@dataclass
class Unkeyed:
    """Its records are evidence: one for each write that was committed. `hidden_for`: looks that miss a new record."""

    faults: list[Fault] = field(default_factory=list)
    hidden_for: int = 0
    slow_s: float = 0.0
    records: list[str] = field(default_factory=list)
    looks: int = 0
    writes: int = 0
    repeated: list[bool] = field(default_factory=list)
    _unseen: dict[int, int] = field(default_factory=dict)

    async def look(self, reference: str) -> Accepted | None:
        """Find a record by our reference."""
        self.looks += 1
        for at, kept in enumerate(self.records):
            if kept == reference:
                self._unseen[at] = self._unseen.get(at, self.hidden_for) - 1
                if self._unseen[at] < 0:
                    return Accepted(reference=f"R-{at}")
        return None

    async def write(self, reference: str) -> Accepted:
        """Make a record."""
        self.writes += 1
        fault = self.faults.pop(0) if self.faults else Fault.NONE
        if fault is Fault.KILLED_BEFORE:
            raise Killed
        if fault is Fault.UNREACHED:
            raise Unavailable(Origin.TMS_API, "tms: ConnectError", undone=True)
        if fault is Fault.REFUSED:
            raise Refused(Origin.TMS_API, "tms: no_such_lane")
        await asyncio.sleep(self.slow_s)
        self.records.append(reference)
        if fault is Fault.KILLED:
            raise Killed
        if fault is Fault.SILENT:
            await asyncio.Event().wait()
        if fault is Fault.LOST:
            raise Unavailable(Origin.TMS_API, "tms: ReadError")
        return Accepted(reference=f"R-{len(self.records) - 1}")

    async def by_natural_key(self, call: Call, list_lag_s: float) -> Accepted:
        """As an adapter of such a system writes."""
        self.repeated.append(call.repeated)

        async def pause(_: float) -> None:
            await asyncio.sleep(0)

        return await written_once(call, lambda: self.look(call.key), lambda: self.write(call.key), list_lag_s, pause)
