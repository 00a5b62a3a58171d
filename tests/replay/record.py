"""Live scenarios once and keep their histories: `python -m tests.replay.record`.

A history that is kept already stays: it is the promise that orders under way go on. `--replace NAME …` lives these
scenarios again, when a workflow was changed on purpose and no order needs the old history any more.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

from tests.replay.alone import ALONE
from tests.replay.fingerprint import fingerprint
from tests.replay.gate import HISTORIES
from tests.replay.interrupted import INTERRUPTED, losing_world
from tests.replay.procured import PROCURED
from tests.replay.scenarios import SCENARIOS
from tests.stack.standins import until
from tests.workflows.conftest import server
from tests.workflows.purchase_world import purchase_world
from tests.workflows.world import Order, World, world_on

FINGERPRINTS = Path(__file__).parent / "fingerprints"
NAMES = (*SCENARIOS, *INTERRUPTED, *PROCURED, *ALONE)
"""Every scenario."""


def impersonal(value: Any) -> Any:
    """A history without what tells of the machine: who polled, and where in its files an error was raised."""
    if isinstance(value, list):
        return [impersonal(item) for item in value]
    if isinstance(value, dict):
        return {name: impersonal(item) for name, item in value.items() if name not in ("identity", "stackTrace")}
    return value


async def live(name: str, world: World) -> dict[str, WorkflowHistory]:
    """Live a scenario to its end, and fetch its histories."""
    return await lived(name, await SCENARIOS[name](world))


async def lived(name: str, order: Order) -> dict[str, WorkflowHistory]:
    """When an order has ended: the histories of the order, its cases and its returns, each under its name."""
    world = order.world
    await order.handle.result()
    found = {name: await order.handle.fetch_history()}
    for case in sorted({record.id for record in world.cases[order.key]}):
        found[f"{name}.{case.split('/', 2)[2].replace('/', '-')}"] = await _fetch(order, f"case/{case}")
    for rma in sorted({record.rma for record in world.returns[order.key]}):
        found[f"{name}.return"] = await _fetch(order, f"return/{order.key}/{rma}")
    return found


async def _fetch(order: Order, workflow_id: str) -> WorkflowHistory:
    """The history of a workflow that ends, or rests."""
    handle = order.world.client.get_workflow_handle(workflow_id)

    async def rests() -> bool:
        last = (await handle.fetch_history()).events[-1]
        return last.WhichOneof("attributes") not in (
            "workflow_task_scheduled_event_attributes",
            "workflow_task_started_event_attributes",
            "workflow_execution_signaled_event_attributes",
        )

    await until(rests)
    return await handle.fetch_history()


async def record(replace: set[str]) -> None:
    """Write a history and a fingerprint for each workflow of each scenario that has none, or is to be replaced."""
    async with server() as client:
        async with world_on(client) as world:
            for name in _wanted(SCENARIOS, replace):
                _keep(name, await live(name, world))
        async with losing_world(client) as (world, faults):
            for name in _wanted(INTERRUPTED, replace):
                _keep(name, await lived(name, await INTERRUPTED[name](world, faults)))
        async with purchase_world(client) as purchases:
            for name in _wanted(PROCURED, replace):
                found = await PROCURED[name](purchases)
                _keep(name, {f"{name}{part}": history for part, history in found.items()})
        for name in _wanted(ALONE, replace):
            found = await ALONE[name](client)
            _keep(name, {f"{name}{part}": history for part, history in found.items()})


def _wanted(names: Iterable[str], replace: set[str]) -> list[str]:
    return [name for name in names if name in replace or not (HISTORIES / f"{name}.json").exists()]


def _keep(name: str, found: dict[str, WorkflowHistory]) -> None:
    for old in (*HISTORIES.glob(f"{name}.*"), *FINGERPRINTS.glob(f"{name}.*")):
        old.unlink()
    for file, history in found.items():
        kept = json.dumps(impersonal(json.loads(history.to_json())), separators=(",", ":"))
        (HISTORIES / f"{file}.json").write_text(kept + "\n")
        (FINGERPRINTS / f"{file}.txt").write_text(fingerprint(history))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replace", nargs="*", default=[], choices=[*NAMES, "all"], metavar="NAME")
    chosen = set(parser.parse_args().replace)
    FINGERPRINTS.mkdir(exist_ok=True)
    asyncio.run(record({*NAMES} if "all" in chosen else chosen))
    sys.stdout.flush()
    os._exit(0)  # threads of the SDK may still give objects back: an interpreter that is being finalized aborts then


if __name__ == "__main__":
    main()
