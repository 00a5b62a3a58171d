"""Deadlines: what is waited for and until when, as alarms that pass once."""

from datetime import date, datetime, timedelta

import pytest

from domain.days import end_of
from domain.orders import lifecycle, tendering
from domain.orders.deadlines import Alarm, alarms, due_by, next_alarm, overdue
from domain.orders.state import OrderState
from domain.records.record import conditions
from schemas.base import Variant
from schemas.cases.exceptions import Action, OrderPolicy, Times
from schemas.cases.exceptions import ExceptionKind as X
from schemas.days import EVERY_DAY
from schemas.messaging.effects import EffectReceipt
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import CancelRequest, OrderStatus
from schemas.workflows.commands import ActionRequest, Amendment, HoldRequest, ResumeRequest, Verb
from tests.domain.builders import DUE, FULL, NOON, after, done, event, kinds, opened, start

END = end_of(DUE, EVERY_DAY)
SHIPPED = event(M.SHIPPED, 3, lines=FULL)
DELIVERED = event(M.DELIVERED, 7)
LAST = NOON + timedelta(hours=7)
LATER = date(2026, 6, 1)


def due(state: OrderState) -> dict[str, datetime]:
    return {alarm.name: alarm.due for alarm in alarms(state)}


def passed(state: OrderState, until: datetime) -> OrderState:
    return lifecycle.pass_deadlines(state, due_by(state, (), until), until).state


def test_what_a_released_order_waits_for() -> None:
    assert due(opened()) == {
        "pick": END - timedelta(days=4),
        "pick-up": END - timedelta(days=3),
        "delivery": END + timedelta(hours=1),
    }
    assert set(due(opened(Variant.DIRECT_DROP))) == {"pick-up", "delivery"}


def test_a_warehouse_always_has_its_least_time() -> None:
    soon = OrderPolicy(times=Times(pick_lead_s=30 * 86_400, pick_up_lead_s=30 * 86_400))
    found = due(opened(policy=soon))
    assert (found["pick"], found["pick-up"]) == (NOON + timedelta(hours=4), NOON + timedelta(hours=6))


@pytest.mark.parametrize(
    ("heard", "left"),
    [
        ((event(M.PICKED, 1, lines=FULL),), {"pick-up", "delivery"}),
        ((SHIPPED,), {"delivery"}),
        ((event(M.PICKED, 1, lines=FULL), event(M.PACKED, 1, lines=FULL), SHIPPED, DELIVERED), set()),
    ],
)
def test_what_has_come_is_waited_for_no_more(heard: tuple[MilestoneEvent, ...], left: set[str]) -> None:
    assert set(due(after(opened(), *heard))) == left


def test_an_alarm_that_passed_is_a_finding_and_does_not_go_off_again() -> None:
    state = opened()
    assert due_by(state, (), END - timedelta(days=4, seconds=1)) == ()
    at_pick = passed(state, END - timedelta(days=4))
    assert [alarm.name for alarm in overdue(at_pick)] == ["pick"]
    assert conditions(at_pick) == ("no_scan",)
    following = next_alarm(at_pick)
    assert following is not None
    assert following.name == "pick-up", "the next is the earliest of those that have not passed"
    all_passed = passed(at_pick, END + timedelta(days=9))
    assert next_alarm(all_passed) is None
    assert due_by(all_passed, (), END + timedelta(days=99)) == ()


def test_an_edit_does_not_start_a_passed_alarm_again() -> None:
    state = passed(opened(), END + timedelta(hours=2))
    moved = done(state, Verb.AMEND, Amendment(id="a", reason="why", requested_on=LATER)).state
    dated = done(state, Verb.ACT, ActionRequest(id="d", reason="why", action=Action.RE_DATE, promised_on=LATER)).state
    for edited in (moved, dated):
        assert edited.promised_on == LATER
        assert next_alarm(edited) is None
        assert kinds(edited)[X.NO_SCAN] == ["delivery", "pick", "pick-up"]


def test_an_edit_moves_an_alarm_that_has_not_passed() -> None:
    moved = done(opened(), Verb.AMEND, Amendment(id="a", reason="why", requested_on=LATER)).state
    assert due(moved)["delivery"] == end_of(LATER, EVERY_DAY) + timedelta(hours=1)


def test_a_later_eta_moves_the_delivery() -> None:
    eta = NOON + timedelta(days=20)
    late = after(opened(), SHIPPED, event(M.DELAYED, 4, eta=eta))
    assert due(late) == {"delivery": end_of(eta.date(), EVERY_DAY) + timedelta(hours=1)}


def test_on_hold_and_while_goods_come_back_only_the_delivery_is_watched() -> None:
    held = done(opened(), Verb.HOLD, HoldRequest(id="h", reason="why")).state
    assert set(due(held)) == {"delivery"}
    assert set(due(done(held, Verb.RESUME, ResumeRequest(id="h", reason="why")).state)) == set(due(opened()))
    part = after(opened(), event(M.SHIPPED, 3, lines=FULL[:1]))
    assert set(due(done(part, Verb.CANCEL, CancelRequest(id="c", reason="why")).state)) == {"delivery"}


def test_a_tender_that_was_taken_note_of_wants_an_answer() -> None:
    tender = lifecycle.open_order(start()).effects[1]
    state = tendering.taken(opened(), tender, EffectReceipt(), NOON)
    assert due(state)["tender answer/1"] == NOON + timedelta(hours=2)
    silent = passed(state, NOON + timedelta(hours=2))
    assert silent.transport.tender.attempt == 2
    assert X.NO_SCAN not in kinds(silent), "it went to the next carrier: nobody has to look"


def test_reports_that_never_come_close_a_delivered_order() -> None:
    delivered = after(opened(), SHIPPED, DELIVERED)
    assert not delivered.complete
    assert {kind for _, kind in delivered.missing()} == {M.PICKED, M.PACKED}
    assert due(delivered) == {"missing reports": LAST + timedelta(days=1)}
    assert passed(delivered, LAST + timedelta(days=1)).status is OrderStatus.CLOSED


def test_a_proof_of_delivery_that_is_missing_is_asked_for_before_the_order_closes_without_it() -> None:
    state = after(opened(Variant.DIRECT_DROP, pod=True), SHIPPED, DELIVERED)
    assert due(state) == {
        "proof of delivery": LAST + timedelta(days=1),
        "missing reports": LAST + timedelta(days=2),
    }
    silent = passed(state, LAST + timedelta(days=1))
    assert kinds(silent) == {X.NO_SCAN: ["proof of delivery"]}
    assert not silent.ending.closed
    assert kinds(after(silent, event(M.PROOF_OF_DELIVERY, 40))) == {}
    assert passed(silent, LAST + timedelta(days=2)).ending.closed


def test_goods_that_come_back_are_their_returns_to_watch() -> None:
    assert due(after(opened(), SHIPPED, DELIVERED, event(M.RETURNING, 8))) == {}


def test_what_was_refused_holds_an_order_open_for_a_while_only() -> None:
    effect = lifecycle.open_order(start()).effects[0]
    whole = (event(M.PICKED, 1, lines=FULL), event(M.PACKED, 2, lines=FULL), SHIPPED, DELIVERED)
    state = lifecycle.refused(after(opened(), *whole), effect, "wms_api", LAST)
    assert not state.complete
    assert due(state) == {"refused": LAST + timedelta(days=1)}
    assert passed(state, LAST + timedelta(days=1)).complete


def test_an_acknowledgement_is_waited_for_from_when_the_cause_was_accepted() -> None:
    effect = lifecycle.open_order(start()).effects[0]
    found = {alarm.name: alarm for alarm in alarms(opened(), (effect,))}
    assert found[f"acknowledgement/{effect.key}"] == Alarm(
        f"acknowledgement/{effect.key}",
        NOON + timedelta(minutes=30),
        "acknowledgement of instruct_warehouse",
        X.MISSING_ACK,
    )


def test_an_order_that_has_ended_or_replays_the_past_waits_for_nothing() -> None:
    effect = lifecycle.open_order(start()).effects[0]
    closed = lifecycle.close(after(opened(), SHIPPED, DELIVERED)).state
    assert not [*alarms(closed, (effect,))]
    past = lifecycle.open_order(start(clock="events")).state
    assert not [*alarms(past, (effect,))]
    assert next_alarm(past) is None
    cancelled = done(opened(), Verb.CANCEL, CancelRequest(id="c", reason="why")).state
    assert due(cancelled) == {}
    assert len([*alarms(cancelled, (effect,))]) == 1, "but for answers to what undoes it"
