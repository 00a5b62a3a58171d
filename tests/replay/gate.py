"""The gate before a deployment: do these histories replay on the code as it is now, and where does the first not fit?

python -m tests.replay.gate                              the recorded ones
python -m tests.replay.gate --address temporal:7233      those of every open workflow of an installation
"""

import argparse
import asyncio
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from tests.replay.fingerprint import fingerprint
from workflows.cases.exception_case import ExceptionCaseWorkflow
from workflows.finance.reconciliation import ReconciliationWorkflow
from workflows.orders.order import OrderWorkflow
from workflows.orders.returns import ReturnWorkflow
from workflows.procurement.purchase_order import InboundWorkflow
from workflows.procurement.replenishment import ReplenishmentWorkflow
from workflows.runtime.payloads import CONVERTER
from workflows.runtime.sandbox import sandbox

HISTORIES = Path(__file__).parent / "histories"
WORKFLOWS: tuple[type, ...] = (
    OrderWorkflow,
    ExceptionCaseWorkflow,
    ReturnWorkflow,
    InboundWorkflow,
    ReplenishmentWorkflow,
    ReconciliationWorkflow,
    # one workflow a line: `make workflow` writes above this one
)
OPEN = "ExecutionStatus = 'Running' AND WorkflowType IN ({})"
_WHY = re.compile(r'message: "((?:[^"\\]|\\.)*)"')


class Diverges(Exception):
    """Code decides otherwise than a history; says in which workflow, and in which of its tasks."""


def history_of(file: Path) -> WorkflowHistory:
    """A recorded history under its workflow's id."""
    read = WorkflowHistory.from_json(file.stem, file.read_text())
    started = read.events[0].workflow_execution_started_event_attributes
    return WorkflowHistory(started.workflow_id or file.stem, read.events)


def name_of(workflow: Any) -> str:
    """The name of a workflow's class in Temporal."""
    return str(workflow.__temporal_workflow_definition.name)


async def check(history: WorkflowHistory, workflows: Sequence[type] = WORKFLOWS) -> None:
    """Replay a history. Raises Diverges."""
    why = await _failure(history, workflows)
    if why is None:
        return
    ends = _ends_of_tasks(history.events)
    first, last = 0, len(ends) - 1
    while first < last:
        middle = (first + last) // 2
        if await _failure(_until(history, ends[middle]), workflows) is None:
            first = middle + 1
        else:
            last = middle
    raise Diverges(f"{history.workflow_id}: {_step(history, ends, first)}: {why}")


async def refusals(
    histories: AsyncIterator[WorkflowHistory], workflows: Sequence[type] = WORKFLOWS
) -> tuple[int, list[str]]:
    """How many histories there are, and what is wrong with each that does not replay."""
    many, found = 0, []
    async for history in histories:
        many += 1
        try:
            await check(history, workflows)
        except Diverges as error:
            found.append(str(error))
    return many, found


async def _failure(history: WorkflowHistory, workflows: Sequence[type]) -> str | None:
    replayer = Replayer(workflows=workflows, data_converter=CONVERTER, workflow_runner=sandbox())
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    if result.replay_failure is None:
        return None
    said = _WHY.search(str(result.replay_failure))
    return said.group(1) if said else f"{type(result.replay_failure).__name__}: {result.replay_failure}"


def _ends_of_tasks(events: Sequence[HistoryEvent]) -> list[int]:
    """How many events there are up to the end of each workflow task, its commands included."""
    completed = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    begun = [n for n, event in enumerate(events) if event.event_type == completed]
    ends = []
    for at in begun:
        end = at + 1
        while end < len(events) and _by_task(events[end]) == events[at].event_id:
            end += 1
        ends.append(end)
    return ends or [len(events)]


def _by_task(event: HistoryEvent) -> int:
    """The completed task whose command this event is; 0 for what happened to the workflow."""
    attributes = getattr(event, event.WhichOneof("attributes") or "", None)
    return int(getattr(attributes, "workflow_task_completed_event_id", 0))


def _until(history: WorkflowHistory, end: int) -> WorkflowHistory:
    return WorkflowHistory(history.workflow_id, history.events[:end])


def _step(history: WorkflowHistory, ends: Sequence[int], number: int) -> str:
    """A task in words: its place, what came before it, and what it did."""
    begin, end = ends[number - 1] if number else 0, ends[number]
    part = history.events[begin:end]
    heard = _counted(it for event in part if (it := _heard(event)))
    did = _counted(re.split("[,\\n] ?", fingerprint(WorkflowHistory(history.workflow_id, part)).strip()))
    return f"task {number + 1} (events {begin + 1} to {end}), which heard {heard} and did {did}"


def _counted(words: Iterable[str]) -> str:
    """What there is, and how often."""
    counts = Counter(word for word in words if word)
    return ", ".join(f"{many} x {word}" if many > 1 else word for word, many in counts.items()) or "nothing"


def _heard(event: HistoryEvent) -> str:
    kind = event.WhichOneof("attributes") or ""
    if kind == "workflow_execution_signaled_event_attributes":
        return f"signal {event.workflow_execution_signaled_event_attributes.signal_name}"
    happened = ("started", "fired", "completed", "failed", "timed_out", "signaled", "canceled")
    name = kind.removesuffix("_event_attributes")
    own = ("workflow_task_", "timer_started", "workflow_execution_completed", "activity_task_started")
    return name.replace("_", " ") if name.endswith(happened) and not name.startswith(own) else ""


async def _recorded(files: Iterable[Path]) -> AsyncIterator[WorkflowHistory]:
    for file in files:
        yield history_of(file)


async def _open(address: str) -> AsyncIterator[WorkflowHistory]:
    client = await Client.connect(address, data_converter=CONVERTER)
    names = ", ".join(f"'{name_of(workflow)}'" for workflow in WORKFLOWS)
    async for history in client.list_workflows(OPEN.format(names)).map_histories():
        yield history


def main() -> None:
    """Entry point: says what does not replay, and exits with 1 then."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", help="Temporal of the installation whose open workflows are replayed")
    address = parser.parse_args().address
    histories = _open(address) if address else _recorded(sorted(HISTORIES.glob("*.json")))
    many, found = asyncio.run(refusals(histories))
    print("\n".join([*found, f"{many - len(found)} of {many} histories replay"]))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
