"""Cancelling at every state: what was done is undone in reverse, what has left is brought back first."""

from datetime import timedelta

import pytest

from domain.orders import lifecycle
from domain.orders.decision import Decision
from domain.orders.state import OrderState
from domain.records.record import conditions, line_record
from schemas.base import Variant
from schemas.cases.exceptions import Action
from schemas.cases.exceptions import ExceptionKind as X
from schemas.messaging.effects import ChangeKind, Operation
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import CancelRequest, OrderStatus
from schemas.workflows.commands import ActionRequest, Verb
from schemas.workflows.returns import ReturnOutcome, ReturnState
from tests.domain.builders import FIRST, FULL, NOON, REST, TEN, after, done, event, kinds, opened, refusal, told
from tests.payloads import said

WISH = CancelRequest(id="c", reason="customer withdrew")
SHIPPED = event(M.SHIPPED, 3, lines=FULL)
PART = event(M.SHIPPED, 3, lines=FIRST)
RETURNING = event(M.RETURNING, 8)
UNDONE = [Operation.VOID_TENDER, Operation.CANCEL_WAREHOUSE, Operation.CONFIRM_CANCELLATION]
SPLIT = ActionRequest(id="s", reason="why", action=Action.SPLIT, site="MAD", lines=TEN)


def cancel(state: OrderState) -> Decision:
    return done(state, Verb.CANCEL, WISH)


def back(shipment: str, *lines: ShippedLine, state: ReturnState = ReturnState.CREDITED) -> ReturnOutcome:
    return ReturnOutcome(order="erp-one/SO-1", rma=f"rts-{shipment}", state=state, received=lines)


def came_back(state: OrderState, outcome: ReturnOutcome) -> Decision:
    return lifecycle.came_back(state, outcome, NOON + timedelta(days=9))


@pytest.mark.parametrize(
    "heard",
    [
        (),
        (event(M.PICKED, 1, lines=FULL),),
        (event(M.PICKED, 1, lines=FULL), event(M.PACKED, 2, lines=FULL)),
        (event(M.TENDER_ACCEPTED, 1, shipment="", carrier="c-1"),),
        (event(M.TENDER_REJECTED, 1, shipment="", carrier="c-1"),),
    ],
    ids=["before pick", "after pick", "packed", "after tender", "tendered again"],
)
def test_before_goods_issue_everything_is_undone_in_reverse_and_then_confirmed(heard: tuple[MilestoneEvent]) -> None:
    decision = cancel(after(opened(), *heard))
    assert told(decision) == UNDONE
    assert {said(e).reason for e in decision.effects} == {"customer withdrew"}
    assert decision.state.status is OrderStatus.CANCELLED
    assert [line_record(decision.state, line).cancelled for line in decision.state.lines] == [40, 60]
    assert not kinds(decision.state)
    late = lifecycle.apply(decision.state, event(M.PACKED, 9, lines=FULL, name="late"))
    assert late.superseded == "the order was cancelled: customer withdrew"


def test_other_sites_are_undone_before_the_first() -> None:
    split = done(opened(), Verb.ACT, SPLIT).state
    again = done(split, Verb.ACT, SPLIT.model_copy(update={"id": "t", "site": "HAM"})).state
    decision = cancel(again)
    assert [(e.operation, e.topic.site) for e in decision.effects] == [
        (Operation.VOID_TENDER, "HAM"),
        (Operation.CANCEL_WAREHOUSE, "HAM"),
        (Operation.VOID_TENDER, "MAD"),
        (Operation.CANCEL_WAREHOUSE, "MAD"),
        (Operation.VOID_TENDER, ""),
        (Operation.CANCEL_WAREHOUSE, ""),
        (Operation.CONFIRM_CANCELLATION, ""),
    ]
    assert len({e.key for e in decision.effects}) == 7


def test_a_direct_drop_has_only_its_tender_to_undo() -> None:
    assert told(cancel(opened(Variant.DIRECT_DROP))) == [Operation.VOID_TENDER, Operation.CONFIRM_CANCELLATION]
    left = cancel(after(opened(Variant.DIRECT_DROP), SHIPPED))
    assert told(left) == [Operation.INTERCEPT_SHIPMENT, Operation.REPORT_CHANGE]


def test_after_goods_issue_the_goods_are_intercepted_and_the_order_is_cancelled_when_they_are_back() -> None:
    stopping = cancel(after(opened(), SHIPPED))
    assert told(stopping) == [Operation.INTERCEPT_SHIPMENT, Operation.CANCEL_WAREHOUSE, Operation.REPORT_CHANGE]
    assert (stopping.effects[0].topic.shipment, stopping.effects[-1].topic.change) == ("DN-1", ChangeKind.INTERCEPTED)
    assert stopping.state.status is OrderStatus.SHIPPED
    assert "cancelling" in conditions(stopping.state)
    turned = lifecycle.apply(stopping.state, RETURNING)
    assert [(start.rma, start.sender, start.lines) for start in turned.returns] == [("rts-DN-1", True, FULL)]
    received = came_back(turned.state, back("DN-1", *FULL, state=ReturnState.RECEIVED))
    assert received.state.ending.cancelled is None, "they still have to be inspected and booked"
    cancelled = came_back(received.state, back("DN-1", *FULL))
    assert told(cancelled) == [Operation.CONFIRM_CANCELLATION]
    assert cancelled.state.status is OrderStatus.CANCELLED
    assert kinds(cancelled.state) == {}
    assert "cancelling" not in conditions(cancelled.state)
    assert [line_record(cancelled.state, x).returned for x in cancelled.state.lines] == [40, 60]


def test_what_has_not_left_is_kept_and_what_has_left_is_waited_for() -> None:
    state = after(opened(), PART, event(M.SHIPPED, 4, shipment="DN-2", lines=(ShippedLine(line=2, quantity=20),)))
    stopping = cancel(state)
    assert [e.topic.shipment for e in stopping.effects if e.operation is Operation.INTERCEPT_SHIPMENT] == [
        "DN-2",
        "DN-1",
    ]
    turned = after(stopping.state, RETURNING, event(M.RETURNING, 9, shipment="DN-2"))
    half = came_back(turned, back("DN-1", *FIRST))
    assert half.state.ending.cancelled is None, "the second shipment is still on its way"
    whole = came_back(half.state, back("DN-2", ShippedLine(line=2, quantity=20)))
    assert whole.state.status is OrderStatus.CANCELLED


def test_an_order_whose_goods_are_already_on_their_way_back_waits_for_them() -> None:
    state = after(opened(), SHIPPED, RETURNING)
    stopping = cancel(state)
    assert Operation.INTERCEPT_SHIPMENT not in told(stopping), "nothing is left to intercept"
    assert stopping.state.ending.cancelled is None
    assert came_back(stopping.state, back("DN-1", *FULL)).state.status is OrderStatus.CANCELLED


def test_goods_that_are_back_already_leave_nothing_to_wait_for() -> None:
    state = came_back(after(opened(), PART, RETURNING), back("DN-1", *FIRST)).state
    assert told(cancel(state)) == UNDONE


def test_goods_that_are_delivered_all_the_same_become_a_case_and_the_rest_is_closed_short() -> None:
    stopping = cancel(after(opened(), PART)).state
    delivered = lifecycle.apply(stopping, event(M.DELIVERED, 8))
    assert kinds(delivered.state)[X.COMPENSATION] == ["delivered"]
    closed = [e for e in delivered.effects if e.topic.change is ChangeKind.CLOSED_SHORT]
    assert [said(e).lines for e in closed] == [REST]
    assert Operation.AMEND_WAREHOUSE not in told(delivered), "the warehouse has been told to keep it"
    assert delivered.state.delivered
    assert delivered.state.ending.cancelled is None


def test_what_leaves_although_the_order_is_being_cancelled_is_intercepted_as_well() -> None:
    stopping = cancel(after(opened(), PART)).state
    slipped = lifecycle.apply(stopping, event(M.SHIPPED, 8, shipment="DN-2", lines=REST))
    caught = [e for e in slipped.effects if e.operation is Operation.INTERCEPT_SHIPMENT]
    assert [(e.topic.shipment, said(e).reason) for e in caught] == [("DN-2", "customer withdrew")]
    scanned = lifecycle.apply(slipped.state, event(M.IN_TRANSIT, 9, shipment="DN-2"))
    assert Operation.INTERCEPT_SHIPMENT not in told(scanned), "once"
    home = after(scanned.state, RETURNING, event(M.RETURNING, 9, shipment="DN-2"))
    assert came_back(home, back("DN-1", *FIRST)).state.ending.cancelled is None
    both = came_back(came_back(home, back("DN-1", *FIRST)).state, back("DN-2", *REST))
    assert both.state.status is OrderStatus.CANCELLED


def test_a_part_that_is_delivered_and_a_part_that_comes_back() -> None:
    state = after(opened(), PART, event(M.SHIPPED, 4, shipment="DN-2", lines=REST))
    stopping = after(cancel(state).state, event(M.DELIVERED, 8), event(M.RETURNING, 9, shipment="DN-2"))
    settled = came_back(stopping, back("DN-2", *REST))
    assert not settled.effects, "nothing is left to close: an empty list of lines would mean the whole order"
    assert settled.state.delivered
    assert not settled.state.missing() or settled.state.ending.cancelled is None
    assert kinds(settled.state) == {X.COMPENSATION: ["delivered"]}
    again = came_back(settled.state, back("DN-2", *REST))
    assert not again.effects


def test_a_delivery_that_was_refused_at_the_door_is_no_delivery_after_all() -> None:
    stopping = after(cancel(after(opened(), SHIPPED)).state, event(M.DELIVERED, 8))
    assert X.COMPENSATION in kinds(stopping)
    assert X.COMPENSATION not in kinds(after(stopping, RETURNING))


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ((SHIPPED, event(M.DELIVERED, 8)), "authorise a return (POST /v1/orders/SO-1/returns)"),
        ((PART, event(M.DELIVERED, 8)), "authorise a return (POST /v1/orders/SO-1/returns)"),
        ((event(M.SHIPPED, 3, shipment=""),), "the goods have left under no shipment number"),
    ],
    ids=["delivered", "partly delivered", "no number"],
)
def test_a_cancellation_is_refused_with_what_is_possible_instead(heard: tuple[MilestoneEvent], said: str) -> None:
    assert said in refusal(after(opened(), *heard), Verb.CANCEL, WISH)


@pytest.mark.parametrize("action", [Action.RE_SOURCE, Action.SPLIT, Action.RE_TENDER, Action.RE_DATE])
def test_what_is_being_brought_back_is_not_sent_anew(action: Action) -> None:
    stopping = cancel(after(opened(), PART)).state
    wish = ActionRequest(
        id="x", reason="why", action=action, site="MAD", lines=TEN, carrier="c-1", promised_on=NOON.date()
    )
    assert "on their way back" in refusal(stopping, Verb.ACT, wish)
    assert "the order is cancelled" in refusal(cancel(opened()).state, Verb.ACT, wish)


def test_a_compensation_that_a_system_refuses_is_a_case_until_somebody_has_looked() -> None:
    decision = cancel(opened())
    refused = lifecycle.refused(decision.state, decision.effects[1], "wms_api", NOON)
    assert kinds(refused) == {X.COMPENSATION: ["erp-one/SO-1/cancel_warehouse"]}
    assert not refused.answered
    tried = done(refused, Verb.ACT, ActionRequest(id="r", reason="why", action=Action.RETRY))
    assert tried.effects == (decision.effects[1],), "under the same key"
    assert tried.state.answered
    given_up = done(refused, Verb.ACT, ActionRequest(id="w", reason="why", action=Action.WRITE_OFF))
    assert given_up.done == "given up: cancel_warehouse"
    assert not given_up.effects
    assert kinds(given_up.state) == {}


def test_nothing_else_can_be_written_off_a_cancelled_order() -> None:
    wish = ActionRequest(id="w", reason="why", action=Action.WRITE_OFF, lines=TEN)
    assert "nothing of it is open" in refusal(cancel(opened()).state, Verb.ACT, wish)


def test_goods_that_come_back_without_a_cancellation_end_the_order_as_returned() -> None:
    turned = after(opened(), event(M.PICKED, 1, lines=FULL), event(M.PACKED, 2, lines=FULL), SHIPPED, RETURNING)
    assert not turned.complete
    returned = came_back(turned, back("DN-1", *FULL)).state
    assert returned.complete
    assert lifecycle.close(returned).state.status is OrderStatus.RETURNED
