"""Rules are kept in every version; the newest is in force."""

import asyncio

import pytest

from schemas.cases.exceptions import ExceptionKind
from schemas.cases.policies import PolicyRule, Scope
from store.cases import policies
from store.engine import Database
from tests.store.rows import KEY, open_order

RULE = PolicyRule(
    id="slow-lane", about="case", scope=Scope(kind=ExceptionKind.DELAY, site="LYS"), body={"tell_customer": True}
)


async def put(database: Database, rule: PolicyRule) -> int:
    """Put a rule."""
    async with database.transaction() as connection:
        return await policies.put(connection, rule)


async def test_each_change_makes_a_version_and_the_newest_is_in_force(database: Database) -> None:
    other = RULE.model_copy(update={"id": "other", "about": "order", "scope": Scope(), "body": {"tender_limit": 2}})
    changed = RULE.model_copy(update={"body": {"tell_customer": False}})
    assert [await put(database, rule) for rule in (RULE, other, changed)] == [1, 1, 2]
    async with database.connection() as connection:
        assert await policies.rules(connection, "case") == (changed.model_copy(update={"version": 2}),)
        assert await policies.rules(connection, "order") == (other,)
        assert await policies.rules(connection, "channel") == ()
        cursor = await connection.execute("SELECT version, body FROM policy WHERE id = %s ORDER BY 1", (RULE.id,))
        assert [row["body"] for row in await cursor.fetchall()] == [RULE.body, changed.body]


async def test_a_rule_that_is_about_something_else_now_is_not_in_force_for_the_old(database: Database) -> None:
    await put(database, RULE)
    await put(database, RULE.model_copy(update={"about": "channel", "scope": Scope(), "body": {"digest_s": 60.0}}))
    async with database.connection() as connection:
        assert await policies.rules(connection, "case") == ()
        assert [rule.version for rule in await policies.rules(connection, "channel")] == [2]


async def test_changes_at_once_get_a_version_each(database: Database) -> None:
    assert sorted(await asyncio.gather(*(put(database, RULE) for _ in range(8)))) == list(range(1, 9))


async def test_a_customer_is_the_party_that_gets_the_goods(database: Database) -> None:
    await open_order(database)
    async with database.connection() as connection:
        assert await policies.customer_of(connection, KEY) == "C"
        with pytest.raises(LookupError):
            await policies.customer_of(connection, "erp-one/SO-2")
