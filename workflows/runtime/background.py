"""Work beside the story of a workflow, one piece after the other, so that nothing of it holds up the story."""

import asyncio
from collections.abc import Awaitable, Callable

Work = Callable[[], Awaitable[None]]


class Background:
    """Pieces of work that wait for their turn: a case to be opened or told, a return to be started."""

    def __init__(self) -> None:
        self._waiting: list[Work] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Nothing is left to do."""
        return not self._waiting

    @property
    def mistake(self) -> BaseException | None:
        """The error that ended the work by mistake; see `EffectLanes.mistake`."""
        done = self._task is not None and self._task.done() and not self._task.cancelled()
        return self._task.exception() if done and self._task else None

    def do(self, work: Work) -> None:
        """Do it after what waits already."""
        self._waiting.append(work)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._waiting:
            await self._waiting[0]()
            self._waiting.pop(0)
