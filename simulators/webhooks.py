"""Webhooks out: every partner's events, signed as the partner would, sent until the gateway has taken a decision."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count

import httpx

from schemas.base import Contract
from schemas.messaging.envelope import TYPE_MILESTONE, Envelope
from schemas.messaging.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign, webhook_secret
from schemas.orders.milestones import Milestone

MAX_IN_FLIGHT = 32
"""Webhooks under way at once: partners send in parallel, but not without limit."""
FINAL_STATUSES = frozenset({400, 401, 403, 404, 409, 413, 422})
"""Answers after which sending again cannot help."""
BACKOFF_S = 0.1
"""Seconds before the first repeat; doubled each time."""
MAX_BACKOFF_S = 2.0
"""Seconds between repeats at most: a run should not stand still."""
TIMEOUT_S = 10.0
"""Seconds for the gateway's answer."""


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One webhook message. `repeat`: the event was said before by another message."""

    partner: str
    message_id: str
    body: bytes
    repeat: bool = False

    @property
    def path(self) -> str:
        """Where the gateway takes it."""
        return f"/v1/partners/{self.partner}/webhook"

    def signed(self, secret: bytes) -> dict[str, str]:
        """The headers of one attempt, made now."""
        timestamp = int(time.time())
        return {
            "content-type": "application/cloudevents+json",
            ID_HEADER: self.message_id,
            TIMESTAMP_HEADER: str(timestamp),
            SIGNATURE_HEADER: sign(secret, self.message_id, timestamp, self.body),
        }


def message_of(partner: str, milestone: Milestone, event_id: str) -> WebhookMessage:
    """A milestone in its envelope, as a partner tells it. The same event has the same message id."""
    envelope = Envelope[Milestone](
        specversion="1.0",
        id=event_id,
        source=f"/partners/{partner}",
        type=TYPE_MILESTONE,
        time=milestone.occurred_at,
        data=milestone,
    )
    message_id = "msg_" + blake2b(f"{partner}/{event_id}".encode(), digest_size=12).hexdigest()
    return WebhookMessage(partner, message_id, envelope.model_dump_json(exclude_none=True).encode())


class OutboxStatus(Contract):
    """Answer to `GET /webhooks/outbox`: everything was said when `pending` is 0 and `planned` is what was registered.

    `planned`, `sent`, `accepted` and `rejected` count distinct events; `messages` also the repeats, `attempts` also
    the retries. `planned` is less what cancellations stopped. `pending` is what orders under way have still to say,
    in messages.
    """

    planned: int
    stopped: int
    sent: int
    accepted: int
    rejected: int
    pending: int
    messages: int
    attempts: int


class Outbox:
    """Sends messages to the gateway, at most MAX_IN_FLIGHT at a time. Leaving its context stops all.

    `said(partner, body)` hears of each before it is sent.
    """

    def __init__(
        self, gateway_url: str, master_secret: str, said: Callable[[str, bytes], None] = lambda partner, body: None
    ) -> None:
        self._said = said
        self.sent = self.accepted = self.rejected = self.messages = self.attempts = 0
        self._gateway_url = gateway_url.rstrip("/")
        self._master_secret = master_secret
        self._secrets: dict[str, bytes] = {}
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._under_way: set[asyncio.Task[None]] = set()
        limits = httpx.Limits(max_connections=MAX_IN_FLIGHT, max_keepalive_connections=MAX_IN_FLIGHT)
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits, trust_env=False)

    async def __aenter__(self) -> "Outbox":
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._client.aclose()

    @property
    def pending(self) -> int:
        """Messages that are not yet accepted or rejected."""
        return len(self._under_way)

    def post(self, message: WebhookMessage, delay_s: float = 0.0) -> asyncio.Event:
        """Send in the background, not before `delay_s` have passed. The event is set when the first attempt ended."""
        self.messages += 1
        self._said(message.partner, message.body)
        attempted = asyncio.Event()
        task = asyncio.create_task(self._deliver(message, delay_s, attempted))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return attempted

    async def _deliver(self, message: WebhookMessage, delay_s: float, attempted: asyncio.Event) -> None:
        if delay_s:
            await asyncio.sleep(delay_s)
        if not message.repeat:
            self.sent += 1
        backoff_s = BACKOFF_S
        for _ in count():
            status = await self._attempt(message)
            attempted.set()
            accepted = status is not None and httpx.codes.is_success(status)
            if accepted or status in FINAL_STATUSES:
                break
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)
        if not message.repeat:
            self.accepted += accepted
            self.rejected += not accepted

    async def _attempt(self, message: WebhookMessage) -> int | None:
        """Status of the answer, or None when there was none."""
        async with self._slots:
            self.attempts += 1
            try:
                response = await self._client.post(
                    self._gateway_url + message.path,
                    content=message.body,
                    headers=message.signed(self._secret(message.partner)),
                )
            except httpx.TransportError:
                return None
            return response.status_code

    def _secret(self, partner: str) -> bytes:
        if partner not in self._secrets:
            self._secrets[partner] = webhook_secret(self._master_secret, partner)
        return self._secrets[partner]
