"""The local stack: what it starts, what it tells its processes, and that the real servers come back after kill -9."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from schemas.search_attributes import SEARCH_ATTRIBUTES
from schemas.settings import Settings
from stack.layout import INFRASTRUCTURE, STAGES, LocalStack, StackOptions, local_stack
from stack.state import state_directory
from stack.variables import environment
from tests.stack.standins import alive, until


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No SYNCLINE_ variable from outside."""
    for name in [name for name in os.environ if name.startswith("SYNCLINE_")]:
        monkeypatch.delenv(name)
    yield


def layout(directory: Path, options: StackOptions) -> LocalStack:
    """The layout, with nothing started."""
    return LocalStack(options, directory, lambda progress: None)


def test_the_environment_carries_the_same_settings_to_the_processes(
    tmp_path: Path, clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = layout(tmp_path, StackOptions(ephemeral=True))
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    assert Settings() == stack.settings
    assert len(stack.settings.master_secret.get_secret_value()) >= 32
    assert stack.settings.erp["*"].url == f"{stack.urls.sims}/erp/{{id}}"
    assert stack.settings.wms["*"].url == f"{stack.urls.sims}/wms/{{id}}"
    assert stack.settings.tms["*"].token.get_secret_value() == stack.env["SYNCLINE_SIM_TOKEN"]
    assert stack.urls.gateway == f"http://127.0.0.1:{stack.settings.gateway_port}"


def test_secrets_survive_a_restart_of_the_stack(tmp_path: Path) -> None:
    first, second = (layout(tmp_path, StackOptions()) for _ in range(2))
    assert first.settings.master_secret == second.settings.master_secret
    assert first.settings.audit_key == second.settings.audit_key
    assert first.settings.audit_key != first.settings.master_secret


def test_without_simulators_the_systems_are_the_users_own(tmp_path: Path, clean_environment: None) -> None:
    stack = layout(tmp_path, StackOptions(ephemeral=True, simulators=False))
    assert stack.settings.erp == {}
    assert "SYNCLINE_ERP" not in stack.env
    assert "simulators" not in stack.restarts


def test_only_what_is_wanted_is_started(tmp_path: Path) -> None:
    assert set(layout(tmp_path, StackOptions(only=INFRASTRUCTURE)).restarts) == {"postgres", "temporal"}
    everything = {name for stage in STAGES for name in stage}
    assert set(layout(tmp_path, StackOptions()).restarts) == everything - {"migrate"}


def test_settings_become_environment_variables() -> None:
    assert environment({"gateway_port": 80, "erp": {"*": {"url": "u"}}, "log_level": "info"}) == {
        "SYNCLINE_GATEWAY_PORT": "80",
        "SYNCLINE_ERP": '{"*": {"url": "u"}}',
        "SYNCLINE_LOG_LEVEL": "info",
    }


def test_everybody_is_told_the_detour_and_only_it_is_told_the_server(tmp_path: Path) -> None:
    stood: list[tuple[str, str]] = []

    def detour(listen: str, target: str) -> AbstractAsyncContextManager[None]:
        stood.append((listen, target))
        return nullcontext()

    stack = layout(tmp_path, StackOptions(ephemeral=True, detour=detour))
    stack.detour()
    assert stood == [(stack.settings.main_temporal.address, stack.temporal.address)]
    assert len(set(stood[0])) == 2
    assert stack.env["SYNCLINE_TEMPORAL__MAIN__ADDRESS"] == stood[0][0]
    assert layout(tmp_path, StackOptions()).settings.main_temporal.address.endswith(":7233")


async def test_the_real_servers_come_back_with_what_they_knew(tmp_path: Path) -> None:
    options = StackOptions(state_dir=tmp_path / "state", only=INFRASTRUCTURE)
    async with local_stack(options) as stack:
        client = await Client.connect(stack.settings.main_temporal.address)
        await client.start_workflow("Sleeper", id="order/erp/1", task_queue="nobody")
        for name in INFRASTRUCTURE:
            os.kill(stack.pid(name), signal.SIGKILL)
            await until(lambda: stack.restarts[name] == 1 and stack.is_ready(name))  # noqa: B023
        assert (await client.get_workflow_handle("order/erp/1").describe()).status is not None
        listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="default"))
        assert set(SEARCH_ATTRIBUTES) <= set(listed.custom_attributes)
        del client
    with state_directory(tmp_path / "state"):
        assert (tmp_path / "state" / "temporal" / "temporal.db").stat().st_size > 0
    async with local_stack(options) as stack:
        client = await Client.connect(stack.settings.main_temporal.address)
        assert (await client.get_workflow_handle("order/erp/1").describe()).id == "order/erp/1"
        del client


async def _tables(database_url: str, statement: str = "SELECT") -> int:
    """How many tables of ours a database has, after a statement."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute(statement.encode())
        found = await connection.execute("SELECT count(*)::int FROM pg_tables WHERE schemaname = 'public'")
        row = await found.fetchone()
        assert row is not None
        return int(row[0])


async def test_a_fresh_start_forgets_the_databases_and_keeps_the_secrets(tmp_path: Path) -> None:
    options = StackOptions(state_dir=tmp_path / "state", durable=False, only=("postgres",))
    async with local_stack(options) as stack:
        secret = stack.settings.master_secret
        assert await _tables(stack.postgres.url, "CREATE TABLE kept (id int)") == 1
    async with local_stack(options) as stack:
        assert await _tables(stack.postgres.url) == 1
    async with local_stack(replace(options, fresh=True)) as stack:
        assert await _tables(stack.postgres.url) == 0
        assert stack.settings.master_secret == secret


def _temporary_directories() -> Iterator[Path]:
    return Path(tempfile.gettempdir()).glob("syncline-*")


OWNER = """
import asyncio, pathlib, signal, sys
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    usual = signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
    signal.signal(signal.Signals[name], signal.SIG_IGN if name in sys.argv[2:] else usual)
from stack.layout import StackOptions, local_stack

async def main(note):
    async with local_stack(StackOptions(ephemeral=True, durable=False, only=("postgres",))) as stack:
        note.with_suffix(".new").write_text(f"{stack.pid('postgres')} {stack.directory}")
        note.with_suffix(".new").rename(note)
        await asyncio.Event().wait()

try:
    asyncio.run(main(pathlib.Path(sys.argv[1])))
except KeyboardInterrupt:
    sys.exit(7)
"""


@pytest.mark.parametrize(
    ("how", "ignored"),
    [
        (signal.SIGINT, ()),
        (signal.SIGTERM, ()),
        (signal.SIGHUP, ()),
        (signal.SIGTERM, ("SIGINT",)),  # as a shell's script starts what ends with `&`: Ctrl-C is not for it
    ],
)
async def test_signals_stop_everything_and_leave_nothing(
    tmp_path: Path, how: signal.Signals, ignored: tuple[str, ...]
) -> None:
    """Whatever this process, and so its child, was started to ignore: the child says itself what it does."""
    note, before = tmp_path / "note", signal.signal(how, signal.SIG_IGN)
    try:
        owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, str(note), *ignored)
    finally:
        signal.signal(how, before)
    try:
        await until(note.exists)
        pid, directory = note.read_text().split()
        assert alive(int(pid))
        owner.send_signal(how)
        assert await owner.wait() == 7
    finally:
        if owner.returncode is None:
            owner.kill()
            await owner.wait()
    assert not alive(int(pid))
    assert directory not in {str(each) for each in _temporary_directories()}
