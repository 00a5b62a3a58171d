"""Milestones by API key: one or a batch, in the caller's own name."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.events.admission import own_source
from store.messaging import inbox
from tests.gateway.harness import Gateway
from tests.gateway.messages import as_bytes, event

PATH = "/v1/events"
BATCH = "application/cloudevents-batch+json"


@pytest.mark.parametrize(
    "media_type", ["application/cloudevents+json", "application/json", 'application/json; charset="UTF-8"']
)
async def test_an_event_is_kept_as_it_was_sent(gateway: Gateway, media_type: str) -> None:
    raw = json.dumps(event(reason="Zürich: späť"), indent=3, ensure_ascii=False).encode()
    answer = await gateway.post(PATH, "dhl", raw, media_type)

    assert answer.status_code == 202
    [message] = await gateway.inbox()
    assert answer.json() == {"accepted": 1, "ids": [message["id"]]}
    assert message["raw"] == raw
    assert (message["kind"], message["external_id"], message["partner"]) == (inbox.EVENT, "e-1", "dhl")
    assert message["state"] == "received"


async def test_a_batch_becomes_one_message_for_each_event(gateway: Gateway) -> None:
    events = [event(event_id=f"e-{n}") for n in range(3)]
    answer = await gateway.post(PATH, "dhl", events, BATCH)

    messages = await gateway.inbox()
    assert answer.json() == {"accepted": 3, "ids": [m["id"] for m in messages]}
    assert [json.loads(m["raw"]) for m in messages] == events


async def test_a_batch_is_taken_whole_or_not_at_all(gateway: Gateway) -> None:
    events = [event(), event(event_id="e-2", kind="teleported"), event(event_id="e 3")]
    answer = await gateway.post(PATH, "dhl", events, BATCH)

    assert answer.status_code == 422
    assert [finding["field"] for finding in answer.json()["findings"]] == ["[1].data.kind", "[2].id"]
    assert await gateway.inbox() == []


@pytest.mark.parametrize("body", [[], {}, "x", None, [event()] * 501])
async def test_a_batch_has_a_size(gateway: Gateway, body: Any) -> None:
    answer = await gateway.post(PATH, "dhl", body, BATCH)
    assert answer.status_code == 422
    assert answer.json()["findings"] == [{"field": "body", "rule": "must be an array of 1 to 500 events"}]


@pytest.mark.parametrize("source", ["/partners/ups", "/partners/dhl-evil", "/partners", "dhl", "/partners/dhl2/x"])
async def test_nobody_speaks_in_anothers_name(gateway: Gateway, source: str) -> None:
    answer = await gateway.post(PATH, "dhl", {**event(), "source": source})
    assert answer.status_code == 403
    assert answer.json()["findings"][0]["field"] == "source"

    batch = await gateway.post(PATH, "dhl", [event(), {**event(), "source": source}], BATCH)
    assert batch.status_code == 403
    assert [finding["field"] for finding in batch.json()["findings"]] == ["[1].source"]
    assert await gateway.inbox() == []


def test_a_partner_owns_what_lies_under_its_name() -> None:
    assert own_source("/partners/dhl", "dhl")
    assert own_source("/partners/dhl/hub/3", "dhl")
    assert not own_source("/partners/dhl-evil", "dhl")


async def test_an_unknown_type_is_named(gateway: Gateway) -> None:
    answer = await gateway.post(PATH, "dhl", {**event(), "type": "syncline.order.release.v1", "data": {}})
    assert answer.status_code == 422
    assert answer.json()["findings"] == [{"field": "type", "rule": "must be syncline.shipment.milestone.v1"}]


async def test_the_future_begins_in_ten_minutes(gateway: Gateway) -> None:
    now = datetime.now(UTC)
    soon, late = (now + timedelta(minutes=9)).isoformat(), (now + timedelta(minutes=11)).isoformat()
    assert (await gateway.post(PATH, "dhl", event(occurred_at=soon))).status_code == 202
    refused = await gateway.post(PATH, "dhl", event(event_id="e-2", occurred_at=late))
    assert refused.status_code == 422
    assert refused.json()["findings"][0]["field"] == "data.occurred_at"
    assert "10 minutes" in refused.json()["findings"][0]["rule"]


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def _post_traced(gateway: Gateway, body: dict[str, Any], traceparent: str) -> tuple[str, str]:
    headers = {**gateway.auth("dhl"), "Content-Type": "application/json", "traceparent": traceparent}
    answer = await gateway.client.post(PATH, content=as_bytes(body), headers=headers)
    return answer.headers["traceparent"], (await gateway.inbox())[-1]["traceparent"]


async def test_the_callers_trace_is_kept(gateway: Gateway) -> None:
    assert await _post_traced(gateway, event(), TRACE) == (TRACE, TRACE)


@pytest.mark.parametrize(
    "broken",
    ["", "nonsense", TRACE.upper(), TRACE.replace("00-", "ff-", 1), f"00-{'0' * 32}-{'1' * 16}-01", TRACE + "x"],
)
async def test_a_broken_trace_is_replaced(gateway: Gateway, broken: str) -> None:
    answered, stored = await _post_traced(gateway, event(), broken)
    assert answered == stored != broken


async def test_the_events_own_trace_goes_first(gateway: Gateway) -> None:
    own = TRACE.replace("b7ad", "c8be")
    assert await _post_traced(gateway, {**event(), "traceparent": own}, TRACE) == (TRACE, own)
