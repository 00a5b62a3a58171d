"""The command line against a gateway that listens."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
from typer.testing import CliRunner

from cli import main as cli
from cli.terminal import console
from tests.gateway.harness import Gateway, gateway_on
from tests.gateway.messages import release
from tests.gateway.trouble import open_case, propose
from tests.stack.standins import until


@dataclass
class Terminal:
    """A person at the command line, with the administrator's key, in a directory without a stack."""

    gateway: Gateway
    state_dir: Path

    async def __call__(self, *words: str, code: int = 0) -> str:
        """Run a command, expect this exit code, and return what it printed in one line of single spaces."""
        arguments = [*words, "--state-dir", str(self.state_dir)]
        result = await asyncio.to_thread(CliRunner().invoke, cli.app, arguments)
        text = " ".join(result.output.split())
        assert result.exit_code == code, (text, result.exception)
        return text


@pytest_asyncio.fixture
async def terminal(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Terminal]:
    """A terminal, and a gateway with an order that has a case and a proposal."""
    async with gateway_on(database_url) as gateway:
        server = uvicorn.Server(uvicorn.Config(gateway.app, port=0, lifespan="off", log_level="warning"))
        serving = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        monkeypatch.setenv("SYNCLINE_API_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("SYNCLINE_API_KEY", gateway.keys["root"])
        monkeypatch.setenv("SYNCLINE_DATABASE__MAIN__URL", database_url)
        monkeypatch.setattr(console, "width", 300)
        await gateway.post("/v1/orders", "erp-one", release())
        await open_case(gateway.database)
        await propose(gateway.database)
        yield Terminal(gateway, tmp_path)
        server.should_exit = True
        await serving
