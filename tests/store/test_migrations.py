"""The migrations make exactly the tables that the code describes."""

import asyncio
from datetime import UTC, datetime, timedelta

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from schemas.base import Role
from schemas.inventory.stock import StockMove
from store.cases import policies
from store.engine import Database
from store.inventory import ledger
from store.migrate import config, sqlalchemy_url, upgrade
from store.orders import orders, steps
from store.partners import partners
from store.tables import METADATA
from tests import written
from tests.store.rows import KEY, SHIPPED, rows, shipped_order


def differences(connection: Connection) -> list[object]:
    """What autogenerate would still change."""
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


async def test_nothing_is_left_to_migrate(database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        assert differences(connection) == []
        connection.execute(text("ALTER TABLE partner ADD COLUMN forgotten int"))
        assert differences(connection), "a difference is found"
        connection.rollback()
    engine.dispose()


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(upgrade, database_url) for _ in range(1)))
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


async def test_lines_written_before_there_were_stages_satisfy_them(database: Database) -> None:
    await shipped_order(database)
    await asyncio.to_thread(command.downgrade, config(database.url), "0002")
    async with database.connection() as connection:
        await connection.execute("UPDATE order_line_view SET shipped = 15")
        await connection.execute("UPDATE order_view SET status = 'cancelled'")
    await asyncio.to_thread(upgrade, database.url)
    [line] = await rows(database, "order_line_view")
    stages = ("ordered", "cancelled", "allocated", "picked", "packed", "shipped", "delivered", "returned")
    assert [line[stage] for stage in stages] == [40, 25, 15, 15, 15, 15, 0, 0]


async def test_what_was_received_before_is_no_finding_of_a_count(database: Database) -> None:
    await shipped_order(database)
    await asyncio.to_thread(command.downgrade, config(database.url), "0031")
    came = {"adjustment:LYS": {"A": -100}, "on_hand:LYS": {"A": 100}}
    found = {"adjustment:LYS": {"A": 7}, "on_hand:LYS": {"A": -7}}
    async with database.transaction() as connection:
        for kind, moves in (("receipt", came), ("count", found)):
            at = datetime(2026, 5, 4, tzinfo=UTC)
            move = StockMove(key=kind, kind=kind, source="inventory", ref="LYS/A", occurred_at=at, moves=moves)
            await ledger.book(connection, [move])
    for _ in range(2):
        await asyncio.to_thread(upgrade, database.url)
        async with database.connection() as connection:
            packs = {x["place"]: x["packs"] for x in await ledger.balances(connection, "A")}
            assert await ledger.audit(connection) == []
        assert (packs["received:LYS"], packs["adjustment:LYS"]) == (-100, 7)
        await asyncio.to_thread(command.downgrade, config(database.url), "0031")


async def test_planning_begins_with_the_stock_that_is_there(database: Database) -> None:
    await shipped_order(database)
    moves = {"on_hand:LYS": {"A": -40}, "transit:DN-1": {"A": 40}}
    await steps.write(database, written.step(written.but(SHIPPED, version=4, moves=moves)))
    told = sorted((x["kind"], x["site"], x["packs"], x["shipment"]) for x in await rows(database, "planning_delta"))
    await asyncio.to_thread(command.downgrade, config(database.url), "0006")
    [before] = await rows(database, "planning_delta")
    assert before["body"]["movements"] == [{"item": "A", "quantity": 40}]
    await asyncio.to_thread(upgrade, database.url)
    again = sorted((x["kind"], x["site"], x["packs"], x["shipment"]) for x in await rows(database, "planning_delta"))
    assert again == told
    assert told[1:] == [("stock:in_transit", "LYS", 40, "DN-1"), ("stock:on_hand", "LYS", -40, "")]
    await steps.write(database, written.step(written.but(SHIPPED, version=4, moves=moves)))
    assert len(await rows(database, "planning_delta")) == 3, "what was booked before is told once"


async def test_rates_that_somebody_set_become_policies_and_the_one_that_came_along_is_taken_back(
    database: Database,
) -> None:
    await shipped_order(database)
    async with database.transaction() as connection:
        await partners.add(connection, "dhl", Role.CARRIER, "DHL")
        await partners.rotate(connection, "dhl", None, timedelta(days=365))
    await asyncio.to_thread(command.downgrade, config(database.url), "0022")
    async with database.connection() as connection:
        await connection.execute("INSERT INTO freight_rate VALUES ('dhl', 0.08, 0.05)")
        await connection.execute("UPDATE order_view SET release = jsonb_set(release, '{lines,0,value}', '33.3333333')")
    await asyncio.to_thread(upgrade, database.url)
    async with database.connection() as connection:
        [rule] = await policies.rules(connection, "freight")
        assert (rule.scope.partner, rule.body) == ("dhl", {"share": 0.08, "tolerance": 0.05})
        release = await orders.release_of(connection, KEY)
        assert str(release.lines[0].value) == "33.3333"
        old, new = await partners.secrets_of(connection, "dhl")
    assert (old.version, new.version, new.valid_until) == (1, 2, None)
    assert old.valid_until and timedelta(days=6) < old.valid_until - datetime.now(UTC) <= timedelta(days=7)
