"""Handing over to Temporal: started once, asked once, told without names, and what has ended is told apart."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client

from domain.purchase_run import InboundRun
from gateway.handoff import TemporalHandoff, WorkflowGone
from gateway.papers import Placed
from gateway.ports import CommandRefused
from gateway.purchases import WorkflowEnded
from gateway.requests import CommandRecord
from schemas.base import Contract, Role
from schemas.commands import (
    AmendRequest,
    CommandAnswer,
    HoldRequest,
    NoteRequest,
    ReplanDecision,
    ReturnAnswer,
    ReturnRequest,
)
from schemas.milestones import ShippedLine
from schemas.orders import CancelRequest
from schemas.policies import PolicyRule
from schemas.replenishment import ReplenishmentStart
from schemas.returns import ReturnStart, ReturnState
from store import policies, returns
from tests.domain.purchases import NOON, document, start
from tests.domain.test_replenishing import proposal
from tests.relay.conftest import Desk
from tests.relay.standins import standing_in
from tests.stack.standins import until

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


async def _ask(desk: Desk, handoff: TemporalHandoff, key: str, verb: str, request: Contract) -> object:
    await desk.ask(key, verb, request)
    record: CommandRecord[Any] = CommandRecord(key=key, verb=verb, by="erp-one", role=Role.ERP, request=request)
    return await handoff.command(record, WITHIN_S)


async def _released(desk: Desk, handoff: TemporalHandoff, number: str) -> str:
    key = await desk.order(number)
    await until(lambda: _promised(handoff, key))
    return key


async def _promised(handoff: TemporalHandoff, key: str) -> bool:
    return await handoff.release(key, WITHIN_S) is not None


async def test_a_cancellation_before_the_order_could_be_started_waits(desk: Desk, temporal_client: Client) -> None:
    handoff = TemporalHandoff(temporal_client, desk.database)
    key = await desk.order("NEVER-STARTED", promised=False)
    wish = CancelRequest(id="c1", reason="customer withdrew")
    assert await _ask(desk, handoff, key, "cancel", wish) is None
    await desk.promise(key)
    with pytest.raises(CommandRefused, match="sent back with a return"):
        await _ask(desk, handoff, key, "cancel", wish)


async def test_what_has_no_workflow_is_told_apart(desk: Desk, temporal_client: Client) -> None:
    handoff = TemporalHandoff(temporal_client, desk.database)
    with pytest.raises(WorkflowGone):
        await handoff.milestones("order/erp-one/NEVER-STARTED", [])
    with pytest.raises(CommandRefused, match="the case is closed"):
        await _ask(desk, handoff, "erp-one/NEVER-STARTED/delay/1", "acknowledge", NoteRequest(id="n1"))
    assert await handoff.status("erp-one/NEVER-STARTED", 1.0) is None


async def test_a_repeat_is_answered_the_same_and_names_stay_behind(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    key = await _released(desk, handoff, "H-1")
    first, repeat = [await _ask(desk, handoff, key, "amend", AMEND) for _ in range(2)]
    assert isinstance(first, CommandAnswer)
    assert first == repeat
    assert first.done == "amendment 1, with an address"
    history = (await temporal_client.get_workflow_handle(f"order/{key}").fetch_history()).to_json()
    assert SECRET not in history
    assert "Ada" not in history
    [kept] = {bytes(row["raw"]) for row in await desk.rows("SELECT raw FROM inbox_message WHERE kind = 'order.amend'")}
    assert json.loads(kept)["request"]["ship_to"]["address"] == SECRET


async def test_a_refusal_is_the_workflows_own_words(desk: Desk, handoff: TemporalHandoff) -> None:
    key = await _released(desk, handoff, "H-2")
    with pytest.raises(CommandRefused, match=r"^too late: cancel it instead$"):
        await _ask(desk, handoff, key, "hold", HoldRequest(id="h1", reason="wait"))
    assert await _ask(desk, handoff, key, "hold", HoldRequest(id="h2", reason="end"))
    with pytest.raises(CommandRefused, match="the order has ended"):
        await _ask(desk, handoff, key, "amend", AMEND)


async def test_a_decision_is_signalled(desk: Desk, handoff: TemporalHandoff) -> None:
    key = await _released(desk, handoff, "H-3")
    decision = ReplanDecision.model_validate({"id": "d1", "proposal": "p", "verdict": "accept", "reason": "r"})
    answer = await _ask(desk, handoff, key, "replan", decision)
    assert isinstance(answer, CommandAnswer)

    async def heard() -> bool:
        waiting = await handoff.status(key, WITHIN_S)
        return waiting is not None and waiting.conditions == ("accept by erp-one",)

    await until(heard)


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


async def test_a_return_is_started_once_and_knows_what_comes_back(
    desk: Desk, handoff: TemporalHandoff, temporal_client: Client
) -> None:
    key = await desk.order("H-6")
    wish = ReturnRequest.model_validate({"id": "RMA-1", "reason": "unused", "lines": LINES})
    first = await _ask(desk, handoff, key, "return", wish)
    assert first == ReturnAnswer(order=key, rma="RMA-1", state="A", packs=7)
    handle = temporal_client.get_workflow_handle(f"return/{key}/RMA-1")
    await handle.result()
    await _write_down(desk, key, ReturnState.CREDITED)
    assert await _ask(desk, handoff, key, "return", wish) == first
    reworded = wish.model_copy(update={"reason": "never used"})
    again = await _ask(desk, handoff, key, "return", reworded)
    assert isinstance(again, ReturnAnswer)
    assert again.state == "credited"
    other = wish.model_copy(update={"lines": (ShippedLine(line=1, quantity=8),)})
    with pytest.raises(CommandRefused, match="known with other packs"):
        await _ask(desk, handoff, key, "return", other)


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


async def test_a_return_that_is_refused_says_why_now_and_later(desk: Desk, handoff: TemporalHandoff) -> None:
    key = await desk.order("H-7")
    wish = ReturnRequest.model_validate({"id": "RMA-1", "reason": "broken", "lines": LINES})
    with pytest.raises(CommandRefused, match="nothing was delivered"):
        await _ask(desk, handoff, key, "return", wish)
    await _write_down(desk, key, ReturnState.REFUSED)
    with pytest.raises(CommandRefused, match="nothing was delivered"):
        await _ask(desk, handoff, key, "return", wish)
    with pytest.raises(CommandRefused, match="ask again under another id"):
        await _ask(desk, handoff, key, "return", wish.model_copy(update={"reason": "please"}))
    strange = ReturnRequest.model_validate({"id": "RMA-2", "reason": "r", "lines": [{"line": 9, "quantity": 1}]})
    with pytest.raises(CommandRefused, match=r"line 9 is not a line of this order: it has 1, 2"):
        await _ask(desk, handoff, key, "return", strange)


async def test_a_purchase_order_that_has_ended_begins_again_only_with_what_it_handed_over(
    handoff: TemporalHandoff, temporal_client: Client
) -> None:
    begun = start("45-again")
    first, second = (Placed(erp="erp-one", number="45-again", document=document(name)) for name in ("first", "second"))
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
