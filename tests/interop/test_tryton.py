"""A real Tryton: orders go to its warehouse and back to its sales, and its own records say what came of them."""

import asyncio
import dataclasses
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.execution.executor import EffectExecutor, Timeouts
from activities.execution.gate import Gate
from activities.execution.once import OnceGuard
from connectors.ports import Call, WmsPort
from connectors.registry import ADAPTERS
from connectors.routing import CallRouter
from schemas.base import System
from schemas.messaging.effects import Effect, EffectReceipt
from schemas.messaging.instructions import Accepted, WarehouseCancellation
from schemas.messaging.order_effects import AmendWarehouse, CancelWarehouse, InstructWarehouse, OrderEffect
from store.engine import Database
from store.messaging.call_locks import CallLocks
from tests.activities.unkeyed import Killed
from tests.connectors.tryton.scenario import (
    DAY,
    SETTINGS,
    SITE,
    TOO_MANY,
    amendment,
    instruction,
    sales_calls,
    warehouse_calls,
)
from tests.connectors.tryton.tape import RECORDED, Recorder
from tests.connectors.tryton.wiring import OneTryton
from tests.interop import figures
from tests.interop.faulty import FaultyWay, OnTheWay
from tests.interop.systems.protocol import StartedSystem
from tests.interop.systems.tryton import RealTryton, TrytonRpc

pytestmark = pytest.mark.interop
ORDERS = 50
PACKS, MORE = 2, 5
LONGEST_S = 60.0
"""Of an effect with all its attempts: some seconds, on a busy machine ten times as many."""
SEED = int(os.environ.get("SYNCLINE_INTEROP_SEED", "") or Random().randrange(1_000_000))
RECORD = os.environ.get("SYNCLINE_INTEROP_RECORD") == "1"
ACCEPTED_AT = datetime(2031, 5, 4, tzinfo=UTC)
SHIPMENT, NOTE = "stock.shipment.out", "ir.note"
WarehousePayload = InstructWarehouse | AmendWarehouse | CancelWarehouse
Ask = Callable[[WmsPort, Call], Awaitable[Accepted]]


@dataclasses.dataclass(frozen=True)
class Running:
    """The system, and its own client as the evidence."""

    started: StartedSystem
    rpc: TrytonRpc

    def connections(self) -> OneTryton:
        """How we reach it."""
        return OneTryton(self.started.url, self.started.secrets["key"], dict(SETTINGS))

    def shipments(self, reference: str) -> list[dict[str, Any]]:
        """Its own shipments with our reference."""
        return self.rpc.search(SHIPMENT, [["reference", "=", reference]], "state", "outgoing_moves")

    def packs(self, shipment: dict[str, Any]) -> float:
        """Packs that a shipment sends."""
        moves = self.rpc.search("stock.move", [["id", "in", shipment["outgoing_moves"]]], "quantity", "state")
        return sum(float(it["quantity"]) for it in moves if it["state"] != "cancelled")

    def notes(self, key: str) -> int:
        """Its own notes that bear a key."""
        return len(self.rpc.search(NOTE, [["message", "like", f'%"key":"{key}"%']]))


@pytest.fixture(scope="module")
def tryton() -> Iterator[Running]:
    """A Tryton of its own, for all tests of this file."""
    system = RealTryton()
    system.install()
    try:
        started = system.start()
        assert system.rpc is not None
        yield Running(started, system.rpc)
    finally:
        system.stop()


@dataclasses.dataclass
class TrytonWorker:
    """A worker that carries effects to Tryton over a way that fails."""

    database: Database
    locks: CallLocks
    router: CallRouter
    way: FaultyWay
    attempts: int = 0

    async def attempt(self, effect: Effect, ask: Ask) -> EffectReceipt:
        """One attempt, as Temporal asks for it."""
        self.attempts += 1
        port = self.router.port(WmsPort, System.WMS)
        rule, guard = self.router.once(System.WMS, SITE), OnceGuard(self.database, self.locks)
        executor = EffectExecutor(self.database, Gate("wms"), Timeouts(), lambda _: rule, guard)
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, is_local=False)
        return await environment.run(executor.execute, effect, SITE, lambda call: ask(port, call))

    async def until_done(self, effect: Effect, ask: Ask) -> EffectReceipt:
        """Attempts until one is answered. A worker that dies takes its locks along."""
        async with asyncio.timeout(LONGEST_S):
            while True:
                try:
                    return await self.attempt(effect, ask)
                except Killed:
                    if self.locks._connection is not None:
                        await self.locks._connection.close()
                    self.locks._held.clear()
                except ApplicationError as error:
                    assert not error.non_retryable, error
                    await asyncio.sleep(0.1)


@pytest.fixture
async def worker(tryton: Running, database_url: str) -> AsyncIterator[TrytonWorker]:
    """A worker with a ledger in PostgreSQL."""
    way = FaultyWay()
    async with (
        Database(database_url, 4) as database,
        CallLocks(database_url) as locks,
        CallRouter(tryton.connections(), ADAPTERS, way) as router,
    ):
        yield TrytonWorker(database, locks, router, way)


def effect(order: str, payload: WarehousePayload, revision: int = 0) -> OrderEffect:
    """An effect of an order."""
    key = f"erp-one/{order}/{payload.operation}"
    return OrderEffect(key=key, order=f"erp-one/{order}", payload=payload, accepted_at=ACCEPTED_AT, revision=revision)


def calls(order: str, *, cancelled: bool) -> Iterator[tuple[OrderEffect, Ask]]:
    """What an order asks of the warehouse."""
    first = effect(order, InstructWarehouse(promised_on=DAY))
    yield first, lambda port, call: port.instruct(instruction(order, PACKS), call)
    more = amendment(order, MORE, 3)
    yield effect(order, AmendWarehouse(), 3), lambda port, call: port.amend(more, call)
    if cancelled:
        stop = WarehouseCancellation(order=order, revision=4, reason="withdrawn")
        yield effect(order, CancelWarehouse(), 4), lambda port, call: port.cancel(stop, call)


async def test_orders_are_carried_once_whatever_is_lost_or_dies(tryton: Running, worker: TrytonWorker) -> None:
    random = Random(SEED)
    wanted: dict[str, bool] = {}
    faults = [it for it in OnTheWay if it is not OnTheWay.NOTHING]
    effects = 0
    for n in range(ORDERS):
        order = f"SO-{n:03}"
        wanted[order] = n % 5 == 4
        for each, ask in calls(order, cancelled=wanted[order]):
            quiet = [OnTheWay.NOTHING] * random.randrange(4)
            worker.way.plan = [*quiet, random.choice(faults)] if n % 2 else []
            await worker.until_done(each, ask)
            effects += 1
    worker.way.plan = []
    missing = duplicate = 0
    for order, cancelled in wanted.items():
        found = tryton.shipments(f"erp-one/{order}")
        missing += not found
        duplicate += max(len(found) - 1, 0)
        assert [it["state"] for it in found] == ["cancelled" if cancelled else "assigned"], (order, SEED)
        assert cancelled or tryton.packs(found[0]) == MORE, (order, SEED)
        told = [tryton.notes(it.key) for it, _ in calls(order, cancelled=cancelled)]
        missing += told.count(0)
        duplicate += sum(it - 1 for it in told if it)
    met = Counter(worker.way.met)
    assert set(met) == set(faults), "every kind of fault was met"
    assert (missing, duplicate) == (0, 0), SEED
    said = {"orders": ORDERS, "effects": effects, "attempts": worker.attempts}
    said |= {fault.value: count for fault, count in met.items()} | {"missing": missing, "duplicate": duplicate}
    figures.note("tryton", tryton.started.version, "instruct, amend, cancel with faults", said)


async def test_two_workers_at_once_make_one_shipment(tryton: Running, worker: TrytonWorker, database_url: str) -> None:
    orders = [f"TWO-{n}" for n in range(10)]
    async with Database(database_url, 2) as database, CallLocks(database_url) as locks:
        other = TrytonWorker(database, locks, worker.router, worker.way)
        for order in orders:
            each, ask = next(iter(calls(order, cancelled=False)))
            receipts = await asyncio.gather(worker.until_done(each, ask), other.until_done(each, ask))
            assert len({it.reference for it in receipts}) == 1
    counts = [len(tryton.shipments(f"erp-one/{order}")) for order in orders]
    assert counts == [1] * len(orders)
    run = {"orders": len(orders), "shipments": sum(counts), "duplicate": sum(counts) - len(orders)}
    figures.note("tryton", tryton.started.version, "each order by two workers at once", run)


async def test_short_stock_is_refused_and_the_shipment_can_still_be_cancelled(
    tryton: Running, worker: TrytonWorker
) -> None:
    each = effect("SHORT-1", InstructWarehouse(promised_on=DAY))
    with pytest.raises(ApplicationError, match="short stock") as refused:
        await worker.attempt(each, lambda port, call: port.instruct(instruction("SHORT-1", TOO_MANY), call))
    assert refused.value.non_retryable
    [short] = tryton.shipments("erp-one/SHORT-1")
    assert short["state"] == "waiting"
    reserved = tryton.rpc.search(
        "stock.move", [["shipment", "=", f"{SHIPMENT},{short['id']}"], ["state", "=", "assigned"]]
    )
    assert reserved == [], "what there is stays free for others"
    stop = WarehouseCancellation(order="SHORT-1", revision=1, reason="withdrawn")
    await worker.attempt(effect("SHORT-1", CancelWarehouse()), lambda port, call: port.cancel(stop, call))
    assert [it["state"] for it in tryton.shipments("erp-one/SHORT-1")] == ["cancelled"]


def sale(tryton: Running, packs: float) -> str:
    """A sale as people make it, in process; its number."""
    ids, rpc = tryton.started.ids, tryton.rpc
    price = {"__class__": "Decimal", "decimal": "100.0000"}
    line = {"product": ids["product"], "unit": ids["unit"], "quantity": packs, "unit_price": price}
    made = rpc.create(
        "sale.sale",
        **{"party": ids["customer"], "invoice_address": ids["address"], "shipment_address": ids["address"]},
        **{"warehouse": ids["warehouse"], "currency": ids["currency"], "lines": [["create", [line]]]},
        **{"invoice_method": "manual", "shipment_method": "order"},
    )
    for button in ("quote", "confirm", "process"):
        rpc.model("sale.sale", button, [made])
    [row] = rpc.search("sale.sale", [["id", "=", made]], "number")
    return str(row["number"])


async def test_what_was_told_stands_in_its_own_records(tryton: Running) -> None:
    """The calls that are recorded; `ARGS=--record` keeps them for the tests that need no Tryton."""
    way, numbers = Recorder(), (sale(tryton, 2.0), sale(tryton, 2.0))
    async with CallRouter(tryton.connections(), ADAPTERS, way) as router:
        warehouse = await warehouse_calls(router)
        cut = len(way.exchanges)
        sales = await sales_calls(router, *numbers)
    [told, stopped] = [tryton.rpc.search("sale.sale", [["number", "=", it]], "shipment_state") for it in numbers]
    assert [it["shipment_state"] for it in (*told, *stopped)] == ["sent", "exception"]
    [sent] = tryton.rpc.search(SHIPMENT, [["reference", "=", "DN-1"]], "state")
    assert sent["state"] == "done"
    assert [it["state"] for it in tryton.shipments("erp-one/R-1")] == ["cancelled"]
    assert tryton.shipments("erp-one/R-3") == [], "cancelled before it was instructed"
    [back] = tryton.rpc.search("stock.shipment.out.return", [["reference", "=", "erp-one/R-1/RMA-1"]], "state")
    assert back["state"] == "draft"
    if RECORD:
        tape = {
            "version": tryton.started.version,
            "warehouse": {"came_of": warehouse, "exchanges": way.exchanges[:cut]},
            "sales": {"numbers": numbers, "came_of": sales, "exchanges": way.exchanges[cut:]},
        }
        text = json.dumps(tape, ensure_ascii=False, indent=1)
        assert tryton.started.secrets["key"] not in text
        RECORDED.write_text(text + "\n")


async def test_a_wrong_key_and_a_wrong_model_are_no_refusals(tryton: Running) -> None:
    async with httpx.AsyncClient(base_url=tryton.started.url, trust_env=False) as http:
        stranger = await http.get("/rest/model/stock.location", headers={"Authorization": "bearer nobody"})
        key = {"Authorization": f"bearer {tryton.started.secrets['key']}"}
        unknown = await http.get("/rest/model/no.such.model", headers=key)
    assert (stranger.status_code, unknown.status_code) == (401, 500)
    assert unknown.headers["content-type"].startswith("text/html")
