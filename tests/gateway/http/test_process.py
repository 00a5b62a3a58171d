"""`python -m gateway` as it is started in production, without Temporal; and with it."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from dispatch.client import LateHandoff
from schemas.base import Role
from schemas.connections import MAIN, TemporalSettings
from schemas.settings import Settings
from stack.layout import LocalStack
from store.engine import Database
from store.partners import partners
from tests.gateway.harness import MASTER
from tests.gateway.messages import release

ROOT = Path(__file__).parents[3]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def _started(database_url: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    port = _free_port()
    environment = {
        **os.environ,
        "SYNCLINE_DATABASE__MAIN__URL": database_url,
        "SYNCLINE_MASTER_SECRET": MASTER,
        "SYNCLINE_GATEWAY_PORT": str(port),
        "SYNCLINE_TEMPORAL__MAIN__ADDRESS": f"127.0.0.1:{_free_port()}",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            async with asyncio.timeout(60):
                while not await _answers(client):
                    assert process.returncode is None, "it ended before it answered"
                    await asyncio.sleep(0.05)
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health/live")).is_success
    except httpx.TransportError:
        return False


def _peak_mb(process: asyncio.subprocess.Process) -> float:
    """The most memory that a process has had, in MB; 0 where the system does not say."""
    if not Path(f"/proc/{process.pid}/status").exists():
        return 0
    [line] = [x for x in Path(f"/proc/{process.pid}/status").read_text().splitlines() if x.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


async def _send_a_header_without_end(client: httpx.AsyncClient) -> None:
    _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write(b"GET /health/live HTTP/1.1\r\nX-A: ")
    with pytest.raises(ConnectionError):
        for _ in range(64):
            writer.write(b"a" * 1_048_576)
            await writer.drain()
    writer.close()


async def test_it_serves_and_accepts_without_temporal_and_stops_clean(database_url: str) -> None:
    async with Database(database_url, 2) as database, database.transaction() as connection:
        await partners.add(connection, "erp-one", Role.ERP, "ERP")
        key = await partners.new_key(connection, "erp-one", "test")
    async with _started(database_url) as (process, client):
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()) == (200, {"database": "up", "temporal": "down"})
        answer = await client.post("/v1/orders", json=release(), headers={"X-API-Key": key})
        assert answer.status_code == 202
        large = await client.post("/v1/orders", content=b" " * 20_000_000, headers={"X-API-Key": key})
        assert large.status_code == 413
        before = _peak_mb(process)
        await _send_a_header_without_end(client)
        assert (await client.get("/health/live")).is_success
        assert _peak_mb(process) - before < 16
        process.send_signal(signal.SIGTERM)
        output, _ = await process.communicate()

    assert process.returncode in (0, -signal.SIGTERM)
    lines = [json.loads(line) for line in output.splitlines()]
    assert ("/v1/orders", 202) in [(line.get("route"), line.get("status")) for line in lines]
    async with Database(database_url, 2) as database, database.connection() as connection:
        cursor = await connection.execute("SELECT state FROM inbox_message")
        assert await cursor.fetchall() == [{"state": "received"}]


async def test_temporal_may_come_later(database_url: str, local_services: LocalStack) -> None:
    config = Settings(temporal={MAIN: TemporalSettings(address=f"127.0.0.1:{_free_port()}")})
    async with Database(database_url, 2) as database:
        handoff = LateHandoff(config, database)
        assert not await handoff.healthy()
        assert await handoff.release("erp-one/PO-1", 1.0) is None
        config.temporal = local_services.settings.temporal
        assert await handoff.healthy()
