"""What a case can offer: dates, retries, replays, messages to the customer, and what is given up."""

from datetime import date, timedelta

import pytest

from domain.orders import lifecycle
from domain.orders.state import OrderState
from domain.records.record import line_record
from schemas.cases.exceptions import Action, Channel
from schemas.cases.exceptions import ExceptionKind as X
from schemas.messaging.effects import ChangeKind, LineTarget, Operation
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.workflows.commands import ActionRequest, Amendment, LineAmendment, Verb
from tests.domain.builders import DUE, FIRST, FULL, NOON, REST, TEN, after, done, event, kinds, opened, refusal, start
from tests.payloads import said
from tests.written import Said

SHIPPED = event(M.SHIPPED, 3, lines=FULL)
DELIVERED = event(M.DELIVERED, 7)
LATER = date(2026, 6, 1)
CASE = "erp-one/SO-1/{}/1"


def act(action: Action, case: X | None = None, name: str = "x", **more: object) -> ActionRequest:
    return ActionRequest(id=name, reason="why", action=action, case=CASE.format(case) if case else None, **more)


def refused_by_the_warehouse() -> OrderState:
    first = lifecycle.open_order(start())
    return lifecycle.refused(first.state, first.effects[0], "wms_api", NOON)


# Dates


def test_a_new_date_holds_for_all_that_is_open_and_cures_the_delay() -> None:
    state = after(opened(), event(M.SHIPPED, 3, lines=FIRST), DELIVERED, event(M.DELAYED, 8, shipment="DN-2", eta=NOON))
    decision = done(state, Verb.ACT, act(Action.RE_DATE, promised_on=LATER))
    [promise] = decision.effects
    assert {x.line: x.promised_on for x in said(promise).promises} == {2: LATER}
    assert decision.state.promised_on == LATER
    assert kinds(decision.state) == {}
    late = after(opened(), SHIPPED, event(M.DELAYED, 4, eta=NOON + timedelta(days=20)))
    assert X.DELAY in kinds(late)
    assert X.DELAY not in kinds(done(late, Verb.ACT, act(Action.RE_DATE, promised_on=LATER)).state)


def test_what_was_delivered_is_not_promised_anew() -> None:
    said = refusal(after(opened(), SHIPPED, DELIVERED), Verb.ACT, act(Action.RE_DATE, promised_on=LATER))
    assert said == "everything was delivered: a return takes goods back"


# Retry, replay, messages


def test_a_retry_repeats_what_was_refused_under_its_old_key_and_nothing_else() -> None:
    state = refused_by_the_warehouse()
    assert kinds(state) == {X.REFUSED_EFFECT: ["erp-one/SO-1/instruct_warehouse"]}
    decision = done(state, Verb.ACT, act(Action.RETRY))
    assert [e.key for e in decision.effects] == ["erp-one/SO-1/instruct_warehouse"]
    assert kinds(decision.state) == {}
    assert "what is owed is being retried already" in refusal(decision.state, Verb.ACT, act(Action.RETRY))


def test_a_replay_names_the_messages_to_bring_back() -> None:
    decision = done(opened(), Verb.ACT, act(Action.REPLAY, messages=(4, 7)))
    assert decision.replay == (4, 7)
    assert decision.done == "2 messages brought back"
    assert not decision.effects


def test_the_customer_is_told_in_the_words_of_the_case() -> None:
    [notice] = Said(done(opened(), Verb.ACT, act(Action.NOTIFY_CUSTOMER, X.DELAY))).notices
    assert (notice.template, notice.to, notice.channel) == ("customer_delay", "customer", Channel.EMAIL)
    assert notice.key == "erp-one/SO-1/customer/x"
    assert notice.facts["promised_on"] == f"{DUE}"
    assert "why" not in notice.facts.values(), "our own reason stays with us"
    [generic] = Said(done(opened(), Verb.ACT, act(Action.NOTIFY_CUSTOMER, name="y"))).notices
    assert generic.template == "customer_generic"


# Writing off


def test_packs_that_will_not_come_are_closed_short_and_nobody_sends_them() -> None:
    decision = done(opened(), Verb.ACT, act(Action.WRITE_OFF, lines=TEN))
    left = (LineTarget(line=1, item="A", quantity=30),)
    assert [e.operation for e in decision.effects] == [
        Operation.AMEND_WAREHOUSE,
        Operation.AMEND_TENDER,
        Operation.REPORT_CHANGE,
    ]
    warehouse, transport, erp = (said(e) for e in decision.effects)
    assert (warehouse.targets, transport.packs, erp.targets, erp.lines) == (left, 90, left, TEN)
    assert line_record(decision.state, decision.state.lines[0]).cancelled == 10
    shipped = (ShippedLine(line=1, quantity=30), FULL[1])
    assert after(decision.state, event(M.SHIPPED, 3, lines=shipped), DELIVERED).delivered


def test_without_lines_everything_that_is_open_is_given_up_and_the_order_can_end() -> None:
    state = after(opened(), event(M.SHIPPED, 3, lines=FIRST), DELIVERED)
    decision = done(state, Verb.ACT, act(Action.WRITE_OFF))
    assert said(decision.effects[-1]).lines == REST
    assert decision.state.delivered
    assert decision.state.promised_on == DUE


def test_a_site_is_left_with_what_it_has_sent() -> None:
    state = after(opened(), event(M.SHIPPED, 3, lines=FIRST))
    decision = done(state, Verb.ACT, act(Action.WRITE_OFF))
    assert said(decision.effects[0]).targets == (LineTarget(line=2, item="B", quantity=10),)
    assert said(decision.effects[-1]).lines == (FULL[0], FULL[1])
    assert [x.quantity for x in said(decision.effects[-1]).targets] == [0, 0], "the ERP waits for nothing"
    assert X.OVER_SHIP not in kinds(decision.state), "what was lost on the way was not too much"


def test_the_promise_no_longer_waits_for_what_was_given_up() -> None:
    later = Amendment(id="a", reason="why", lines=(LineAmendment(line=2, requested_on=LATER),))
    dated = done(opened(), Verb.AMEND, later).state
    assert dated.promised_on == LATER
    assert done(dated, Verb.ACT, act(Action.WRITE_OFF, lines=FULL[1:])).state.promised_on == DUE


def test_a_trouble_that_people_have_settled_is_over_although_nothing_is_open() -> None:
    state = after(opened(), SHIPPED, event(M.EXCEPTION, 6, cause=X.DAMAGE, lines=TEN), DELIVERED)
    assert kinds(state) == {X.DAMAGE: ["DN-1"]}
    decision = done(state, Verb.ACT, act(Action.WRITE_OFF, X.DAMAGE))
    assert not decision.effects, "an empty list of lines would mean the whole order"
    assert decision.done == "written off"
    assert kinds(decision.state) == {}


def test_a_write_off_settles_the_troubles_of_its_own_case_only() -> None:
    state = after(
        opened(), event(M.EXCEPTION, 6, cause=X.DAMAGE), event(M.EXCEPTION, 6, cause=X.TEMPERATURE, name="warm")
    )
    settled = done(state, Verb.ACT, act(Action.WRITE_OFF, X.DAMAGE, lines=TEN)).state
    assert kinds(settled) == {X.TEMPERATURE: ["DN-1"]}


def test_an_effect_that_no_system_will_take_is_given_up() -> None:
    state = refused_by_the_warehouse()
    decision = done(state, Verb.ACT, act(Action.WRITE_OFF, X.REFUSED_EFFECT))
    assert decision.done == "given up: instruct_warehouse"
    assert kinds(decision.state) == {}
    assert not decision.effects
    other = done(state, Verb.ACT, act(Action.WRITE_OFF, X.SHORT_SHIP, lines=TEN))
    assert said(other.effects[-1]).lines == TEN, "a case about packs gives up packs"
    assert X.REFUSED_EFFECT in kinds(other.state)


@pytest.mark.parametrize("scanned", [True, False])
def test_packs_that_were_not_signed_for_are_written_off_and_the_invoice_is_released(scanned: bool) -> None:
    signed = (FULL[0], ShippedLine(line=2, quantity=55))
    heard = (
        [DELIVERED, event(M.PROOF_OF_DELIVERY, 8, lines=signed)] if scanned else [event(M.DELIVERED, 7, lines=signed)]
    )
    state = after(opened(), SHIPPED, *heard)
    assert state.delivered is scanned
    assert kinds(state)[X.POD_MISMATCH] == ["DN-1 line 2"]
    decision = done(state, Verb.ACT, act(Action.WRITE_OFF, X.POD_MISMATCH))
    five = (ShippedLine(line=2, quantity=5),)
    assert [(e.topic.change, said(e).lines) for e in decision.effects] == [
        (ChangeKind.WRITTEN_OFF if scanned else ChangeKind.CLOSED_SHORT, five),
        (ChangeKind.INVOICE_RELEASED, five),
    ]
    assert kinds(decision.state) == {}
    assert decision.state.delivered


@pytest.mark.parametrize(
    ("heard", "wish", "said"),
    [
        ((), act(Action.WRITE_OFF, lines=(ShippedLine(line=1, quantity=41),)), "line 1: only 40 packs are open"),
        ((), act(Action.WRITE_OFF, lines=TEN * 5), "line 1: only 40 packs are open"),
        ((SHIPPED, DELIVERED), act(Action.WRITE_OFF), "everything was delivered: a return takes goods back"),
        ((SHIPPED, DELIVERED), act(Action.WRITE_OFF, lines=TEN), "everything was delivered: a return takes goods back"),
    ],
)
def test_what_is_not_open_is_not_written_off(heard: tuple[MilestoneEvent, ...], wish: ActionRequest, said: str) -> None:
    assert refusal(after(opened(), *heard), Verb.ACT, wish) == said
