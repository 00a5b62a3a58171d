"""Lanes: effects on one system happen in order; a system that is down holds up its own lane and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow

from schemas.base import System
from schemas.messaging.effects import Effect, Operation

CarryOut = Callable[[Effect], Awaitable[None]]

LAST = frozenset({Operation.CONFIRM_CANCELLATION})
"""Says that every system has done its part, so it waits until nothing is owed on the other lanes."""


class EffectLanes:
    """One lane per system. `carry_out` must not raise. What confirms the whole waits until `answered` says that no
    system has refused its part."""

    def __init__(self, carry_out: CarryOut, answered: Callable[[], bool]) -> None:
        self._carry_out = carry_out
        self._answered = answered
        self._owed: dict[System, list[Effect]] = {}
        self._tasks: dict[System, asyncio.Task[None]] = {}
        self._stopped = False

    def put(self, effects: tuple[Effect, ...]) -> None:
        """Queue effects, each on its system's lane, in this order."""
        for effect in effects:
            self._owed.setdefault(effect.system, []).append(effect)
            task = self._tasks.get(effect.system)
            if not self._stopped and (task is None or task.done()):
                self._tasks[effect.system] = asyncio.create_task(self._run(effect.system))

    @property
    def idle(self) -> bool:
        """Nothing is owed."""
        return not any(self._owed.values())

    @property
    def mistake(self) -> BaseException | None:
        """The error that ended a lane by mistake. The workflow raises it: its task fails visibly, instead of owing for
        ever."""
        ended = [task for task in self._tasks.values() if task.done() and not task.cancelled()]
        return next((error for task in ended if (error := task.exception())), None)

    @property
    def owed(self) -> tuple[Effect, ...]:
        """Effects not yet carried out, lane by lane."""
        return tuple(effect for system in sorted(self._owed) for effect in self._owed[system])

    async def stop(self) -> None:
        """Stop every lane, for good: what is owed now and later, the next run carries out under the same keys."""
        self._stopped = True
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, system: System) -> None:
        lane = self._owed[system]
        while lane:
            if lane[0].operation in LAST:
                await workflow.wait_condition(lambda: self._answered() and not self._elsewhere(system))
            await self._carry_out(lane[0])
            lane.pop(0)

    def _elsewhere(self, system: System) -> bool:
        return any(self._owed[other] for other in self._owed if other != system)
