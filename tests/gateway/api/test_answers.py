"""Callers are answered from the store: at once what is beyond doubt, else when the verdict is confirmed."""

import asyncio
from typing import Any

import pytest

from dispatch.confirming import Confirmer
from dispatch.ports import TaskKept
from dispatch.refusing import refused_by
from dispatch.requests import CommandRecord
from domain.cases.case_file import CaseFile
from domain.cases.escalation_policies import CASE_POLICIES
from domain.orders.demand import OrderEnding
from domain.orders.opening import opening
from domain.orders.order_run import OrderRun
from domain.orders.state import OrderState
from domain.procurement.purchase_run import InboundRun
from gateway.awaiting import VerdictWaiters
from schemas.base import Role
from schemas.cases.cases import CaseState
from schemas.cases.exceptions import ExceptionKind
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import ActionRequest, HoldRequest, NoteRequest
from schemas.workflows.steps import InputOutcome
from store.orders import orders, steps
from tests import written
from tests.domain.purchases import NOON, start
from tests.gateway.harness import Gateway, gateway_on
from tests.gateway.messages import release
from tests.stack.standins import until

KEY, ORDER = "erp-one/PO-1", "/v1/orders/PO-1"
CANCEL = {"id": "c-1", "reason": "no budget"}
CANCELLED: dict[str, Any] = {
    "order": KEY,
    "status": "cancelled",
    "conditions": [],
    "promised_on": None,
    "done": "cancelled",
}


async def ordered(gateway: Gateway, *, held: str | None = None, kept: bool = True) -> None:
    """An order whose first step is written, and confirmed if `kept`; on hold for a reason."""
    await gateway.post("/v1/orders", "erp-one", release())
    async with gateway.database.connection() as connection:
        begun = opening(await orders.accepted(connection, KEY))
    run = OrderRun(start=begun, state=OrderState(start=begun, ending=OrderEnding(held=held), version=1))
    await step(gateway, 1, 3, snapshot=run.model_dump_json(exclude_defaults=True))
    if kept:
        await gateway.rows("UPDATE head SET confirmed = version RETURNING 1")


async def step(gateway: Gateway, version: int, at: int, outcomes: tuple[InputOutcome, ...] = (), **more: Any) -> None:
    """A step of the order."""
    async with gateway.database.connection() as connection:
        day = opening(await orders.accepted(connection, KEY)).promise.promised_on
    record = written.order_record(order=KEY, version=version, status=OrderStatus.PROMISED, promised_on=day)
    await steps.write(gateway.database, written.step(record, outcomes=outcomes, at=at, **more))


async def decided(gateway: Gateway, version: int = 2, at: int = 9, reason: str | None = None) -> int:
    """The workflow decides provisionally on the newest message; its id."""
    message = (await gateway.inbox())[-1]
    answer = {} if reason else CANCELLED
    outcome = InputOutcome(
        event_id="cancel c-1", inbox_id=message["id"], superseded=reason, version=version, answer=answer
    )
    await step(gateway, version, at, (outcome,))
    return int(message["id"])


async def test_what_the_confirmed_state_refuses_is_refused_at_once_without_an_event(gateway: Gateway) -> None:
    await ordered(gateway)
    answer = await gateway.post(f"{ORDER}/resume", "erp-one", {"id": "r-1", "reason": "paid"})
    assert (answer.status_code, answer.json()["detail"]) == (409, "the order is not on hold")
    assert gateway.handoff.commands == [], "no workflow was told"
    message = (await gateway.inbox())[-1]
    assert (message["kind"], message["state"], message["reason"]) == (
        "order.resume",
        "superseded",
        "the order is not on hold",
    )
    assert (await gateway.post(f"{ORDER}/hold", "erp-one", {"id": "h-1", "reason": "x"})).status_code == 200


@pytest.mark.parametrize("doubt", ["provisional", "older snapshot", "earlier command", "pending report"])
async def test_what_is_in_doubt_is_left_to_the_workflow(gateway: Gateway, doubt: str) -> None:
    await ordered(gateway, kept=doubt != "provisional")
    if doubt == "older snapshot":
        await gateway.rows("UPDATE head SET version = 2, confirmed = 2 RETURNING 1")
    if doubt == "earlier command":
        gateway.handoff.up = False
        await gateway.post(f"{ORDER}/hold", "erp-one", {"id": "h-1", "reason": "credit"})
        gateway.handoff.up = True
    if doubt == "pending report":
        await gateway.rows(f"INSERT INTO event_order (order_key, event_id, event) VALUES ('{KEY}', 'e', 1) RETURNING 1")
    answer = await gateway.post(f"{ORDER}/resume", "erp-one", {"id": "r-1", "reason": "paid"})
    left = (202, []) if doubt == "earlier command" else (200, ["resume"])  # the earlier one goes first, by the relay
    assert (answer.status_code, [it.verb for it in gateway.handoff.commands]) == left


def test_cases_and_purchase_orders_refuse_as_their_workflows_do() -> None:
    file = CaseFile(
        order="e/1",
        kind=ExceptionKind.DELAY,
        number=1,
        findings=(),
        opened_at=NOON,
        policy=CASE_POLICIES[ExceptionKind.DELAY],
        state=CaseState.CURED,
        closed_at=NOON,
    )
    note: CommandRecord[Any] = CommandRecord(
        key=file.id, verb="acknowledge", by="root", role=Role.ADMIN, request=NoteRequest(id="n")
    )
    said = refused_by(note, note.command(1, NOON, ""), file.model_dump_json())
    assert said is not None and said.startswith("the case is closed (cured")
    run = InboundRun(**start("1").model_dump())
    act: CommandRecord[Any] = CommandRecord(
        key=run.key, verb="act", by="root", role=Role.ADMIN, request=ActionRequest(id="a", reason="r", action="retry")
    )
    assert refused_by(act, act.command(1, NOON, ""), run.model_dump_json()) is None, "nothing is known yet"


async def test_a_caller_is_answered_when_the_step_is_confirmed_and_not_before(gateway: Gateway) -> None:
    await ordered(gateway)
    gateway.handoff.slow, gateway.handoff.keeps = True, TaskKept.NOT_YET
    asking = asyncio.create_task(gateway.post(f"{ORDER}/cancel", "erp-one", CANCEL))
    await until(lambda: len(gateway.handoff.commands) == 1)
    await decided(gateway)
    await until(lambda: len(gateway.handoff.looks) >= 2)
    assert not asking.done(), "the task has not been kept"
    gateway.handoff.keeps = TaskKept.YES
    answer = await asking
    assert (answer.status_code, answer.json()["done"]) == (200, "cancelled")
    assert (await gateway.inbox())[-1]["state"] == "applied"


async def test_the_next_step_confirms_without_a_look_and_a_refusal_is_a_409(gateway: Gateway) -> None:
    await ordered(gateway)
    gateway.handoff.slow, gateway.handoff.keeps = True, TaskKept.NOT_YET
    asking = asyncio.create_task(gateway.post(f"{ORDER}/cancel", "erp-one", CANCEL))
    await until(lambda: len(gateway.handoff.commands) == 1)
    await decided(gateway, reason="too late")
    await step(gateway, 3, 12, kept=2)
    answer = await asking
    assert (answer.status_code, answer.json()["detail"]) == (409, "too late")


async def test_what_takes_longer_is_answered_202_and_a_repeat_later_as_the_first(database_url: str) -> None:
    async with gateway_on(database_url, release_wait_s=0.2) as gateway:
        await ordered(gateway)
        gateway.handoff.slow, gateway.handoff.keeps = True, TaskKept.NOT_YET
        assert (await gateway.post(f"{ORDER}/cancel", "erp-one", CANCEL)).status_code == 202
        first = await decided(gateway)
        assert (await gateway.post(f"{ORDER}/cancel", "erp-one", CANCEL)).status_code == 202, "not confirmed"
        gateway.handoff.keeps = TaskKept.YES
        answers = [await gateway.post(f"{ORDER}/cancel", "erp-one", CANCEL) for _ in range(2)]
        reworded = await gateway.post(f"{ORDER}/cancel", "erp-one", {**CANCEL, "reason": "in other words"})
        assert {it.status_code for it in answers} == {200}
        assert {it.text for it in answers} == {answers[0].text}
        assert (reworded.status_code, reworded.json()["type"]) == (409, "/problems/content-differs")
        assert len(gateway.handoff.commands) == 1, "the workflow was told once"
        repeats = [row for row in await gateway.inbox() if row["kind"] == "order.cancel" and row["id"] != first]
        assert {(row["state"], row["reason"]) for row in repeats} == {("superseded", f"repeats message {first}")}


async def test_the_same_id_of_another_caller_is_another_command(gateway: Gateway) -> None:
    await ordered(gateway)
    for partner in ("erp-one", "root"):
        assert (await gateway.post(f"{ORDER}/cancel", partner, CANCEL)).status_code == 200
    assert [it.by for it in gateway.handoff.commands] == ["erp-one", "root"]


async def test_the_same_command_twice_at_once_is_told_once(gateway: Gateway) -> None:
    await ordered(gateway)
    answers = await asyncio.gather(*(gateway.post(f"{ORDER}/cancel", "erp-one", CANCEL) for _ in range(5)))
    assert {it.status_code for it in answers} == {200}
    assert len(gateway.handoff.commands) == 1


async def test_more_callers_than_can_wait_are_answered_202_and_decided_all_the_same(gateway: Gateway) -> None:
    waiting = VerdictWaiters(gateway.database, Confirmer(gateway.database, gateway.handoff.kept), at_once=1)
    with waiting.caller(1) as one, waiting.caller(2) as two:
        assert (one is not None, two) == (True, None)
    with waiting.caller(3) as three:
        assert three is not None


async def test_a_wait_that_no_notice_ends_is_ended_by_a_look_at_the_store(gateway: Gateway) -> None:
    """The connection that listens may be lost at that moment."""
    await ordered(gateway)
    gateway.handoff.slow = True
    deaf = VerdictWaiters(gateway.database, Confirmer(gateway.database, gateway.handoff.kept))
    await gateway.post(f"{ORDER}/hold", "erp-one", HoldRequest(id="h", reason="r").model_dump())
    with deaf.caller((await gateway.inbox())[-1]["id"]) as caller:
        assert caller is not None
        message = await decided(gateway)
        verdict = await caller.verdict(30.0)
    assert verdict is not None and verdict.applied
    assert message
