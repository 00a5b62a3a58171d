"""A gateway under test: the real application on a real database, with order workflows that are stood in for."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
from fastapi import FastAPI

from dispatch.ports import CommandRefused, TaskKept
from dispatch.requests import CASE_VERBS, Answer, CommandRecord
from gateway.app import create_app
from gateway.http.auth import Gatekeeper
from schemas.base import Role
from schemas.orders.release import LinePromise, OrderStatus, Promise
from schemas.settings import Settings
from schemas.workflows.commands import CaseAnswer, CommandAnswer, ReturnAnswer
from schemas.workflows.lifecycle import StatusAnswer
from store.engine import Database
from store.messaging import verdicts
from store.messaging.heads import Provisional
from store.messaging.verdicts import First
from store.partners import partners
from store.seals import Seals

MASTER = "a master secret that is long enough to be one"
PARTNERS = {
    "erp-one": Role.ERP,
    "erp-two": Role.ERP,
    "wms-dc1": Role.WMS,
    "tms": Role.TMS,
    "dhl": Role.CARRIER,
    "ups": Role.CARRIER,
    "acme": Role.SUPPLIER,
    "planner": Role.PLANNING,
    "helpdesk": Role.SUPPORT,
    "root": Role.ADMIN,
}


@dataclass
class StandInHandoff:
    """Workflows: `up` is whether Temporal answers; `refusal` is what every command is refused with.

    `slow`: commands are taken, and nothing is decided. `keeps`: whether tasks are found to be kept.
    """

    database: Database
    up: bool = True
    slow: bool = False
    keeps: TaskKept = TaskKept.YES
    refusal: str = ""
    looks: list[Provisional] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    commands: list[CommandRecord[Any]] = field(default_factory=list)
    restarted: list[tuple[str, str, str]] = field(default_factory=list)

    async def release(self, key: str, timeout_s: float) -> Promise | None:
        """Promise every order for one day."""
        self.released.append(key)
        day = date(2026, 3, 9)
        return Promise(promised_on=day, lines=(LinePromise(line=1, promised_on=day),)) if self.up else None

    async def command(self, record: CommandRecord[Any], first: First, timeout_s: float) -> bool:
        """Carry out, or refuse: the store has the verdict at once."""
        if self.up and not self.refusal:
            self.commands.append(record)
        if self.up and not self.slow:
            said = None if self.refusal else self._answer(record).model_dump(mode="json")
            async with self.database.transaction() as connection:
                await verdicts.settle_command(connection, first.id, self.refusal or None, said)
        return self.up

    async def kept(self, step: Provisional) -> TaskKept:
        """As it is set."""
        self.looks.append(step)
        return self.keeps

    def _answer(self, record: CommandRecord[Any]) -> Answer:
        if record.verb in CASE_VERBS:
            return CaseAnswer(case=record.key, state=f"{record.verb}d", tier=0, queue="transport", assignee="ann")
        if record.verb == "return":
            return ReturnAnswer(order=record.key, rma=record.request.id, state="authorised", packs=1)
        return CommandAnswer(order=record.key, status=OrderStatus.PROMISED, done=f"{record.verb} done")

    async def restart(self, key: str, actor: str, reason: str) -> str | None:
        """Begin it again, unless it runs."""
        if self.refusal:
            raise CommandRefused(self.refusal)
        self.restarted.append((key, actor, reason))
        return "1 workflow begun again, 0 messages brought back" if self.up else None

    async def status(self, key: str, timeout_s: float) -> StatusAnswer | None:
        """Every order waits for its pick-up."""
        return (
            StatusAnswer(
                order=key,
                status=OrderStatus.PROMISED,
                conditions=(),
                promised_on=date(2026, 3, 9),
                missing=(),
                owed=(),
                awaited="pick-up",
                due_at=datetime(2026, 3, 6, 12, tzinfo=UTC),
                failure="tms refused tender_transport",
            )
            if self.up
            else None
        )

    async def healthy(self) -> bool:
        """As it is set."""
        return self.up


@dataclass
class Gateway:
    """The application, a client for it, and a key for each partner."""

    app: FastAPI
    database: Database
    handoff: StandInHandoff
    client: httpx.AsyncClient
    keys: dict[str, str]

    def auth(self, partner: str) -> dict[str, str]:
        """The header that names a partner."""
        return {"Authorization": f"Bearer {self.keys[partner]}"}

    async def post(self, path: str, partner: str, body: Any, media_type: str = "application/json") -> httpx.Response:
        """Post JSON, or bytes as they are, as a partner."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=content, headers={**self.auth(partner), "Content-Type": media_type})

    async def get(self, path: str, partner: str) -> httpx.Response:
        """Get as a partner."""
        return await self.client.get(path, headers=self.auth(partner))

    def set_clock(self, clock: Callable[[], float]) -> None:
        """A new gatekeeper, which remembers nobody and reads this clock."""
        services = self.app.state.gateway
        gatekeeper = Gatekeeper(self.database, services.settings, clock)
        self.app.state.gateway = replace(services, gatekeeper=gatekeeper)

    def configure(self, **changes: Any) -> None:
        """From now on with other settings."""
        services = self.app.state.gateway
        self.app.state.gateway = replace(services, settings=services.settings.model_copy(update=changes))

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """Read the database."""
        async with self.database.connection() as connection:
            cursor = await connection.execute(query.encode())
            return await cursor.fetchall()

    async def inbox(self) -> list[dict[str, Any]]:
        """Everything in the inbox, oldest first."""
        return await self.rows("SELECT * FROM inbox_message ORDER BY id")


@asynccontextmanager
async def gateway_on(url: str, **changes: Any) -> AsyncIterator[Gateway]:
    """A gateway on a migrated database, with the partners above; `changes` are settings."""
    config = Settings(master_secret=MASTER, **changes)
    async with Database(url, 6, Seals.of(config)) as database:
        async with database.transaction() as connection:
            for partner, role in PARTNERS.items():
                await partners.add(connection, partner, role, f"Name of {partner}")
            keys = {partner: await partners.new_key(connection, partner, "test") for partner in PARTNERS}
        handoff = StandInHandoff(database)
        app = create_app(config, database, handoff)
        transport = httpx.ASGITransport(app=app)
        client = httpx.AsyncClient(transport=transport, base_url="http://gateway")
        async with client, app.state.gateway.waiting.listening():
            yield Gateway(app, database, handoff, client, keys)
