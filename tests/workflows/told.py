"""What tests of workflows are told: why a command was refused, and what a history holds.

The sandbox imports some worlds anew: these need no more than this of one another.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory

from schemas.workflows.steps import WorkflowStep
from tests.stack.standins import until
from workflows.runtime.timeouts_and_retries import NEXT_TASK


class CommandRefused(Exception):
    """A workflow refused a command; the reason."""


def keep(written: list[WorkflowStep[Any]], step: WorkflowStep[Any], *, lossy: bool) -> None:
    """Keep a step as the store does. Tasks that are lost are done again: what one wrote beyond the state that it began
    with is superseded. Without losses nothing is written twice, and a repeat would be seen."""
    if lossy:
        written[:] = [it for it in written if it.task.workflow != step.task.workflow or _stands(it, step)]
    written.append(step)


def _stands(earlier: WorkflowStep[Any], step: WorkflowStep[Any]) -> bool:
    if earlier.version > step.base:
        return False
    return earlier.version < step.version or earlier.model_dump() != step.model_dump()


async def stands(client: Client, written: list[WorkflowStep[Any]], *, lossy: bool) -> None:
    """Wait until the newest step counts: until the server has kept its task. One whose task is lost is done again, and
    what the test would look at is gone for that long. Without losses it counts as it is written."""
    if not lossy:
        return
    from dispatch.ports import TaskKept
    from dispatch.temporal.history import (
        HistoryReader,  # here, as the sandbox imports this module anew for its workflows
    )
    from store.messaging.heads import Provisional

    history = HistoryReader(client)

    async def kept() -> bool:
        newest = written[-1]
        task = newest.task
        look = await history.kept(Provisional(task.workflow, task.run, task.run_id, task.at, newest.version))
        return look is TaskKept.YES and newest is written[-1]

    await until(kept)


def carry_out(done: list[Any], effect: Any, *, lossy: bool) -> None:
    """Carry an effect out as systems do, which know what they did by its key: twice is once, and says the same."""
    known: Iterable[Any] = done if lossy else ()
    for it in known:
        if it.key == effect.key:
            assert it.digest == effect.digest, f"{effect.key} has two contents"
            return
    done.append(effect)


def named(history: WorkflowHistory) -> list[tuple[str, datetime]]:
    """Kind and time of each event, without the names' common beginning, and timers that only begin a task."""
    ticks = {
        event.timer_started_event_attributes.timer_id
        for event in history.events
        if event.HasField("timer_started_event_attributes")
        and event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta() <= NEXT_TASK
    }
    found = []
    for event in history.events:
        timer = event.timer_started_event_attributes.timer_id or event.timer_fired_event_attributes.timer_id
        if timer not in ticks:
            kind = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
            found.append((kind, event.event_time.ToDatetime()))
    return found
