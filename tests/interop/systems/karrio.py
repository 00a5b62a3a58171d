"""Karrio 2026.1 from PyPI, on SQLite: an administrator, a key for us, and the generic carrier under two names.

Facts of karrio 2026.1 that this keeps to: `karrio-server-documents` is not installed, as it fetches style sheets from
the internet when it is imported; webhooks are sent by `karrio run_huey`, a process of its own; the generic carrier
cannot track, so a tracker is written by the Django shell, and told events through `inject-events`.
"""

import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

from tests.interop.systems.protocol import FOLDER, StartedSystem, ended, free_port, progress, venv_with

PARTS = (
    "",
    "-server",
    *(f"-server-{it}" for it in ("core", "proxy", "manager", "events", "graph", "orders", "pricing")),
)
RELEASE = "==2026.1.32"
CARRIERS = ("karrio-generic",)
START_S = 90.0
"""It listens after three seconds; on a busy machine after ten times as many, and its database may have to be copied."""
MAKE_KEY = """
from django.contrib.auth import get_user_model
from karrio.server.user.models import Token
user = get_user_model().objects.create_superuser("interop@example.com", {password!r})
print("KEY", Token.objects.create(user=user, test_mode=True).key)
"""
MAKE_TRACKER = """
from karrio.server.core import utils
from karrio.server.manager import models
from karrio.server.providers.models import CarrierConnection
bought = models.Shipment.objects.get(id={shipment!r})
carrier = CarrierConnection.objects.get(id=bought.carrier["connection_id"])
tracker = models.Tracking.objects.create(
    tracking_number=bought.tracking_number, shipment=bought, carrier=utils.create_carrier_snapshot(carrier),
    created_by=bought.created_by, test_mode=bought.test_mode, status="pending", delivered=False,
    events=utils.default_tracking_event(event_at=bought.updated_at), meta={{"carrier": bought.carrier_name}})
print("TRACKER", tracker.id)
"""


class RealKarrio:
    """See RealSystem."""

    name = "karrio"

    def __init__(self, folder: Path = FOLDER / "karrio") -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def install(self) -> None:
        """See RealSystem: packages, and a fresh database that each start copies."""
        packages = [*(f"karrio{part}{RELEASE}" for part in PARTS), *(f"{it}{RELEASE}" for it in CARRIERS)]
        programs, base = venv_with(self.folder, packages, self.name), self.folder / "base.sqlite3"
        if base.is_file():
            return
        progress(self.name, "making a database")
        began, data = time.monotonic(), self._fresh_data()
        with (self.folder / "migrate.log").open("wb") as log:
            said: list[str | Path] = [programs / "karrio", "migrate", "--noinput"]
            subprocess.run(said, check=True, env=self._environment(), stdout=log, stderr=log)
        shutil.copy(data / "karrio.sqlite3", base)
        progress(self.name, f"made in {time.monotonic() - began:.0f} s")

    def start(self) -> StartedSystem:
        """See RealSystem."""
        data, port, programs = self._fresh_data(), free_port(), self.folder / "venv" / "bin"
        shutil.copy(self.folder / "base.sqlite3", data / "karrio.sqlite3")
        key = self._shell(MAKE_KEY.format(password=secrets.token_urlsafe(16)), "KEY")
        bound, worker = ["--bind", f"127.0.0.1:{port}", "-w", "1"], ["-k", "karrio.server.workers.UvicornWorker"]
        commands: dict[str, list[str | Path]] = {
            "web": [programs / "gunicorn", "karrio.server.asgi", *bound, *worker],
            "tasks": [programs / "karrio", "run_huey", "-w", "1"],
        }
        for name, command in commands.items():
            with (self.folder / f"{name}.log").open("wb") as log:
                started = subprocess.Popen(command, env=self._environment(), cwd=data, stdout=log, stderr=log)
            self._processes.append(started)
        url = f"http://127.0.0.1:{port}"
        version = self._answering(url)
        ids = set_up(url, key)
        progress(self.name, f"{version} listens on {url}")
        return StartedSystem(url, version, {"key": key}, ids)

    def stop(self) -> None:
        """See RealSystem."""
        while self._processes:
            ended(self._processes.pop())

    def track(self, shipment: str) -> str:
        """Have a shipment tracked, as carriers do that can; returns the tracker's id."""
        return self._shell(MAKE_TRACKER.format(shipment=shipment), "TRACKER")

    def _shell(self, script: str, word: str) -> str:
        said = subprocess.run(
            [self.folder / "venv" / "bin" / "karrio", "shell"],
            input=script.encode(),
            env=self._environment(),
            check=True,
            capture_output=True,
        ).stdout.decode()
        return next(line.split()[1] for line in said.splitlines() if line.startswith(f"{word} "))

    def _fresh_data(self) -> Path:
        data = self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
        return data

    def _environment(self) -> dict[str, str]:
        data = f"{self.folder / 'data'}"
        ours = {"SECRET_KEY": "of-no-use-outside-this-test", "DEBUG_MODE": "False", "DATABASE_NAME": "karrio.sqlite3"}
        folders = dict.fromkeys(("WORK_DIR", "WORKER_DB_DIR", "LOG_DIR"), data)
        return {**os.environ, **ours, **folders, "STATIC_ROOT_DIR": f"{data}/static"}

    def _answering(self, url: str) -> str:
        until = time.monotonic() + START_S
        while True:
            try:
                return str(httpx.get(url, trust_env=False, timeout=10.0).json()["VERSION"])
            except (httpx.TransportError, ValueError, KeyError):
                if time.monotonic() > until or any(it.poll() is not None for it in self._processes):
                    self.stop()
                    raise
                time.sleep(0.2)


def asking(url: str, key: str) -> httpx.Client:
    """A client of Karrio's for evidence: it does not share a line with the connector."""
    return httpx.Client(base_url=url, headers={"Authorization": f"Token {key}"}, timeout=30.0, trust_env=False)


def set_up(url: str, key: str) -> dict[str, Any]:
    """Two connections of the generic carrier."""
    with asking(url, key) as http:
        for carrier in ("north", "south"):
            credentials = {"display_name": carrier.title(), "custom_carrier_name": carrier}
            said = {"carrier_name": "generic", "carrier_id": carrier, "credentials": credentials}
            http.post("/v1/connections", json=said).raise_for_status()
    return {"carriers": ("north", "south")}
