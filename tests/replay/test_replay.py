"""Workflows that run when new code is deployed go on: every recorded history replays on the workflows as they are now,
and what each of them decides, task by task, is kept as a fingerprint that a change has to change too."""

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from domain.milestones.variants import PLANS, VariantPlan
from domain.orders.order_run import OrderRun
from schemas.base import System, Variant
from schemas.messaging.effects import Operation
from tests.replay.fingerprint import fingerprint
from tests.replay.gate import HISTORIES, Diverges, check, history_of, refusals
from tests.replay.interrupted import AMENDMENTS, INTERRUPTED, LINES
from tests.replay.record import FINGERPRINTS, NAMES, live
from tests.replay.scenarios import SCENARIOS
from tests.workflows.world import World
from workflows.runtime.effect_lanes import EffectLanes
from workflows.runtime.payloads import CONVERTER

BY_A_HEARTBEAT = ("WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED", "WORKFLOW_TASK_SCHEDULED")
"""A task that ends without a command, and another one at once."""
FILES = sorted(HISTORIES.glob("*.json"))


def test_every_scenario_is_recorded_and_has_its_fingerprint() -> None:
    assert {file.stem.split(".")[0] for file in FILES} == {*NAMES}
    assert {file.stem for file in FILES} == {file.stem for file in FINGERPRINTS.glob("*.txt")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    await check(history_of(file))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_fingerprint_is_that_of_the_history(file: Path) -> None:
    assert fingerprint(history_of(file)) == (FINGERPRINTS / f"{file.stem}.txt").read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_history_is_small_and_tells_nothing_of_the_machine(file: Path) -> None:
    text = file.read_text()
    assert len(text) < 150_000
    history = history_of(file)
    inside = [text, *(str(event) for event in history.events)]
    for trace in ("site-packages", "/home/", "/work/", '"identity"', '"stackTrace"'):
        assert not [part for part in inside if trace in part]


async def test_what_came_between_is_in_the_histories() -> None:
    """Each of the interrupted orders met what its scenario is there for."""
    kinds = {name: named(history_of(HISTORIES / f"{name}.json")) for name in INTERRUPTED}
    assert "WORKFLOW_TASK_FAILED" in kinds["lost_task"]
    assert "WORKFLOW_TASK_TIMED_OUT" in kinds["late_task"]
    assert " ".join(BY_A_HEARTBEAT) in " ".join(kinds["heartbeat"])
    assert " ".join([BY_A_HEARTBEAT[1], "TIMER_FIRED", BY_A_HEARTBEAT[2]]) in " ".join(kinds["overdue_heartbeat"])
    assert " ".join(["WORKFLOW_EXECUTION_SIGNALED"] * AMENDMENTS) in " ".join(kinds["thirty_amendments"])
    [begun] = await CONVERTER.decode(_input("restarted"), [OrderRun])
    assert (begun.run, begun.state is not None) == (2, True)
    [begun] = await CONVERTER.decode(_input("five_hundred_lines"), [OrderRun])
    assert len(begun.start.lines) == LINES


def named(history: WorkflowHistory) -> list[str]:
    """The kinds of its events."""
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]


def _input(name: str) -> Sequence[Payload]:
    [begun, *_] = history_of(HISTORIES / f"{name}.json").events
    return begun.workflow_execution_started_event_attributes.input.payloads


@pytest.mark.parametrize("name", ["plain", "direct_drop"])
async def test_the_code_still_decides_in_the_order_of_the_fingerprint(world: World, name: str) -> None:
    """When this fails, orders under way would do something else: see docs/howto/change-a-workflow.md."""
    lived = await live(name, world)
    assert fingerprint(lived[name]) == (FINGERPRINTS / f"{name}.txt").read_text()


async def test_a_changed_workflow_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary: the warehouse is not instructed any more, and the histories of open orders no longer fit."""
    centre = PLANS[Variant.DISTRIBUTION_CENTRE]
    turned = VariantPlan((Operation.TENDER_TRANSPORT,), centre.steps)
    monkeypatch.setitem(PLANS, Variant.DISTRIBUTION_CENTRE, turned)
    where = r"^order/erp-one/SO-\d+: task 1 \(events 1 to 8\), which heard workflow execution started and did"
    with pytest.raises(Diverges, match=where):
        await check(history_of(HISTORIES / "plain.json"))


async def test_the_gate_names_order_and_step_of_a_build_that_waits_before_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A canary: a build that waits for a random while before it works off what is owed, when that is much."""
    run = EffectLanes._run

    async def waits(lanes: EffectLanes, system: System) -> None:
        if len(lanes._owed[system]) > 1:
            await workflow.sleep(workflow.random().random())
        await run(lanes, system)

    monkeypatch.setattr(EffectLanes, "_run", waits)
    many, found = await refusals(_histories("plain", "amended", "held"))
    assert many == 3
    [amended, held] = found
    assert re.match(r"order/erp-one/SO-\d+: task 3 \(events 17 to 29\), which heard signal milestones", amended)
    assert "Nondeterminism" in held


async def test_a_random_number_that_is_drawn_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of effects, cases and steps come from what they are about, and not from the workflow's random numbers."""
    run, drawn = EffectLanes._run, []

    async def draws(lanes: EffectLanes, system: System) -> None:
        drawn.append(workflow.random().random())
        await run(lanes, system)

    monkeypatch.setattr(EffectLanes, "_run", draws)
    many, found = await refusals(_histories(*SCENARIOS))
    assert (many, found) == (len(SCENARIOS), [])
    assert drawn


async def _histories(*names: str) -> AsyncIterator[WorkflowHistory]:
    for name in names:
        yield history_of(HISTORIES / f"{name}.json")
