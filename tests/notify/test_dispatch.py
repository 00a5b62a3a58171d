"""The dispatcher with a real database, mail server and receiver: each notice once; no channel waits for another."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.cases.notify import DispatchLimits, NotifyActivities
from connectors.notify.channels import messengers
from connectors.notify.ports import OutgoingMessage, Sender
from connectors.ports import Unavailable
from schemas.base import Origin, Variant
from schemas.cases.cases import Notice
from schemas.cases.exceptions import Channel
from schemas.cases.notifications import Encryption, NoticesReport, NoticesRun, NotifySettings, SmtpServer
from schemas.cases.policies import PolicyRule, Scope
from schemas.orders.release import OrderLine, OrderRelease, Party
from simulators.mail_server import MailServer
from store.cases import notices, policies
from store.engine import Database
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.messaging.wake import Wake
from store.orders import orders
from tests.notify.mailbox import DESK, HOOK, NOON, ROOM, SENDER, notice, settings_for
from tests.stack.standins import until

LIMITS = DispatchLimits(poll_s=0.05, busy_s=0.1)
ADDRESSES = {Channel.EMAIL: DESK, Channel.CHAT: ROOM, Channel.WEBHOOK: HOOK}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database in which the queue `transport` has an address on every channel."""
    async with Database(database_url, 6) as database:
        for channel, address in ADDRESSES.items():
            await rule(database, f"transport-{channel}", channel, address=address)
        yield database


async def rule(database: Database, id: str, channel: Channel, queue: str = "transport", **body: Any) -> None:
    """Put a channel rule."""
    scope = Scope(queue=queue, channel=channel)
    async with database.transaction() as connection:
        await policies.put(connection, PolicyRule(id=id, about="channel", scope=scope, body=body))


async def ask(database: Database, *asked: Notice) -> None:
    """Owe notices."""
    async with database.transaction() as connection:
        await notices.plan(connection, asked)


async def states(database: Database) -> dict[str, str]:
    """State of each notice by order number and channel."""
    return {f"{row['order_key'].split('/')[1]} {row['channel']}": row["state"] for row in await rows(database)}


async def rows(database: Database) -> list[dict[str, Any]]:
    """The outbox."""
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT *, due_at - now() AS due_in FROM notice ORDER BY key")
        return await cursor.fetchall()


@dataclass
class Running:
    """A dispatcher under way."""

    environment: ActivityEnvironment
    task: "asyncio.Task[NoticesReport]"

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait for a condition; fail with the dispatcher if it fails."""

        async def met() -> bool:
            if self.task.done():
                await self.task
            outcome = condition()
            return bool(await outcome if asyncio.iscoroutine(outcome) else outcome)

        await until(met)

    async def end(self) -> NoticesReport:
        """Let it end as a worker does that shuts down."""
        self.environment.worker_shutdown()
        return await self.task


@asynccontextmanager
async def dispatching(
    database: Database, by: NotifySettings | Mapping[Channel, Sender], limits: DispatchLimits = LIMITS
) -> AsyncIterator[Running]:
    """Dispatch as long as the context lasts; what is under way at its end is cut off, as in a sudden death."""
    config = by if isinstance(by, NotifySettings) else NotifySettings()
    async with Wake(database.url, (notices.CHANNEL,)) as wake, messengers(config) as configured:
        ready = configured if isinstance(by, NotifySettings) else {**configured, **by}
        environment = ActivityEnvironment()
        [dispatch] = NotifyActivities(ready, database, wake, limits).all()
        task = asyncio.create_task(environment.run(dispatch, NoticesRun()))
        yield Running(environment, task)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@dataclass
class Standin:
    """A channel that notes messages; one to an address in `slow` waits for `go`, one in `broken` is not sent."""

    slow: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[OutgoingMessage] = field(default_factory=list)
    messages: list[OutgoingMessage] = field(default_factory=list)

    async def send(self, message: OutgoingMessage) -> None:
        """Note a message."""
        self.begun.append(message)
        if message.to in self.slow:
            await self.go.wait()
        if message.to in self.broken:
            raise Unavailable(Origin.NOTIFY, "no answer")
        self.messages.append(message)


async def test_each_notice_goes_out_once_over_its_channel(database: Database, room: MailServer) -> None:
    everywhere = [notice(channel=channel) for channel in Channel]
    await ask(database, *everywhere)
    async with dispatching(database, settings_for(room)) as running:
        await running.until(lambda: room.mails and room.chats and room.events)
        await ask(database, *everywhere, notice(2))
        await running.until(lambda: len(room.mails) == 2)
        report = await running.end()
    assert report == NoticesReport(messages=4, notices=4)
    assert [mail.subject for mail in room.mails] == ["Delay: order erp-one/SO-1", "Delay: order erp-one/SO-2"]
    assert (len(room.chats), len(room.events)) == (1, 1)
    assert set((await states(database)).values()) == {"sent"}


async def test_a_dead_mail_server_does_not_stop_the_chat(database: Database, room: MailServer) -> None:
    dead = SmtpServer(host="127.0.0.1", port=1, tls=Encryption.NONE, sender=SENDER)
    await ask(database, *(notice(n, channel=c) for n in (1, 2) for c in (Channel.EMAIL, Channel.CHAT)))
    async with dispatching(database, settings_for(room, smtp=dead)) as running:
        await running.until(lambda: len(room.chats) == 2)
        report = await running.end()
    assert (report.messages, report.failures, report.given_up) == (2, 1, 0)
    assert await states(database) == {
        "SO-1 chat": "sent",
        "SO-1 email": "planned",
        "SO-2 chat": "sent",
        "SO-2 email": "planned",
    }
    tried, waiting = (row for row in await rows(database) if row["channel"] == "email")
    assert (tried["attempts"], tried["error"]) == (1, "notify: mail server: SMTPConnectError")
    assert waiting["attempts"] == 0, "what follows on a dead route is not even tried"
    assert timedelta(seconds=5) < waiting["due_in"] <= timedelta(seconds=30)
    async with database.connection() as connection:
        await connection.execute("UPDATE notice SET due_at = now()")
    async with dispatching(database, settings_for(room)) as running:
        await running.until(lambda: len(room.mails) == 2)
        await running.end()
    assert set((await states(database)).values()) == {"sent"}


async def test_what_is_refused_is_given_up_and_what_is_put_off_is_not(database: Database, room: MailServer) -> None:
    room.chat_answers, room.event_answers = [410], [503]
    await ask(database, notice(channel=Channel.CHAT), notice(channel=Channel.WEBHOOK), notice(2, channel=Channel.CHAT))
    async with dispatching(database, settings_for(room)) as running:
        await running.until(lambda: room.chats and not room.event_answers)
        report = await running.end()
    assert (report.messages, report.failures, report.given_up) == (1, 2, 1)
    by_key = {row["key"]: row for row in await rows(database)}
    chat, hook = by_key[notice(channel=Channel.CHAT).key], by_key[notice(channel=Channel.WEBHOOK).key]
    assert (chat["state"], chat["error"]) == ("failed", "notify: webhook: HTTP 410")
    assert (hook["state"], hook["error"]) == ("planned", "notify: webhook: HTTP 503")
    assert timedelta(seconds=70) < hook["due_in"] <= timedelta(seconds=77), "as the receiver asked"


async def test_a_slow_address_holds_up_only_itself(database: Database) -> None:
    await rule(database, "other", Channel.CHAT, "warehouse", address="other-room")
    channel = Standin(slow={ROOM})
    await ask(database, notice(1, channel=Channel.CHAT))
    async with dispatching(database, {Channel.CHAT: channel}) as running:
        await running.until(lambda: channel.begun)
        await ask(database, notice(2, channel=Channel.CHAT), notice(3, channel=Channel.CHAT, to="warehouse"))
        await running.until(lambda: [message.to for message in channel.messages] == ["other-room"])
        assert len(channel.begun) == 2, "an address gets one message at a time"
        channel.go.set()
        await running.until(lambda: len(channel.messages) == 3)
        await running.end()


async def test_one_channel_writes_to_a_limited_number_of_addresses_at_once(database: Database) -> None:
    queues = [f"queue-{n}" for n in range(4)]
    for queue in queues:
        await rule(database, queue, Channel.CHAT, queue, address=queue)
    channel, mail = Standin(slow=set(queues)), Standin()
    await ask(database, *(notice(n, channel=Channel.CHAT, to=queue) for n, queue in enumerate(queues)), notice(9))
    limits = replace(LIMITS, routes=2)
    async with dispatching(database, {Channel.CHAT: channel, Channel.EMAIL: mail}, limits) as running:
        await running.until(lambda: len(channel.begun) == 2 and mail.messages)
        assert len(channel.begun) == 2
        channel.go.set()
        await running.until(lambda: len(channel.messages) == 4)
        await running.end()


async def test_a_digest_gathers_what_came_in_its_window(database: Database, room: MailServer) -> None:
    await rule(database, "transport-email", Channel.EMAIL, address=DESK, digest_s=3600)
    await ask(database, notice(1), notice(2), notice(3, tier=2), notice(4, asked_at=datetime.now(UTC)))
    async with dispatching(database, settings_for(room)) as running:
        await running.until(lambda: len(room.mails) == 2)
        report = await running.end()
    assert (report.messages, report.notices) == (2, 3)
    assert {mail.subject for mail in room.mails} == {"2 notices for transport", "Delay: order erp-one/SO-3"}
    [later] = [row for row in await rows(database) if row["state"] == "planned"]
    assert later["order_key"] == "erp-one/SO-4"
    assert timedelta() < later["due_in"] <= timedelta(hours=1)


async def test_in_quiet_hours_only_what_is_loud_goes_out(database: Database, room: MailServer) -> None:
    hour = datetime.now(UTC).hour
    end = (hour + 2) % 24
    await rule(database, "transport-email", Channel.EMAIL, address=DESK, quiet_from=hour, quiet_to=end)
    await ask(database, notice(1), notice(2, tier=2))
    async with dispatching(database, settings_for(room)) as running:
        await running.until(lambda: room.mails)
        await running.end()
    assert await states(database) == {"SO-1 email": "planned", "SO-2 email": "sent"}
    [waits] = [row for row in await rows(database) if row["state"] == "planned"]
    assert timedelta(minutes=59) < waits["due_in"] <= timedelta(hours=2)
    assert waits["attempts"] == 0


async def order_of(database: Database, number: str, email: str | None) -> None:
    """Release an order to a customer with or without an e-mail address."""
    release = OrderRelease(
        number=number,
        released_at=NOON,
        requested_on=NOON.date(),
        variant=Variant.DISTRIBUTION_CENTRE,
        lines=(OrderLine(line=1, item="A", quantity=40),),
        ship_from=Party(id="LYS", country="FR"),
        ship_to=Party(id="C", country="DE", email=email),
        site="LYS",
        region="EMEA",
    )
    async with database.transaction() as connection:
        message = NewMessage("erp-one", "api", inbox.RELEASE, number, "d", b"{}")
        [inbox_id] = await inbox.insert(connection, [message])
        await orders.open_order(connection, "erp-one", release, "d", inbox_id, ["erp-one"])


async def test_a_customer_is_written_to_at_the_orders_address_and_without_one_the_notice_says_so(
    database: Database, room: MailServer
) -> None:
    await order_of(database, "SO-1", None)
    await order_of(database, "SO-2", "c@example.org")
    mine = {"to": "customer", "template": "customer_delay", "facts": {"promised_on": "2026-05-28"}}
    await ask(database, notice(1, **mine), notice(2, **mine), notice(3, **mine))
    async with dispatching(database, settings_for(room)) as running:
        await running.until(lambda: room.mails)
        await running.end()
    [mail] = room.mails
    assert mail.recipients == ("c@example.org",)
    assert mail.subject == "Your order SO-2 is delayed"
    without, told, unknown = await rows(database)
    assert [row["state"] for row in (without, told, unknown)] == ["failed", "sent", "failed"]
    assert without["error"] == unknown["error"] == "notify: no email address for customer"
    assert "c@example.org" not in str((without, told, unknown)), "the address is kept nowhere else"


async def test_the_nights_of_a_queue_are_those_of_the_usual_zone(database: Database, room: MailServer) -> None:
    hour = datetime.now(UTC).hour
    night: dict[str, Any] = {"quiet_from": (hour + 11) % 24, "quiet_to": (hour + 14) % 24}
    await rule(database, "transport-email", Channel.EMAIL, address=DESK, **night)
    async with database.transaction() as connection:
        await policies.put(
            connection, PolicyRule(id="all", about="days", scope=Scope(), body={"time_zone": "Etc/GMT-12"})
        )
    await ask(database, notice(1), notice(2, tier=2))

    async def put_off() -> bool:
        return any(row["due_in"] > timedelta(minutes=30) for row in await rows(database) if row["state"] == "planned")

    async with dispatching(database, settings_for(room)) as running:
        await running.until(lambda: room.mails)
        await running.until(put_off)
        await running.end()
    assert len(room.mails) == 1, "only what is loud"


async def test_a_customer_is_not_written_to_at_night_by_its_own_clock(database: Database, room: MailServer) -> None:
    """In two zones twelve hours apart, it is night in one."""
    hour = datetime.now(UTC).hour
    night = {"quiet_from": (hour + 11) % 24, "quiet_to": (hour + 14) % 24}
    await rule(database, "customers", Channel.EMAIL, "customer", **night)
    await order_of(database, "SO-1", "here@example.org")
    await order_of(database, "SO-2", "there@example.org")
    async with database.transaction() as connection:
        await orders.delivered_in(connection, "erp-one/SO-2", "UTC+12:00")
    mine = {"to": "customer", "template": "customer_delay", "facts": {"promised_on": "2026-05-28"}}
    await ask(database, notice(1, **mine), notice(2, **mine))

    async def put_off() -> bool:
        return any(row["due_in"] > timedelta(minutes=30) for row in await rows(database) if row["state"] == "planned")

    async with dispatching(database, settings_for(room)) as running:
        await running.until(lambda: room.mails)
        await running.until(put_off)
        await running.end()
    assert [mail.recipients for mail in room.mails] == [("here@example.org",)]


async def _is(database: Database, expected: dict[str, str]) -> bool:
    return await states(database) == expected


async def test_without_an_address_or_with_a_bad_policy_only_that_queue_suffers(
    database: Database, room: MailServer
) -> None:
    await rule(
        database, "bad", Channel.EMAIL, "broken", address=DESK, time_zone="Nowhere/At_All", quiet_from=1, quiet_to=5
    )
    await rule(database, "worse", Channel.EMAIL, "worse", digest_s="often")
    await ask(database, *(notice(n, to=to) for n, to in enumerate(["nobody", "broken", "worse", "transport"], 1)))
    async with dispatching(database, settings_for(room)) as running:
        await running.until(lambda: room.mails)
        await running.end()
    nobody, broken, worse, _ = await rows(database)
    assert (nobody["state"], nobody["error"]) == ("failed", "notify: no email address for nobody")
    for each in (broken, worse):
        assert (each["state"], each["error"]) == ("planned", "platform: the channel policy is not valid")


async def test_a_message_that_cannot_be_written_does_not_stop_the_others(database: Database, room: MailServer) -> None:
    await order_of(database, "SO-1", "c@example.org")
    async with database.transaction() as connection:
        await orders.delivered_in(connection, "erp-one/SO-1", "Nowhere/At_All")
    await ask(database, notice(1, to="customer"), notice(2))
    async with dispatching(database, settings_for(room)) as running:
        await running.until(lambda: room.mails)
        await running.until(lambda: _is(database, {"SO-1 email": "planned", "SO-2 email": "sent"}))
        await running.end()
    assert (await rows(database))[0]["error"] == "platform: cannot be written or sent: ZoneInfoNotFoundError"


async def test_after_a_sudden_death_the_lease_runs_out_and_the_repeat_is_recognisable(
    database: Database, room: MailServer
) -> None:
    channel = Standin(slow={DESK})
    await ask(database, notice())
    async with dispatching(database, {Channel.EMAIL: channel}) as running:
        await running.until(lambda: channel.begun)
    [row] = await rows(database)
    assert row["state"] == "planned"
    assert timedelta(seconds=90) < row["due_in"] <= timedelta(seconds=LIMITS.lease_s), "nobody else sends it meanwhile"
    for _ in range(2):
        async with database.connection() as connection:  # the lease is over; the mark of the first sending was lost
            await connection.execute("UPDATE notice SET due_at = now(), state = 'planned'")
        sent_before = len(room.mails)
        async with dispatching(database, settings_for(room)) as running:
            await running.until(lambda: len(room.mails) > sent_before)  # noqa: B023 - awaited in this turn
            await running.end()
    first, repeat = room.mails
    assert first.message["Message-ID"] == repeat.message["Message-ID"]


async def test_a_worker_that_shuts_down_finishes_its_message_and_puts_back_the_rest(database: Database) -> None:
    channel = Standin(slow={DESK})
    await ask(database, notice(1), notice(2))
    async with dispatching(database, {Channel.EMAIL: channel}) as running:
        await running.until(lambda: channel.begun)
        beats: list[object] = []
        running.environment.on_heartbeat = beats.append
        running.environment.worker_shutdown()
        await running.until(lambda: beats)
        channel.go.set()
        report = await running.task
    assert report == NoticesReport(messages=1, notices=1)
    assert await states(database) == {"SO-1 email": "sent", "SO-2 email": "planned"}
    assert (await rows(database))[1]["due_in"] <= timedelta()
