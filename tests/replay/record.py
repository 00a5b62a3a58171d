"""Live every scenario once and keep its history: `python -m tests.replay.record`. Only when the workflow changed on
purpose and no open order needs its old histories any more; else they are the promise that open orders go on.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from temporalio.testing import WorkflowEnvironment

from stack.temporal import binary
from tests.replay.scenarios import SCENARIOS
from tests.workflow.conftest import options
from tests.workflow.world import world_on
from workflows.payloads import CONVERTER

HISTORIES = Path(__file__).parent / "histories"


def impersonal(value: Any) -> Any:
    """A history without what tells of the machine: who polled, and where in its files an error was raised."""
    if isinstance(value, list):
        return [impersonal(item) for item in value]
    if isinstance(value, dict):
        return {name: impersonal(item) for name, item in value.items() if name not in ("identity", "stackTrace")}
    return value


async def record() -> None:
    """Write one JSON file for each scenario."""
    async with (
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(binary()),
            dev_server_extra_args=options(),
            dev_server_log_level="error",
            data_converter=CONVERTER,
        ) as environment,
        world_on(environment.client) as world,
    ):
        for name, scenario in SCENARIOS.items():
            order = await scenario(world)
            await order.handle.result()
            history = await order.handle.fetch_history()
            kept = json.dumps(impersonal(json.loads(history.to_json())), indent=1)
            await asyncio.to_thread((HISTORIES / f"{name}.json").write_text, kept + "\n")


if __name__ == "__main__":
    asyncio.run(record())
