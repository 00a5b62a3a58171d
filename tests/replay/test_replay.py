"""Workflows that run when new code is deployed go on: every recorded history replays on the workflows as they are now,
and what each of them decides, task by task, is kept as a fingerprint that a change has to change too."""

import asyncio
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from domain.variants import PLANS, Plan
from schemas.base import Variant
from schemas.effects import Operation
from tests.replay.compared import COMPARED
from tests.replay.fingerprint import fingerprint
from tests.replay.procured import PROCURED
from tests.replay.record import FINGERPRINTS, HISTORIES, live
from tests.replay.scenarios import SCENARIOS
from tests.workflow.world import World
from workflows.exception_case import ExceptionCaseWorkflow
from workflows.inbound import InboundWorkflow
from workflows.order import OrderWorkflow
from workflows.payloads import CONVERTER
from workflows.reconciliation import ReconciliationWorkflow
from workflows.replenishment import ReplenishmentWorkflow
from workflows.returns import ReturnWorkflow
from workflows.sandbox import sandbox

FILES = sorted(HISTORIES.glob("*.json"))


async def history_of(file: Path) -> WorkflowHistory:
    """A recorded history."""
    return WorkflowHistory.from_json(file.stem, await asyncio.to_thread(file.read_text))


async def replay(file: Path) -> None:
    """Replay one history on the workflow. Raises what does not fit."""
    replayer = Replayer(
        workflows=[
            OrderWorkflow,
            ExceptionCaseWorkflow,
            ReturnWorkflow,
            InboundWorkflow,
            ReplenishmentWorkflow,
            ReconciliationWorkflow,
        ],
        data_converter=CONVERTER,
        workflow_runner=sandbox(),
    )
    await replayer.replay_workflow(await history_of(file))


def test_every_scenario_is_recorded_and_has_its_fingerprint() -> None:
    assert {file.stem.split(".")[0] for file in FILES} == {*SCENARIOS, *PROCURED, *COMPARED}
    assert {file.stem for file in FILES} == {file.stem for file in FINGERPRINTS.glob("*.txt")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    await replay(file)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_fingerprint_is_that_of_the_history(file: Path) -> None:
    assert fingerprint(await history_of(file)) == (FINGERPRINTS / f"{file.stem}.txt").read_text()


@pytest.mark.parametrize("name", ["plain", "direct_drop"])
async def test_the_code_still_decides_in_the_order_of_the_fingerprint(world: World, name: str) -> None:
    """When this fails, orders under way would do something else: see docs/howto/change-a-workflow.md."""
    lived = await live(name, world)
    assert fingerprint(lived[name]) == (FINGERPRINTS / f"{name}.txt").read_text()


async def test_a_changed_workflow_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary: the warehouse is not instructed any more, and the histories of open orders no longer fit."""
    centre = PLANS[Variant.DISTRIBUTION_CENTRE]
    turned = Plan((Operation.TENDER_TRANSPORT,), centre.steps)
    monkeypatch.setitem(PLANS, Variant.DISTRIBUTION_CENTRE, turned)
    with pytest.raises(workflow.NondeterminismError):
        await replay(HISTORIES / "plain.json")
