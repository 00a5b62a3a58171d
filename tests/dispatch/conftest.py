"""A relay on a database of its own, with a handoff that notes what it is asked."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio

from dispatch.ports import Rest, SignalOutcome, SignalRefused, TaskKept
from dispatch.relay import Relay
from dispatch.requests import CommandRecord
from domain.orders.opening import opening
from domain.partners.parties import parties
from schemas.base import Contract, Role, Variant
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.release import OrderLine, OrderRelease, OrderStatus, Party, Promise
from schemas.workflows.steps import InputOutcome
from store.engine import Database
from store.messaging import heads, inbox, verdicts
from store.messaging.heads import Provisional
from store.messaging.inbox import NewMessage
from store.messaging.verdicts import First
from store.messaging.wake import Wake
from store.orders import orders, steps
from store.partners import partners
from tests import written
from tests.seals import SEALS

ANYBODY = "/partners/any"
"""Stands for the partner that says an event."""
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PARTNERS = {
    "erp-one": Role.ERP,
    "erp-two": Role.ERP,
    "wms-lys": Role.WMS,
    "tms": Role.TMS,
    "dhl": Role.CARRIER,
    "ups": Role.CARRIER,
    "acme": Role.SUPPLIER,
}


class Died(Exception):
    """Stands for the end of a process."""


@dataclass
class NotingHandoff:
    """Notes every signal and command. `gone`: workflows that do not run. `down`: Temporal does not answer.

    `rest`: what every workflow is found to be at. `poison`: ids of events that Temporal refuses. `refusal`: what every
    command is refused with; else it is carried out, unless it is `slow`.
    """

    database: Database | None = None
    signals: list[tuple[str, list[MilestoneEvent]]] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    commands: list[CommandRecord[Any]] = field(default_factory=list)
    looks: list[Provisional] = field(default_factory=list)
    refusal: str = ""
    gone: set[str] = field(default_factory=set)
    poison: set[str] = field(default_factory=set)
    rest: Rest = Rest.IDLE
    keeps: TaskKept = TaskKept.YES
    down: bool = False
    dies: bool = False
    slow: bool = False

    async def milestones(self, workflow_id: str, events: list[MilestoneEvent]) -> SignalOutcome:
        """Note a signal; to an order under its key."""
        if self.dies:
            raise Died
        if self.down:
            return SignalOutcome.AWAY
        if workflow_id in self.gone:
            return SignalOutcome.GONE
        if {event.id.rsplit("#", 1)[1] for event in events} & self.poison:
            raise SignalRefused("invalid_argument: it is too large")
        self.signals.append((workflow_id.removeprefix("order/"), events))
        return SignalOutcome.YES

    async def at_rest(self, workflow_id: str) -> Rest:
        """As it is set."""
        return self.rest

    async def kept(self, step: Provisional) -> TaskKept:
        """As it is set."""
        self.looks.append(step)
        return self.keeps

    async def release(self, key: str, timeout_s: float) -> Promise | None:
        """Note a release."""
        self.released.append(key)
        return None

    async def command(self, record: CommandRecord[Any], first: First, timeout_s: float) -> bool:
        """Note a command, and settle it."""
        self.commands.append(record)
        if self.down:
            return False
        assert self.database is not None
        async with self.database.transaction() as connection:
            if self.slow:
                await inbox.mark_delivered(connection, first.id, record.workflow_id, 30.0)
            else:
                await verdicts.settle(connection, first.id, self.refusal or None, {"done": "done"})
        return True

    def heard(self, key: str) -> list[str]:
        """The ids of the events that an order was told, in order."""
        return [event.id.rsplit("#", 1)[1] for to, events in self.signals if to == key for event in events]


@dataclass
class Desk:
    """The relay and all around it."""

    database: Database
    handoff: NotingHandoff
    relay: Relay

    def another_relay(self, handoff: NotingHandoff) -> Relay:
        """A relay of another process."""
        return Relay(self.database, handoff, Wake(self.database.url, ()))  # type: ignore[arg-type]

    async def order(
        self, number: str, erp: str = "erp-one", *, promised: bool = True, variant: Variant | None = None
    ) -> str:
        """Release an order of two lines, and promise it; returns its key."""
        drop = variant is Variant.DIRECT_DROP
        release = OrderRelease(
            number=number,
            released_at=NOW,
            requested_on=NOW.date().replace(day=20),
            variant=variant or Variant.DISTRIBUTION_CENTRE,
            lines=(OrderLine(line=1, item="A", quantity=40), OrderLine(line=2, item="B", quantity=60)),
            ship_from=Party(id="LYS", country="FR"),
            ship_to=Party(id="C", country="DE"),
            site=None if drop else "LYS",
            supplier="acme" if drop else None,
            carrier="dhl",
            region="EMEA",
        )
        async with self.database.transaction() as connection:
            [message] = await inbox.insert(connection, [_message(erp, inbox.RELEASE, number, b"{}")])
            await orders.open_order(connection, erp, release, "digest", message, parties(erp, release))
        if promised:
            await self.promise(f"{erp}/{number}")
        return f"{erp}/{number}"

    async def promise(self, key: str) -> None:
        """The first step of an order's workflow."""
        async with self.database.connection() as connection:
            start = opening(await orders.accepted(connection, key))
        first = written.order_record(
            order=key,
            version=0,
            status=OrderStatus.PROMISED,
            promised_on=start.promise.promised_on,
            first_promise=start.promise,
        )
        outcome = InputOutcome(event_id="release", inbox_id=start.inbox_id)
        await steps.write(self.database, written.step(first, outcomes=[outcome]))
        async with self.database.transaction() as connection:
            await heads.settle(connection, start.workflow_id, 0)

    async def accept(
        self, partner: str, *bodies: bytes, kind: str = inbox.EVENT, external_id: str = "", workflow: str = ""
    ) -> list[int]:
        """Accept messages of a partner; returns their ids."""
        async with self.database.transaction() as connection:
            own = [body.replace(ANYBODY.encode(), f"/partners/{partner}".encode()) for body in bodies]
            return await inbox.insert(
                connection, [_message(partner, kind, external_id, body, workflow) for body in own]
            )

    async def ask(self, key: str, verb: str, request: Contract, times: int = 1) -> list[int]:
        """Accept a command of the ERP; returns the ids of its messages."""
        record: CommandRecord[Any] = CommandRecord(key=key, verb=verb, by="erp-one", role=Role.ERP, request=request)
        raw, external_id = [record.raw] * times, getattr(request, "id", "")
        workflow = record.workflow_id
        return await self.accept("erp-one", *raw, kind=record.kind, external_id=external_id, workflow=workflow)

    async def close(self, key: str, status: str = "closed") -> None:
        """The last step of an order's workflow."""
        await self.rows(f"UPDATE order_view SET status = '{status}', closed_at = now() WHERE key = '{key}' RETURNING 1")

    async def say(self, partner: str, *bodies: bytes) -> list[dict[str, Any]]:
        """Accept events, pass the relay over them, and tell what became of each."""
        ids = await self.accept(partner, *bodies)
        await self.relay.once()
        return [await self.message(i) for i in ids]

    async def message(self, message_id: int) -> dict[str, Any]:
        """A row of the inbox."""
        [row] = await self.rows(f"SELECT * FROM inbox_message WHERE id = {message_id}")
        return row

    async def sweep(self, *, later: bool = False) -> None:
        """The relay's sweep; `later`: when every event has been pending for a while."""
        if later:
            await self.rows("UPDATE event_order SET sent_at = sent_at - interval '1 hour' RETURNING 1")
        self.relay._sweep_at = self.relay._revive_at = 0.0
        await self.relay.sweep()

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """Ask the database."""
        async with self.database.connection() as connection:
            return await (await connection.execute(query.encode())).fetchall()


def _message(partner: str, kind: str, external_id: str, raw: bytes, workflow: str = "") -> NewMessage:
    return NewMessage(
        partner=partner,
        channel="api",
        kind=kind,
        external_id=external_id,
        digest=hashlib.sha256(raw).hexdigest(),
        raw=raw,
        workflow_id=workflow,
    )


def event(kind: str, event_id: str = "e1", source: str = ANYBODY, **data: Any) -> bytes:
    """A milestone in its envelope."""
    body = {"kind": kind, "occurred_at": "2026-05-05T12:00:00Z", **data}
    envelope = {"specversion": "1.0", "id": event_id, "source": source, "type": "syncline.shipment.milestone.v1"}
    return json.dumps({**envelope, "data": body}).encode()


@pytest_asyncio.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    """A relay with partners, and no orders yet."""
    async with Database(database_url, 6, SEALS) as database:
        async with database.transaction() as connection:
            for partner, role in PARTNERS.items():
                await partners.add(connection, partner, role, partner)
        handoff = NotingHandoff(database)
        yield Desk(database, handoff, Relay(database, handoff, Wake(database_url, ())))  # type: ignore[arg-type]
