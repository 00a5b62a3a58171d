"""Rates, time, and what is remembered of callers."""

import asyncio

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.http import auth, limits
from gateway.http.limits import Buckets, Limits
from gateway.http.problems import Problem
from tests.gateway.harness import Gateway, gateway_on
from tests.gateway.messages import as_bytes, event, signed


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    now = [0.0]
    buckets = Buckets(2, 3, lambda: now[0])
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(Problem) as refused:
        buckets.take("a")
    assert refused.value.status_code == 429
    assert refused.value.headers == {"Retry-After": "1"}
    buckets.take("b")
    now[0] = 0.5
    buckets.take("a")
    with pytest.raises(Problem):
        buckets.take("a")


def test_buckets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BUCKETS", 2)
    buckets = Buckets(1, 1, lambda: 0.0)
    for name in ("a", "b", "c"):
        buckets.take(name)
    buckets.take("a")
    with pytest.raises(Problem):
        buckets.take("c")


def test_memory_of_callers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MAX_REMEMBERED", 2)
    recent: auth.Recent[bool] = auth.Recent(10, lambda: 0.0)
    for name in ("a", "b", "c"):
        recent.put(name, True)
    assert [recent.get(name) for name in ("a", "b", "c")] == [None, True, True]


async def test_a_partner_that_asks_too_much_waits_and_others_do_not(database_url: str) -> None:
    async with gateway_on(database_url, rate_per_second=1) as gateway:
        gateway.set_clock(lambda: 0.0)
        statuses = [(await gateway.get("/v1/orders/PO-1", "dhl")).status_code for _ in range(3)]
        assert statuses == [404, 404, 429]
        refused = await gateway.get("/v1/orders/PO-1", "dhl")
        assert refused.json()["type"] == "/problems/rate-limited"
        assert int(refused.headers["Retry-After"]) > 0

        body = as_bytes(event())
        by_webhook = await gateway.client.post("/v1/partners/dhl/webhook", content=body, headers=signed(body))
        assert by_webhook.status_code == 429, "one allowance for keys and webhooks"
        assert (await gateway.get("/v1/orders/PO-1", "ups")).status_code == 404


async def test_guessing_is_slowed_down_and_does_not_lock_out(gateway: Gateway) -> None:
    gateway.set_clock(lambda: 0.0)
    wrong = {"X-API-Key": "sk_root_guess"}
    statuses = [
        (await gateway.client.get("/metrics", headers=wrong)).status_code for _ in range(auth.FAILURE_BURST + 1)
    ]
    assert statuses == [401] * auth.FAILURE_BURST + [429]
    unsigned = await gateway.client.post("/v1/partners/dhl/webhook", content=b"{}")
    assert unsigned.status_code == 429
    assert (await gateway.get("/metrics", "root")).status_code == 200


async def test_an_unknown_key_is_looked_up_once(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def by_key(_connection: object, key: str) -> None:
        asked.append(key)

    monkeypatch.setattr("store.partners.partners.by_key", by_key)
    for key in ("sk_a_1", "sk_a_1", "sk_a_1", "not-a-key", "sk_\x7f"):
        assert (await gateway.client.get("/metrics", headers={"X-API-Key": key})).status_code == 401
    assert asked == ["sk_a_1"]


async def _serve(app: Limits) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http", "headers": []}, receive, send)
    return sent


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Problem) as late:
        await _serve(Limits(never, 10, time_limit_s=0.01))
    assert (late.value.status_code, late.value.kind.slug) == (503, "timed-out")


async def test_a_stream_that_has_begun_may_last() -> None:
    async def streaming(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": b"late"})

    sent = await _serve(Limits(streaming, 10, time_limit_s=0.01))
    assert sent[-1]["body"] == b"late"


async def test_a_timeout_of_something_else_is_not_taken_for_ours() -> None:
    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise TimeoutError("the database")

    with pytest.raises(TimeoutError, match="the database"):
        await _serve(Limits(failing, 10))


async def test_a_body_of_just_the_limit_is_read(database_url: str) -> None:
    body = as_bytes(event())
    for size, status in ((len(body), 202), (len(body) - 1, 413)):
        async with gateway_on(database_url, max_body_bytes=size) as gateway:
            answer: httpx.Response = await gateway.post("/v1/events", "dhl", body)
            assert answer.status_code == status
