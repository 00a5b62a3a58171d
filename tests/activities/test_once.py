"""Once without an idempotency key: whatever is killed, lost or late, one record by the system's own books."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.execution.executor import EffectExecutor, Timeouts
from activities.execution.gate import Gate
from activities.execution.once import OnceGuard
from connectors.ports import Call, OnceKind, OnceRule
from schemas.messaging.effects import EffectReceipt
from schemas.messaging.instructions import Accepted
from store.engine import Database
from store.messaging import effects
from store.messaging.call_locks import CallLocks
from store.orders import steps
from tests import written
from tests.activities.test_executor import EFFECT
from tests.activities.unkeyed import Fault, Killed, Unkeyed
from tests.store.rows import DUE, FIRST, KEY, open_order

LAG_S = 4.0
RULES = {kind: OnceRule(kind, LAG_S) for kind in OnceKind}
TIMEOUTS = Timeouts(express_s=0.2, queued_s=0.2)


@dataclass
class WorkerProcess:
    """A worker: its executor, with a connection for locks of its own."""

    database: Database
    locks: CallLocks
    system: Unkeyed

    async def attempt(self, kind: OnceKind, *, express: bool = False) -> EffectReceipt:
        """Carry the effect out once."""

        async def ask(call: Call) -> Accepted:
            if kind is OnceKind.NATURAL_KEY:
                return await self.system.by_natural_key(call, LAG_S)
            return await self.system.write(call.key)

        guard = OnceGuard(self.database, self.locks)
        executor = EffectExecutor(self.database, Gate("tms"), TIMEOUTS, lambda _: RULES[kind], guard)
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, is_local=express)
        return await environment.run(executor.execute, EFFECT, "EMEA", ask)

    async def until_it_ends(self, kind: OnceKind) -> EffectReceipt | ApplicationError:
        """Attempts as Temporal makes them: a worker that dies is followed by the next, a refusal ends it."""
        for _ in range(8):
            try:
                return await self.attempt(kind)
            except Killed:
                await self.dies()
            except ApplicationError as error:
                if error.non_retryable:
                    return error
        raise AssertionError("it never ends")

    async def dies(self) -> None:
        """Its connections are gone, and with them its locks."""
        if self.locks._connection is not None:
            await self.locks._connection.close()
        self.locks._held.clear()

    async def ledger(self) -> dict[str, Any]:
        """The effect's row."""
        async with self.database.connection() as connection:
            [row] = await (await connection.execute("SELECT * FROM effect")).fetchall()
        return row


@pytest.fixture
async def worker(database_url: str) -> AsyncIterator[WorkerProcess]:
    """A worker, and an order that owes one effect."""
    async with Database(database_url, 4) as database, CallLocks(database_url) as locks:
        await open_order(database)
        await steps.write(database, written.step(FIRST))
        owing = written.order_record(order=KEY, version=1, status="promised", promised_on=DUE, effects=(EFFECT,))
        await steps.write(database, written.step(owing))
        yield WorkerProcess(database, locks, Unkeyed())


@pytest.mark.parametrize("hidden_for", [0, 1, 5])
@pytest.mark.parametrize(
    "faults",
    [
        (),
        (Fault.LOST,),
        (Fault.SILENT,),
        (Fault.KILLED,),
        (Fault.KILLED_BEFORE,),
        (Fault.UNREACHED, Fault.LOST),
        (Fault.KILLED_BEFORE, Fault.KILLED),
        (Fault.KILLED_BEFORE, Fault.KILLED_BEFORE, Fault.LOST),
    ],
    ids=" then ".join,
)
async def test_a_natural_key_keeps_one_record(
    worker: WorkerProcess, faults: tuple[Fault, ...], hidden_for: int
) -> None:
    """A list that misses a new record at five looks shows it at the sixth: six fit into the declared lag."""
    worker.system.faults, worker.system.hidden_for = list(faults), hidden_for
    receipt = await worker.until_it_ends(OnceKind.NATURAL_KEY)
    assert receipt == EffectReceipt(reference="R-0")
    assert worker.system.records == [EFFECT.key]
    row = await worker.ledger()
    assert (row["outcome"], row["reference"]) == ("done", "R-0")


async def test_the_adapter_hears_of_earlier_attempts_only_when_they_may_have_arrived(worker: WorkerProcess) -> None:
    worker.system.faults = [Fault.UNREACHED, Fault.LOST]
    worker.system.hidden_for = 9
    for _ in range(2):
        with pytest.raises(ApplicationError):
            await worker.attempt(OnceKind.NATURAL_KEY)
    worker.system.hidden_for = 0
    worker.system._unseen.clear()
    await worker.attempt(OnceKind.NATURAL_KEY)
    assert worker.system.repeated == [False, False, True]
    assert worker.system.writes == 2


async def test_there_is_no_time_to_look_for_long_inside_a_workflow_task(worker: WorkerProcess) -> None:
    worker.system.faults, worker.system.hidden_for = [Fault.SILENT], 3
    assert (await worker.attempt(OnceKind.NATURAL_KEY, express=True)).declined
    looks = worker.system.looks
    assert (await worker.attempt(OnceKind.NATURAL_KEY, express=True)).declined
    assert worker.system.looks == looks, "it is left to the queue"
    assert (await worker.attempt(OnceKind.NATURAL_KEY)).reference == "R-0"
    assert worker.system.records == [EFFECT.key]


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.SILENT, Fault.KILLED, Fault.KILLED_BEFORE])
async def test_with_neither_an_unknown_outcome_is_for_people(worker: WorkerProcess, fault: Fault) -> None:
    worker.system.faults = [fault]
    ended = await worker.until_it_ends(OnceKind.NEITHER)
    assert isinstance(ended, ApplicationError)
    assert ended.type == "unknown_outcome"
    assert ended.message.startswith(f"we asked: tender_transport as {EFFECT.key}; we saw: ")
    for _ in range(3):  # a lost workflow task asks again, from any worker
        again = await worker.until_it_ends(OnceKind.NEITHER)
        assert isinstance(again, ApplicationError)
        assert (again.type, again.message) == (ended.type, ended.message)
    assert worker.system.writes == 1, "never blindly again"
    row = await worker.ledger()
    assert (row["outcome"], row["origin"], row["error"]) == ("failed", "unknown_outcome", ended.message)


async def test_an_attempt_is_counted_also_where_no_step_has_planned_it(worker: WorkerProcess) -> None:
    async with worker.database.connection() as connection:
        await connection.execute("DELETE FROM effect")
    worker.system.faults = [Fault.KILLED]
    ended = await worker.until_it_ends(OnceKind.NEITHER)
    assert isinstance(ended, ApplicationError)
    assert (ended.type, worker.system.writes) == ("unknown_outcome", 1)


async def test_with_neither_what_surely_did_nothing_is_tried_again(worker: WorkerProcess) -> None:
    worker.system.faults = [Fault.UNREACHED, Fault.UNREACHED]
    assert await worker.until_it_ends(OnceKind.NEITHER) == EffectReceipt(reference="R-0")
    assert (worker.system.writes, worker.system.records) == (3, [EFFECT.key])


async def test_with_neither_a_refusal_stays_one(worker: WorkerProcess) -> None:
    worker.system.faults = [Fault.REFUSED]
    for _ in range(2):
        ended = await worker.until_it_ends(OnceKind.NEITHER)
        assert isinstance(ended, ApplicationError)
        assert (ended.type, ended.message) == ("tms_api", "tms: no_such_lane")
    assert worker.system.writes == 1


async def test_people_who_have_looked_may_have_it_tried_once_more(worker: WorkerProcess) -> None:
    worker.system.faults = [Fault.KILLED_BEFORE, Fault.LOST]
    await worker.until_it_ends(OnceKind.NEITHER)
    async with worker.database.connection() as connection:
        await effects.plan(connection, KEY, (EFFECT,), 1)
    await worker.until_it_ends(OnceKind.NEITHER)
    assert worker.system.writes == 1, "the same step, decided again, is nobody's wish"
    async with worker.database.connection() as connection:
        await effects.plan(connection, KEY, (EFFECT,), 2)
    assert (await worker.ledger())["outcome"] == "planned"
    ended = await worker.until_it_ends(OnceKind.NEITHER)
    assert isinstance(ended, ApplicationError)
    assert ended.message.endswith("we saw: tms: ReadError")
    assert worker.system.writes == 2


@pytest.mark.parametrize("kind", [OnceKind.NATURAL_KEY, OnceKind.NEITHER])
async def test_two_workers_at_once_make_one_record(worker: WorkerProcess, database_url: str, kind: OnceKind) -> None:
    """An advisory lock of the key lets one attempt be under way: the other is told to come back, and finds it done."""
    worker.system.slow_s = 0.1
    async with Database(database_url, 2) as database, CallLocks(database_url) as locks:
        other = WorkerProcess(database, locks, worker.system)
        both = await asyncio.gather(worker.attempt(kind), other.attempt(kind), return_exceptions=True)
        refused = [it for it in both if isinstance(it, ApplicationError)]
        assert [it.message for it in refused] == ["tms: another attempt is under way"]
        assert not refused[0].non_retryable
        assert (await other.until_it_ends(kind)) == EffectReceipt(reference="R-0")
    assert worker.system.records == [EFFECT.key]


async def until_free(locks: CallLocks) -> None:
    """Until nobody holds the key: a server notices within a moment that a process is gone."""
    async with asyncio.timeout(10):
        while True:
            async with locks.hold("k") as free:
                if free:
                    return
            await asyncio.sleep(0.01)


async def test_a_lock_ends_with_its_attempt_and_with_its_process(database_url: str) -> None:
    async with CallLocks(database_url) as one, CallLocks(database_url) as other:
        async with one.hold("k") as mine, other.hold("k") as theirs, other.hold("m") as another:
            assert (mine, theirs, another) == (True, False, True)
            async with one.hold("k") as twice:
                assert not twice
        async with other.hold("k") as free:
            assert free
        async with one.hold("k") as mine:
            assert mine
            assert one._connection is not None
            await one._connection.close()
            await until_free(other)


async def test_a_lost_connection_takes_its_locks_again(database_url: str) -> None:
    async with CallLocks(database_url) as one, CallLocks(database_url) as other, one.hold("k"):
        assert one._connection is not None
        pid = one._connection.info.backend_pid
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as killer:
            await killer.execute("SELECT pg_terminate_backend(%s)", [pid])
        with suppress(psycopg.OperationalError):
            async with one.hold("m"):
                pass
        async with one.hold("m") as mine:
            assert mine
        async with other.hold("k") as theirs:
            assert not theirs
