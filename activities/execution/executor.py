"""The execution of every effect: through the gate, to the system, into the ledger."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import OperationalError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.execution.faults import as_application_error
from activities.execution.gate import Gate
from activities.execution.once import Ask, OnceGuard
from connectors.ports import Call, ConnectorError, OnceKind, OnceRule, Unavailable
from schemas.base import Origin
from schemas.messaging.effects import Effect, EffectReceipt
from schemas.messaging.instructions import Accepted
from schemas.messaging.order_effects import TenderTransport
from schemas.orders.release import OrderRelease
from store.engine import Database
from store.messaging import effects
from store.orders import amendments, orders, parties

BY_KEY = OnceRule()


@dataclass(frozen=True)
class Timeouts:
    """How long a call may take, in seconds: express calls hold up their order's workflow task, queued ones do not."""

    express_s: float = 1.0
    queued_s: float = 5.0


@dataclass(frozen=True)
class EffectExecutor:
    """Carries effects to one kind of system and keeps the ledger true. `rule`: how a call to a target counts once;
    `guard`: what makes calls whose system takes no key."""

    database: Database
    gate: Gate
    timeouts: Timeouts
    rule: Callable[[str], OnceRule] = lambda _: BY_KEY
    guard: OnceGuard | None = None

    async def execute(self, effect: Effect, target: str, ask: Ask) -> EffectReceipt:
        """Ask the system, then write the outcome to the ledger.

        A crash between the two repeats the call under the same key: the system answers as before, the ledger is
        written then. Raises ApplicationError with the origin as its type; an express attempt that finds no place or
        no answer declines instead, which is no error. An effect that is told otherwise since is not sent.
        """
        if not activity.info().is_local:
            return await self._ask(effect, target, ask, self.timeouts.queued_s)
        with self.gate.admit(effect.subject.erp) as admitted:
            if not admitted:
                return EffectReceipt(declined=True)
            try:
                return await self._ask(effect, target, ask, self.timeouts.express_s)
            except ApplicationError as error:
                if error.non_retryable:
                    raise
                return EffectReceipt(declined=True)

    async def release(self, effect: Effect, address_from: int | None = None) -> OrderRelease:
        """The order's release as an effect needs it, the same at every attempt: as it was accepted, with the address of
        the amendment of that inbox message."""
        async with self.database.connection() as connection:
            release = await orders.released(connection, effect.order)
            if address_from:
                ship_to = await amendments.address(connection, address_from)
                release = release.model_copy(update={"ship_to": ship_to or release.ship_to})
        return release

    async def grown_release(self, effect: Effect) -> OrderRelease:
        """The release as it has become, with every amendment: a return is about that."""
        async with self.database.connection() as connection:
            return await orders.release_of(connection, effect.order)

    async def _ask(self, effect: Effect, target: str, ask: Ask, timeout_s: float) -> EffectReceipt:
        async with self.database.connection() as connection:
            known = await effects.standing(connection, effect)
        if known.key is None:  # an earlier run of the workflow, or a lost attempt, had it done; or it is not wanted
            return known.receipt or EffectReceipt()
        counts = 1
        try:
            rule = self.rule(target)
            call = Call(target, known.key, effect.traceparent, timeout_s)
            if rule.kind is OnceKind.KEY or self.guard is None:
                async with asyncio.timeout(timeout_s):
                    accepted = await ask(call)
            else:
                counts = 0  # it is counted as it begins
                accepted = await self.guard.ask(effect, call, ask, rule, patient=not activity.info().is_local)
        except OperationalError:  # the database is away: nothing can be written down
            raise
        except TimeoutError:
            error = Unavailable(_api_origin(effect), f"{effect.system}: no answer in {timeout_s:g} s")
            raise await self._failed(effect, error, counts) from None
        except ConnectorError as error:
            raise await self._failed(effect, error, counts) from error
        except Exception as error:  # an answer that nobody thought of: whoever looks at the order must see it
            raise await self._failed(effect, _unforeseen(effect, error), counts) from None
        self.gate.succeeded()
        try:
            await self._done(effect, accepted, counts)
        except OperationalError:  # the database is away: nothing can be written down
            raise
        except Exception as error:  # an outcome that cannot be written is an outcome too
            raise await self._failed(effect, _unforeseen(effect, error), counts) from None
        return EffectReceipt(reference=accepted.reference, carrier=accepted.carrier)

    async def _done(self, effect: Effect, accepted: Accepted, counts: int) -> None:
        async with self.database.connection() as connection:
            # The carrier takes part from the moment it is offered the tender, so that its answer finds the order.
            asked = effect.payload.carrier if isinstance(effect.payload, TenderTransport) else ""
            carrier = accepted.carrier or asked
            if carrier:
                await parties.add_party(connection, effect.order, carrier)
            await effects.done(connection, effect, accepted.reference, counts, accepted.carrier)

    async def _failed(self, effect: Effect, error: ConnectorError, counts: int) -> Exception:
        if isinstance(error, Unavailable) and error.origin is not Origin.PLATFORM:
            self.gate.failed(error)
        async with self.database.connection() as connection:
            final = not isinstance(error, Unavailable)
            await effects.failed(connection, effect, error.origin, str(error), final=final, attempts=counts)
        return as_application_error(error)


def _api_origin(effect: Effect) -> Origin:
    return Origin(f"{effect.system}_api")


def _unforeseen(effect: Effect, error: Exception) -> Unavailable:
    """Of an error that no system announces: its kind alone, for its text may hold what was answered."""
    return Unavailable(Origin.PLATFORM, f"{effect.system}: what it answered cannot be taken: {type(error).__name__}")
