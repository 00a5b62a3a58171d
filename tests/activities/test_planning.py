"""The planning feed: netted, in bulk, each row counted once; what planning refuses is kept, the rest goes on."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.planning.feed import FeedLimits, Parcel, PlanningActivities, call_key
from connectors.connections import of_endpoint
from connectors.http.client import SystemClient
from connectors.ports import Call, ConnectorError, Refused, Unavailable
from connectors.standard.clients import StandardPlanning
from schemas.base import Origin, System
from schemas.inventory.stock import StockMove
from schemas.messaging.instructions import PlanningAnswer, PlanningBatch, PlanningDemand, PlanningRow
from schemas.planning.feeds import FeedRun
from schemas.settings import Endpoint
from store.engine import Connection, Database
from store.inventory import ledger
from store.messaging.wake import Wake
from store.planning import planning, refused_rows
from store.views import report
from tests.simulators.network import TOKEN, Systems, systems
from tests.stack.standins import until
from tests.store.rows import DELTA, KEY, open_order
from tests.store.test_planning import ItemDelta, buffered

RUN = FeedRun(region="EMEA")
LIMITS = FeedLimits(linger_s=0.0)
RULE = Refused(Origin.PLANNING_API, "planning: HTTP 422 batch_invalid")
DOWN = Unavailable(Origin.PLANNING_API, "planning: HTTP 503 outage", 60.0)


@dataclasses.dataclass
class Planning:
    """The stand-in planning over HTTP; what it was sent, and what befalls a call before and after it."""

    port: StandardPlanning
    sims: Systems
    before: ConnectorError | None = None
    times: int = 1_000_000
    """How many calls that befalls."""
    after: Exception | None = None
    refuse_bulk: bool = False
    sent: list[tuple[str, tuple[PlanningRow, ...]]] = dataclasses.field(default_factory=list)
    told: list[tuple[PlanningDemand, ...]] = dataclasses.field(default_factory=list)
    """The open demand of each call."""
    asked: set[str] = dataclasses.field(default_factory=set)
    """Whose planning system."""

    async def send(self, batch: PlanningBatch, call: Call) -> PlanningAnswer:
        """Note it, send it."""
        self.sent.append((call.key, batch.rows))
        self.told.append(batch.demand)
        self.asked.add(call.target)
        if self.before and len(self.sent) <= self.times:
            raise self.before
        if self.refuse_bulk and len(batch.rows) + len(batch.demand) > 1:
            raise RULE
        answer = await self.port.send(batch, call)
        if self.after:
            raise self.after
        return answer

    def items(self) -> list[list[str]]:
        """Item and packs of each row of each call."""
        return [[f"{row.item} {row.packs}" for row in rows] for _, rows in self.sent]

    async def knows(self, item: str) -> dict[str, int]:
        """Packs of an item by kind in planning's own books."""
        answer = await self.sims.client.get(f"/planning/v1/items/{item}")
        found: dict[str, int] = answer.json()["packs"] if answer.is_success else {}
        return found

    async def open_demand(self) -> dict[str, int]:
        """What planning's own list says is open, by item and site."""
        figures = (await self.sims.client.get("/planning/v1/open-demand")).json()["figures"]
        return {f"{x['item']} {x['site']}": x["packs"] for x in figures}

    async def forget(self, *items: str) -> None:
        """From now on planning knows these items not."""
        await self.sims.client.put("/planning/unknown-items", json={"items": items})


@pytest.fixture
async def system() -> AsyncIterator[Planning]:
    """A planning system."""
    async with AsyncExitStack() as stack:
        sims = await stack.enter_async_context(systems("http://127.0.0.1:9"))
        endpoint = Endpoint(url=str(sims.client.base_url).rstrip("/") + "/planning", token=TOKEN)
        client = await stack.enter_async_context(SystemClient(of_endpoint(System.PLANNING, endpoint)))
        yield Planning(StandardPlanning(client), sims)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with an order."""
    async with Database(database_url, 3) as database:
        await open_order(database)
        yield database


async def move(database: Database, *deltas: ItemDelta) -> None:
    """Movements for planning, in one transaction."""
    async with database.transaction() as connection:
        await buffered(connection, deltas)


async def feed(database: Database, system: Planning, limits: FeedLimits = LIMITS, run: FeedRun = RUN) -> None:
    """Feed until nothing is under way. Raises what the activity raises."""
    async with Wake(database.url, (planning.CHANNEL,)) as wake:
        activities = PlanningActivities(system, database, wake, limits)
        running = asyncio.create_task(ActivityEnvironment().run(activities.feed, run))

        async def done() -> bool:
            async with database.connection() as connection:
                return running.done() or await nothing_due(connection)

        async def nothing_due(connection: Connection) -> bool:
            waits = await planning.due_in_s(connection, run, 1, 0.0)  # asked first: what is frozen waits no more
            return waits is None and not await planning.pending(connection, run, 1)

        await until(done)
        if running.done():
            await running
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def states(database: Database) -> list[tuple[str, str, str | None]]:
    """Item, state and error of every row, in the order of sending."""
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT item, state, error FROM planning_row ORDER BY flush, n")
        return [(row["item"], row["state"], row["error"]) for row in await cursor.fetchall()]


async def settled(database: Database) -> bool:
    """Whether nothing is under way."""
    async with database.connection() as connection:
        await connection.execute("UPDATE inbox_message SET state = 'applied'")
        return await report.settled(connection)


async def test_movements_are_netted_and_go_in_bulk_once(database: Database, system: Planning) -> None:
    await move(database, *(ItemDelta(f"I{n}", 10) for n in range(3) for _ in range(2)))
    await feed(database, system, FeedLimits(batch=2, linger_s=0.0))
    assert system.items() == [["I0 20", "I1 20"], ["I2 20"]]
    assert await settled(database)
    await feed(database, system)
    assert len(system.sent) == 2


async def test_ten_thousand_movements_of_a_hot_item_take_a_handful_of_calls(
    database: Database, system: Planning
) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO planning_delta (key, region, order_key, item, site, day, kind, packs, accepted_at) "
            "SELECT 'hot/' || n, 'EMEA', %s, 'HOT', 'LYS', %s::date + n %% 3, 'shipped', 1, clock_timestamp() "
            "FROM generate_series(1, 10000) AS n",
            (KEY, date(2026, 5, 4)),
        )
    await feed(database, system)
    assert [[row.packs for row in rows] for _, rows in system.sent] == [[3333, 3334, 3333]]
    assert await system.knows("HOT") == {"shipped": 10_000}
    async with database.connection() as connection:
        figures = await planning.figures(connection)
    assert figures == {"movements": 10_000, "calls": 1, "per_1000": 0.1}


async def test_what_just_happened_waits_for_company_and_a_full_call_does_not(database: Database) -> None:
    now = datetime.now(UTC)
    async with database.transaction() as connection:
        assert await planning.due_in_s(connection, RUN, 3, 60.0) is None
        await buffered(connection, [ItemDelta("A", accepted_at=now), ItemDelta("B", accepted_at=now)])
        waits = await planning.due_in_s(connection, RUN, 3, 60.0)
        assert waits is not None
        assert 0 < waits <= 60
        assert await planning.due_in_s(connection, RUN, 2, 60.0) == 0, "a call is full"
        await buffered(connection, [ItemDelta("C", accepted_at=now - timedelta(minutes=2))])
        waits = await planning.due_in_s(connection, RUN, 9, 60.0)
        assert waits, "who is behind still sends in bulk"
        await connection.execute(
            "UPDATE planning_delta SET created_at = %s WHERE item = 'A'", (now - timedelta(minutes=2),)
        )
        assert await planning.due_in_s(connection, RUN, 9, 60.0) == 0, "the oldest has waited long enough"


async def test_an_outage_is_waited_for_and_caught_up_by_promise(database: Database, system: Planning) -> None:
    system.before = DOWN
    await move(database, ItemDelta("FIRST"))
    with pytest.raises(ApplicationError) as failed:
        await feed(database, system)
    assert (failed.value.type, failed.value.next_retry_delay) == ("planning_api", timedelta(seconds=60))
    assert not failed.value.non_retryable
    later, soon = date(2026, 6, 1), date(2026, 5, 10)
    await move(database, ItemDelta("LATER", due=later), ItemDelta("HOT", due=later), ItemDelta("SOON", due=soon))
    await move(database, ItemDelta("HOT", due=date(2026, 5, 5), packs=1))
    system.before = None
    await feed(database, system)
    assert system.items() == [["FIRST 40"], ["FIRST 40"], ["HOT 41", "SOON 40", "LATER 40"]]
    assert system.sent[0] == system.sent[1], "the same rows under the same key"


async def test_a_call_without_an_answer_is_made_again_at_once_and_its_run_goes_on(
    database: Database, system: Planning
) -> None:
    system.before, system.times = Unavailable(Origin.PLANNING_API, "planning: no answer"), 2
    await move(database, ItemDelta("A"))
    await feed(database, system, FeedLimits(linger_s=0.0, patience_s=(0.01, 0.01)))
    assert system.items() == [["A 40"]] * 3
    assert len(set(system.sent)) == 1, "the same rows under the same key"
    assert await system.knows("A") == {"shipped": 40}
    async with database.connection() as connection:
        assert (await planning.figures(connection))["calls"] == 3, "calls in vain are calls"


async def test_regions_that_share_a_planning_system_share_its_calls(database: Database, system: Planning) -> None:
    shared, own = FeedRun(others=("AFR",)), FeedRun(region="AFR")
    await move(
        database, ItemDelta("A", region="EMEA"), ItemDelta("B", region="APAC"), ItemDelta("C", region="AFR", site="JNB")
    )
    found = {"supplier:acme": {"D": -9}, "on_hand:NOWHERE": {"D": 9}}
    async with database.transaction() as connection:
        await ledger.book(
            connection,
            [StockMove(key="in", kind="x", source="test", ref="NOWHERE/D", occurred_at=DELTA.occurred_at, moves=found)],
        )
    await feed(database, system, run=shared)
    assert system.items() == [["A 40", "B 40"]], "what is of no known region waits, as it may not be theirs"
    await feed(database, system, run=own)
    assert system.items()[1:] == [["C 40"]]
    await feed(database, system, run=FeedRun())
    assert system.items()[2:] == [["D 9"]], "nobody waits where everybody shares one system"
    assert system.asked == {"*", "AFR"}


async def test_what_planning_counted_before_the_feed_died_is_not_counted_twice(
    database: Database, system: Planning
) -> None:
    system.after = RuntimeError("the process died")
    await move(database, ItemDelta("A"), ItemDelta("B"))
    with pytest.raises(RuntimeError):
        await feed(database, system)
    await move(database, ItemDelta("A", packs=2))
    system.after = None
    await feed(database, system)
    assert system.sent[0] == system.sent[1], "what was frozen is sent again as it was, whatever has come since"
    assert await system.knows("A") == {"shipped": 42}
    async with database.connection() as connection:
        expected = await report.expected_effects(connection)
    book = await system.sims.ledger("planning")
    assert {entry["key"] for entry in book["entries"]} == expected["planning"]
    assert book["duplicates"] == 0


async def test_a_row_refused_by_itself_is_kept_and_other_items_go_on(database: Database, system: Planning) -> None:
    await system.forget("BAD")
    await move(database, *(ItemDelta(item) for item in ("A", "BAD", "C")))
    await feed(database, system)
    assert system.items() == [["A 40", "BAD 40", "C 40"], ["BAD 40"]]
    assert await states(database) == [("A", "sent", None), ("BAD", "parked", "unknown_item"), ("C", "sent", None)]
    assert await settled(database), "what waits for people is not under way"
    async with database.connection() as connection:
        [row] = await refused_rows.listed(connection)
        assert (row["origin"], row["attempts"], row["waiting"]) == (Origin.PLANNING_API, 2, 0)
        assert len((await report.expected_effects(connection))["planning"]) == 2, "a refused row is not owed"


async def test_a_refusal_counts_whatever_its_rule_and_its_rows_are_called(database: Database, system: Planning) -> None:
    """Else the row would be asked again for ever, and everything behind it would wait."""
    await move(database, ItemDelta("A"))

    async def send(batch: PlanningBatch, call: Call) -> PlanningAnswer:
        refused = [{"key": batch.rows[0].key, "code": "a\0b" + "x" * 100}, {"key": "\0", "code": "unasked"}]
        return PlanningAnswer.model_validate({"reference": "R", "refused": refused})

    system.send = send  # type: ignore[method-assign]
    await feed(database, system)
    assert await states(database) == [("A", "parked", "a?b" + "x" * 57)]


async def test_a_call_refused_as_a_whole_is_split_row_by_row(database: Database, system: Planning) -> None:
    system.refuse_bulk = True
    await system.forget("BAD")
    await move(database, *(ItemDelta(item) for item in ("A", "BAD", "C")))
    await feed(database, system)
    assert [len(rows) for _, rows in system.sent] == [3, 1, 1, 1]
    assert [state for _, state, _ in await states(database)] == ["sent", "parked", "sent"]


async def test_what_comes_after_a_refused_row_of_its_item_and_site_waits_behind_it(
    database: Database, system: Planning
) -> None:
    await system.forget("BAD")
    await move(
        database, ItemDelta("BAD", 1), ItemDelta("BAD", 2, kind="stock:on_hand"), ItemDelta("BAD", 3, site="MUC")
    )
    await feed(database, system)
    await move(database, ItemDelta("BAD", 4), ItemDelta("A", 5))
    await feed(database, system)
    assert system.items()[-1] == ["A 5"]
    async with database.connection() as connection:
        rows = await refused_rows.listed(connection)
    assert [(row["site"], row["packs"], row["waiting"]) for row in rows] == [("LYS", 1, 2), ("MUC", 3, 0)]
    await system.forget()
    async with database.transaction() as connection:
        keys = [row["key"] for row in rows]
        assert await refused_rows.replay(connection, keys) == sorted(keys)
    system.sent.clear()
    await feed(database, system)
    assert system.items() == [["BAD 1", "BAD 2", "BAD 3"], ["BAD 4"]]
    assert await system.knows("BAD") == {"shipped": 8, "stock:on_hand": 2}


async def test_a_dropped_row_never_counts_and_frees_what_waits(database: Database, system: Planning) -> None:
    await system.forget("BAD")
    await move(database, ItemDelta("BAD", 1))
    await feed(database, system)
    await move(database, ItemDelta("BAD", 2))
    await system.forget()
    async with database.transaction() as connection:
        keys = [row["key"] for row in await refused_rows.listed(connection)]
        assert await refused_rows.drop(connection, keys) == keys
        assert await refused_rows.drop(connection, keys) == []
    await feed(database, system)
    assert await system.knows("BAD") == {"shipped": 2}
    assert await settled(database)


async def test_planning_holds_the_positions_that_the_ledger_has(database: Database, system: Planning) -> None:
    async def book(key: str, ref: str, moves: dict[str, dict[str, int]]) -> None:
        async with database.transaction() as connection:
            move = StockMove(key=key, kind="x", source="test", ref=ref, occurred_at=DELTA.occurred_at, moves=moves)
            for _ in range(2):
                await ledger.book(connection, [move])

    await book("in", "LYS/A", {"supplier:acme": {"A": -90}, "on_hand:LYS": {"A": 90}})
    await feed(database, system)
    assert not system.sent, "nobody knows yet which region the site is in"
    await move(database, ItemDelta("A", 40, kind="promised"))
    await book("allocated", KEY, {"on_hand:LYS": {"A": -40}, "allocated:LYS": {"A": 40}})
    await feed(database, system)
    await book("shipped", KEY, {"allocated:LYS": {"A": -40}, "transit:DN-1": {"A": 40}})
    await book("damaged", "LYS/A", {"on_hand:LYS": {"A": -3}, "blocked:LYS": {"A": 3}})
    await book("back", KEY, {"transit:DN-1": {"A": -5}, "returns:LYS": {"A": 5}})
    await feed(database, system)
    told = (await system.sims.client.get("/planning/v1/stock")).json()["figures"]
    async with database.connection() as connection:
        ours = {row["place"]: row["packs"] for row in await ledger.balances(connection)}
    assert ours.pop("supplier:acme") == -90
    ours["in_transit:LYS"] = ours.pop("transit:DN-1")
    assert {x["place"]: x["packs"] for x in told} == ours


def test_calls_with_other_rows_or_asked_anew_have_another_key() -> None:
    def keyed(*rows: tuple[str, int]) -> str:
        found = tuple(
            planning.Frozen(PlanningRow(key=key, item="A", site="S", day=date(2026, 5, 4), kind="x", packs=1), attempts)
            for key, attempts in rows
        )
        return call_key(Parcel(rows=found))

    assert keyed(("a", 0), ("b", 0)) == keyed(("a", 0), ("b", 0))
    assert len({keyed(("a", 0)), keyed(("a", 1)), keyed(("b", 0)), keyed(("a", 0), ("b", 0))}) == 4
