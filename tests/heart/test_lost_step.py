"""Lost tasks change nothing; and a mutant of what sees to that is caught."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from schemas.workflows.steps import WorkflowStep
from store.engine import Connection
from store.messaging import heads
from store.messaging.heads import Head
from tests.heart.lost_step import STORIES, Desk, Story, amended, many_behind, more_behind, open_desk
from workflows.runtime import inputs
from workflows.runtime.inputs import CommandInput, Input, Inputs

FINISH, BUNDLE = heads.finish, Inputs.bundle


@pytest_asyncio.fixture
async def desk(database_url: str, temporal_client: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """The product on a database of its own."""
    async with open_desk(temporal_client, database_url, monkeypatch.setattr) as made:
        yield made


@pytest.mark.parametrize("story", STORIES, ids=lambda it: it.__name__)
async def test_a_lost_task_changes_nothing(desk: Desk, story: Story) -> None:
    assert await story(desk) == []


# Mutants


async def settled_at_once(connection: Connection, head: Head, step: WorkflowStep[Any]) -> None:
    """Settles a command in the task that took it in."""
    await FINISH(connection, head, step)
    await heads.settle_steps(connection, step.task.workflow, step.version)


def commands_first(self: Inputs) -> list[Input]:
    """Decides on commands before reports: what a key says depends on what has come behind a lost task."""
    self._opener = lambda it: isinstance(it, CommandInput)
    found = BUNDLE(self)
    self._opener = None
    return found


CANARIES = {
    "a command settled in the task that took it in": (heads, "finish", settled_at_once, amended, "before its task"),
    "a difference under a key": (Inputs, "bundle", commands_first, more_behind, "contents"),
    "a superseded step that stays booked": (heads, "repeated", lambda head, step: False, more_behind, "holds"),
    "an unbounded step": (inputs, "MOST_PER_STEP", 10**9, many_behind, "a step decides on"),
}


@pytest.mark.parametrize("name", CANARIES)
async def test_a_mutant_is_caught(desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    where, what, mutant, story, said = CANARIES[name]
    monkeypatch.setattr(where, what, mutant)
    found = await story(desk)
    assert any(said in it for it in found), found
