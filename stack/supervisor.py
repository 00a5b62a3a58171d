"""A small supervisor: starts processes stage by stage, waits until they are ready, restarts what dies, stops clean.

Nothing outlives it: on Linux the kernel kills each child when the supervisor's thread ends, however it ends.
"""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO

POLL_S = 0.05
"""Seconds between readiness questions: a stack starts without a visible wait."""
READY_WITHIN_S = 60.0
"""Seconds until a service must be ready, on a slow machine."""
STOP_WITHIN_S = 2.0
"""For all processes together: each gets an equal share of what is left, then SIGKILL."""
FIRST_RESTART_S = 0.1
"""Seconds before the first restart; doubled each time."""
MAX_RESTART_S = 2.0
"""Seconds between restarts at most."""
STEADY_S = 5.0
"""A process that lived this long restarts without added delay."""
LOG_TAIL_LINES, LOG_TAIL_WIDTH = 15, 300


class StartFailed(RuntimeError):
    """A process ended or stayed unready during the start. The message holds the last lines of its log."""


class Phase(StrEnum):
    """Reports of the supervisor about a service."""

    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    DIED = "died"
    STOPPED = "stopped"


@dataclass(frozen=True)
class ServiceProgress:
    """One step of one service. `took_s` is the time since its process was started."""

    service: str
    phase: Phase
    took_s: float = 0.0
    restarts: int = 0


@dataclass(frozen=True)
class Service:
    """A process to keep alive; or, without `ready`, one that must run to its end with exit code 0 (a one-shot).

    `prepare` is blocking work before the first start. `env` is added to the supervisor's own environment.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    ready: Callable[[], Awaitable[bool]] | None = None
    prepare: Callable[[], None] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM


def leashed(argv: Sequence[str], death_signal: str = "KILL") -> tuple[str, ...]:
    """The command, set to get a signal when its parent dies. Unchanged where the kernel has no such thing (macOS)."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", death_signal, "--", *argv) if setpriv else tuple(argv)


class Supervisor:
    """Runs stages of services: the services of a stage start together, a stage starts when the one before is ready."""

    def __init__(
        self, stages: Sequence[Sequence[Service]], observe: Callable[[ServiceProgress], None] = lambda progress: None
    ) -> None:
        self._stages = stages
        self._observe = observe
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._supervising: list[asyncio.Task[None]] = []
        self._ready: set[str] = set()
        self.restarts = {service.name: 0 for stage in stages for service in stage if service.ready}

    def pid(self, name: str) -> int:
        """Process id of the latest start of this service. Raises KeyError when it was not started."""
        return self._processes[name].pid

    def is_ready(self, name: str) -> bool:
        """Whether the service answered its readiness question since its latest start and is still alive."""
        return name in self._ready and self._processes[name].returncode is None

    async def start(self) -> None:
        """Start everything. Raises `StartFailed`, after stopping what had been started."""
        try:
            for stage in self._stages:
                async with asyncio.TaskGroup() as group:
                    for service in stage:
                        group.create_task(self._start(service))
        except BaseExceptionGroup as failures:
            await self.stop()
            raise failures.exceptions[0] from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything, last started first, within `STOP_WITHIN_S`. May be called again."""
        for task in self._supervising:
            task.cancel()
        await asyncio.gather(*self._supervising, return_exceptions=True)
        self._supervising.clear()
        self._ready.clear()
        services = [s for stage in self._stages for s in stage if s.name in self._processes]
        deadline = time.monotonic() + STOP_WITHIN_S
        while services:
            grace_s = max(0.0, deadline - time.monotonic()) / len(services)
            service = services.pop()
            await _end(self._processes[service.name], service.stop_signal, grace_s)
            if service.ready:
                self._report(service, Phase.STOPPED)
        self._processes.clear()

    async def _start(self, service: Service) -> None:
        began = time.monotonic()
        self._report(service, Phase.STARTING)
        if service.prepare:
            await asyncio.to_thread(service.prepare)
        process = await self._spawn(service)
        if service.ready:
            await self._until_ready(service, process, service.ready, began)
            self._supervising.append(asyncio.create_task(self._supervise(service, service.ready)))
        elif code := await process.wait():
            raise StartFailed(f"{service.name} ended with {_reason(code)}\n{_tail(service.log)}")
        else:
            self._report(service, Phase.DONE, began)

    async def _spawn(self, service: Service) -> asyncio.subprocess.Process:
        with _append(service.log) as log:
            process = await asyncio.create_subprocess_exec(
                *leashed(service.argv),
                env={**os.environ, **service.env},
                cwd=service.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for the supervisor, which stops them in order
            )
        self._processes[service.name] = process
        return process

    async def _until_ready(
        self,
        service: Service,
        process: asyncio.subprocess.Process,
        ready: Callable[[], Awaitable[bool]],
        began: float,
    ) -> None:
        while not await ready():
            if process.returncode is not None:
                raise StartFailed(f"{service.name} ended with {_reason(process.returncode)}\n{_tail(service.log)}")
            if time.monotonic() - began > READY_WITHIN_S:
                process.kill()
                raise StartFailed(f"{service.name} was not ready after {READY_WITHIN_S:.0f} s\n{_tail(service.log)}")
            await asyncio.sleep(POLL_S)
        self._ready.add(service.name)
        self._report(service, Phase.READY, began)

    async def _supervise(self, service: Service, ready: Callable[[], Awaitable[bool]]) -> None:
        """Restart the service whenever it dies, sooner if it had been steady."""
        delay_s = FIRST_RESTART_S
        began = time.monotonic()
        while True:
            await self._processes[service.name].wait()
            self._ready.discard(service.name)
            self._report(service, Phase.DIED, began)
            delay_s = FIRST_RESTART_S if time.monotonic() - began > STEADY_S else min(delay_s * 2, MAX_RESTART_S)
            await asyncio.sleep(delay_s)
            self.restarts[service.name] += 1
            began = time.monotonic()
            process = await self._spawn(service)
            with suppress(StartFailed):  # then the process is dead, and the next round starts it again
                await self._until_ready(service, process, ready, began)

    def _report(self, service: Service, phase: Phase, began: float | None = None) -> None:
        took_s = 0.0 if began is None else time.monotonic() - began
        self._observe(ServiceProgress(service.name, phase, took_s, self.restarts.get(service.name, 0)))


async def _end(process: asyncio.subprocess.Process, stop_signal: signal.Signals, grace_s: float) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(stop_signal)
    try:
        await asyncio.wait_for(process.wait(), grace_s)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _append(log: Path) -> IO[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return log.open("ab")


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(["", f"Last lines of {log}:", *(line[:LOG_TAIL_WIDTH] for line in lines[-LOG_TAIL_LINES:])])


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
