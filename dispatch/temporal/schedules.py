"""The Schedules of reconciliation: each system and target, the inbox, workflows, notices, our own books and the
audit trail. Each is made once and kept for ever."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from schemas.finance.reconciliation import (
    AUDIT,
    BOOKS,
    INBOX,
    NOTICES,
    OUTAGES,
    WORKFLOWS,
    ReconcileReport,
    ReconcileRun,
)
from schemas.queues import ORDERS_QUEUE
from workflows.runtime.timeouts_and_retries import CATCH_UP, TASK_TIMEOUT

OF_INBOX = ReconcileRun(system=INBOX, target="messages")
OF_WORKFLOWS = ReconcileRun(system=WORKFLOWS, target="open")
OF_NOTICES = ReconcileRun(system=NOTICES, target="messages")
OF_OUTAGES = ReconcileRun(system=OUTAGES, target="systems")
OF_BOOKS = ReconcileRun(system=BOOKS, target="own")
OF_AUDIT = ReconcileRun(system=AUDIT, target="trail")
AUDIT_EVERY_S = 60.0
"""Entries written since the last anchor could be cut off unnoticed: for this many seconds at most."""
INBOX_EVERY_S = 15.0
"""A message that has vanished is reported within a minute: it is late after half of one."""


async def ensure(client: Client, runs: Iterable[ReconcileRun], every_s: float, *, adjust: bool = True) -> None:
    """Make the Schedule of each run unless there is one. Its id is the run's; runs of one never overlap.

    `adjust`: one that there is gets this interval, should it have another one.
    """
    for run in runs:
        spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=every_s))])
        action = ScheduleActionStartWorkflow(
            "Reconciliation",
            run,
            id=run.workflow_id,
            task_queue=ORDERS_QUEUE,
            task_timeout=TASK_TIMEOUT,
            static_summary=f"compare with {run.system} {run.target}",
        )
        schedule = Schedule(
            action=action,
            spec=spec,
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
        )
        try:
            await client.create_schedule(run.workflow_id, schedule)
        except ScheduleAlreadyRunningError:
            if adjust:
                await client.get_schedule_handle(run.workflow_id).update(partial(_with_interval, spec))


def _with_interval(spec: ScheduleSpec, found: ScheduleUpdateInput) -> ScheduleUpdate | None:
    """The Schedule as it is, paused or not, with this interval; None when it has it."""
    schedule = found.description.schedule
    if [it.every for it in schedule.spec.intervals] == [it.every for it in spec.intervals]:
        return None
    return ScheduleUpdate(schedule=replace(schedule, spec=spec))


async def run_now(client: Client, run: ReconcileRun) -> ReconcileReport:
    """Compare now, and wait for what is found. Raises temporalio's WorkflowFailureError when it cannot be done."""
    report: ReconcileReport = await client.execute_workflow(
        "Reconciliation",
        run,
        id=f"{run.workflow_id}/by-hand",
        task_queue=ORDERS_QUEUE,
        result_type=ReconcileReport,
        task_timeout=TASK_TIMEOUT,
    )
    return report
