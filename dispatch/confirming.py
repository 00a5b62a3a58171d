"""Confirms steps: a step counts once the server has kept the workflow task that wrote it.

Nearly always the next step says so. Looked for are the last step of a workflow, those of quiet ones, and those for
which somebody waits. The process that wrote a step expects its end, and asks nobody for it; a sweep finds what is left.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import structlog
from psycopg import OperationalError

from dispatch.ports import TaskKept
from schemas.workflows.steps import WorkflowStep
from store.engine import Database
from store.messaging import heads, history_checks
from store.messaging.heads import Provisional

EXPECTED_S, EXPECTED_MOST_S = 0.15, 3.0
"""Seconds after the last call of its task in which an expected step is looked at: the task has nearly always ended.
One that has not is looked at after the double each time, and left to the sweep beyond the most."""
UNASKED = 5
"""A step for which no caller waits is looked at later, by `EXPECTED_S` for each so many that are expected. Under load
its next step comes first and confirms it; a look costs the server as much as a signal."""
TICK_S = 0.1
"""Seconds between two looks into the process's own memory, which costs next to nothing."""
SWEEP_S = 0.5
"""Seconds between two sweeps: what waits for one is a second old, and its process has died or lost its patience."""
LIMIT = 100
"""Steps of one pass: few seconds of looking, so that new ones are not kept waiting."""
AT_ONCE = 8
"""Looks at the same time, of a process: each reads a page of history, at a few milliseconds of the server."""

_log = structlog.get_logger("confirming")


class _Expected(NamedTuple):
    step: Provisional
    after_s: float
    at: float


class Confirmer:
    """Looks whether tasks were kept, and confirms their steps. Never looks twice at the same step at the same time.

    Confirmations are written in groups: while some are written, the next ones gather.
    """

    def __init__(
        self,
        database: Database,
        look: Callable[[Provisional], Awaitable[TaskKept]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._look = look
        self._clock = clock
        self._looking: dict[Provisional, asyncio.Task[TaskKept]] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._expected: dict[str, _Expected] = {}
        self._calling: Counter[str] = Counter()
        self._ending: set[asyncio.Task[None]] = set()
        self._kept: list[Provisional] = []
        self._writing = asyncio.Lock()

    def expect(self, step: WorkflowStep[Any]) -> None:
        """A step was written by this process. Messages wait for its verdicts, or for those of a step before it."""
        task = step.task
        known = self._expected.pop(task.workflow, None)
        if step.outcomes or (known and known.step.version > task.kept):
            found = Provisional(task.workflow, task.run, task.run_id, task.at, step.version)
            asked = any(it.answer is not None for it in step.outcomes)
            after_s = EXPECTED_S if asked else min(EXPECTED_MOST_S, EXPECTED_S * (1 + len(self._expected) / UNASKED))
            self._expected[task.workflow] = _Expected(found, after_s, self._clock() + after_s)

    @contextmanager
    def calling(self, workflow: str) -> Iterator[None]:
        """While a task of a workflow calls systems, it goes on: its step is looked at when the last call has ended."""
        self._calling[workflow] += 1
        try:
            yield
        finally:
            self._calling[workflow] -= 1
            if not self._calling[workflow]:
                del self._calling[workflow]
            if known := self._expected.get(workflow):
                self._expected[workflow] = known._replace(at=self._clock() + known.after_s)

    async def confirm(self, step: Provisional) -> TaskKept:
        """Look once, or join the look that is under way; a step whose task was kept is confirmed."""
        task = self._looking.get(step)
        if task is None:
            task = self._looking[step] = asyncio.create_task(self._confirm(step))
            task.add_done_callback(lambda _: self._looking.pop(step, None))
        return await asyncio.shield(task)

    async def _confirm(self, step: Provisional) -> TaskKept:
        async with self._at_once:
            kept = await self._look(step)
        if kept is TaskKept.YES:
            self._kept.append(step)
            await self._write()
        return kept

    async def _write(self) -> None:
        """Confirm what was kept, with all that has gathered meanwhile. Confirmations that cannot be written are found
        by the sweep."""
        async with self._writing:
            kept, self._kept = self._kept, []
            if kept:
                async with self._database.connection() as connection:
                    await heads.confirm(connection, kept)

    def look_for_expected(self) -> set[asyncio.Task[None]]:
        """Begin to look at the steps of this process whose tasks should have ended by now. Returns all that
        are under way: one that hangs holds up no other."""
        now = self._clock()
        due = [it for key, it in self._expected.items() if it.at <= now and key not in self._calling]
        for it in due:
            del self._expected[it.step.workflow_id]
            task = asyncio.create_task(self._see(it))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        return set(self._ending)

    async def _see(self, it: _Expected) -> None:
        try:
            kept = await self.confirm(it.step)
        except OperationalError as error:
            _log.warning("confirming.database_away", error=type(error).__name__)
            return
        after_s = it.after_s * 2
        if kept is TaskKept.NOT_YET and after_s <= EXPECTED_MOST_S:
            later = _Expected(it.step, after_s, self._clock() + after_s)
            self._expected.setdefault(it.step.workflow_id, later)

    async def sweep(self) -> int:
        """Look at what has waited, as far as it is this process's turn; how many steps there were."""
        async with self._database.connection() as connection:
            steps = await history_checks.due(connection, LIMIT)
        found = await asyncio.gather(*(self.confirm(step) for step in steps))
        for step, kept in zip(steps, found, strict=True):
            if kept is TaskKept.LOST:
                _log.warning("confirming.run_is_lost", workflow=step.workflow_id, run=step.run_id)
        return len(steps)

    async def run(self) -> None:
        """Look for ever. A database that is away is waited for."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._expecting())
            both.create_task(self._sweeping())

    async def _expecting(self) -> None:
        while True:
            self.look_for_expected()
            await asyncio.sleep(TICK_S)

    async def _sweeping(self) -> None:
        while True:
            try:
                more = await self.sweep() == LIMIT
            except OperationalError as error:
                _log.warning("confirming.database_away", error=type(error).__name__)
                more = False
            if not more:
                await asyncio.sleep(SWEEP_S)
