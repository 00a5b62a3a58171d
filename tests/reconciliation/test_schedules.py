"""The Schedules of reconciliation: made once, each with its interval, never overlapping, seen in the Temporal UI."""

from datetime import timedelta

from temporalio.client import Client, ScheduleOverlapPolicy

from activities.messaging.inbox_check import InboxActivities
from dispatch.temporal.schedules import INBOX_EVERY_S, OF_INBOX, ensure
from schemas.finance.reconciliation import ReconcileRun
from workflows.runtime.timeouts_and_retries import CATCH_UP

RUN = ReconcileRun(system="wms", target="SCHEDULED")


async def every(client: Client, run: ReconcileRun) -> timedelta:
    """How often a run is made."""
    [interval] = (await client.get_schedule_handle(run.workflow_id).describe()).schedule.spec.intervals
    return interval.every


async def test_a_schedule_is_made_once_and_follows_the_setting(temporal_client: Client) -> None:
    handle = temporal_client.get_schedule_handle(RUN.workflow_id)
    try:
        for _ in range(2):
            await ensure(temporal_client, [RUN], 900.0)
        policy = (await handle.describe()).schedule.policy
        assert (policy.overlap, policy.catchup_window) == (ScheduleOverlapPolicy.SKIP, CATCH_UP)
        await handle.pause(note="the warehouse moves")
        await ensure(temporal_client, [RUN], 60.0, adjust=False)
        assert await every(temporal_client, RUN) == timedelta(minutes=15)
        await ensure(temporal_client, [RUN], 60.0)
        assert await every(temporal_client, RUN) == timedelta(minutes=1)
        assert (await handle.describe()).schedule.state.paused, "people's pause stays"
    finally:
        await handle.delete()


async def test_the_inbox_is_looked_at_so_often_that_a_minute_is_kept() -> None:
    assert InboxActivities.after_s + 2 * INBOX_EVERY_S <= 60
    assert OF_INBOX.activity == "inbox"
