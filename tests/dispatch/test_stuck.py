"""No message vanishes: one that a workflow cannot decode, whose workflow is gone, or that no relay takes is found."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.messaging.inbox_check import InboxActivities
from activities.messaging.signal_history import SIGNALS
from dispatch.handoff import TemporalHandoff
from dispatch.relay import Relay
from schemas.finance.reconciliation import INBOX, ReconcileReport, ReconcileRun
from schemas.orders.milestones import MilestoneEvent
from store.finance import reconciliation
from store.messaging import inbox, quarantine, stuck
from tests.dispatch.conftest import Desk, event
from tests.dispatch.standins import standing_in
from tests.stack.standins import until
from worker import WORKFLOWS

RUN = ReconcileRun(system=INBOX, target="messages")


@pytest.fixture
async def handoff(desk: Desk, temporal_client: Client) -> AsyncIterator[TemporalHandoff]:
    """The real handoff, with stand-in workflows that run."""
    async with standing_in(temporal_client):
        yield TemporalHandoff(temporal_client, desk.database)


async def check(desk: Desk, client: Client) -> ReconcileReport:
    """Look for what is not final, however young."""
    activities = InboxActivities(client, desk.database, after_s=0.0)
    report: ReconcileReport = await ActivityEnvironment().run(activities.inbox, RUN)
    return report


async def found(desk: Desk) -> dict[str, str]:
    """What is open of it, and what it is about."""
    async with desk.database.connection() as connection:
        return {x.subject: x.theirs for x in await reconciliation.listing(connection)}


async def messages(desk: Desk) -> list[dict[str, Any]]:
    """Events in the inbox, and what became of them."""
    async with desk.database.connection() as connection:
        cursor = await connection.execute(
            "SELECT id, state, reason, origin FROM inbox_message WHERE kind = 'event' ORDER BY id"
        )
        return await cursor.fetchall()


async def placed(desk: Desk, number: str) -> str:
    """An event that the relay has placed, with a handoff that tells nobody; returns the id it has."""
    await desk.accept("dhl", event("shipped", f"e-{number}", order=number))
    desk.handoff.down = True
    await desk.relay.once()
    return f"/partners/dhl#e-{number}"


async def running(desk: Desk, handoff: TemporalHandoff, number: str) -> str:
    """An order whose workflow runs."""
    key = await desk.order(number)

    async def promised() -> bool:
        return await handoff.release(key, 10.0) is not None

    await until(promised)
    return key


async def test_a_signal_that_the_workflow_cannot_decode_is_quarantined_and_can_be_replayed(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    key = await running(desk, handoff, "SO-UNDECODABLE")
    event_id = await placed(desk, "SO-UNDECODABLE")
    handle = temporal_client.get_workflow_handle(f"order/{key}")
    await handle.signal("milestones", [{"id": event_id, "kind": "of a newer contract"}])
    report = await check(desk, temporal_client)
    assert (report.compared, report.differences) == (1, 1)
    [message] = await messages(desk)
    assert (message["state"], message["origin"]) == ("quarantined", "transformation")
    assert message["reason"] == f"undecodable signal: order/{key}"
    assert (await check(desk, temporal_client)).compared == 0, "final"
    assert await found(desk) == {}
    async with desk.database.transaction() as connection:
        assert await quarantine.replay(connection, [message["id"]]) == 1
    desk.handoff.down = False
    await desk.relay.once()
    assert desk.handoff.heard(key) == ["e-SO-UNDECODABLE"], "placed anew"


async def told(desk: Desk, kind: str, workflow: str) -> int:
    """A message of which a workflow was told."""
    async with desk.database.transaction() as connection:
        new = inbox.NewMessage("erp-one", "api", kind, f"{kind} for {workflow}", "d", b"{}")
        [message] = await inbox.insert(connection, [new])
        await inbox.mark_delivered(connection, message, workflow, 3600.0)
    return message


async def test_what_no_workflow_can_read_is_found_whatever_the_workflow_is(desk: Desk, temporal_client: Client) -> None:
    """Purchase orders, cases and orders: documents and commands that the SDK drops, and those that it can read."""
    good = {"id": "x", "reason": "r"}
    who = {"by": "sam", "role": "support", "accepted_at": "2026-05-05T12:00:00Z"}
    lost, waiting = {}, {}
    for name, kind, signal in (
        ("inbound/erp-one/PO-1", inbox.DOCUMENT, "documents"),
        ("inbound/erp-one/PO-1", "order.act", "act"),
        ("case/erp-one/SO-1/delay/1", "case.assign", "assign"),
        ("order/erp-one/SO-1", "order.cancel", "cancel"),
    ):
        handle = await temporal_client.start_workflow(
            "Deaf", id=name, task_queue="nobody", id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING
        )
        message = await told(desk, kind, name)
        lost[message] = name
        newer = {"inbox_id": message, "of": "a newer contract"}
        await handle.signal(signal, [newer] if signal == "documents" else newer)
        if signal in ("assign", "cancel"):
            again = await told(desk, f"{kind} again", name)
            waiting[again] = "not answered"
            await handle.signal(signal, {"request": good, **who, "inbox_id": again})
    ended = await temporal_client.start_workflow("Deaf", id="case/erp-one/SO-2/delay/1", task_queue="nobody")
    await ended.terminate()
    waiting[await told(desk, "case.assign", ended.id)] = "workflow gone"
    await check(desk, temporal_client)
    rows = await desk.rows("SELECT id, state, reason FROM inbox_message ORDER BY id")
    assert {row["id"]: row["reason"] for row in rows if row["state"] == "quarantined"} == {
        message: f"undecodable signal: {name}" for message, name in lost.items()
    }
    await check(desk, temporal_client)
    assert await found(desk) == {f"message {message}": why for message, why in waiting.items()}
    for name in {*lost.values()}:
        await temporal_client.get_workflow_handle(name).terminate()


async def test_a_proposal_that_its_workflow_cannot_read_is_reported_at_once(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    name = "replenishment/planner/UNREADABLE"
    started = await temporal_client.start_workflow("Replenishment", "no start", id=name, task_queue="orders")
    message = await told(desk, inbox.PROPOSAL, name)

    async def reported() -> bool:
        report = await check(desk, temporal_client)
        return (await found(desk)).get(f"message {message}") == "workflow task fails" and bool(report.findings)

    await until(reported)
    await started.terminate()


def test_every_signal_of_every_workflow_is_known_to_the_check() -> None:
    taken: dict[str, list[Any]] = {}
    for one in WORKFLOWS:
        definition = workflow._Definition.must_from_class(one)
        for name, signal in definition.signals.items():
            if name and signal.arg_types:
                taken.setdefault(name, signal.arg_types)
                assert taken[name] == signal.arg_types, "no name has two meanings"
    assert {name: types[0] for name, types in taken.items()} == SIGNALS


async def test_an_event_whose_workflow_is_gone_is_settled(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    key = await running(desk, handoff, "SO-GONE")
    await placed(desk, "SO-GONE")
    await temporal_client.get_workflow_handle(f"order/{key}").terminate()
    assert (await check(desk, temporal_client)).differences == 1
    [message] = await messages(desk)
    assert (message["state"], message["reason"]) == ("routed", None), "the order is open: it waits for a new run"
    await desk.close(key)
    assert (await check(desk, temporal_client)).differences == 1
    [message] = await messages(desk)
    assert (message["state"], message["reason"]) == ("superseded", f"workflow gone: order/{key}")


async def test_an_event_that_a_workflow_has_not_answered_is_sent_again_and_stays_in_sight(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    await running(desk, handoff, "SO-SLOW")
    event_id = await placed(desk, "SO-SLOW")
    for _ in range(2):
        await check(desk, temporal_client)
    [(subject, why)] = (await found(desk)).items()
    assert (event_id in subject, why) == (True, "not answered")
    [message] = await messages(desk)
    assert message["state"] == "routed"


async def test_a_start_that_the_workflow_cannot_decode_is_reported_at_once_and_others_go_on(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    poisoned, healthy = await desk.order("SO-POISON", promised=False), await desk.order("SO-FINE", promised=False)
    await temporal_client.start_workflow("Order", "not a start", id=f"order/{poisoned}", task_queue="orders")
    await handoff.release(poisoned, 10.0)
    await desk.relay.once()
    [bad, good] = await desk.rows("SELECT inbox_id FROM order_view ORDER BY number DESC")

    async def reported() -> bool:
        report = await check(desk, temporal_client)
        return (await found(desk)).get(f"message {bad['inbox_id']}") == "workflow task fails" and bool(report.findings)

    await until(reported)
    assert await handoff.release(healthy, 10.0) is not None
    assert (await found(desk))[f"message {good['inbox_id']}"] in ("not answered", "stuck relay"), "only noted"
    await temporal_client.get_workflow_handle(f"order/{poisoned}").terminate()


@workflow.defn(name="Order", sandboxed=False)
class Stubborn:
    """An order that does not get beyond a step."""

    @workflow.run
    async def run(self) -> None:
        """Try for ever."""
        retry = RetryPolicy(initial_interval=timedelta(seconds=0.02), backoff_coefficient=1.0)
        await workflow.execute_activity("step", start_to_close_timeout=timedelta(seconds=5), retry_policy=retry)

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """Take note, and do nothing."""


@activity.defn(name="step")
async def broken() -> None:
    """Fail."""
    raise RuntimeError("broken")


async def test_an_activity_that_always_fails_is_reported_at_once(desk: Desk, temporal_client: Client) -> None:
    key = await desk.order("SO-STUBBORN")
    event_id = await placed(desk, "SO-STUBBORN")
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE inbox_message SET received_at = now() - interval '31 seconds'")
    activities = InboxActivities(temporal_client, desk.database)
    async with Worker(temporal_client, task_queue="stubborn", workflows=[Stubborn], activities=[broken]):
        handle = await temporal_client.start_workflow("Order", id=f"order/{key}", task_queue="stubborn")

        async def reported() -> bool:
            report: ReconcileReport = await ActivityEnvironment().run(activities.inbox, RUN)
            named = (await found(desk)).get(f"event {event_id} of {key}")
            told = [it.subject for it in report.findings]
            return named == "activity fails" and told == [f"event {event_id} of {key}"]

        await until(reported)
        await handle.terminate()


async def test_what_may_pass_by_itself_waits_and_what_was_done_about_needs_nobody(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    await running(desk, handoff, "SO-SLOW-2")
    await placed(desk, "SO-SLOW-2")
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE inbox_message SET received_at = now() - interval '1 hour'")
    activities = InboxActivities(temporal_client, desk.database)
    report: ReconcileReport = await ActivityEnvironment().run(activities.inbox, RUN)
    assert (report.differences, report.explained, report.findings) == (1, 1, ())


async def test_a_message_that_no_relay_takes_is_reported_until_one_does(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    key = await running(desk, handoff, "SO-STUCK")
    [tried] = await desk.accept("dhl", event("shipped", "e-0", order="SO-STUCK"))
    [message] = await desk.accept("dhl", event("shipped", "e-1", order="SO-STUCK"))
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE inbox_message SET state = 'applied' WHERE id <> ALL(%s)", ([message, tried],))
        await connection.execute("UPDATE inbox_message SET attempts = 1 WHERE id = %s", (tried,))
    report = await check(desk, temporal_client)
    assert await found(desk) == {f"message {message}": "stuck relay", f"message {tried}": "not answered"}
    assert sorted(x.subject for x in report.findings) == sorted(f"message {it}" for it in (message, tried))
    await Relay(desk.database, desk.handoff, None).once()  # type: ignore[arg-type]
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE event_order SET state = 'applied'")
    await check(desk, temporal_client)
    assert await found(desk) == {}
    assert key


async def test_a_message_that_is_tried_again_and_again_is_late_all_the_same(desk: Desk) -> None:
    await desk.order("SO-TRIED", promised=False)
    tried = (
        "UPDATE inbox_message SET received_at = now() - interval '1 minute', not_before = now() + interval '1 minute'"
    )
    async with desk.database.connection() as connection:
        await connection.execute(tried.encode())
        assert await stuck.unplaced(connection, 30.0, 10) == [], "not due yet, and never tried"
        await connection.execute("UPDATE inbox_message SET attempts = 1")
        [late] = await stuck.unplaced(connection, 30.0, 10)
    assert late["workflow_id"] == "order/erp-one/SO-TRIED"
