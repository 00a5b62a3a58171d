"""What support and operations use: quarantine, health, figures; and what the log says."""

import json

import pytest
import structlog

from tests.gateway.harness import Gateway
from tests.gateway.messages import as_bytes, event, release, signed

WEBHOOK = "/v1/partners/dhl/webhook"


async def _quarantined(gateway: Gateway) -> int:
    await gateway.client.post(WEBHOOK, content=b"\x00{", headers=signed(b"\x00{"))
    inbox_id: int = (await gateway.inbox())[-1]["id"]
    return inbox_id


async def test_quarantine_is_listed_without_bytes(gateway: Gateway) -> None:
    first, second = await _quarantined(gateway), await _quarantined(gateway)
    answer = await gateway.get("/v1/quarantine", "helpdesk")
    messages = answer.json()["messages"]
    assert [message["id"] for message in messages] == [second, first]
    assert messages[0]["reason"] == "body: must not contain the NUL character"
    assert messages[0]["origin"] == "transformation"
    assert "raw" not in messages[0]
    assert len((await gateway.get("/v1/quarantine?limit=1", "helpdesk")).json()["messages"]) == 1


async def test_replay_brings_back_what_is_quarantined(gateway: Gateway) -> None:
    parked = await _quarantined(gateway)
    taken = (await gateway.post("/v1/events", "dhl", event())).json()["ids"][0]
    answer = await gateway.post("/v1/quarantine/replay", "helpdesk", {"ids": [parked, taken, 2**62]})
    assert answer.json() == {"replayed": 1}
    assert {row["state"] for row in await gateway.inbox()} == {"received"}


async def test_what_support_does_is_audited(gateway: Gateway) -> None:
    parked = await _quarantined(gateway)
    await gateway.get("/v1/quarantine", "helpdesk")
    await gateway.post("/v1/quarantine/replay", "root", {"ids": [parked]})
    assert await gateway.rows("SELECT actor, action, detail FROM audit_entry ORDER BY id") == [
        {"actor": "helpdesk", "action": "quarantine_listed", "detail": {"messages": 1}},
        {"actor": "root", "action": "quarantine_replayed", "detail": {"ids": [parked], "replayed": 1}},
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

    monkeypatch.setattr(gateway.database, "ping", away)
    answer = await gateway.client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"database": "down", "temporal": "up"})
    assert (await gateway.client.get("/health/live")).status_code == 200


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
        await gateway.client.get("/login", params={"key": gateway.keys["root"]})

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
