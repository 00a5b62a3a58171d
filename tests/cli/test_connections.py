"""Connections and connectors at the command line: what there is, and what to repair."""

import asyncio
import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cli import main as cli
from cli.terminal import console
from connectors.registry import ADAPTERS
from tests.connectors.login_server import SECRET, login_server


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two warehouses, and an address for every ERP."""
    monkeypatch.setattr(console, "width", 300)
    login = {"scheme": "basic", "user": "u", "password": SECRET}
    warehouses = {
        "LYS": {"url": "http://user:hidden@127.0.0.1:9/api?key=hidden", "authentication": login},
        "PAR": {"url": "http://127.0.0.1:9", "adapter": "nobodys"},
    }
    monkeypatch.setenv("SYNCLINE_WMS", json.dumps(warehouses))
    monkeypatch.setenv("SYNCLINE_ERP", json.dumps({"*": {"url": "http://127.0.0.1:9/{id}", "token": SECRET}}))


def run(*words: str, code: int = 0) -> str:
    """Run a command; what it printed, in one line. It never holds a secret."""
    result = CliRunner().invoke(cli.app, words)
    text = " ".join(result.output.split())
    assert result.exit_code == code, (text, result.exception)
    assert SECRET not in text
    assert "hidden" not in text
    return text


def test_connections_are_listed_without_secrets() -> None:
    text = run("connection", "list")
    for said in ("wms/LYS", "http://127.0.0.1:9/api", "basic", "nobodys", "erp/*", "bearer"):
        assert said in text


def test_what_is_wrong_ends_with_one_and_says_what_to_mend() -> None:
    text = run("connection", "check", "wms/LYS", code=1)
    assert "ConnectionRefusedError" in text
    assert "start the system" in text


async def test_what_works_ends_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ADAPTERS, "standard", replace(ADAPTERS["standard"], probe="/fixed"))
    async with login_server() as system:
        monkeypatch.setenv("SYNCLINE_ERP", json.dumps({"*": {"url": system.url, "token": SECRET}}))
        assert "we may read /fixed" in await asyncio.to_thread(run, "connection", "check", "erp/*")
    assert system.served == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("connection", "check", "wms/ROM"), "there is no connection wms/ROM: there are erp/*, wms/LYS, wms/PAR"),
        (("connection", "check", "wms/PAR"), "there is no connector nobodys"),
        (("connection", "check", "erp/*"), "say which with --target"),
        (("connector", "show", "nobodys"), "there is no connector nobodys: there are standard"),
    ],
)
def test_what_is_not_there_is_told(words: tuple[str, ...], said: str) -> None:
    assert said in run(*words, code=1)


def test_every_connector_is_in_the_catalogue() -> None:
    text = run("connector", "list")
    for adapter in ADAPTERS.values():
        assert adapter.title in text
        shown = run("connector", "show", adapter.name)
        for operation in adapter.operations:
            assert operation.partition(".")[2] in shown
