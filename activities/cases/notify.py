"""The dispatcher of notices: takes due notices from the outbox, writes messages, sends them and records the outcome.

A notice is leased in the transaction that takes it, and marked after the channel has confirmed it. A sudden death in
between repeats the message after the lease, with the same Message-ID or Idempotency-Key. Receivers can recognise the
repeat, but Syncline cannot recall it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import structlog
from pydantic import ValidationError
from temporalio import activity

from activities.cases.messages import write_message
from connectors.notify.ports import Sender
from connectors.ports import ConnectorError, Refused, Unavailable
from domain.cases.escalation_policies import channel_policy, days_policy
from domain.cases.notices import FIRST_RETRY_S, due_at, messages, retry_in_s
from domain.zones import UTC_NAME, clock
from schemas.base import Origin
from schemas.cases.exceptions import Channel
from schemas.cases.notifications import CUSTOMER, NoticesReport, NoticesRun
from schemas.cases.policies import ChannelPolicy, PolicyRule
from store.cases import notices, policies
from store.cases.notices import NoticeRow
from store.engine import Connection, Database
from store.messaging.wake import Wake

LOG = structlog.get_logger("notices")


@dataclass(frozen=True)
class DispatchLimits:
    """Duration of one run, pause between looks, and notices at once; times in seconds.

    `routes`: addresses of one
    channel that are written to in parallel. A notice for a busy address, or beyond that number, waits `busy_s`.
    `lease_s`: after a sudden death the notice is due again after these seconds. `send_s`: the longest
    time to hand over one message.
    """

    run_for_s: float = 600.0
    poll_s: float = 2.0
    batch: int = 100
    routes: int = 16
    busy_s: float = 10.0
    lease_s: float = 120.0
    send_s: float = 15.0


class Route(NamedTuple):
    """A channel and an address on it. One route never waits for another."""

    channel: Channel
    address: str


@dataclass(frozen=True)
class DueNotice:
    """A notice that is due, and the policy of its queue and channel."""

    row: NoticeRow
    policy: ChannelPolicy


@dataclass(frozen=True)
class NotifyActivities:
    """Sends what the outbox of notices holds."""

    messengers: Mapping[Channel, Sender]
    database: Database
    wake: Wake
    limits: DispatchLimits = DispatchLimits()

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the worker of queue `notify`."""
        return [self.dispatch]

    @activity.defn(name="notify.dispatch")
    async def dispatch(self, run: NoticesRun) -> NoticesReport:
        """Send notices until the run is over. A channel's failure stays with its notices; the database's raises."""
        post = MessageDispatcher(self.messengers, self.database, self.limits)
        seen = 0
        until = time.monotonic() + self.limits.run_for_s
        try:
            while time.monotonic() < until and not activity.is_worker_shutdown():
                activity.heartbeat(post.report)
                while await post.round():
                    activity.heartbeat(post.report)
                seen = await self.wake.wait(notices.CHANNEL, seen, self.limits.poll_s)
            post.closing = True
            while not await post.idle(self.limits.poll_s):
                activity.heartbeat(post.report)
        finally:
            post.stop()
        return post.report


class MessageDispatcher:
    """One run: a task for each route that is being written to. After `closing`, what was not begun is put back."""

    def __init__(self, messengers: Mapping[Channel, Sender], database: Database, limits: DispatchLimits) -> None:
        self.report = NoticesReport()
        self.closing = False
        self._messengers = messengers
        self._database = database
        self._limits = limits
        self._busy: dict[Route, asyncio.Task[None]] = {}

    async def round(self) -> bool:
        """Take what is due and begin to send it; whether there may be more. Raises what ended an earlier round's task:
        the database."""
        self._collect()
        async with self._database.transaction() as connection:
            rows = await notices.due(connection, self._limits.batch)
            taken = await self._take(connection, rows)
        for route, waiting in taken.items():
            self._busy[route] = asyncio.create_task(self._serve(route, waiting))
        return len(rows) == self._limits.batch

    async def idle(self, within_s: float) -> bool:
        """Whether everything that was begun has ended, or ends within so many seconds."""
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=within_s)
            self._collect()
        return not self._busy

    def stop(self) -> None:
        """Drop what is still under way: its leases run out."""
        for task in self._busy.values():
            task.cancel()

    def _collect(self) -> None:
        for route in [route for route, task in self._busy.items() if task.done()]:
            self._busy.pop(route).result()

    async def _take(self, connection: Connection, rows: list[NoticeRow]) -> dict[Route, list[DueNotice]]:
        """Lease what can be sent now, by route. Other notices are postponed; those that cannot be judged end in an
        error."""
        taken: dict[Route, list[DueNotice]] = {}
        rules = await policies.rules(connection, "channel") if rows else ()
        usual = days_policy(await policies.rules(connection, "days")).time_zone if rows else None
        now = datetime.now(UTC)
        for row in rows:
            try:
                policy = await self._policy(connection, rules, row, usual)
                at = due_at(row, policy, now)
            except (ValidationError, KeyError):  # of one queue: the others must not suffer for it
                await self._failed(connection, row, Unavailable(Origin.PLATFORM, "the channel policy is not valid"))
                continue
            again = at if at > now else await self._admit(connection, DueNotice(row, policy), taken, now)
            if again is not None:
                await notices.reschedule(connection, row.key, again)
        return taken

    async def _policy(
        self, connection: Connection, rules: Sequence[PolicyRule], row: NoticeRow, usual: str | None
    ) -> ChannelPolicy:
        """The rules for the notice. By default the customer's own nights are quiet. Queues have the nights of the
        `usual` zone: that of the days policy without a scope."""
        policy = channel_policy(rules, row.to, row.channel)
        if policy.time_zone:
            return policy
        zone = await notices.customer_zone(connection, row.order) if row.to == CUSTOMER else usual
        return policy.model_copy(update={"time_zone": zone})

    async def _admit(
        self, connection: Connection, waiting: DueNotice, taken: dict[Route, list[DueNotice]], now: datetime
    ) -> datetime | None:
        """Take a notice if its route is free. When it is due again, after its lease or a little later; None: never."""
        row = waiting.row
        address = await self._address(connection, waiting)
        if not address:
            await self._failed(connection, row, Refused(Origin.NOTIFY, f"no {row.channel} address for {row.to}"))
            return None
        route = Route(row.channel, address)
        if not self._has_room(route, taken):
            return now + timedelta(seconds=self._limits.busy_s)
        taken.setdefault(route, []).append(waiting)
        return now + timedelta(seconds=self._limits.lease_s)

    async def _address(self, connection: Connection, waiting: DueNotice) -> str:
        """The address of the notice. The customer's own address is looked up now: it is stored nowhere else."""
        row = waiting.row
        if row.to == CUSTOMER and row.channel is Channel.EMAIL:
            return await notices.customer_email(connection, row.order) or ""
        return waiting.policy.address

    def _has_room(self, route: Route, taken: Mapping[Route, object]) -> bool:
        if route in self._busy:
            return False
        served = [other for other in (*self._busy, *taken) if other.channel is route.channel]
        return route in taken or len(served) < self._limits.routes

    async def _serve(self, route: Route, waiting: list[DueNotice]) -> None:
        """Send to one address, message by message. When the channel cannot, the messages that follow wait as well."""
        by_key = {each.row.key: each for each in waiting}
        wait_s: float | None = None
        for message in messages((each.row, each.policy) for each in waiting):
            some = [by_key[notice.key] for notice in message]
            if wait_s is None and not self.closing:
                wait_s = await self._send(route, some)
                continue
            again = datetime.now(UTC) + timedelta(seconds=wait_s or 0.0)
            async with self._database.transaction() as connection:
                for each in some:
                    await notices.reschedule(connection, each.row.key, again)

    async def _send(self, route: Route, waiting: list[DueNotice]) -> float | None:
        """Send one message and mark its notices. Seconds for which the route should rest, when its channel failed."""
        failure = await self._try(route, waiting)
        async with self._database.transaction() as connection:
            if failure is None:
                await notices.sent(connection, [each.row.key for each in waiting])
                self._count(messages=1, notices=len(waiting))
                return None
            for each in waiting:
                await self._failed(connection, each.row, failure)
        return FIRST_RETRY_S if isinstance(failure, Unavailable) else None

    async def _try(self, route: Route, waiting: list[DueNotice]) -> ConnectorError | None:
        """Write and send one message; returns the failure. A fault of our own is retried like one of theirs."""
        try:
            zone = clock(waiting[0].policy.time_zone or UTC_NAME)
            message = write_message(tuple(each.row for each in waiting), route.address, zone, datetime.now(UTC))
            async with asyncio.timeout(self._limits.send_s):
                await self._messengers[route.channel].send(message)
        except ConnectorError as error:
            return error
        except Exception as error:  # one message that cannot be written must not hold up all others
            return Unavailable(Origin.PLATFORM, f"cannot be written or sent: {type(error).__name__}")
        return None

    async def _failed(self, connection: Connection, row: NoticeRow, error: ConnectorError) -> None:
        """Note why, and when to try again: never after a refusal, or after too many attempts."""
        retry_s = retry_in_s(row.attempts + 1, error.retry_after_s) if isinstance(error, Unavailable) else None
        await notices.failed(connection, row.key, f"{error.origin}: {error}", retry_s)
        LOG.warning("notice.failed", key=row.key, channel=row.channel, reason=str(error), retry_s=retry_s)
        self._count(failures=1, given_up=int(retry_s is None))

    def _count(self, **more: int) -> None:
        self.report = self.report.model_copy(update={n: getattr(self.report, n) + by for n, by in more.items()})
