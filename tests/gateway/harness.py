"""A gateway under test: the real application on a real database, with order workflows that are stood in for."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
from fastapi import FastAPI

from gateway.app import create_app
from gateway.auth import Gatekeeper
from gateway.ports import CommandRefused
from gateway.requests import CASE_VERBS, Answer, CommandRecord
from schemas.base import Role
from schemas.commands import CaseAnswer, CommandAnswer, ReturnAnswer
from schemas.lifecycle import StatusAnswer
from schemas.orders import LinePromise, OrderStatus, Promise
from schemas.settings import Settings
from store import partners
from store.engine import Database

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
    """Workflows: `up` is whether Temporal answers; `refusal` is what every command is refused with."""

    up: bool = True
    refusal: str = ""
    released: list[str] = field(default_factory=list)
    commands: list[CommandRecord[Any]] = field(default_factory=list)

    async def release(self, key: str, timeout_s: float) -> Promise | None:
        """Promise every order for one day."""
        self.released.append(key)
        day = date(2026, 3, 9)
        return Promise(promised_on=day, lines=(LinePromise(line=1, promised_on=day),)) if self.up else None

    async def command(self, record: CommandRecord[Any], timeout_s: float) -> Answer | None:
        """Carry out, or refuse."""
        if self.refusal:
            raise CommandRefused(self.refusal)
        if not self.up:
            return None
        self.commands.append(record)
        if record.verb in CASE_VERBS:
            return CaseAnswer(case=record.key, state=f"{record.verb}d", tier=0, queue="transport", assignee="ann")
        if record.verb == "return":
            return ReturnAnswer(order=record.key, rma=record.request.id, state="authorised", packs=1)
        return CommandAnswer(order=record.key, status=OrderStatus.PROMISED, done=f"{record.verb} done")

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
    config = Settings(database_url=url, master_secret=MASTER, **changes)
    async with Database(url, size=6) as database:
        async with database.transaction() as connection:
            for partner, role in PARTNERS.items():
                await partners.add(connection, partner, role, f"Name of {partner}")
            keys = {partner: await partners.new_key(connection, partner, "test") for partner in PARTNERS}
        handoff = StandInHandoff()
        app = create_app(config, database, handoff)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            yield Gateway(app, database, handoff, client, keys)
