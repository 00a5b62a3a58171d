"""The embedded PostgreSQL: as any user, durable or not."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stack.postgres import DATABASE, EmbeddedPostgres, binaries
from stack.state import Ports
from stack.supervisor import Service, StartFailed, Supervisor


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user may pass through."""
    with tempfile.TemporaryDirectory(prefix="syncline-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def nobody_may_run_postgres() -> bool:
    """Whether this test runs as root and PostgreSQL's files can be read by another user."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    probe = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(binaries() / "postgres"), "--version"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


async def settings_of(server: EmbeddedPostgres, directory: Path) -> dict[str, str]:
    """Start a server, ask it what it is, stop it."""
    service = Service(
        name="postgres",
        argv=server.argv(),
        log=directory / "postgres.log",
        ready=server.ready,
        prepare=server.prepare,
        stop_signal=signal.SIGINT,
    )
    supervisor = Supervisor([[service]])
    await supervisor.start()
    try:
        async with await psycopg.AsyncConnection.connect(server.url) as connection:
            rows = await connection.execute("SELECT name, setting FROM pg_settings")
            found: dict[str, str] = dict(await rows.fetchall())
            return found
    finally:
        await supervisor.stop()


@pytest.mark.parametrize(("durable", "waits"), [(True, "on"), (False, "off")])
async def test_durable_unless_told_otherwise(open_directory: Path, durable: bool, waits: str) -> None:
    server = EmbeddedPostgres(open_directory / "pg", Ports(anywhere=True).take(0), durable=durable)
    found = await settings_of(server, open_directory)
    assert (found["fsync"], found["synchronous_commit"], found["full_page_writes"]) == (waits, waits, waits)
    assert found["listen_addresses"] == "127.0.0.1"
    assert found["TimeZone"] == "UTC"
    assert (open_directory / "pg" / "data").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not nobody_may_run_postgres(), reason="needs root and an installation that others may read")
async def test_runs_as_nobody_where_namespaces_are_blocked(open_directory: Path) -> None:
    server = EmbeddedPostgres(open_directory / "pg", Ports(anywhere=True).take(0), use_namespace=False)
    await settings_of(server, open_directory)
    assert (open_directory / "pg" / "data").stat().st_uid == 65534


def test_a_data_directory_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "data.new").touch()
    with pytest.raises(StartFailed, match="data directory"):
        EmbeddedPostgres(tmp_path / "pg", 1).prepare()


def test_the_database_is_named_in_the_url() -> None:
    assert EmbeddedPostgres(Path("pg"), 5432).url == f"postgresql://syncline@127.0.0.1:5432/{DATABASE}"
