"""How every effect is carried out: through the gate, to the system, into the ledger."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.faults import as_application_error
from activities.gate import Gate
from connectors.ports import Call, ConnectorError, KeyReused, Refused, Unavailable
from schemas.base import Origin
from schemas.effects import Effect, EffectReceipt
from schemas.instructions import Accepted
from schemas.orders import OrderRelease, OrderStatus
from store import effects, orders
from store.engine import Database

Ask = Callable[[Call], Awaitable[Accepted]]


@dataclass(frozen=True)
class Timeouts:
    """How long a call may take, in seconds: express calls hold up their order's workflow task, queued ones do not."""

    express_s: float = 1.0
    queued_s: float = 5.0


@dataclass(frozen=True)
class Carrier:
    """Carries effects to one system and keeps the ledger true."""

    database: Database
    gate: Gate
    timeouts: Timeouts

    async def carry(self, effect: Effect, target: str, ask: Ask) -> EffectReceipt:
        """Ask the system, then write the outcome to the ledger.

        A crash between the two repeats the call under the same key: the system answers as before, the ledger is
        written then. Raises ApplicationError with the origin as its type; an express attempt that finds no place or
        no answer declines instead, which is no error.
        """
        express = activity.info().is_local
        timeout_s = self.timeouts.express_s if express else self.timeouts.queued_s
        call = Call(target, effect.key, effect.traceparent, timeout_s)
        if not express:
            return await self._ask(effect, ask, call)
        with self.gate.admit(effect.order.split("/", 1)[0]) as admitted:
            if not admitted:
                return EffectReceipt(declined=True)
            try:
                return await self._ask(effect, ask, call)
            except ApplicationError as error:
                if error.non_retryable:
                    raise
                return EffectReceipt(declined=True)

    async def order_status(self, effect: Effect) -> OrderStatus | None:
        """The order's status as this effect tells it, the same at every attempt."""
        async with self.database.connection() as connection:
            return await effects.told_status(connection, effect)

    async def release(self, effect: Effect) -> OrderRelease:
        """The order's release as an effect needs it. Its first instructions are about the release as it was accepted,
        whenever they are carried out: what an amendment changed follows as a difference."""
        first = effect.key == f"{effect.order}/{effect.operation}"
        async with self.database.connection() as connection:
            return await (orders.released if first else orders.release_of)(connection, effect.order)

    async def _ask(self, effect: Effect, ask: Ask, call: Call) -> EffectReceipt:
        try:
            async with asyncio.timeout(call.timeout_s):
                accepted = await ask(call)
        except TimeoutError:
            error = Unavailable(_api_origin(effect), f"{effect.system}: no answer in {call.timeout_s:g} s")
            raise await self._failed(effect, error) from None
        except ConnectorError as error:
            if not await self._told_before(effect, error):
                raise await self._failed(effect, error) from error
            accepted = Accepted(reference="")
        self.gate.succeeded()
        async with self.database.connection() as connection:
            # The carrier takes part from the moment it is offered the tender, so that its answer finds the order.
            carrier = accepted.carrier or effect.carrier
            if carrier:
                await orders.add_party(connection, effect.order, carrier)
            await effects.done(connection, effect, accepted.reference, 1)
        return EffectReceipt(reference=accepted.reference, carrier=accepted.carrier)

    async def _told_before(self, effect: Effect, error: ConnectorError) -> bool:
        """Whether a lost attempt has done this, as it saw the order then: the system keeps to the first telling."""
        if not isinstance(error, KeyReused):
            return False
        async with self.database.connection() as connection:
            return await effects.restated(connection, effect)

    async def _failed(self, effect: Effect, error: ConnectorError) -> Exception:
        if isinstance(error, Unavailable):
            self.gate.failed(error)
        async with self.database.connection() as connection:
            await effects.failed(connection, effect, error.origin, str(error), final=isinstance(error, Refused))
        return as_application_error(error)


def _api_origin(effect: Effect) -> Origin:
    return Origin(f"{effect.system}_api")
