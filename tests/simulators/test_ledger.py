"""One effect per key; what happened twice in the business shows as a duplicate; the books obey their own rules."""

from itertools import count
from typing import Any

import pytest

from tests.simulators.network import Systems, delta, instruction, milestone, tender

ERP = "/erp/erp-main/v1/orders/PO-1"
ROWS = "/planning/v1/rows"


async def test_a_repeat_is_answered_as_the_first_time_and_done_once(sims: Systems) -> None:
    first = await sims.post(f"{ERP}/milestones", milestone(kind="shipped", status="shipped"), "k1")
    again = await sims.post(f"{ERP}/milestones", milestone(kind="shipped", status="shipped"), "k1")
    assert (first.status_code, first.json()["replayed"]) == (201, False)
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    assert again.json()["reference"] == first.json()["reference"]
    ledger = await sims.ledger("erp")
    assert (ledger["executions"], ledger["duplicates"]) == (1, 0)
    (entry,) = ledger["entries"]
    assert (entry["key"], entry["attempts"], entry["executions"]) == ("k1", 2, 1)
    assert (entry["operation"], entry["order"], entry["shipment"]) == ("report_milestone", "PO-1", "S-1")
    assert len((await sims.client.get(ERP)).json()["goods_issues"]) == 1


async def test_a_key_with_another_body_is_refused(sims: Systems) -> None:
    await sims.post(f"{ERP}/milestones", milestone(), "k1")
    refused = await sims.post(f"{ERP}/milestones", milestone(shipment="S-2"), "k1")
    assert (refused.status_code, refused.json()["code"]) == (422, "key_reused")
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await sims.ledger("erp"))["executions"] == 1


async def test_the_same_deed_under_another_key_is_a_duplicate(sims: Systems) -> None:
    for key in ("k1", "k2"):
        await sims.post(f"{ERP}/milestones", milestone(kind="shipped", status="shipped"), key)
        await sims.post("/wms/RDC-AFR/v1/instructions", instruction("PO-1", "RDC-AFR"), key)
        await sims.post("/tms/v1/tenders", tender("PO-1"), key)
    for system in ("erp", "wms", "tms"):
        ledger = await sims.ledger(system)
        assert (ledger["executions"], ledger["duplicates"]) == (2, 1), system
    assert len((await sims.client.get(ERP)).json()["goods_issues"]) == 2


async def test_a_correction_takes_the_place_of_what_was_posted_whichever_comes_first(sims: Systems) -> None:
    def shipped(packs: int, revision: int, *, correction: bool) -> dict[str, Any]:
        said = milestone(kind="shipped", status="shipped" if packs == 10 else "packed")
        return said | {
            "lines": [{"line": 1, "quantity": packs}],
            "revision": revision,
            "correction": correction,
        }

    for order in ((0, 1), (1, 0)):
        number = f"PO-{order[0]}1"
        path = f"/erp/erp-main/v1/orders/{number}"
        for which in order:
            body = shipped(10, 3, correction=False) if which == 0 else shipped(8, 5, correction=True)
            answer = await sims.post(f"{path}/milestones", body | {"order": number}, f"{number}{which}")
            assert answer.status_code in (200, 201), answer.text
        book = (await sims.client.get(path)).json()
        assert [[x["quantity"] for x in it["lines"]] for it in book["goods_issues"]] == [[8]]
        assert answer.json()["superseded"] is (order == (1, 0))
        assert book["status"] == "packed"


async def test_what_may_happen_twice_is_no_duplicate(sims: Systems) -> None:
    for number in (1, 2):
        promise = {"order": "PO-1", "promised_on": "2026-04-01"}
        exception = milestone(kind="exception") | {"occurred_at": f"2026-03-0{number}T12:00:00Z"}
        await sims.post(f"{ERP}/promise", promise, f"redate-{number}")
        await sims.post(f"{ERP}/milestones", exception, f"exception-{number}")
        await sims.post(f"/erp/erp-{number}/v1/orders/PO-1/milestones", milestone(), f"books-{number}")
    ledger = await sims.ledger("erp")
    assert (ledger["executions"], ledger["duplicates"]) == (6, 0)


async def test_each_movement_of_a_batch_counts_once(sims: Systems) -> None:
    first, second, third = delta("d1"), delta("d2", kind="picked"), delta("d3", kind="packed")
    assert (await sims.post(ROWS, {"region": "AFR", "rows": [first, second]}, "b1")).status_code == 201
    assert (await sims.post(ROWS, {"region": "AFR", "rows": [first, second]}, "b1")).json()["replayed"]
    assert (await sims.post(ROWS, {"region": "AFR", "rows": [second, third]}, "b2")).status_code == 201
    ledger = await sims.ledger("planning")
    assert {entry["key"]: entry["attempts"] for entry in ledger["entries"]} == {"d1": 2, "d2": 3, "d3": 1}
    assert (ledger["executions"], ledger["duplicates"]) == (3, 0)
    packs = (await sims.client.get("/planning/v1/items/ITEM-1")).json()["packs"]
    assert packs == {"shipped": 5, "picked": 5, "packed": 5}


@pytest.mark.parametrize("again", ["d1", "d0"])
async def test_a_row_with_a_reused_key_does_not_count(sims: Systems, again: str) -> None:
    await sims.post(ROWS, {"region": "AFR", "rows": [delta("d0")]}, "b0")
    rows = [delta("d1"), delta(again, quantity=6)]
    answer = await sims.post(ROWS, {"region": "AFR", "rows": rows}, "b1")
    assert answer.json()["refused"] == [{"key": again, "code": "key_reused"}]
    assert (await sims.client.get("/planning/v1/items/ITEM-1")).json()["packs"] == {"shipped": 10}


async def test_rows_behind_a_refused_one_wait_and_others_count(sims: Systems) -> None:
    await sims.client.put("/planning/unknown-items", json={"items": ["ITEM-1"]})
    other = {**delta("d3", "stock:on_hand"), "item": "ITEM-2"}
    body = {"region": "AFR", "rows": [delta("d1"), delta("d2", "stock:on_hand"), other]}
    refused = [{"key": "d1", "code": "unknown_item"}, {"key": "d2", "code": "behind"}]
    assert (await sims.post(ROWS, body, "b1")).json()["refused"] == refused
    await sims.client.put("/planning/unknown-items", json={})
    assert (await sims.post(ROWS, body, "b1")).json()["refused"] == refused, "a repeat is answered as the first was"
    figure = {"place": "on_hand:RDC-AFR", "item": "ITEM-2", "packs": 5}
    assert (await sims.client.get("/planning/v1/stock")).json() == {"figures": [figure]}
    assert (await sims.post(ROWS, body, "b2")).json()["refused"] == []
    assert (await sims.client.get("/planning/v1/items/ITEM-1")).json()["packs"] == {"shipped": 5, "stock:on_hand": 5}


def wanted(order: str, revision: int, packs: int) -> dict[str, Any]:
    """Open demand of an order."""
    about = {"order": f"erp-one/{order}", "item": "ITEM-1", "site": "RDC-AFR", "day": "2026-03-01"}
    key = f"erp-one/{order}/demand/RDC-AFR/ITEM-1/r{revision}"
    return {"key": key, **about, "revision": revision, "packs": packs}


async def test_open_demand_of_an_item_is_told_by_site(sims: Systems) -> None:
    async def told(*figures: dict[str, Any]) -> tuple[list[Any], dict[str, int]]:
        """What planning refused of these, and the open demand that it holds afterwards."""
        answer = await sims.post(ROWS, {"demand": figures}, f"b{next(numbers)}")
        return answer.json()["refused"], (await sims.client.get("/planning/v1/items/ITEM-1")).json()["demand"]

    numbers = count()
    assert await told(wanted("PO-1", 1, 40), wanted("PO-2", 1, 5)) == ([], {"RDC-AFR": 45})
    assert await told(wanted("PO-1", 3, 30)) == ([], {"RDC-AFR": 35}), "a newer figure replaces an older one"
    assert await told(wanted("PO-1", 2, 70), wanted("PO-1", 3, 30)) == ([], {"RDC-AFR": 35}), "an older one is late"
    refused = [{"key": "erp-one/PO-1/demand/RDC-AFR/ITEM-1/r3", "code": "key_reused"}]
    assert await told(wanted("PO-1", 3, 31)) == (refused, {"RDC-AFR": 35}), "a revision has one content"
    assert await told(wanted("PO-1", 4, 0)) == ([], {"RDC-AFR": 5})
    figures = (await sims.client.get("/planning/v1/open-demand")).json()["figures"]
    assert figures == [{"item": "ITEM-1", "site": "RDC-AFR", "packs": 5}]
    await sims.client.put("/planning/unknown-items", json={"items": ["ITEM-1"]})
    assert [it["code"] for it in (await told(wanted("PO-2", 2, 9)))[0]] == ["unknown_item"]


async def test_nothing_is_posted_to_a_cancelled_order(sims: Systems) -> None:
    await sims.post(f"{ERP}/cancellation", {"order": "PO-1", "reason": "customer withdrew"}, "k1")
    refused = await sims.post(f"{ERP}/milestones", milestone(), "k2")
    assert (refused.status_code, refused.json()["code"]) == (422, "order_cancelled")
    order = (await sims.client.get(ERP)).json()
    assert (order["status"], order["cancelled_because"]) == ("cancelled", "customer withdrew")
    assert [entry["key"] for entry in (await sims.ledger("erp"))["entries"]] == ["k1"]


async def test_the_status_of_an_order_never_falls(sims: Systems) -> None:
    await sims.post(f"{ERP}/milestones", milestone(kind="packed", status="packed"), "k1")
    refused = await sims.post(f"{ERP}/milestones", milestone(kind="picked", status="picked"), "k2")
    assert (refused.status_code, refused.json()["code"]) == (422, "status_fell")
    assert (await sims.post(f"{ERP}/milestones", milestone(kind="picked", status="packed"), "k3")).status_code == 201


async def test_two_erps_keep_separate_books(sims: Systems) -> None:
    await sims.post(f"{ERP}/milestones", milestone(kind="packed", status="packed"), "k1")
    await sims.post("/erp/erp-other/v1/orders/PO-1/milestones", milestone(), "k2")
    assert (await sims.client.get(ERP)).json()["status"] == "packed"
    assert (await sims.client.get("/erp/erp-other/v1/orders/PO-1")).json()["status"] == "picked"
    assert (await sims.client.get("/erp/erp-third/v1/orders/PO-1")).status_code == 404


async def test_the_trace_is_kept(sims: Systems) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"idempotency-key": "k1", "traceparent": trace}
    await sims.client.post(f"{ERP}/milestones", json=milestone(), headers=headers)
    assert (await sims.ledger("erp"))["entries"][0]["traceparent"] == trace


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        (f"{ERP}/milestones", milestone(), {}, 400, "idempotency_key_missing"),
        (f"{ERP}/milestones", milestone() | {"milestone": "lost"}, {"idempotency-key": "k"}, 400, "body_invalid"),
        (f"{ERP}/milestones", milestone("PO-2"), {"idempotency-key": "k"}, 422, "path_mismatch"),
        (f"{ERP}/milestones", milestone(), {"authorization": "Bearer wrong"}, 401, "unauthorized"),
    ],
)
async def test_a_bad_call_is_refused(
    sims: Systems, path: str, body: object, headers: dict[str, str], status: int, code: str
) -> None:
    refused = await sims.client.post(path, json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await sims.ledger("erp"))["entries"] == []


@pytest.mark.parametrize("path", ["/erp/ledger", "/wms/faults", "/webhooks/outbox"])
async def test_the_control_side_needs_the_token_too(sims: Systems, path: str) -> None:
    assert (await sims.client.get(path, headers={"authorization": ""})).status_code == 401
    assert (await sims.client.get("/health", headers={"authorization": ""})).json() == {"status": "ok"}


async def test_unknown_fields_are_tolerated(sims: Systems) -> None:
    response = await sims.post(f"{ERP}/milestones", milestone() | {"new_in_v9": 1}, "k1")
    assert response.status_code == 201
