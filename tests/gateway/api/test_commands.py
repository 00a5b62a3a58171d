"""What may be asked of an order: committed with its audit entry before it is handed over, and answered."""

import json
from typing import Any

import pytest

from dispatch.requests import REQUESTS, CommandRecord, record_of
from tests.gateway.harness import Gateway
from tests.gateway.messages import release

ORDER = "/v1/orders/PO-1"
SHIP_TO = {"id": "clinic-2", "country": "ZA", "name": "Other Clinic", "address": "2 Secret Road"}
ASKED: dict[str, dict[str, Any]] = {
    "amend": {"id": "a-1", "reason": "r", "lines": [{"line": 1, "quantity": 5}], "ship_to": SHIP_TO},
    "cancel": {"id": "a-1", "reason": "no budget"},
    "hold": {"id": "a-1", "reason": "credit"},
    "resume": {"id": "a-1", "reason": "paid"},
    "act": {"id": "a-1", "reason": "r", "action": "retry"},
    "returns": {"id": "RMA-1", "reason": "broken", "lines": [{"line": 1, "quantity": 1}]},
}
every_command = pytest.mark.parametrize("verb", ASKED)


def _kind(verb: str) -> str:
    return "order.return" if verb == "returns" else f"order.{verb}"


@every_command
async def test_a_command_is_committed_audited_and_carried_out(gateway: Gateway, verb: str) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    answer = await gateway.post(f"{ORDER}/{verb}", "root", ASKED[verb])

    assert answer.status_code == 200, answer.text
    assert answer.json()["order"] == "erp-one/PO-1"
    message = (await gateway.inbox())[-1]
    assert (message["kind"], message["external_id"], message["partner"]) == (_kind(verb), ASKED[verb]["id"], "root")
    kept = json.loads(message["raw"])
    assert (kept["key"], kept["by"], kept["role"]) == ("erp-one/PO-1", "root", "admin")
    assert kept["request"] == ASKED[verb]
    [record] = gateway.handoff.commands
    assert (record.key, record.kind, record.by) == ("erp-one/PO-1", _kind(verb), "root")
    [entry] = await gateway.rows("SELECT actor, action, subject, detail FROM audit_entry")
    assert entry == {
        "actor": "root",
        "action": _kind(verb),
        "subject": "erp-one/PO-1",
        "detail": {"id": ASKED[verb]["id"]},
    }


@every_command
async def test_a_refusal_says_why_and_is_not_tried_again(gateway: Gateway, verb: str) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    gateway.handoff.refusal = "the goods have been shipped: intercept them instead"
    answer = await gateway.post(f"{ORDER}/{verb}", "helpdesk", ASKED[verb])

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/refused"
    assert answer.json()["detail"] == "the goods have been shipped: intercept them instead"
    message = (await gateway.inbox())[-1]
    assert (message["state"], message["reason"]) == ("superseded", gateway.handoff.refusal)


@every_command
async def test_the_same_id_with_other_content_is_refused(gateway: Gateway, verb: str) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    first = await gateway.post(f"{ORDER}/{verb}", "root", ASKED[verb])
    told, kept = list(gateway.handoff.commands), await gateway.inbox()
    other = await gateway.post(f"{ORDER}/{verb}", "root", {**ASKED[verb], "reason": "something else"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/content-differs")
    assert (gateway.handoff.commands, await gateway.inbox()) == (told, kept), "nothing was changed"
    again = await gateway.post(f"{ORDER}/{verb}", "root", ASKED[verb])
    assert (again.status_code, again.json()) == (200, first.json())


@every_command
async def test_without_temporal_it_is_committed_and_follows(gateway: Gateway, verb: str) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    gateway.handoff.up = False
    answer = await gateway.post(f"{ORDER}/{verb}", "root", ASKED[verb])

    assert answer.status_code == 202
    assert "not decided yet" in answer.text
    assert [(row["kind"], row["state"]) for row in await gateway.inbox()][-1] == (_kind(verb), "received")


@every_command
async def test_an_unknown_or_foreign_order_is_not_there(gateway: Gateway, verb: str) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    there = await gateway.post(f"{ORDER}/{verb}", "erp-two" if verb != "act" else "root", ASKED[verb])
    missing = await gateway.post(f"/v1/orders/PO-9/{verb}", "root", ASKED[verb])
    assert missing.status_code == 404
    if verb != "act":
        assert (there.status_code, there.json()["detail"]) == (404, missing.json()["detail"])
        assert gateway.handoff.commands == []
        assert len(await gateway.inbox()) == 1


@every_command
async def test_what_breaks_a_rule_is_not_stored(gateway: Gateway, verb: str) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    for wrong in ({**ASKED[verb], "id": ""}, {**ASKED[verb], "colour": "red"}, {"id": "a-1"}):
        assert (await gateway.post(f"{ORDER}/{verb}", "root", wrong)).status_code == 422
    assert len(await gateway.inbox()) == 1


async def test_a_number_that_several_erps_use_must_be_qualified(gateway: Gateway) -> None:
    for erp in ("erp-one", "erp-two"):
        await gateway.post("/v1/orders", erp, release())
    assert (await gateway.post(f"{ORDER}/cancel", "helpdesk", ASKED["cancel"])).status_code == 409
    assert (await gateway.post(f"{ORDER}/cancel?erp=erp-two", "helpdesk", ASKED["cancel"])).status_code == 200
    assert [record.key for record in gateway.handoff.commands] == ["erp-two/PO-1"]


async def test_a_repeat_has_the_same_digest_however_it_is_written(gateway: Gateway) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    for wish in (ASKED["amend"], {**dict(reversed(ASKED["amend"].items())), "requested_on": None}):
        assert (await gateway.post(f"{ORDER}/amend", "erp-one", wish)).status_code == 200
    await gateway.post(f"{ORDER}/amend", "erp-one", {**ASKED["amend"], "id": "a-2", "reason": "another"})
    first, repeat, other = [row["digest"] for row in (await gateway.inbox())[1:]]
    assert first == repeat != other


def test_the_inbox_gives_back_what_was_asked() -> None:
    for verb, wish in ASKED.items():
        kind = _kind(verb)
        request = REQUESTS[kind].model_validate(wish)
        record: CommandRecord[Any] = CommandRecord(
            key="e/1", verb=kind.split(".")[1], by="erp", role="erp", request=request
        )
        found = record_of(record.kind, record.raw)
        assert (found.kind, found.request, found.raw) == (kind, request, record.raw)
