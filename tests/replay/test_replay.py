"""Orders that are open when new code is deployed go on: every recorded history replays on the workflow as it is now."""

import asyncio
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from domain.variants import PLANS, Plan
from schemas.base import Variant
from schemas.effects import Operation
from tests.replay.record import HISTORIES
from tests.replay.scenarios import SCENARIOS
from workflows.order import OrderWorkflow
from workflows.payloads import CONVERTER
from workflows.sandbox import sandbox

FILES = sorted(HISTORIES.glob("*.json"))


async def replay(file: Path) -> None:
    """Replay one history on the workflow. Raises what does not fit."""
    replayer = Replayer(workflows=[OrderWorkflow], data_converter=CONVERTER, workflow_runner=sandbox())
    history = WorkflowHistory.from_json(f"order/{file.stem}", await asyncio.to_thread(file.read_text))
    await replayer.replay_workflow(history)


def test_every_scenario_is_recorded() -> None:
    assert {file.stem for file in FILES} == set(SCENARIOS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    await replay(file)


async def test_a_changed_workflow_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary: the warehouse is instructed after transport, and the histories of open orders no longer fit."""
    centre = PLANS[Variant.DISTRIBUTION_CENTRE]
    turned = Plan((Operation.TENDER_TRANSPORT,), centre.steps)
    monkeypatch.setitem(PLANS, Variant.DISTRIBUTION_CENTRE, turned)
    with pytest.raises(workflow.NondeterminismError):
        await replay(HISTORIES / "plain.json")
