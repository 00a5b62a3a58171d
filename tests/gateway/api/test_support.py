"""What support and operations use: quarantine, health, figures; and what the log says."""

import asyncio
import json
import socket
from contextlib import suppress

import pytest
import structlog
from starlette.types import Message

from store.engine import Database
from telemetry import health as health_server
from telemetry.health import Condition, Health, Readiness
from tests.gateway.harness import Gateway
from tests.gateway.messages import as_bytes, event, release, signed

WEBHOOK = "/v1/partners/dhl/webhook"


async def _quarantined(gateway: Gateway, body: bytes = b"\x00{") -> int:
    await gateway.client.post(WEBHOOK, content=body, headers=signed(body))
    inbox_id: int = (await gateway.inbox())[-1]["id"]
    return inbox_id


async def test_quarantine_is_listed_without_bytes(gateway: Gateway) -> None:
    first, second = await _quarantined(gateway), await _quarantined(gateway, b"\x00[")
    answer = await gateway.get("/v1/quarantine", "helpdesk")
    messages = answer.json()["messages"]
    assert [message["id"] for message in messages] == [second, first]
    assert messages[0]["reason"] == "body: must not contain the NUL character"
    assert messages[0]["origin"] == "transformation"
    assert "raw" not in messages[0]
    assert len((await gateway.get("/v1/quarantine?limit=1", "helpdesk")).json()["messages"]) == 1


async def test_replay_brings_back_what_is_quarantined(gateway: Gateway) -> None:
    quarantined = await _quarantined(gateway)
    taken = (await gateway.post("/v1/events", "dhl", event())).json()["ids"][0]
    answer = await gateway.post("/v1/quarantine/replay", "helpdesk", {"ids": [quarantined, taken, 2**62]})
    assert answer.json() == {"replayed": 1}
    assert {row["state"] for row in await gateway.inbox()} == {"received"}


async def test_what_support_does_is_audited(gateway: Gateway) -> None:
    quarantined = await _quarantined(gateway)
    await gateway.get("/v1/quarantine", "helpdesk")
    await gateway.post("/v1/quarantine/replay", "root", {"ids": [quarantined]})
    assert await gateway.rows("SELECT actor, action, detail FROM audit_entry ORDER BY id") == [
        {"actor": "helpdesk", "action": "quarantine_listed", "detail": {"messages": 1}},
        {"actor": "root", "action": "quarantine_replayed", "detail": {"ids": [quarantined], "replayed": 1}},
    ]


@pytest.mark.parametrize("ids", [[], [0], [-1], [2**63], ["1"], [1.0], list(range(1, 1002))])
async def test_a_replay_names_messages(gateway: Gateway, ids: list[object]) -> None:
    assert (await gateway.post("/v1/quarantine/replay", "helpdesk", {"ids": ids})).status_code == 422


async def test_without_temporal_the_gateway_is_ready(gateway: Gateway) -> None:
    gateway.handoff.up = False
    answer = await gateway.client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"database": "up", "temporal": "down"})


async def test_without_a_database_it_is_not(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> None:
        raise TimeoutError

    monkeypatch.setattr(gateway.database, "try_to_write", away)
    answer = await gateway.client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"database": "down", "temporal": "up"})
    assert (await gateway.client.get("/health/live")).status_code == 200


async def test_a_database_without_room_is_full_and_asked_once_a_second(database_url: str) -> None:
    """PostgreSQL refuses to write files, as it does on a full disk, and answers all that writes none."""
    now = [0.0]
    async with Database(database_url, 2) as database:
        name = database_url.rpartition("/")[2]
        async with database.connection() as connection:
            await connection.execute(f"ALTER DATABASE {name} SET temp_file_limit = '64kB'".encode())
    async with Database(database_url, 2) as database:
        asked: list[bool] = []

        async def healthy() -> bool:
            asked.append(True)
            return True

        health = Health(database, healthy, lambda: now[0])
        found = await asyncio.gather(*(health.look() for _ in range(5)))
        assert {(it.database, it.temporal) for it in found} == {(Condition.FULL, Condition.UP)}
        assert len(asked) == 1
        async with database.connection() as connection:
            await connection.execute("SET temp_file_limit = -1")
        now[0] += 1.0
        await health.look()
        assert len(asked) == 2


async def _asked(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    found = b""
    with suppress(ConnectionError):
        found = await reader.read()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return found


async def test_a_process_without_pages_says_how_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_server, "MAX_ASKING", 2)

    class Found(Health):
        """Says what is set."""

        def __init__(self) -> None:
            self.temporal = Condition.UP

        async def look(self) -> Readiness:
            return Readiness(database=Condition.UP, temporal=self.temporal)

    health = Found()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with health_server.serve_health(port, health):
        well = await _asked(port, b"GET /health HTTP/1.1\r\n\r\n")
        assert well.startswith(b"HTTP/1.1 200 OK\r\n")
        assert well.endswith(b'{"database":"up","temporal":"up"}')
        health.temporal = Condition.DOWN
        assert (await _asked(port, b"GET /health HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
        assert (await _asked(port, b"GET /health/live HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert await _asked(port, b"GET /health HTTP/1.1\r\nX: " + b"x" * 5000) == b""
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        assert await _asked(port, b"GET /health HTTP/1.1\r\n\r\n") == b""
        monkeypatch.setattr(health_server, "MAX_ASKING", 16)
        for reader, writer in held:
            writer.write(b"GET /health/live HTTP/1.1\r\n\r\n")
            assert await reader.read()
            writer.close()
            await writer.wait_closed()


async def test_figures(gateway: Gateway) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    await gateway.post("/v1/events", "dhl", event())
    await gateway.post("/v1/events", "dhl", b"{")
    await gateway.get("/v1/orders/PO-1", "ups")
    await _quarantined(gateway)
    figures = (await gateway.get("/metrics", "root")).text

    for line in (
        'syncline_gateway_requests_total{method="POST",route="/v1/events",status="202"} 1.0',
        'syncline_gateway_requests_total{method="POST",route="/v1/events",status="422"} 1.0',
        'syncline_gateway_requests_total{method="GET",route="/v1/orders/{number}",status="404"} 1.0',
        'syncline_gateway_request_seconds_count{method="POST",route="/v1/orders"} 1.0',
        'syncline_gateway_accepted_total{kind="order.release"} 1.0',
        'syncline_gateway_accepted_total{kind="event"} 1.0',
        'syncline_gateway_accepted_total{kind="quarantined"} 1.0',
        'syncline_inbox_messages{state="received"} 2.0',
        'syncline_inbox_messages{state="quarantined"} 1.0',
        'syncline_database_pool{figure="pool_max"} 6.0',
    ):
        assert line in figures.splitlines()


async def test_the_log_names_the_request_and_nobody(gateway: Gateway) -> None:
    signature = signed(as_bytes(event()))
    with structlog.testing.capture_logs() as logs:
        answer = await gateway.post("/v1/orders", "erp-one", release())
        await gateway.post("/v1/orders", "erp-one", release(region="e", ship_to={"id": "Clinic Confidential"}))
        await gateway.post("/v1/events", "dhl", event(reason="left with Jane Doe"))
        await gateway.client.post(WEBHOOK, content=as_bytes(event()), headers=signature)
        await gateway.get("/nowhere/PO-1?key=" + gateway.keys["root"], "dhl")
        await gateway.client.post("/login", data={"key": gateway.keys["root"]})

    assert {key: logs[0][key] for key in ("event", "method", "route", "status", "partner", "request_id")} == {
        "event": "request",
        "method": "POST",
        "route": "/v1/orders",
        "status": 201,
        "partner": "erp-one",
        "request_id": answer.headers["X-Request-Id"],
    }
    assert logs[0]["trace_id"] == answer.headers["traceparent"].split("-")[1]
    written = json.dumps(logs)
    secrets = [*gateway.keys.values(), signature["webhook-signature"]]
    for private in ("Confidential", "Hidden Street", "Jane Doe", "nowhere", *secrets):
        assert private not in written


async def test_a_caller_that_hangs_up_is_no_failure(gateway: Gateway) -> None:
    sent = asyncio.Event()
    parts: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        return parts.pop(0)

    async def send(_message: Message) -> None:
        sent.set()

    scope = {"type": "http", "method": "POST", "path": "/v1/partners/dhl/webhook", "headers": [], "query_string": b""}
    with structlog.testing.capture_logs() as logs:
        await gateway.app(scope, receive, send)
    assert [(line["event"], line["log_level"], line["status"]) for line in logs] == [("request", "info", 499)]
    assert not sent.is_set()
