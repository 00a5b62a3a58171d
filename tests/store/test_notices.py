"""The outbox of notices: owed once under a key, taken when due, ended once."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.cases.cases import Notice
from schemas.cases.exceptions import Channel
from store.cases import notices
from store.engine import Database
from store.messaging.wake import Wake
from tests.store.rows import KEY, NOW, open_order, rows

ONE = Notice(
    key=f"{KEY}/delay/1/0/email",
    template="case_alert",
    to="transport",
    channel=Channel.EMAIL,
    order=KEY,
    case=f"{KEY}/delay/1",
    kind="delay",
    tier=1,
    asked_at=NOW,
    facts={"order": "SO-1"},
)
TWO = ONE.model_copy(update={"key": f"{KEY}/delay/1/0/chat", "channel": Channel.CHAT})


async def plan(database: Database, *owed: Notice) -> None:
    """Write notices."""
    async with database.transaction() as connection:
        await notices.plan(connection, owed)


async def due(database: Database, limit: int = 10) -> list[str]:
    """Keys of what is due."""
    async with database.transaction() as connection:
        return [row.key for row in await notices.due(connection, limit)]


async def test_a_key_is_owed_once_and_never_again(database: Database) -> None:
    await plan(database, ONE)
    await plan(database, ONE.model_copy(update={"to": "somebody else"}))
    [row] = await rows(database, "notice")
    assert (row["recipient"], row["state"]) == ("transport", "planned")
    async with database.transaction() as connection:
        await notices.sent(connection, [ONE.key])
    await plan(database, ONE)
    assert await due(database) == []


async def test_what_is_due_comes_back_as_it_was_asked_for(database: Database) -> None:
    await plan(database, ONE)
    async with database.transaction() as connection:
        [row] = await notices.due(connection, 10)
    assert row.attempts == 0
    assert Notice.model_validate(row.model_dump()) == ONE


async def test_two_dispatchers_do_not_take_the_same(database: Database) -> None:
    await plan(database, ONE, TWO)
    async with database.transaction() as connection:
        [first] = await notices.due(connection, 1)
        assert await due(database) == [({ONE.key, TWO.key} - {first.key}).pop()]


async def test_what_is_put_off_waits(database: Database) -> None:
    await plan(database, ONE, TWO)
    async with database.transaction() as connection:
        await notices.reschedule(connection, ONE.key, datetime.now(UTC) + timedelta(hours=1))
        await notices.reschedule(connection, TWO.key, NOW)
    assert await due(database) == [TWO.key]


@pytest.mark.parametrize(("retry_s", "state"), [(3600.0, "planned"), (None, "failed")])
async def test_a_failure_is_tried_again_or_given_up(database: Database, retry_s: float | None, state: str) -> None:
    await plan(database, ONE)
    async with database.transaction() as connection:
        await notices.failed(connection, ONE.key, "no answer" * 100, retry_s)
    [row] = await rows(database, "notice")
    assert (row["state"], row["attempts"], len(row["error"])) == (state, 1, 300)
    assert await due(database) == []


async def test_what_was_sent_stays_sent_whatever_a_late_failure_says(database: Database) -> None:
    await plan(database, ONE)
    async with database.transaction() as connection:
        await notices.failed(connection, ONE.key, "no answer", 0.0)
        await notices.sent(connection, [ONE.key])
        await notices.sent(connection, [ONE.key])
        await notices.failed(connection, ONE.key, "no answer", None)
    [row] = await rows(database, "notice")
    assert (row["state"], row["attempts"], row["error"], row["sent_at"] is not None) == ("sent", 2, None, True)


async def test_the_dispatcher_is_woken(database: Database) -> None:
    async with Wake(database.url, (notices.CHANNEL,)) as wake:
        seen = 0
        for number in range(200):  # until the wake listens
            await plan(database, ONE.model_copy(update={"key": str(number)}))
            seen = await wake.wait(notices.CHANNEL, seen, 0.05)
            if seen:
                break
    assert seen


async def test_the_customer_s_address_is_read_from_the_order(database: Database) -> None:
    await open_order(database)
    async with database.connection() as connection:
        assert await notices.customer_email(connection, KEY) == "goods@c.example"
        assert await notices.customer_email(connection, "erp-one/SO-2") is None
