"""The feed of an ERP against the stand-in ERP: in bulk, once each, and one bad row holds up no other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretStr
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.planning.feed import FeedLimits
from activities.systems.erp_feed import ErpFeedActivities
from connectors.connections import of_endpoint
from connectors.http.client import SystemClient
from connectors.ports import Call, Unavailable
from connectors.standard.bulk import StandardBulkErp
from schemas.base import Origin, System
from schemas.finance.erp_feed import (
    ErpFeedReport,
    ErpFeedRun,
    ErpForecastBatch,
    ErpFreightBatch,
    ErpFreightPosting,
    ErpStockBatch,
    FreightEvent,
)
from schemas.inventory.stock import StockMove
from schemas.messaging.instructions import Accepted
from schemas.settings import Endpoint
from simulators.app import SimConfig, build_app
from store.engine import Database
from store.finance import erp_feed
from store.inventory import ledger
from store.messaging.wake import Wake
from tests.simulators.network import MASTER_SECRET, TOKEN
from tests.stack.standins import until
from workflows.finance.erp_feed import StockFeedWorkflow
from workflows.runtime import singleton

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
RUN = ErpFeedRun(erp="erp-main")
MANY = 7


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh database."""
    async with Database(database_url, 3) as database:
        yield database


@dataclass
class Erp:
    """The stand-in ERP over its real client. `loses`: so many answers are lost after they were carried out."""

    inner: StandardBulkErp
    sims: httpx.AsyncClient
    loses: int = 0
    calls: list[int] = field(default_factory=list)

    async def move_stock(self, message: ErpStockBatch, call: Call) -> Accepted:
        """Pass on."""
        self.calls.append(len(message.rows))
        reply = await self.inner.move_stock(message, call)
        if self.loses:
            self.loses -= 1
            raise Unavailable(Origin.ERP_API, "erp: the answer was lost")
        return reply

    async def forecast(self, message: ErpForecastBatch, call: Call) -> Accepted:
        """Pass on."""
        self.calls.append(len(message.rows))
        return await self.inner.forecast(message, call)

    async def post_freight(self, message: ErpFreightBatch, call: Call) -> Accepted:
        """Pass on."""
        self.calls.append(len(message.rows))
        reply = await self.inner.post_freight(message, call)
        if self.loses:
            self.loses -= 1
            raise Unavailable(Origin.ERP_API, "erp: the answer was lost")
        return reply

    async def stock(self, erp: str = "erp-main") -> dict[str, int]:
        """Its own books, by place and item."""
        found = (await self.sims.get(f"/erp/{erp}/v1/stock")).json()["figures"]
        return {f"{it['place']} {it['item']}": it["packs"] for it in found}


@pytest.fixture
async def erp() -> AsyncIterator[Erp]:
    """Stand-in systems in this process, without a port."""
    app = build_app(SimConfig(7, "http://127.0.0.1:9", MASTER_SECRET, TOKEN))
    transport = httpx.ASGITransport(app=app)
    endpoint = Endpoint(url="http://sims/erp/{id}", token=SecretStr(TOKEN))
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        SystemClient(of_endpoint(System.ERP, endpoint), transport) as client,
        httpx.AsyncClient(transport=transport, base_url="http://sims", headers=headers) as sims,
    ):
        yield Erp(StandardBulkErp(client), sims)


async def move(database: Database, key: str, item: str = "A", packs: int = 5, kind: str = "receipt") -> None:
    """Book a movement and owe it, as the gateway does."""
    there, left = ("blocked:LYS", "on_hand:LYS") if kind == "damage" else ("on_hand:LYS", "adjustment:LYS")
    moves = {there: {item: packs}, left: {item: -packs}}
    async with database.transaction() as connection:
        booked = StockMove(key=key, kind=kind, source="inventory", ref=f"LYS/{item}", occurred_at=NOON, moves=moves)
        await ledger.book(connection, [booked])
        await erp_feed.owe_movements(connection, {"LYS": "erp-main"}.get, {key: "wet"})


async def feed(database: Database, erp: Erp) -> None:
    """Feed until nothing is owed."""
    async with Wake(database.url, (erp_feed.CHANNEL,)) as wake:
        activities = ErpFeedActivities(erp, database, wake, FeedLimits(batch=4, linger_s=0.0))
        running = asyncio.create_task(ActivityEnvironment().run(activities.feed, RUN))

        async def told() -> bool:
            async with database.connection() as connection:
                cursor = await connection.execute("SELECT FROM erp_feed WHERE sent_at IS NULL AND refused IS NULL")
                return running.done() or not await cursor.fetchall()

        await until(told)
        if running.done():
            await running
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_movements_go_in_bulk_and_once(database: Database, erp: Erp) -> None:
    for number in range(MANY):
        await move(database, f"m{number}")
    await move(database, "d", packs=3, kind="damage")
    await feed(database, erp)
    assert erp.calls == [4, 4]
    assert await erp.stock() == {"on_hand:LYS A": 5 * MANY - 3, "blocked:LYS A": 3}
    await move(database, "m0")
    await feed(database, erp)
    assert erp.calls == [4, 4], "what is booked twice is owed once"


async def test_an_answer_that_is_lost_makes_nothing_count_twice(database: Database, erp: Erp) -> None:
    for number in range(3):
        await move(database, f"m{number}")
    erp.loses = 1
    with pytest.raises(ApplicationError) as failed:
        await feed(database, erp)
    assert (failed.value.type, failed.value.non_retryable) == ("erp_api", False)
    await move(database, "m3")
    await feed(database, erp)
    assert erp.calls == [3, 4], "the batch that is sent again is another one: only the rows' own keys can tell"
    assert await erp.stock() == {"on_hand:LYS A": 20}


async def accrue(database: Database, key: str, expense: str = "5.00", accrued: str = "-5.00") -> None:
    """Owe a posting of freight, as the ledger of freight does."""
    row = ErpFreightPosting(
        key=key,
        event=FreightEvent.ACCRUAL,
        order="SO-1",
        shipment="DN-1",
        currency="USD",
        freight_expense=Decimal(expense),
        freight_accrued=Decimal(accrued),
        posted_at=NOON,
    )
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO erp_feed (erp, kind, key, body) VALUES ('erp-main', 'freight', %s, %s)",
            (key, Jsonb(row.model_dump(mode="json"))),
        )


async def test_freight_is_posted_once_and_what_does_not_balance_is_kept(database: Database, erp: Erp) -> None:
    for key in ("f1", "f2"):
        await accrue(database, key)
    erp.loses = 1
    with pytest.raises(ApplicationError):
        await feed(database, erp)
    await accrue(database, "wrong", expense="6.00")
    await accrue(database, "f3")
    await feed(database, erp)
    found = (await erp.sims.get("/erp/erp-main/v1/order-accounts")).json()["figures"]
    assert {f"{x['order']} {x['account']} {x['currency']}": x["amount"] for x in found} == {
        "SO-1 freight_expense USD": "15.00",
        "SO-1 freight_accrued USD": "-15.00",
    }
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT key FROM erp_feed WHERE refused IS NOT NULL")
        assert [row["key"] for row in await cursor.fetchall()] == ["wrong"]


async def test_a_row_that_the_erp_refuses_is_kept_and_holds_up_no_other(database: Database, erp: Erp) -> None:
    for number, item in enumerate(("A", "A", "BAD-1", "A", "BAD-2", "A")):
        await move(database, f"m{number}", item)
    await feed(database, erp)
    assert await erp.stock() == {"on_hand:LYS A": 20}
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT key, refused FROM erp_feed WHERE refused IS NOT NULL ORDER BY id")
        refused: list[dict[str, Any]] = await cursor.fetchall()
    assert [row["key"] for row in refused] == ["m2", "m4"]
    assert "item_unknown" in refused[0]["refused"]


async def test_the_workflow_feeds_again_and_again_and_continues_as_new(
    temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(singleton, "FEED_CYCLES_PER_RUN", 2)
    runs: list[int] = []

    @activity.defn(name="erp.feed")
    async def told(run: ErpFeedRun) -> ErpFeedReport:
        runs.append(run.cycles)
        if len(runs) == 1:
            raise RuntimeError("the database is away")
        return ErpFeedReport(rows=2, calls=1)

    queue = f"stock-{uuid4()}"
    worker = Worker(
        temporal_client, task_queue=queue, workflows=[StockFeedWorkflow], workflow_runner=UnsandboxedWorkflowRunner()
    )
    async with worker, Worker(temporal_client, task_queue="erp", activities=[told]):
        started = await temporal_client.start_workflow(
            StockFeedWorkflow.run, RUN, id=f"{RUN.workflow_id}-{queue}", task_queue=queue
        )
        await until(lambda: len(runs) >= 5)
        first = await temporal_client.get_workflow_handle(started.id, run_id=started.first_execution_run_id).describe()
        assert first.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
        await temporal_client.get_workflow_handle(started.id).terminate()
    assert runs[:5] == [0, 0, 0, 2, 2]
    assert RUN.workflow_id == "stock/erp-main"
