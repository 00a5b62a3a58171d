"""Order release: answered once, committed once."""

import asyncio
import hashlib
import json

from gateway.api.releases import content_digest
from schemas.orders.release import LinePromise, OrderRelease, Promise
from store.messaging import inbox
from store.orders import orders
from tests.gateway.harness import Gateway
from tests.gateway.messages import as_bytes, release

PATH = "/v1/orders"


async def test_a_release_is_answered_with_its_promise(gateway: Gateway) -> None:
    raw = as_bytes(release())
    answer = await gateway.post(PATH, "erp-one", raw)

    assert answer.status_code == 201
    assert answer.headers["Location"] == "/v1/orders/PO-1"
    assert answer.json() == {
        "order": "erp-one/PO-1",
        "status": "promised",
        "promise": {
            "promised_on": "2026-03-09",
            "lines": [{"line": 1, "promised_on": "2026-03-09"}],
            "reason": "",
        },
        "links": {"self": "/v1/orders/PO-1"},
    }
    [message] = await gateway.inbox()
    assert message["raw"] == raw
    assert message["digest"] == hashlib.sha256(raw).hexdigest()
    assert (message["kind"], message["external_id"], message["partner"]) == (inbox.RELEASE, "PO-1", "erp-one")
    assert (message["not_before"] - message["received_at"]).total_seconds() > 4, "the relay leaves it to us first"
    [order] = await gateway.rows("SELECT parties, inbox_id FROM order_view")
    assert order == {"parties": ["erp-one", "wms-dc1", "tms", "dhl"], "inbox_id": message["id"]}


async def test_a_repeat_gets_the_same_answer_and_stores_nothing(gateway: Gateway) -> None:
    first = await gateway.post(PATH, "erp-one", release())
    spelled_otherwise = json.dumps({**release(priority=3), "released_at": "2026-03-02T09:00:00+01:00"}, indent=4)
    again = await gateway.post(PATH, "erp-one", spelled_otherwise.encode())

    assert again.status_code == 200
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert len(await gateway.inbox()) == 1


async def test_a_repeat_after_the_promise_was_recorded_is_answered_from_the_record(gateway: Gateway) -> None:
    first = await gateway.post(PATH, "erp-one", release())
    contract = OrderRelease.model_validate(release())
    promise = Promise(promised_on="2026-03-10", lines=(LinePromise(line=1, promised_on="2026-03-10"),), reason="full")
    async with gateway.database.transaction() as connection:
        await orders.promised(connection, "erp-one/PO-1", promise, contract, 1)

    again = await gateway.post(PATH, "erp-one", release())
    assert again.status_code == 200
    assert again.json() == {**first.json(), "promise": promise.model_dump(mode="json")}
    assert gateway.handoff.released == ["erp-one/PO-1"], "the workflow is not asked again"


async def test_an_order_that_nobody_would_watch_is_taken_where_replays_are_only(gateway: Gateway) -> None:
    """Alarms, findings and cases of an order with `clock: events` are off: that is not for partners to ask."""
    answer = await gateway.post(PATH, "erp-one", release(clock="events"))
    assert answer.status_code == 422
    assert [it["field"] for it in answer.json()["findings"]] == ["clock"]
    assert await gateway.inbox() == []
    gateway.configure(replays=True)
    assert (await gateway.post(PATH, "erp-one", release(clock="events"))).status_code == 201


async def test_other_content_is_refused_and_changes_nothing(gateway: Gateway) -> None:
    await gateway.post(PATH, "erp-one", release())
    answer = await gateway.post(PATH, "erp-one", release(region="APAC"))

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/content-differs"
    assert len(await gateway.inbox()) == 1
    assert await gateway.rows("SELECT region FROM order_view") == [{"region": "EMEA"}]
    assert gateway.handoff.released == ["erp-one/PO-1"]


async def test_the_same_number_of_another_erp_is_another_order(gateway: Gateway) -> None:
    for erp in ("erp-one", "erp-two"):
        assert (await gateway.post(PATH, erp, release())).status_code == 201
    assert gateway.handoff.released == ["erp-one/PO-1", "erp-two/PO-1"]


async def test_without_temporal_it_is_committed_and_the_promise_follows(gateway: Gateway) -> None:
    gateway.handoff.up = False
    for _ in range(2):
        answer = await gateway.post(PATH, "erp-one", release())
        assert answer.status_code == 202
        assert answer.headers["Location"] == "/v1/orders/PO-1"
        assert answer.json() == {
            "order": "erp-one/PO-1",
            "status": "released",
            "links": {"self": "/v1/orders/PO-1"},
        }
    [message] = await gateway.inbox()
    assert message["state"] == "received"

    gateway.handoff.up = True
    assert (await gateway.post(PATH, "erp-one", release())).json()["promise"]["promised_on"] == "2026-03-09"


async def test_twenty_at_once_make_one_order(gateway: Gateway) -> None:
    answers = await asyncio.gather(*(gateway.post(PATH, "erp-one", release()) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert len(await gateway.inbox()) == 1
    assert await gateway.rows("SELECT key FROM order_view") == [{"key": "erp-one/PO-1"}]


async def test_two_contents_at_once_make_one_order(gateway: Gateway) -> None:
    bodies = [release(priority=1 + n % 2) for n in range(10)]
    answers = await asyncio.gather(*(gateway.post(PATH, "erp-one", body) for body in bodies))

    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201] + [409] * 5
    assert len(await gateway.inbox()) == 1


def test_the_content_digest_sees_content_only() -> None:
    plain = OrderRelease.model_validate(release())
    explicit = OrderRelease.model_validate(release(priority=3, clock="wall", currency="USD"))
    assert content_digest(plain) == content_digest(explicit)
    number, text = (
        release(lines=[{"line": 1, "item": "A", "quantity": 3, "value": value}]) for value in (200.5, "200.50")
    )
    assert content_digest(OrderRelease.model_validate(number)) == content_digest(OrderRelease.model_validate(text))
    assert content_digest(plain) != content_digest(OrderRelease.model_validate(release(priority=2)))
