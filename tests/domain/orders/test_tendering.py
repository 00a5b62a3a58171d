"""The tender: to one carrier after the other, with a ranking, a limit and a time-out."""

from datetime import timedelta
from typing import Any

from domain.orders import lifecycle, tendering
from domain.orders.deadlines import due_by, next_alarm
from domain.orders.decision import Decision
from domain.orders.state import OrderState
from schemas.cases.exceptions import Action, OrderPolicy
from schemas.cases.exceptions import ExceptionKind as X
from schemas.messaging.effects import Effect, EffectReceipt, Operation
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.milestones import MilestoneKind as M
from schemas.workflows.commands import ActionRequest, Verb
from tests.domain.builders import FULL, NOON, after, done, event, kinds, opened, refusal, start, told
from tests.payloads import said

RANKED = OrderPolicy(carriers=("c-1", "c-2", "c-3"))
PENDING = EffectReceipt()
SHIPPED = event(M.SHIPPED, 3, lines=FULL)


def rejected(carrier: str) -> MilestoneEvent:
    return event(M.TENDER_REJECTED, 1, shipment="", carrier=carrier, name=f"no {carrier}".replace(" ", "-"))


def accepted(carrier: str) -> MilestoneEvent:
    return event(M.TENDER_ACCEPTED, 1, shipment="", carrier=carrier, name=f"yes-{carrier}")


def first(policy: OrderPolicy = RANKED) -> Effect[Any]:
    return lifecycle.open_order(start(policy=policy)).effects[1]


def wait(state: OrderState) -> Decision:
    """Nobody answers until the next alarm."""
    alarm = next_alarm(state)
    assert alarm is not None
    return lifecycle.pass_deadlines(state, due_by(state, (), alarm.due), alarm.due)


def again(id: str = "t", carrier: str | None = None) -> ActionRequest:
    return ActionRequest(id=id, reason="why", action=Action.RE_TENDER, carrier=carrier)


def test_an_answer_at_once_names_the_carrier() -> None:
    state = tendering.taken(opened(), first(), EffectReceipt(carrier="c-9"), NOON)
    assert (state.carrier, state.transport.tender.accepted) == ("c-9", True)
    assert tendering.taken(state, first(), EffectReceipt(carrier="c-8"), NOON) == state, "the first answer counts"


def test_the_answer_to_an_attempt_that_is_over_changes_nothing() -> None:
    state = after(opened(policy=RANKED), rejected("c-1"))
    assert tendering.taken(state, first(), EffectReceipt(carrier="c-1"), NOON) == state


def test_an_answer_that_comes_after_the_list_was_used_up_starts_no_waiting() -> None:
    state = after(opened(policy=OrderPolicy(tender_limit=1)), rejected("c-1"))
    assert state.transport.tender.exhausted
    assert tendering.taken(state, first(), PENDING, NOON) == state


def test_each_rejection_goes_to_the_next_ranked_carrier_until_none_is_left() -> None:
    state = opened(policy=OrderPolicy(carriers=("c-1", "c-2"), tender_limit=5))
    one = lifecycle.apply(state, rejected("c-9"))
    assert [(e.key, said(e).carrier) for e in one.effects] == [("erp-one/SO-1/tender_transport/2", "c-1")]
    two = lifecycle.apply(one.state, rejected("c-1"))
    assert [(e.key, said(e).carrier) for e in two.effects] == [("erp-one/SO-1/tender_transport/3", "c-2")]
    assert kinds(two.state) == {}
    three = lifecycle.apply(two.state, rejected("c-2"))
    assert not three.effects
    assert three.done == "no carrier is left to ask"
    assert kinds(three.state) == {X.TENDER_REJECT: ["tender"]}


def test_the_limit_holds_without_a_ranking_too() -> None:
    state = opened(policy=OrderPolicy(tender_limit=2))
    one = lifecycle.apply(state, rejected("c-1"))
    assert [said(e).carrier for e in one.effects] == [""], "the transport desk chooses"
    assert lifecycle.apply(one.state, rejected("c-2")).state.transport.tender.exhausted


def test_a_late_acceptance_or_the_departure_cures_it() -> None:
    state = after(opened(policy=OrderPolicy(tender_limit=1)), rejected("c-1"))
    assert X.TENDER_REJECT in kinds(state)
    assert kinds(after(state, accepted("c-2"))) == {}
    assert kinds(after(state, SHIPPED)) == {}, "somebody carries it"


def test_answers_of_others_and_answers_twice_are_noted_and_change_nothing() -> None:
    state = after(opened(policy=RANKED), rejected("c-1"))
    assert lifecycle.apply(state, rejected("c-1")).superseded == "c-1 has turned the tender down before"
    assert lifecycle.apply(state, rejected("c-3")).superseded == "the tender is not with c-3"
    assert lifecycle.apply(state, accepted("c-1")).superseded == "c-1 had turned the tender down"
    taken = after(state, accepted("c-2"))
    assert lifecycle.apply(taken, accepted("c-2")).superseded == "c-2 has taken the tender before"
    left = lifecycle.apply(after(taken, SHIPPED), rejected("c-2"))
    assert left.superseded == "the goods have left: the tender is over"
    assert not left.effects


def test_a_carrier_that_took_it_and_steps_back_is_replaced() -> None:
    state = after(opened(policy=RANKED), accepted("c-1"))
    decision = lifecycle.apply(state, rejected("c-1").model_copy(update={"carrier": None, "partner": "c-1"}))
    assert [said(e).carrier for e in decision.effects] == ["c-2"]
    assert decision.state.carrier == ""


def test_no_answer_in_time_takes_the_tender_back_and_asks_the_next() -> None:
    state = tendering.taken(opened(policy=RANKED), first(), PENDING, NOON)
    alarm = next_alarm(state)
    assert alarm is not None
    assert (alarm.name, alarm.due) == ("tender answer/1", NOON + timedelta(hours=2))
    assert due_by(state, (), alarm.due - timedelta(seconds=1)) == ()
    decision = wait(state)
    assert told(decision) == [Operation.VOID_TENDER, Operation.TENDER_TRANSPORT]
    offer = decision.effects[1]
    assert said(offer).carrier == "c-1"
    pending = tendering.taken(decision.state, offer, PENDING, NOON + timedelta(hours=2))
    third = wait(pending)
    assert said(third.effects[1]).carrier == "c-2"
    last = wait(tendering.taken(third.state, third.effects[1], PENDING, NOON + timedelta(hours=4)))
    assert told(last) == [Operation.VOID_TENDER]
    assert kinds(last.state) == {X.TENDER_REJECT: ["tender"]}
    keys = [e.key for d in (decision, third, last) for e in d.effects]
    assert len(set(keys)) == len(keys)


def test_an_answer_or_the_departure_ends_the_waiting() -> None:
    state = tendering.taken(opened(policy=RANKED), first(), PENDING, NOON)
    for heard in (accepted("c-1"), SHIPPED):
        alarm = next_alarm(after(state, heard))
        assert alarm is None or not alarm.name.startswith("tender")


def test_people_may_tender_again_to_whom_they_like() -> None:
    state = after(opened(policy=RANKED), rejected("c-1"), accepted("c-2"))
    decision = done(state, Verb.ACT, again(carrier="c-1"))
    assert told(decision) == [Operation.VOID_TENDER, Operation.TENDER_TRANSPORT]
    assert said(decision.effects[1]).carrier == "c-1"
    taken = after(decision.state, accepted("c-1").model_copy(update={"id": "src#at-last"}))
    assert taken.carrier == "c-1", "who turned it down before may take it when asked again"
    assert "c-2" in taken.transport.tender.rejected, "and does not get it back"


def test_when_the_list_is_used_up_people_name_a_carrier_and_nothing_is_voided_twice() -> None:
    state = opened(policy=OrderPolicy(carriers=("c-1",), tender_limit=3))
    one = done(state, Verb.ACT, again())
    over = lifecycle.apply(one.state, rejected("c-1"))
    assert over.state.transport.tender.exhausted
    assert refusal(over.state, Verb.ACT, again("u")) == "no carrier is left to ask by the policy: name one"
    named = done(over.state, Verb.ACT, again("u", "c-7"))
    assert [(e.operation, said(e).carrier) for e in named.effects] == [(Operation.TENDER_TRANSPORT, "c-7")]
    assert not named.state.transport.tender.exhausted


def test_a_carrier_that_takes_a_voided_tender_too_late_is_voided_on_its_own() -> None:
    one = done(opened(policy=OrderPolicy(tender_limit=1)), Verb.ACT, again())
    late = after(one.state, accepted("c-1"))
    assert late.transport.tender.accepted, "the carrier holds the attempt that was taken back"
    two = done(late, Verb.ACT, again("u"))
    assert told(one) == told(two) == [Operation.VOID_TENDER]
    assert one.effects[0].key != two.effects[0].key


def test_goods_that_have_left_are_not_tendered_again() -> None:
    said = refusal(after(opened(), SHIPPED), Verb.ACT, again(carrier="c-1"))
    assert said == "the goods have left: intercept them by cancelling"
