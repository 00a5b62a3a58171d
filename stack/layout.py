"""The whole local stack: which processes, on which ports, told what, in which order."""

import asyncio
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from schemas.connections import MAIN
from schemas.messaging.webhooks import webhook_secret_text
from schemas.settings import SIM_TOKEN, WORKER_HEALTH_PORT, Settings
from stack.postgres import APPLICATION, DATABASE, EmbeddedPostgres
from stack.probes import answers
from stack.state import AUDIT_ANCHORS, AUDIT_KEY, Ports, found, kept_secret, state_directory, write_private
from stack.supervisor import Service, ServiceProgress, Supervisor
from stack.temporal import TemporalServer
from stack.variables import environment

SOURCE = Path(__file__).resolve().parent.parent
STAGES = (("postgres", "temporal"), ("migrate", "simulators", "mail_server"), ("gateway", "worker"))
"""Every service by name. Those of one stage start together, when the stage before is ready."""
INFRASTRUCTURE = STAGES[0]
STAND_INS = frozenset({"simulators", "mail_server"})
"""Stand-ins for the outside world: other systems, and the mail server and chat of people."""
WHEREABOUTS = "stack.json"
"""File in the state directory that tells other commands where this stack's parts listen."""
SIMULATORS_SECRET = "SIMULATORS_TOKEN"  # noqa: S105 - its name
"""The variable of the simulators' secret, by which the registry's connections to them name it."""
ADMIN_KEY = "admin.key"
"""File in the state directory, for this user only, with the API key that other commands use."""

Detour = Callable[[str, str], AbstractAsyncContextManager[object]]
"""Listens at the first address and hands on to the second. Both are `host:port`."""


@dataclass(frozen=True)
class StackOptions:
    """What to start, and where. `only` names the services wanted; empty means all of `STAGES`.

    `ephemeral`: a temporary directory and random ports, both gone at the end, so that many stacks can run side by
    side. `fresh`: forget the databases of earlier runs. `durable=False` spares PostgreSQL the wait for the disk. `seed`
    makes the simulators' runs repeatable. A `detour` stands between Temporal and everybody who speaks to it.
    """

    state_dir: Path = Path(".syncline")
    ephemeral: bool = False
    fresh: bool = False
    durable: bool = True
    simulators: bool = True
    seed: int = 1
    only: tuple[str, ...] = ()
    detour: Detour | None = None

    def wants(self, service: str) -> bool:
        """Whether this service is to be started."""
        if service in STAND_INS and not self.simulators:
            return False
        return not self.only or service in self.only


@dataclass(frozen=True)
class Urls:
    """Addresses of a stack's parts, for browsers and clients."""

    gateway: str
    api_docs: str
    temporal_ui: str
    sims: str
    messages: str
    """Messages sent to people: mail, chat and events."""


class LocalStack:
    """A stack on this machine: its addresses, its settings, its processes. Made by `local_stack`."""

    def __init__(self, options: StackOptions, directory: Path, observe: Callable[[ServiceProgress], None]) -> None:
        ports = Ports(anywhere=options.ephemeral)
        self.options = options
        self.directory = directory
        self.admin_key = ""
        """Key of the control tower; see `keep_admin_key`."""
        self.postgres = EmbeddedPostgres(directory / "postgres", ports.take(54329), durable=options.durable)
        self.temporal = TemporalServer(directory / "temporal", ports.take(7233), ports.take(8233))
        self._detour_port = ports.take(7243) if options.detour else self.temporal.port
        gateway = f"http://127.0.0.1:{ports.take(8080)}"
        sims = f"http://127.0.0.1:{ports.take(8090)}"
        self._mail_server = f"http://127.0.0.1:{ports.take(8025)}"
        self._smtp_port = ports.take(1025)
        self.urls = Urls(gateway, f"{gateway}/docs", self.temporal.ui_url, sims, f"{self._mail_server}/received")
        self._worker_port = ports.take(8099)
        self._sim_token = kept_secret(directory, "simulator.token")
        values = self._values()
        self.settings = Settings(**values)
        self.env = {
            **environment(values),
            SIM_TOKEN: self._sim_token,
            SIMULATORS_SECRET: self._sim_token,
            WORKER_HEALTH_PORT: str(self._worker_port),
        }
        stages = [[self.service(name) for name in stage if options.wants(name)] for stage in STAGES]
        self._supervisor = Supervisor(stages, observe)

    async def start(self) -> None:
        """Start every service and wait until all are ready. Raises `stack.supervisor.StartFailed`."""
        await self._supervisor.start()

    async def stop(self) -> None:
        """Stop every service. May be called again."""
        await self._supervisor.stop()

    @property
    def restarts(self) -> Mapping[str, int]:
        """The number of restarts of each service since the start."""
        return self._supervisor.restarts

    def detour(self) -> AbstractAsyncContextManager[object]:
        """The proxy through which every process reaches Temporal while it is entered."""
        stand = self.options.detour
        return stand(self.settings.main_temporal.address, self.temporal.address) if stand else nullcontext()

    def keep_admin_key(self, key: str) -> None:
        """Remember the administrator's API key, which whoever started the stack has made, for other commands."""
        self.admin_key = key
        write_private(self.directory / ADMIN_KEY, key)

    def pid(self, name: str) -> int:
        """Process id of a service's latest start. Raises KeyError for a service that was not started."""
        return self._supervisor.pid(name)

    def is_ready(self, name: str) -> bool:
        """Whether a service is alive and has answered since its latest start."""
        return self._supervisor.is_ready(name)

    def log(self, name: str) -> Path:
        """The file that takes a service's output."""
        return self.directory / "logs" / f"{name}.log"

    def _values(self) -> dict[str, Any]:
        """Settings of this stack, by field name."""
        values: dict[str, Any] = {
            "database": {MAIN: {"url": self.postgres.url_of(DATABASE, APPLICATION)}},
            "temporal": {MAIN: {"address": f"127.0.0.1:{self._detour_port}", "ui_url": self.temporal.ui_url}},
            "master_secret": kept_secret(self.directory, "master.secret"),
            "audit_key": kept_secret(self.directory, AUDIT_KEY),
            "audit_anchors": str(self.directory / AUDIT_ANCHORS),
            "gateway_host": "127.0.0.1",
            "gateway_port": int(self.urls.gateway.rsplit(":", 1)[1]),
        }
        if self.options.simulators:
            for system, path in {"erp": "erp/{id}", "wms": "wms/{id}", "tms": "tms", "planning": "planning"}.items():
                values[system] = {"*": {"url": f"{self.urls.sims}/{path}", "token": self._sim_token}}
            values["erp"]["*"]["master_data"] = True
            values["stock_erp"] = {"*": "erp-main"}
            values["replays"] = True
            values["notify"] = self._to_the_mail_server(values["master_secret"])
        return values

    def _to_the_mail_server(self, master_secret: str) -> dict[str, Any]:
        """Channels to people that end in the mail room: chat room `room`, and webhook `events`."""
        events = {
            "url": f"{self._mail_server}/events/events",
            "secret": webhook_secret_text(master_secret, "mail_server"),
        }
        smtp = {"host": "127.0.0.1", "port": self._smtp_port, "tls": "none", "sender": "syncline@example.com"}
        return {
            "smtp": smtp,
            "chat": {"room": {"url": f"{self._mail_server}/chat/room"}},
            "webhooks": {"events": events},
        }

    def service(self, name: str) -> Service:
        """The command and settings of a service."""
        if name == "postgres":
            return Service(
                name=name,
                argv=self.postgres.argv(),
                log=self.log(name),
                ready=self.postgres.ready,
                prepare=self.postgres.prepare,
                stop_signal=signal.SIGINT,
            )
        if name == "temporal":
            return Service(
                name=name,
                argv=self.temporal.argv(),
                env=self.temporal.env(),
                log=self.log(name),
                ready=self.temporal.ready,
                prepare=self.temporal.prepare,
            )
        sims_port, mail_server_port = (url.rsplit(":", 1)[1] for url in (self.urls.sims, self._mail_server))
        simulators = ("--port", sims_port, "--seed", str(self.options.seed), "--gateway-url", self.urls.gateway)
        mail_server = ("--smtp-port", str(self._smtp_port), "--port", mail_server_port)
        migrate = self._python("migrate", "store.migrate", health=None)
        owner = environment({"database": {MAIN: {"owner_url": self.postgres.url}}})
        own = {
            "migrate": replace(migrate, env={**migrate.env, **owner}),
            "simulators": self._python("simulators", "simulators", *simulators, health=f"{self.urls.sims}/health"),
            "mail_server": self._python(
                "mail_server", "simulators.mail_server", *mail_server, health=self.urls.messages
            ),
            "gateway": self._python("gateway", "gateway", health=f"{self.urls.gateway}/health/ready"),
            "worker": self._python("worker", "worker", health=f"http://127.0.0.1:{self._worker_port}/health"),
        }
        return own[name]

    def _python(self, name: str, module: str, *arguments: str, health: str | None) -> Service:
        """A process of our own: `python -m module`. Without `health` it is a one-shot."""
        return Service(
            name=name,
            argv=(sys.executable, "-m", module, *arguments),
            log=self.log(name),
            ready=None if health is None else lambda: answers(health),
            env={**self.env, "PYTHONUNBUFFERED": "1"},
            cwd=SOURCE,  # holds the packages, in a checkout as in an installation
        )


@asynccontextmanager
async def local_stack(
    options: StackOptions, observe: Callable[[ServiceProgress], None] = lambda progress: None
) -> AsyncIterator[LocalStack]:
    """Start the stack, yield it, and stop it at the end of the block, also on Ctrl-C, SIGTERM and SIGHUP.

    Raises `stack.supervisor.StartFailed` with the log's last lines, and `stack.state.AlreadyRunning` when another stack
    uses the directory. Raises `stack.state.UnusableDirectory` when nothing can be kept there, and
    `stack.postgres.NotInstalled` when the wheels are missing.
    """
    with state_directory(None if options.ephemeral else options.state_dir) as directory, _end_as_ctrl_c():
        stack = LocalStack(options, directory, observe)
        forget = ("logs", "postgres", "temporal", AUDIT_ANCHORS) if options.fresh else ("logs",)
        for name in forget:
            shutil.rmtree(directory / name, ignore_errors=True)
        async with stack.detour():
            await stack.start()
            where = Whereabouts(
                stack.settings.main_database.url,
                stack.urls.gateway,
                stack.settings.main_temporal.address,
                stack.postgres.url,
            )
            write_private(directory / WHEREABOUTS, json.dumps(asdict(where)))
            try:
                yield stack
            finally:
                await stack.stop()


@dataclass(frozen=True)
class Whereabouts:
    """Addresses of a stack's parts that other commands need."""

    database_url: str
    gateway_url: str = ""
    temporal_address: str = ""
    database_owner_url: str = ""


def whereabouts(state_dir: Path) -> Whereabouts | None:
    """Of the stack that runs, or last ran, in this directory."""
    file = state_dir / WHEREABOUTS
    return Whereabouts(**json.loads(file.read_text())) if file.exists() else None


def local_master_secret(state_dir: Path) -> str | None:
    """The master secret of the stack in this directory."""
    return found(state_dir, "master.secret")


def local_admin_key(state_dir: Path) -> str | None:
    """The administrator's API key of the stack in this directory."""
    return found(state_dir, ADMIN_KEY)


def _interrupt() -> None:
    """Press Ctrl-C. A shell starts what runs in its background with Ctrl-C switched off."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def _end_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the program as Ctrl-C does, which unwinds every `async with`."""
    signals = (signal.SIGTERM, signal.SIGHUP) if threading.current_thread() is threading.main_thread() else ()
    loop = asyncio.get_running_loop()
    for each in signals:
        loop.add_signal_handler(each, _interrupt)
    try:
        yield
    finally:
        for each in signals:
            loop.remove_signal_handler(each)
