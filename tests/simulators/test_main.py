"""The process as the supervisor starts it."""

import asyncio
import os
import signal
import socket
import sys

import httpx
import pytest

from tests.simulators.network import AUTHORIZED, MASTER_SECRET, TOKEN, until

SECRETS = {"SYNCLINE_MASTER_SECRET": MASTER_SECRET, "SYNCLINE_SIM_TOKEN": TOKEN}


async def start(port: int, secrets: dict[str, str]) -> asyncio.subprocess.Process:
    """Start the systems as a process."""
    inherited = {name: value for name, value in os.environ.items() if name not in SECRETS}
    arguments = ("-m", "simulators", "--port", str(port), "--seed", "5", "--gateway-url", "http://127.0.0.1:9")
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=inherited | secrets, stderr=asyncio.subprocess.PIPE
    )


async def test_the_process_serves_and_stops_when_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await start(port, SECRETS)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

            async def healthy() -> bool:
                assert process.returncode is None
                try:
                    return (await client.get("/health")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(healthy)
            assert (await client.get("/erp/ledger", headers=AUTHORIZED)).json()["entries"] == []
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = await process.communicate()
    assert process.returncode == -signal.SIGTERM
    assert errors == b""


@pytest.mark.parametrize("missing", SECRETS)
async def test_without_its_secrets_it_does_not_start(missing: str) -> None:
    process = await start(1, {name: value for name, value in SECRETS.items() if name != missing})
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert missing.encode() in errors
