"""Decisions on re-plans, and demand signals in bulk, for planning; each is sent once."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import structlog

from connectors.ports import Call, Refused, ReplanPort, Unavailable
from schemas.planning.demand import MAX_SIGNALS_PER_CALL, PlanningSignals
from store.engine import Database
from store.planning import demand, governor
from store.planning.demand import OwedFigure

DECISIONS_AT_ONCE = 100
"""Decisions read at once; planners make fewer in an hour."""
CALL_TIMEOUT_S = 10.0
"""Seconds for a call in bulk: twice that of a single call."""
MAX_REASON = 300
"""Characters of a refusal that are kept: its first sentences."""
_log = structlog.get_logger("telling")


@dataclass(frozen=True)
class PlanningNotifier:
    """Tells planning of a region. What is owed is in tables: what is not told now is told at the next look."""

    database: Database
    port: ReplanPort

    async def notify(self, region: str, alive: Callable[[], None]) -> int:
        """Tell what is owed, as long as planning answers; how many decisions and signals that was. `alive` is called
        before each call."""
        sent = 0
        try:
            for owed in (self._decisions, self._signals):
                while count := await owed(region, alive):
                    sent += count
        except Unavailable as error:
            _log.warning("planning.away", region=region, error=str(error))
        return sent

    async def _decisions(self, region: str, alive: Callable[[], None]) -> int:
        async with self.database.connection() as connection:
            decisions = await governor.unreported(connection, region, DECISIONS_AT_ONCE)
        for decision in decisions:
            alive()
            refused = None
            try:
                call = Call(region, f"replan/{decision.proposal}", timeout_s=CALL_TIMEOUT_S)
                await self.port.decided(decision, call)
            except Refused as refusal:
                refused = str(refusal)[:MAX_REASON]
                _log.warning("decision.refused", region=region, proposal=decision.proposal)
            async with self.database.connection() as connection:
                await governor.mark_reported(connection, decision.proposal, refused)
        return len(decisions)

    async def _signals(self, region: str, alive: Callable[[], None]) -> int:
        async with self.database.connection() as connection:
            owed = await demand.unreported(connection, region, MAX_SIGNALS_PER_CALL)
        if owed:
            await self._send(region, owed, alive)
        return len(owed)

    async def _send(self, region: str, owed: list[OwedFigure], alive: Callable[[], None]) -> None:
        """Send rows, and note what came of them. A batch that is refused as a whole is halved, down to the row."""
        alive()
        async with self.database.transaction() as connection:
            await demand.asking(connection, owed)
        try:
            rows = tuple(it.signal for it in owed)
            call = Call(region, _key(owed), timeout_s=CALL_TIMEOUT_S)
            answer = await self.port.signal(PlanningSignals(region=region, rows=rows), call)
            refused = {it.key: it.code for it in answer.refused}
        except Refused as refusal:
            if len(owed) > 1:
                middle = len(owed) // 2
                await self._send(region, owed[:middle], alive)
                await self._send(region, owed[middle:], alive)
                return
            refused = {owed[0].signal.key: str(refusal)[:MAX_REASON]}
        if refused:
            _log.warning("signals.refused", region=region, rows=len(refused))
        async with self.database.transaction() as connection:
            await demand.mark_reported(connection, owed, refused)


def _key(owed: list[OwedFigure]) -> str:
    """The same rows under the same key."""
    return f"demand/{sha256(' '.join(it.signal.key for it in owed).encode()).hexdigest()[:32]}"
