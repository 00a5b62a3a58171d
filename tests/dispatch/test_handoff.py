"""Handing over to Temporal: started once, asked once, told without names, and what has ended is told apart."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from secrets import token_hex
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from dispatch.handoff import TemporalHandoff
from dispatch.ports import Rest, SignalOutcome, SignalRefused
from dispatch.procurement.documents import PlacedDocument
from dispatch.procurement.purchases import WorkflowEnded
from dispatch.requests import CommandRecord
from dispatch.temporal.calls import refusals
from domain.procurement.purchase_run import InboundRun
from schemas.base import Contract, Role
from schemas.cases.policies import PolicyRule
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import CancelRequest
from schemas.procurement.replenishment import ReplenishmentStart
from schemas.workflows.commands import AmendRequest, ReplanDecision, ReturnRequest
from schemas.workflows.returns import ReturnStart, ReturnState
from store.cases import policies
from store.messaging.verdicts import First
from store.orders import returns
from tests.dispatch.conftest import Desk
from tests.dispatch.standins import standing_in
from tests.domain.procurement.test_replenishing import proposal
from tests.domain.purchases import NOON, document, start

CANCEL = CancelRequest(id="c1", reason="customer withdrew")
WITHIN_S = 10.0
SECRET = "1 Hidden Street"
AMEND = AmendRequest.model_validate(
    {"id": "a1", "reason": "moved", "ship_to": {"id": "C2", "country": "DE", "name": "Ada", "address": SECRET}}
)
LINES = [{"line": 1, "quantity": 7}]


@pytest.fixture
async def handoff(desk: Desk, temporal_client: Client) -> AsyncIterator[TemporalHandoff]:
    """The real handoff, with stand-in workflows behind it."""
    async with standing_in(temporal_client):
        yield TemporalHandoff(temporal_client, desk.database)


async def _ask(desk: Desk, handoff: TemporalHandoff, key: str, verb: str, request: Contract) -> dict[str, Any] | None:
    """The inbox message of a command, after it was handed over; None when it was not."""
    [message] = await desk.ask(key, verb, request)
    record: CommandRecord[Any] = CommandRecord(key=key, verb=verb, by="erp-one", role=Role.ERP, request=request)
    row = await desk.message(message)
    told = await handoff.command(record, First(message, row["received_at"], row["traceparent"]), WITHIN_S)
    return await desk.message(message) if told else None


async def _released(desk: Desk, handoff: TemporalHandoff, number: str) -> str:
    key = await desk.order(number)
    assert await handoff.release(key, WITHIN_S) is not None
    return key


async def _heard(handoff: TemporalHandoff, key: str) -> tuple[str, ...]:
    waiting = await handoff.status(key, WITHIN_S)
    return waiting.conditions if waiting else ()


async def test_a_release_is_started_once_and_its_message_is_on_its_way(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    key = await desk.order("H-0", promised=False)
    first, again = [await handoff.release(key, WITHIN_S) for _ in range(2)]
    assert first == again is not None
    [row] = await desk.rows("SELECT state, workflow_id, not_before > now() AS later FROM inbox_message")
    assert row == {"state": "routed", "workflow_id": f"order/{key}", "later": True}
    await temporal_client.get_workflow_handle(f"order/{key}").terminate()
    assert await handoff.release(key, WITHIN_S) == first, "it is not started twice"


async def test_a_start_that_temporal_refuses_is_counted_and_tried_again(
    desk: Desk, handoff: TemporalHandoff, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, before = await desk.order("H-REFUSED"), refusals["start"]
    unknown = SearchAttributePair(SearchAttributeKey.for_keyword("NobodyRegisteredIt"), "x")
    with monkeypatch.context() as patched:
        patched.setattr("dispatch.handoff._search_attributes", lambda _: TypedSearchAttributes([unknown]))
        assert await handoff.release(key, WITHIN_S) is None
    assert refusals["start"] == before + 1
    assert await handoff.release(key, WITHIN_S) is not None


async def test_a_cancellation_before_the_order_could_be_started_waits(desk: Desk, temporal_client: Client) -> None:
    handoff = TemporalHandoff(temporal_client, desk.database)
    key = await desk.order("NEVER-STARTED", promised=False)
    assert await _ask(desk, handoff, key, "cancel", CANCEL) is None
    assert {row["state"] for row in await desk.rows("SELECT state FROM inbox_message")} == {"received"}


@pytest.mark.parametrize(
    ("status", "instead"),
    [
        (
            "closed",
            "the order is closed, and its customer has nothing of it: release another order for what is still wanted",
        ),
        ("cancelled", "the order was cancelled: release another order for what is still wanted"),
        ("returned", "the goods of the order came back: release another order for what is still wanted"),
    ],
)
async def test_only_what_is_closed_has_ended(desk: Desk, temporal_client: Client, status: str, instead: str) -> None:
    """An open order without a workflow waits for one; nothing is refused, and nothing superseded."""
    handoff = TemporalHandoff(temporal_client, desk.database)
    key = await desk.order("NO-WORKFLOW")
    assert await _ask(desk, handoff, key, "cancel", CANCEL) is None
    assert await handoff.milestones(f"order/{key}", []) is SignalOutcome.GONE
    assert await handoff.at_rest(f"order/{key}") is Rest.GONE
    await desk.close(key, status)
    row = await _ask(desk, handoff, key, "cancel", CANCEL)
    assert row is not None
    assert (row["state"], row["reason"]) == ("superseded", instead)
    assert await handoff.status("erp-one/NO-WORKFLOW", 1.0) is None


async def test_a_command_is_a_signal_and_names_stay_behind(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    key = await _released(desk, handoff, "H-1")
    row = await _ask(desk, handoff, key, "amend", AMEND)
    assert row is not None
    assert (row["state"], row["workflow_id"]) == ("routed", f"order/{key}")
    assert await _heard(handoff, key) == (f"amend a1 of {row['id']}, address True",)
    history = (await temporal_client.get_workflow_handle(f"order/{key}").fetch_history()).to_json()
    assert SECRET not in history
    assert "Ada" not in history
    [kept] = {bytes(row["raw"]) for row in await desk.rows("SELECT raw FROM inbox_message WHERE kind = 'order.amend'")}
    assert json.loads(kept)["request"]["ship_to"]["address"] == SECRET


async def test_a_decision_is_signalled(desk: Desk, handoff: TemporalHandoff) -> None:
    key = await _released(desk, handoff, "H-3")
    decision = ReplanDecision.model_validate({"id": "d1", "proposal": "p", "verdict": "accept", "reason": "r"})
    assert await _ask(desk, handoff, key, "replan", decision)
    assert await _heard(handoff, key) == ("accept by erp-one",)


async def test_whether_a_workflow_is_at_rest_is_seen(desk: Desk, temporal_client: Client) -> None:
    handoff = TemporalHandoff(temporal_client, desk.database)
    key = await desk.order("H-REST")
    assert await handoff.release(key, WITHIN_S), "nobody works on it"
    assert await handoff.at_rest(f"order/{key}") is Rest.BUSY
    async with standing_in(temporal_client):
        assert await _heard(handoff, key) == ()
        assert await handoff.at_rest(f"order/{key}") is Rest.IDLE


async def test_a_signal_that_temporal_refuses_is_not_taken_for_its_absence(
    desk: Desk, handoff: TemporalHandoff
) -> None:
    key = await _released(desk, handoff, "H-LARGE")
    with pytest.raises(SignalRefused):
        await handoff.milestones(f"order/{key}", [{"x": token_hex(3_000_000)}])  # type: ignore[list-item]


async def test_an_order_starts_with_the_policy_in_force_and_what_it_waits_for(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    plain = await _released(desk, handoff, "H-4")
    rule = {"id": "few", "about": "order", "scope": {"customer": "C"}, "body": {"tender_limit": 2}}
    elsewhere = {"id": "far", "about": "order", "scope": {"site": "ELSEWHERE"}, "body": {"tender_limit": 9}}
    async with desk.database.transaction() as connection:
        for each in (rule, elsewhere):
            await policies.put(connection, PolicyRule.model_validate(each))
    ruled = await _released(desk, handoff, "H-5")
    limits = [await handoff.status(key, WITHIN_S) for key in (plain, ruled)]
    assert [status.failure for status in limits if status] == ["3", "2"]
    described = await temporal_client.get_workflow_handle(f"order/{plain}").describe()
    found = {pair.key.name: pair.value for pair in described.typed_search_attributes}
    assert found["NextMilestone"] == "shipped"
    assert found["NextDue"] < found["PromisedAt"] + timedelta(days=1)


async def test_a_return_is_started_once_and_knows_what_comes_back(desk: Desk, handoff: TemporalHandoff) -> None:
    key = await desk.order("H-6")
    wish = ReturnRequest.model_validate({"id": "RMA-1", "reason": "unused", "lines": LINES})
    row = await _ask(desk, handoff, key, "return", wish)
    assert row is not None
    assert (row["state"], row["workflow_id"]) == ("routed", f"return/{key}/RMA-1"), "its workflow settles it"
    await _write_down(desk, key, ReturnState.AUTHORISED)
    again = await _ask(desk, handoff, key, "return", wish.model_copy(update={"reason": "never used"}))
    assert again is not None
    known = {"order": key, "rma": "RMA-1", "state": "authorised", "packs": 7}
    assert (again["state"], again["answer"]) == ("applied", known)
    other = wish.model_copy(update={"lines": (ShippedLine(line=1, quantity=8),)})
    refused = await _ask(desk, handoff, key, "return", other)
    assert refused is not None
    assert (refused["state"], "known with other packs" in refused["reason"]) == ("superseded", True)


async def _write_down(desk: Desk, key: str, state: ReturnState) -> None:
    """What the real workflow would have written."""
    start = ReturnStart.model_validate(
        {
            "order": key,
            "rma": "RMA-1",
            "reason": "r",
            "lines": LINES,
            "items": {1: "A"},
            "site": "LYS",
            "region": "EMEA",
            "accepted_at": "2026-05-05T12:00:00Z",
        }
    )
    await returns.authorise(desk.database, start)
    await desk.rows(f"UPDATE return_order SET state = '{state}' RETURNING 1")


async def test_a_return_that_is_over_is_answered_with_what_became_of_it(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    key = await desk.order("H-7")
    wish = ReturnRequest.model_validate({"id": "RMA-1", "reason": "over", "lines": LINES})
    assert await _ask(desk, handoff, key, "return", wish)
    await temporal_client.get_workflow_handle(f"return/{key}/RMA-1").result()
    await desk.rows("UPDATE inbox_message SET state = 'superseded' WHERE kind = 'order.return' RETURNING 1")
    await _write_down(desk, key, ReturnState.REFUSED)
    later = await _ask(desk, handoff, key, "return", wish.model_copy(update={"reason": "please"}))
    assert later is not None
    assert (later["state"], "ask again under another id" in later["reason"]) == ("superseded", True)
    strange = ReturnRequest.model_validate({"id": "RMA-2", "reason": "r", "lines": [{"line": 9, "quantity": 1}]})
    row = await _ask(desk, handoff, key, "return", strange)
    assert row is not None
    assert row["reason"] == "line 9 is not a line of this order: it has 1, 2"


async def test_a_purchase_order_that_has_ended_begins_again_only_with_what_it_handed_over(
    handoff: TemporalHandoff, temporal_client: Client
) -> None:
    begun = start("45-again")
    first, second = (
        PlacedDocument(erp="erp-one", number="45-again", document=document(name)) for name in ("first", "second")
    )
    assert await handoff.purchases.tell(begun, first, WITHIN_S)
    workflow = temporal_client.get_workflow_handle(begun.workflow_id)
    assert await workflow.result() == ["first"]
    with pytest.raises(WorkflowEnded):
        await handoff.purchases.tell(begun, second, WITHIN_S)
    run = InboundRun(**begun.model_dump(), history=("settled",))
    assert await handoff.purchases.tell(run, second, WITHIN_S, again=True)
    assert await workflow.result() == ["settled", "second"]


async def test_a_proposal_is_started_once_also_after_it_was_decided(
    handoff: TemporalHandoff, temporal_client: Client
) -> None:
    begun = ReplenishmentStart(proposal=proposal(id="R-once"), by="planner", inbox_id=1, accepted_at=NOON)
    assert await handoff.purchases.propose(begun, WITHIN_S)
    await temporal_client.get_workflow_handle(begun.workflow_id).result()
    with pytest.raises(WorkflowEnded):
        await handoff.purchases.propose(begun, WITHIN_S)
