"""The supervisor: order, readiness, restarts, a clean stop, and that nothing outlives it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from stack.supervisor import Phase, ServiceProgress, StartFailed, Supervisor
from tests.stack.standins import STUBBORN, alive, standin, until

OWNER = """
import asyncio, os, pathlib, sys
from stack.supervisor import Supervisor
from tests.stack.standins import standin

async def main(directory):
    supervisor = Supervisor([[standin(directory, "child")]])
    await supervisor.start()
    (directory / "pid.new").write_text(str(supervisor.pid("child")))
    (directory / "pid.new").rename(directory / "pid")
    await asyncio.Event().wait()

asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


async def test_starts_stage_by_stage_and_stops_in_reverse(tmp_path: Path) -> None:
    seen: list[ServiceProgress] = []
    first = standin(tmp_path, "first")
    once = standin(tmp_path, "once", "import pathlib; assert pathlib.Path({flag!r}).with_name('first.up').exists()")
    stages = [[first], [standin(tmp_path, "once", argv=once.argv, ready=None)], [standin(tmp_path, "last")]]
    supervisor = Supervisor(stages, seen.append)
    await supervisor.start()
    assert supervisor.is_ready("first")
    assert supervisor.is_ready("last")
    pids = [supervisor.pid("first"), supervisor.pid("last")]
    await supervisor.stop()
    await supervisor.stop()
    assert [(p.service, p.phase) for p in seen] == [
        ("first", Phase.STARTING),
        ("first", Phase.READY),
        ("once", Phase.STARTING),
        ("once", Phase.DONE),
        ("last", Phase.STARTING),
        ("last", Phase.READY),
        ("last", Phase.STOPPED),
        ("first", Phase.STOPPED),
    ]
    assert not any(alive(pid) for pid in pids)


async def test_restarts_what_was_killed_and_counts(tmp_path: Path) -> None:
    seen: list[ServiceProgress] = []
    supervisor = Supervisor([[standin(tmp_path, "a"), standin(tmp_path, "b")]], seen.append)
    await supervisor.start()
    try:
        for kills in (1, 2):
            before = supervisor.pid("a")
            os.kill(before, signal.SIGKILL)
            await until(lambda: supervisor.restarts["a"] == kills and supervisor.is_ready("a"))  # noqa: B023
            assert supervisor.pid("a") != before
            assert not alive(before)
        assert supervisor.restarts == {"a": 2, "b": 0}
        assert [p.restarts for p in seen if p.phase is Phase.READY and p.service == "a"] == [0, 1, 2]
    finally:
        await supervisor.stop()


async def test_a_death_during_the_start_ends_it_with_the_log_and_stops_the_rest(tmp_path: Path) -> None:
    good, bad = standin(tmp_path, "good"), standin(tmp_path, "bad", "raise SystemExit('the port is taken')")
    supervisor = Supervisor([[good], [bad]])
    with pytest.raises(StartFailed, match=r"bad ended with exit code 1[\s\S]*the port is taken"):
        await supervisor.start()
    with pytest.raises(KeyError):
        supervisor.pid("good")


async def test_a_failing_one_shot_ends_the_start(tmp_path: Path) -> None:
    migrate = standin(tmp_path, "migrate", "raise SystemExit(3)", ready=None)
    with pytest.raises(StartFailed, match="migrate ended with exit code 3"):
        await Supervisor([[migrate]]).start()


async def test_a_process_that_never_gets_ready_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.supervisor.READY_WITHIN_S", 0.2)

    async def never() -> bool:
        return False

    with pytest.raises(StartFailed, match="mute was not ready"):
        await Supervisor([[standin(tmp_path, "mute", ready=never)]]).start()


async def test_one_that_ignores_the_stop_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.supervisor.STOP_WITHIN_S", 0.2)
    supervisor = Supervisor([[standin(tmp_path, "stubborn", STUBBORN)]])
    await supervisor.start()
    pid = supervisor.pid("stubborn")
    await supervisor.stop()
    assert not alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
async def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, str(tmp_path))
    try:
        await until((tmp_path / "pid").exists)
        child = int((tmp_path / "pid").read_text())
        assert alive(child)
    finally:
        owner.kill()
        await owner.wait()
    await until(lambda: not alive(child))
