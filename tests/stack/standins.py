"""Small stand-in processes for the supervisor to run."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from stack.supervisor import Service

WITHIN_S = 120.0 if os.environ.get("SYNCLINE_NO_CACHE") else 60.0
"""How long a test waits for what always comes: a bound for what hangs, and no measure.

A worker without a cache has room for one workflow at a time, and a task that comes meanwhile may only be done after its
time-out of ten seconds; a test meets that a few times.
"""
IDLE = "import pathlib, signal; pathlib.Path({flag!r}).touch(); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + IDLE


def standin(directory: Path, name: str, script: str = IDLE, **changes: Any) -> Service:
    """A process that touches a flag file when it is up, which is its readiness."""
    flag = directory / f"{name}.up"

    async def ready() -> bool:
        return flag.exists()

    fields: dict[str, Any] = {
        "name": name,
        "argv": (sys.executable, "-S", "-c", script.format(flag=str(flag))),
        "log": directory / "logs" / f"{name}.log",
        "ready": ready,
    }
    return Service(**{**fields, **changes})


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], within_s: float = WITHIN_S) -> None:
    """Wait for a condition, and fail when it does not come."""
    async with asyncio.timeout(within_s):
        while True:
            outcome = condition()
            if outcome if isinstance(outcome, bool) else await outcome:
                return
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
