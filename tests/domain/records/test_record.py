"""The record of a step: what the database is told, and when lines and shipments are among it."""

from domain.orders import lifecycle
from domain.records.record import record
from schemas.cases.exceptions import Action
from schemas.messaging.order_effects import sent_elsewhere
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import ActionRequest, Amendment, LineAmendment, Verb
from schemas.workflows.returns import ReturnOutcome, ReturnState
from tests.domain.builders import FIRST, FULL, NOON, after, done, event, opened, start
from tests.payloads import said
from tests.written import Said

SHIPPED = event(M.SHIPPED, 3, lines=FIRST)


def test_the_first_record_has_the_promise_and_the_following_what_may_have_changed() -> None:
    released = start()
    first = Said(record(opened(), [lifecycle.open_order(released)], first_promise=released.promise))
    assert (first.lines, first.shipments, first.first_promise) == ((), (), released.promise)
    decision = lifecycle.apply(opened(), SHIPPED)
    step = Said(record(decision.state, [decision]))
    assert [(it.line, it.shipped) for it in step.lines] == [(1, 40), (2, 10)]
    assert [(it.shipment, it.status) for it in step.shipments] == [("DN-1", OrderStatus.SHIPPED)]
    assert step.version == decision.state.version
    assert step.effects == decision.effects


def test_what_changed_nothing_is_written_without_lines() -> None:
    state = after(opened(), SHIPPED)
    again = lifecycle.apply(state, SHIPPED)
    step = Said(record(again.state, [again]))
    assert (step.lines, step.shipments) == ((), ())
    assert again.superseded == "shipped was reported before"


def test_goods_that_came_back_are_booked_although_no_message_brought_them() -> None:
    state = after(opened(), SHIPPED, event(M.RETURNING, 8))
    outcome = ReturnOutcome(order="erp-one/SO-1", rma="rts-DN-1", state=ReturnState.CREDITED, received=FIRST)
    decision = lifecycle.came_back(state, outcome, NOON)
    step = Said(record(decision.state, [decision]))
    assert [it.returned for it in step.lines] == [40, 10]


def test_no_more_is_booked_as_returned_than_had_left() -> None:
    state = after(opened(), SHIPPED, event(M.RETURNING, 8))
    outcome = ReturnOutcome(order="erp-one/SO-1", rma="rts-DN-1", state=ReturnState.CREDITED, received=FULL)
    decision = lifecycle.came_back(state, outcome, NOON)
    more_came_back = Said(record(decision.state, [decision])).lines[1]
    assert (more_came_back.shipped, more_came_back.returned) == (10, 10)


def test_a_shipment_that_travels_on_in_another_one_has_that_ones_status() -> None:
    state = after(
        opened(),
        SHIPPED,
        event(M.SHIPPED, 4, shipment="DN-2", lines=(FULL[1].model_copy(update={"quantity": 50}),)),
        event(M.CONSOLIDATED, 5, shipment="DN-M", lines=FULL, merges=("DN-1", "DN-2")),
    )
    decision = lifecycle.apply(state, event(M.DELIVERED, 9, shipment="DN-M"))
    step = Said(record(decision.state, [decision]))
    assert [(it.shipment, it.status) for it in step.shipments] == [
        ("DN-1", OrderStatus.DELIVERED),
        ("DN-2", OrderStatus.DELIVERED),
        ("DN-M", OrderStatus.DELIVERED),
    ]
    again = Said(record(decision.state, [decision], before=state))
    assert {it.shipment: it.status for it in again.shipments}["DN-M"] is OrderStatus.DELIVERED
    assert [(d.kind, sum(x.quantity for x in d.movements)) for d in decision.deltas] == [("delivered", 100)]
    [told] = decision.effects
    assert (told.topic.shipment, said(told).lines) == ("DN-M", FULL)


def test_an_amendment_names_its_message() -> None:
    wish = Amendment(id="a", reason="why", lines=(LineAmendment(line=1, quantity=30),))
    decision = done(opened(), Verb.AMEND, wish)
    step = Said(record(decision.state, [decision]))
    assert step.amended_by == (900,)
    assert step.lines[0].ordered == 30


def test_what_another_site_sends_instead_is_written_for_its_reservations() -> None:
    state = opened()
    lines = (ShippedLine(line=1, quantity=10),)
    decision = done(state, Verb.ACT, ActionRequest(id="s", reason="why", action=Action.SPLIT, site="MAD", lines=lines))
    step = Said(record(decision.state, [decision], before=state))
    assert [it.line for it in step.lines] == [1], "although its figures are as before"
    assert sent_elsewhere(step.effects) == {"MAD": lines}
