"""Proposals to the planner: raised, not raised twice, withdrawn, accepted, rejected, overridden, too late."""

from datetime import date, timedelta

import pytest

from domain.orders import lifecycle
from domain.orders.state import OrderState
from domain.planning.open_demand import open_demand
from domain.records.record import line_record
from schemas.base import Role
from schemas.cases.exceptions import Action, OrderPolicy, Reaction
from schemas.cases.exceptions import ExceptionKind as X
from schemas.messaging.effects import ChangeKind, LineTarget, Operation
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import CancelRequest, LinePromise
from schemas.planning.proposals import ProposalKind
from schemas.workflows.commands import ActionRequest, Amendment, ReplanDecision, Substitute, Verb, Verdict
from tests.domain.builders import DUE, FIRST, FULL, NOON, TEN, after, done, event, kinds, opened, refusal, start, told
from tests.payloads import said
from tests.written import Said

FIRST_ID, SECOND_ID = "erp-one/SO-1/1", "erp-one/SO-1/2"
SHIPPED = event(M.SHIPPED, 3, lines=FULL)
ASK = OrderPolicy(on_shortage=(Reaction.PLANNER,), backorder_days=30)
SHORT = event(M.SHORT_PICKED, 1, shipment="", lines=TEN, reason="stockout")
JUNE_3 = date(2026, 6, 3)
JUNE_7 = JUNE_3 + timedelta(days=4)
"""When packs are there that take thirty days to be replenished: the lead time comes after it."""


def eta(days: int, name: str, hours: float = 5) -> MilestoneEvent:
    """An ETA at noon, so many days after the promise."""
    return event(M.DELAYED, hours, eta=NOON + timedelta(days=16 + days), name=name)


def answer(verdict: Verdict, proposal: str = FIRST_ID, **more: object) -> ReplanDecision:
    return ReplanDecision(id="d", proposal=proposal, verdict=verdict, reason="says the planner", **more)


def late(*events: MilestoneEvent) -> OrderState:
    return after(opened(), SHIPPED, eta(5, "late"), *events)


def asked() -> OrderState:
    return after(opened(policy=ASK), SHORT)


def test_a_promise_that_slips_by_enough_is_proposed_to_the_planner() -> None:
    before = after(opened(), SHIPPED)
    assert not Said(lifecycle.apply(before, eta(2, "a little"))).proposals
    [proposal] = Said(lifecycle.apply(before, eta(3, "enough"))).proposals
    assert (proposal.id, proposal.kind, proposal.promised_on) == (FIRST_ID, ProposalKind.DELAY, DUE)
    assert proposal.proposed_on == DUE + timedelta(days=3)


def test_it_is_not_raised_twice_not_even_when_it_was_rejected() -> None:
    open_still = lifecycle.apply(late(), eta(9, "later", 6))
    assert not Said(open_still).proposals
    rejected = done(late(), Verb.REPLAN, answer(Verdict.REJECT), Role.PLANNING).state
    for one in (event(M.IN_TRANSIT, 6), eta(6, "one more day", 7)):
        heard = lifecycle.apply(rejected, one)
        assert not Said(heard).proposals
        rejected = heard.state
    [again] = Said(lifecycle.apply(rejected, eta(8, "three more days", 8))).proposals
    assert again.id == SECOND_ID, "it has slipped by as much again"


def test_it_is_withdrawn_when_the_promise_recovers_and_may_be_raised_anew() -> None:
    better = lifecycle.apply(late(), eta(0, "better", 6))
    assert [(it.id, it.state, it.by) for it in Said(better).decided] == [(FIRST_ID, "withdrawn", "syncline")]
    assert not better.state.replanning.proposals
    [again] = Said(lifecycle.apply(better.state, eta(5, "worse", 7))).proposals
    assert again.id == SECOND_ID


@pytest.mark.parametrize("how", ["delivered", "cancelled", "re-dated", "amended"])
def test_it_is_withdrawn_when_there_is_nothing_to_decide_any_more(how: str) -> None:
    state = after(opened(), event(M.DELAYED, 2, eta=NOON + timedelta(days=21), shipment=""))
    assert FIRST_ID in state.replanning.proposals
    decision = {
        "delivered": lambda: lifecycle.apply(state, event(M.DELIVERED, 9, shipment="")),
        "cancelled": lambda: done(state, Verb.CANCEL, CancelRequest(id="c", reason="why")),
        "re-dated": lambda: done(
            state,
            Verb.ACT,
            ActionRequest(id="r", reason="why", action=Action.RE_DATE, promised_on=DUE + timedelta(days=5)),
        ),
        "amended": lambda: done(state, Verb.AMEND, Amendment(id="a", reason="why", requested_on=JUNE_3)),
    }[how]()
    assert [(it.id, it.state) for it in Said(decision).decided] == [(FIRST_ID, "withdrawn")]
    assert not decision.state.replanning.proposals
    said = refusal(decision.state, Verb.REPLAN, answer(Verdict.ACCEPT))
    assert "answered before" in said or "cancelled" in said


def test_what_supply_does_to_the_day_is_no_question_of_each_order() -> None:
    """The governor asks about the item and its site; what a carrier adds to it is a question of the order."""
    day = DUE + timedelta(days=9)
    wish = ActionRequest(
        id="keeper", reason="as supply", action=Action.RE_DATE, promises=(LinePromise(line=1, promised_on=day),)
    )
    heard = done(after(opened(), SHIPPED), Verb.ACT, wish, Role.ADMIN)
    assert heard.state.promised_on == day and not Said(heard).proposals
    assert not Said(lifecycle.apply(heard.state, eta(11, "a little more"))).proposals
    [proposal] = Said(lifecycle.apply(heard.state, eta(12, "much more"))).proposals
    assert proposal.proposed_on == DUE + timedelta(days=12)


def test_a_planner_is_asked_one_thing_at_a_time() -> None:
    """While a shortage is theirs to decide, what a carrier does to the day is no question of its own."""
    part = ShippedLine(line=1, quantity=30)
    heard = lifecycle.apply(after(asked(), event(M.SHIPPED, 3, lines=(part,))), eta(9, "late"))
    assert heard.state.promised_on > DUE and not Said(heard).proposals
    assert set(heard.state.replanning.proposals) == {FIRST_ID}


def test_an_order_that_replays_the_past_asks_nobody() -> None:
    state = lifecycle.open_order(start(clock="events")).state
    assert not Said(lifecycle.apply(after(state, SHIPPED), eta(5, "late"))).proposals


def test_accepting_makes_it_the_promise_everywhere_and_cures_the_delay() -> None:
    state = late()
    assert X.DELAY in kinds(state)
    decision = done(state, Verb.REPLAN, answer(Verdict.ACCEPT), Role.PLANNING)
    [record] = Said(decision).decided
    assert (record.id, record.state, record.by, record.reason) == (FIRST_ID, "accepted", "sam", "says the planner")
    assert record.at == NOON + timedelta(hours=0.5)
    assert decision.state.first_promised_on == decision.state.promised_on == DUE + timedelta(days=5)
    assert kinds(decision.state) == {}
    assert "answered before, or has been withdrawn" in refusal(decision.state, Verb.REPLAN, answer(Verdict.ACCEPT))
    assert not Said(lifecycle.apply(decision.state, event(M.IN_TRANSIT, 6))).proposals


def test_an_override_names_another_day_carrier_or_service() -> None:
    state = after(opened(), event(M.DELAYED, 2, eta=NOON + timedelta(days=21), shipment=""))
    wish = answer(Verdict.OVERRIDE, promised_on=DUE + timedelta(days=9), carrier="c-7", expedite=True)
    decision = done(state, Verb.REPLAN, wish, Role.PLANNING)
    assert told(decision) == [
        Operation.VOID_TENDER,
        Operation.TENDER_TRANSPORT,
        Operation.AMEND_TENDER,
        Operation.REDATE_PROMISE,
    ]
    void, tender, faster, promise = decision.effects
    assert (said(tender).carrier, said(faster).expedite) == ("c-7", True)
    assert said(promise).promised_on == DUE + timedelta(days=9)
    assert Said(decision).decided[0].state == "overridden"
    assert void.key != tender.key
    left = after(state, SHIPPED)
    gone = "the goods have left: carrier and service can no longer be changed"
    assert refusal(left, Verb.REPLAN, answer(Verdict.OVERRIDE, expedite=True)) == gone
    assert refusal(left, Verb.REPLAN, answer(Verdict.OVERRIDE, carrier="c-7")) == gone


def test_a_shortage_may_be_the_planners_to_decide() -> None:
    decision = lifecycle.apply(opened(policy=ASK), SHORT)
    [proposal] = Said(decision).proposals
    assert (proposal.kind, proposal.subject, proposal.lines) == (ProposalKind.SHORTAGE, SHORT.id, TEN)
    assert proposal.proposed_on == JUNE_7
    assert kinds(decision.state) == {X.PICK_STOCKOUT: [SHORT.id]}


def test_accepting_a_shortage_backorders_it() -> None:
    decision = done(asked(), Verb.REPLAN, answer(Verdict.ACCEPT), Role.PLANNING)
    assert [e.topic.change or e.operation for e in decision.effects] == [
        ChangeKind.BACKORDERED,
        Operation.REDATE_PROMISE,
    ]
    assert decision.state.promised_on == JUNE_7
    assert kinds(decision.state) == {}


def test_rejecting_a_shortage_closes_it_short() -> None:
    decision = done(asked(), Verb.REPLAN, answer(Verdict.REJECT), Role.PLANNING)
    assert [e.topic.change or e.operation for e in decision.effects] == [
        Operation.AMEND_WAREHOUSE,
        Operation.AMEND_TENDER,
        ChangeKind.CLOSED_SHORT,
    ]
    assert line_record(decision.state, decision.state.lines[0]).cancelled == 10
    assert kinds(decision.state) == {}
    shipped = (ShippedLine(line=1, quantity=30), FULL[1])
    assert after(decision.state, event(M.SHIPPED, 3, lines=shipped), event(M.DELIVERED, 7)).delivered


def test_only_what_is_still_short_is_closed_short() -> None:
    some = after(asked(), event(M.PICKED, 2, lines=(ShippedLine(line=1, quantity=36),)))
    decision = done(some, Verb.REPLAN, answer(Verdict.REJECT), Role.PLANNING)
    assert said(decision.effects[-1]).lines == (ShippedLine(line=1, quantity=4),)


def test_a_shortage_that_was_picked_or_sourced_after_all_is_withdrawn() -> None:
    found = lifecycle.apply(asked(), event(M.PICKED, 2, lines=FULL))
    assert [(it.id, it.state) for it in Said(found).decided] == [(FIRST_ID, "withdrawn")]
    wish = ActionRequest(id="r", reason="why", action=Action.RE_SOURCE, site="MAD")
    sourced = done(asked(), Verb.ACT, wish)
    assert [(it.id, it.state) for it in Said(sourced).decided] == [(FIRST_ID, "withdrawn")]


def test_an_override_sends_a_shortage_from_another_site() -> None:
    decision = done(asked(), Verb.REPLAN, answer(Verdict.OVERRIDE, site="MAD"), Role.PLANNING)
    assert [(e.operation, e.topic.site, said(e).targets) for e in decision.effects[:2]] == [
        (Operation.INSTRUCT_WAREHOUSE, "MAD", (LineTarget(line=1, item="A", quantity=10),)),
        (Operation.AMEND_WAREHOUSE, "LYS", (LineTarget(line=1, item="A", quantity=30),)),
    ]
    assert kinds(decision.state) == {}


def test_an_override_sends_a_part_from_another_site_and_substitutes_a_line() -> None:
    wish = answer(
        Verdict.OVERRIDE,
        site="MAD",
        lines=(ShippedLine(line=2, quantity=20),),
        substitutes=(Substitute(line=1, item="C"),),
        expedite=True,
    )
    decision = done(asked(), Verb.REPLAN, wish, Role.PLANNING)
    assert len({e.key for e in decision.effects}) == len(decision.effects)
    swapped = next(e for e in decision.effects if e.topic.change is ChangeKind.SUBSTITUTED)
    assert said(swapped).targets == (
        LineTarget(line=1, item="A", quantity=0),
        LineTarget(line=1, item="C", quantity=40),
    )
    [here] = [e for e in decision.effects if e.operation is Operation.AMEND_WAREHOUSE]
    assert said(here).targets == (*said(swapped).targets, LineTarget(line=2, item="B", quantity=40)), (
        "a site is told once"
    )
    assert decision.state.lines[0].item == "C"
    wanted = [("B", "LYS", 40), ("B", "MAD", 20), ("C", "LYS", 40)]
    assert [(x.item, x.site, x.packs) for x in open_demand(decision.state)] == wanted
    assert kinds(decision.state) == {}, "the substitute covers the shortage"


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (answer(Verdict.ACCEPT, "erp-one/SO-1/9"), "the proposal was answered before, or has been withdrawn"),
        (answer(Verdict.OVERRIDE, site="LYS"), "LYS was asked already: name another site"),
        (answer(Verdict.OVERRIDE, site="MAD", lines=TEN * 5), "line 1: only 40 packs are open"),
        (answer(Verdict.OVERRIDE, substitutes=(Substitute(line=9, item="C"),)), "line 9 is not open for a substitute"),
        (
            answer(Verdict.OVERRIDE, site="MAD", substitutes=(Substitute(line=9, item="C"),)),
            "line 9 is not open for a substitute",
        ),
    ],
)
def test_what_cannot_be_followed_is_refused(wish: ReplanDecision, said: str) -> None:
    assert refusal(asked(), Verb.REPLAN, wish, Role.PLANNING) == said


def test_a_line_that_was_picked_is_not_substituted() -> None:
    state = after(asked(), event(M.PICKED, 2, lines=(*FIRST[1:], ShippedLine(line=1, quantity=30))))
    wish = answer(Verdict.OVERRIDE, substitutes=(Substitute(line=1, item="C"),))
    told = said(done(state, Verb.REPLAN, wish, Role.PLANNING).effects[0]).targets
    assert told == (LineTarget(line=1, item="A", quantity=30), LineTarget(line=1, item="C", quantity=10))
