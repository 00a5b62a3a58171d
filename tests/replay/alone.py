"""Scenarios of workflows that need no world of stand-ins: each brings its own workers to a dev server."""

from collections.abc import Awaitable, Callable

from temporalio.client import Client, WorkflowHistory

from tests.replay.compared import reconciled

ALONE: dict[str, Callable[[Client], Awaitable[dict[str, WorkflowHistory]]]] = {
    "reconciled": reconciled,
    # one scenario a line: `make workflow` writes above this one
}
"""What lives a scenario, and gives its histories by what follows the scenario's name in their files."""
