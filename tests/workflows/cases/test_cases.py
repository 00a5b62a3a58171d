"""The case workflow on a server whose clock jumps: tiers, people, cures, and what support sees."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from schemas.cases.cases import CaseEntry, CaseState
from schemas.search_attributes import SEARCH_ATTRIBUTES
from tests.stack.standins import WITHIN_S, until
from tests.workflows.case_world import LATE, LATER, POLICY, Case, CaseWorld, OpensACase, case_world, until_set
from tests.workflows.conftest import options
from tests.workflows.told import CommandRefused
from workflows.cases.exception_case import ExceptionCaseWorkflow

UNASSIGNED = POLICY.model_copy(update={"unassigned_after_s": 900.0})


@pytest_asyncio.fixture(scope="module")
async def cases() -> AsyncIterator[CaseWorld]:
    async with case_world(*options("frontend.WorkflowTimeSkippingEnabled=true")) as world:
        yield world


@pytest_asyncio.fixture(scope="module")
async def restless_cases() -> AsyncIterator[CaseWorld]:
    """The same on a server that suggests to continue as new after a dozen events."""
    async with case_world(
        *options("frontend.WorkflowTimeSkippingEnabled=true", "limit.historyCount.suggestContinueAsNew=12")
    ) as world:
        yield world


async def refused(case: Case, verb: str, name: str = "r1", **fields: str) -> str:
    with pytest.raises(CommandRefused) as raised:
        await case.ask(verb, name, **fields)
    return str(raised.value)


async def test_it_climbs_in_order_with_one_notice_each(cases: CaseWorld) -> None:
    case = await cases.case()
    assert case.sent == [("0/email", "transport")]
    await case.wait(1.1)
    await until(lambda: len(case.sent) == 3)
    assert case.sent[1:] == [("1/email", "transport-manager"), ("1/chat", "transport-manager")]
    await case.wait(1)
    await until(lambda: len(case.sent) == 4)
    assert case.sent[3:] == [("2/email", "executive")]
    await case.wait(1000)
    await case.tell()
    await case.handle.result()
    assert len(case.sent) == 4
    assert [(step.tier, step.queue) for step in case.steps] == [
        (0, "transport"),
        (1, "transport-manager"),
        (2, "executive"),
        (2, "executive"),
    ]
    assert [step.version for step in case.steps] == sorted({step.version for step in case.steps})
    assert (await case.events()).count("TIMER_STARTED") == 2, "one timer for each tier, and none for what is last"


async def test_what_nobody_takes_moves_up(cases: CaseWorld) -> None:
    ignored, taken = await cases.case(UNASSIGNED), await cases.case(UNASSIGNED)
    await taken.ask("acknowledge")
    for case in (ignored, taken):
        await case.wait(0.5)
    await until(lambda: len(ignored.sent) == 3)
    assert (await ignored.status()).queue == "transport-manager"
    assert (await taken.status()).queue == "transport"
    assert len(taken.sent) == 1
    await taken.wait(1)
    await until(lambda: len(taken.sent) == 3)
    await ignored.wait(1)
    assert len(ignored.sent) == 3, "the tier that it came to early is not alerted again"


async def test_people_take_it_and_resolve_it(cases: CaseWorld) -> None:
    case = await cases.case()
    assert (await case.ask("acknowledge")).state == "acknowledged"
    assigned = await case.ask("assign", to="bob")
    assert (assigned.state, assigned.assignee, assigned.queue, assigned.tier) == ("assigned", "bob", "transport", 0)
    assert await case.status() == assigned
    await case.signal("assign", to="eve")
    done = await case.ask("resolve", reason="the carrier found it")
    assert done.state == "resolved"
    outcome = await case.handle.result()
    assert (outcome.id, outcome.state) == (case.start.id, CaseState.RESOLVED)
    assert [entry.what for entry in outcome.history[2:]] == [
        "acknowledged: seen",
        "assigned to bob: seen",
        "resolved: the carrier found it",
    ], "the same id is carried out once"
    last = case.steps[-1]
    assert (last.state, last.assignee, last.actions, last.next_at) == (CaseState.RESOLVED, "bob", (), None)
    assert last.acknowledged_at is not None
    assert last.closed_at is not None
    assert len({it.inbox_id for it in case.outcomes}) == len(case.outcomes)


async def test_an_acknowledged_case_still_climbs(cases: CaseWorld) -> None:
    case = await cases.case()
    await case.ask("acknowledge")
    await case.wait(2.5)
    await until(lambda: len(case.sent) == 4)
    assert (await case.status()).model_dump() == {
        "case": case.start.id,
        "state": "acknowledged",
        "tier": 2,
        "queue": "executive",
        "assignee": "",
    }


async def test_a_request_is_answered_when_it_is_written_down(cases: CaseWorld) -> None:
    case = await cases.case()
    back = asyncio.Event()
    cases.away[case.start.id] = until_set(back)
    asking = asyncio.create_task(case.ask("assign", to="bob"))

    async def assigned() -> bool:
        return (await case.status()).assignee == "bob"

    await until(assigned)
    assert not asking.done()
    back.set()
    assert (await asking).assignee == "bob"


async def test_what_is_refused_changes_nothing_but_its_message(cases: CaseWorld) -> None:
    case = await cases.case()
    before = await case.status()
    assert "say in `reason`" in await refused(case, "resolve")
    assert await case.status() == before
    assert case.steps[-1].notices == ()
    back = asyncio.Event()
    cases.away[case.start.id] = until_set(back)
    resolving = asyncio.create_task(case.ask("resolve", "last", reason="done"))

    async def resolved() -> bool:
        return (await case.status()).state == "resolved"

    await until(resolved)
    late = [
        asyncio.create_task(refused(case, verb, "late", reason="x")) for verb in ("acknowledge", "assign", "resolve")
    ]
    await case.signal("resolve", "last", reason="done")
    await until(lambda: _signals(case, 6))
    back.set()
    assert (await resolving).state == "resolved"
    for why in await asyncio.gather(*late):
        assert "it opens again by itself" in why
    assert (await case.handle.result()).state is CaseState.RESOLVED
    assert [it.event_id for it in case.outcomes].count("resolve last") == 1, "a repeat is left out"


async def _signals(case: Case, number: int) -> bool:
    return (await case.events()).count("WORKFLOW_EXECUTION_SIGNALED") >= number


async def test_a_cure_closes_it(cases: CaseWorld) -> None:
    case = await cases.case()
    await case.tell(note="delivered")
    outcome = await case.handle.result()
    assert outcome.state is CaseState.CURED
    assert [entry.what for entry in outcome.history[-2:]] == ["delivered", "cured: 2 days late"]
    assert case.sent == [("0/email", "transport")]


async def test_findings_are_grouped_and_the_clock_is_not_reset(cases: CaseWorld) -> None:
    case = await cases.case()
    due = case.steps[0].next_at
    assert due == case.start.opened_at + timedelta(hours=1)
    await case.wait(0.5)
    await case.tell(LATE, LATER)
    await until(lambda: len(case.steps) == 2)
    await case.tell(LATE, LATER, note="amended: quantity")
    await until(lambda: len(case.steps) == 3)
    await case.tell(LATE, LATER)
    assert {step.next_at for step in case.steps} == {due}
    assert case.steps[-1].findings == (LATE, LATER)
    assert [entry.what for entry in case.steps[-1].history[2:]] == ["joined: 5 days late", "amended: quantity"]
    await case.wait(0.6)
    await until(lambda: len(case.sent) == 3)
    assert len(case.steps) == 4, "the same findings again are no step"
    assert (await case.events()).count("TIMER_STARTED") == 2, "the first, and the one for the next tier"


async def test_a_case_that_opens_again_goes_on_with_its_history(cases: CaseWorld) -> None:
    case = await cases.case(POLICY.model_copy(update={"tell_customer": True}))
    await case.tell()
    ended = await case.handle.result()
    newer = case.start.policy.model_copy(update={"version": 8})
    again = await cases.case(newer, order=case.start.order, reopened=1, history=ended.history)
    await until(lambda: case.steps[-1].reopened == 1)
    reopened = case.steps[-1]
    assert [entry.what for entry in reopened.history] == [
        "opened: 2 days late",
        "alerted transport",
        "cured: 2 days late",
        "reopened (1): 2 days late",
        "alerted transport",
    ]
    assert [(step.state, step.reopened, step.policy_version) for step in case.steps] == [
        (CaseState.OPEN, 0, 7),
        (CaseState.CURED, 0, 7),
        (CaseState.OPEN, 1, 8),
    ]
    keys = {to: {notice.key for notice in case.notices if notice.to == to} for to in ("transport", "customer")}
    assert len(keys["transport"]) == 2, "its people are alerted again"
    assert len(keys["customer"]) == 1, "the customer is told once"
    assert again.start.workflow_id == case.start.workflow_id


async def test_the_customer_is_told_once(cases: CaseWorld) -> None:
    case = await cases.case(POLICY.model_copy(update={"tell_customer": True}))
    await case.wait(3)
    await until(lambda: len(case.sent) == 5)
    (told,) = [notice for notice in case.notices if notice.to == "customer"]
    assert (told.template, told.channel, told.tier) == ("customer_delay", "email", 0)


async def test_what_the_order_did_is_in_the_history(cases: CaseWorld) -> None:
    case = await cases.case()
    entry = CaseEntry(at=datetime.now(UTC), what="re_date: 2026-06-01", by="ann")
    for _ in range(2):
        await case.handle.signal(ExceptionCaseWorkflow.acted, entry)
    await until(lambda: case.steps[-1].history[-1] == entry)
    await case.tell()
    history = (await case.handle.result()).history
    assert history.count(entry) == 1


async def test_what_support_sees(cases: CaseWorld) -> None:
    case = await cases.case()
    await case.ask("assign", to="bob")
    shown = await case.attributes()
    assert {name: shown[name] for name in SEARCH_ATTRIBUTES if name in shown} == {
        "ExceptionKinds": ["delay"],
        "OpenCases": [case.start.id],
        "Site": "LYS",
        "Region": "EMEA",
        "Carrier": "carrier-alpha",
        "Priority": "3",
        "NextDue": case.start.opened_at + timedelta(hours=1),
    }
    page = await case.handle.query("__temporal_workflow_metadata")
    for text in ("**assigned**", "queue: transport", "assignee: bob", "to transport-manager", "2 days late (DN-1)"):
        assert text in str(page)
    assert "re_date, notify_customer" in str(page)
    assert "assigned to bob: seen (ann)" in str(page)
    await case.tell()
    await case.handle.result()
    closed = await case.attributes()
    assert "OpenCases" not in closed
    assert "NextDue" not in closed
    assert closed["ExceptionKinds"] == ["delay"]


async def test_a_case_outlives_the_order_that_opened_it(cases: CaseWorld) -> None:
    case = cases.unopened()
    opener = await cases.client.start_workflow(
        OpensACase.run, case.start, id=f"opens/{case.start.id}", task_queue="orders"
    )
    assert await opener.result() == case.start.workflow_id
    await until(lambda: bool(case.steps))
    assert await (await case.handle.describe()).static_summary() == f"delay on order {case.start.order}"
    assert await (await case.handle.describe()).static_details() == "2 days late"
    await case.tell()
    assert (await case.handle.result()).state is CaseState.CURED


async def test_a_database_that_is_away_is_waited_for(cases: CaseWorld) -> None:
    case = cases.unopened()
    asked: list[int] = []

    async def away() -> None:
        asked.append(1)
        if len(asked) < 4:
            raise ApplicationError("the database is away")

    cases.away[case.start.id] = away
    await case.open()
    await until(lambda: len(case.sent) == 1)
    assert (await case.ask("resolve", reason="done")).state == "resolved"
    assert "ACTIVITY_TASK_SCHEDULED" in await case.events()


async def test_a_case_of_many_runs_is_one_case(restless_cases: CaseWorld) -> None:
    case = await restless_cases.case()
    for number in range(8):
        answers = await asyncio.gather(*(case.ask("assign", f"r{number}-{n}", to=f"p{n}") for n in range(3)))
        assert {answer.state for answer in answers} == {"assigned"}
    assert (await case.handle.describe()).run_id != await _first_run(case)
    before = case.steps[-1].version
    await case.ask("assign", "r0-0", to="eve")
    assert case.steps[-1].version == before, "ids seen by an earlier run are not taken in again"
    await case.wait(2.5)
    await until(lambda: len(case.sent) == 4)
    await case.tell()
    outcome = await case.handle.result()
    assigned = [entry.what for entry in outcome.history if entry.what.startswith("assigned")]
    assert len(assigned) == 24
    assert len(case.sent) == len(set(case.sent)) == 4


async def test_what_is_asked_while_a_run_ends_is_not_lost(restless_cases: CaseWorld) -> None:
    case = await restless_cases.case()
    first = await _first_run(case)
    back = asyncio.Event()
    restless_cases.away[case.start.id] = until_set(back)
    asking = []
    for number in range(4):  # the first is being written down, the others wait for the next step
        asking.append(asyncio.create_task(case.ask("assign", f"r{number}", to=f"p{number}")))
        await until(lambda number=number: _signals(case, number + 1))
    back.set()
    async with asyncio.timeout(WITHIN_S):
        assert {answer.state for answer in await asyncio.gather(*asking)} == {"assigned"}
    await until(lambda: _another_run(case, first))
    del restless_cases.away[case.start.id]
    await case.tell()
    outcome = await case.handle.result()
    assigned = [entry.what for entry in outcome.history if entry.what.startswith("assigned")]
    assert assigned == [f"assigned to p{number}: seen" for number in range(4)]
    assert len({it.inbox_id for it in case.outcomes}) == len(case.outcomes) == 4


async def _first_run(case: Case) -> str | None:
    executions = case.world.client.list_workflows(f"WorkflowId = '{case.start.workflow_id}'")
    runs = [execution async for execution in executions]
    return min(runs, key=lambda run: run.start_time).run_id


async def _another_run(case: Case, first: str | None) -> bool:
    return (await case.handle.describe()).run_id != first
