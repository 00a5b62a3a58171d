"""One attempt at a time, counted before it is made: for systems that take no idempotency key.

What is counted and not answered may have been done. With a natural key the adapter hears of it, and looks before it
writes. With neither nobody can look, so that people are asked instead: nothing is repeated blindly.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from connectors.ports import Call, ConnectorError, OnceKind, OnceRule, Refused, Unavailable, UnknownOutcome
from schemas.base import Origin
from schemas.messaging.effects import Effect
from schemas.messaging.instructions import Accepted
from store.engine import Database
from store.messaging import effects
from store.messaging.call_locks import CallLocks

Ask = Callable[[Call], Awaitable[Accepted]]
BUSY_S = 1.0
"""Until we ask again whether the other attempt has ended, in seconds: most calls take less."""


@dataclass(frozen=True)
class OnceGuard:
    """Makes calls whose system takes no key."""

    database: Database
    locks: CallLocks

    async def ask(self, effect: Effect, call: Call, ask: Ask, rule: OnceRule, *, patient: bool) -> Accepted:
        """Make one attempt.

        Args: `patient`: there is time to look for what an earlier attempt may have written. Else that is left to an
        attempt that has it. Raises what the system says, and Unavailable of the origin `platform` while another
        attempt is under way. Raises UnknownOutcome when it may have been done, and the system has no natural key.
        """
        async with self.locks.hold(call.key) as mine:
            if not mine:
                raise Unavailable(Origin.PLATFORM, f"{effect.system}: another attempt is under way", BUSY_S)
            async with self.database.connection() as connection:
                known = await effects.begin(connection, effect)
            if known.final and rule.kind is OnceKind.NEITHER:  # the workflow asks again, as its task was lost
                raise Refused(Origin(known.final), known.said)
            if known.before and rule.kind is OnceKind.NEITHER:
                raise unknown(effect, call, known.said or "an attempt of which no answer was noted")
            if known.before and not patient:
                await self._uncount(effect)
                raise Unavailable(Origin.PLATFORM, f"{effect.system}: an earlier attempt has to be looked for")
            lag_s = rule.list_lag_s if known.before else 0.0
            call = replace(call, repeated=known.before > 0, timeout_s=call.timeout_s + lag_s)
            return await self._attempt(effect, call, ask, rule)

    async def _attempt(self, effect: Effect, call: Call, ask: Ask, rule: OnceRule) -> Accepted:
        try:
            async with asyncio.timeout(call.timeout_s):
                return await ask(call)
        except Unavailable as error:
            if error.undone:
                await self._uncount(effect)
            elif rule.kind is OnceKind.NEITHER:
                raise unknown(effect, call, str(error)) from None
            raise
        except ConnectorError:
            raise
        except TimeoutError:
            said = f"{effect.system}: no answer in {call.timeout_s:g} s"
            if rule.kind is OnceKind.NEITHER:
                raise unknown(effect, call, said) from None
            raise Unavailable(Origin(f"{effect.system}_api"), said) from None
        except Exception as error:
            if rule.kind is OnceKind.NEITHER:
                raise unknown(effect, call, f"an answer that cannot be taken: {type(error).__name__}") from None
            raise

    async def _uncount(self, effect: Effect) -> None:
        async with self.database.connection() as connection:
            await effects.undone(connection, effect)


def unknown(effect: Effect, call: Call, seen: str) -> UnknownOutcome:
    """Both sides of an outcome that nobody knows."""
    return UnknownOutcome(f"{effect.operation} as {call.key}", seen)
