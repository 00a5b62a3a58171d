"""Commands: who may ask, until which state, what is possible instead, and the difference that each system is told."""

from datetime import date, timedelta
from typing import Any

import pytest

from domain.orders import lifecycle
from domain.planning.open_demand import open_demand
from domain.records.record import line_record
from schemas.base import Contract, Role, Variant
from schemas.cases.exceptions import Action
from schemas.messaging.effects import ChangeKind, Effect, LineTarget, Operation
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import CancelRequest, OrderStatus
from schemas.workflows.commands import (
    ActionRequest,
    Amendment,
    HoldRequest,
    LineAmendment,
    ReplanDecision,
    ResumeRequest,
    Verb,
    Verdict,
)
from schemas.workflows.returns import ReturnOutcome, ReturnState
from tests.domain.builders import DUE, FIRST, FULL, NOON, TEN, after, done, event, opened, refusal, told
from tests.payloads import said
from tests.written import Said

SHIPPED = event(M.SHIPPED, 3, lines=FULL)
PART = event(M.SHIPPED, 3, lines=FIRST)
DELIVERED = event(M.DELIVERED, 7)
LATER = date(2026, 6, 1)
WISHES: dict[Verb, Contract] = {
    Verb.AMEND: Amendment(id="a", reason="why", requested_on=LATER),
    Verb.CANCEL: CancelRequest(id="a", reason="customer withdrew"),
    Verb.HOLD: HoldRequest(id="a", reason="credit check"),
    Verb.RESUME: ResumeRequest(id="a", reason="paid"),
    Verb.ACT: ActionRequest(id="a", reason="why", action=Action.RE_DATE, promised_on=LATER),
    Verb.REPLAN: ReplanDecision(id="a", reason="why", proposal="p", verdict=Verdict.ACCEPT),
}
HELD = done(opened(), Verb.HOLD, WISHES[Verb.HOLD]).state


def line(number: int, quantity: int | None = None, **more: object) -> Amendment:
    return Amendment(id="a", reason="why", lines=(LineAmendment(line=number, quantity=quantity, **more),))


def of(effects: tuple[Effect, ...], operation: Operation) -> list[Effect[Any]]:
    return [effect for effect in effects if effect.operation is operation]


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("role", list(Role))
def test_who_may_ask(verb: Verb, role: Role) -> None:
    may = {
        Verb.AMEND: {Role.ERP},
        Verb.CANCEL: {Role.ERP},
        Verb.HOLD: {Role.ERP, Role.PLANNING},
        Verb.RESUME: {Role.ERP, Role.PLANNING},
        Verb.ACT: set(),
        Verb.REPLAN: {Role.PLANNING},
    }[verb] | {Role.SUPPORT, Role.ADMIN}
    said = refusal(HELD if verb is Verb.RESUME else opened(), verb, WISHES[verb], role)
    stranger = f"{verb} is for {', '.join(sorted(may))}; it was asked by {role}"
    assert (said == stranger) is (role not in may)


@pytest.mark.parametrize("verb", list(Verb))
def test_an_order_that_has_ended_obeys_nobody_and_says_what_is_left(verb: Verb) -> None:
    closed = lifecycle.close(after(opened(), SHIPPED, DELIVERED)).state
    there = "the order is closed: what was delivered can be sent back with a return, more is another order"
    assert refusal(closed, verb, WISHES[verb]) == there
    back = ReturnOutcome(order="erp-one/SO-1", rma="R-1", state=ReturnState.CREDITED, received=FULL)
    nothing = closed.with_changes(reports={"returns": {"R-1": back}}), lifecycle.close(opened()).state
    for state in nothing:
        assert refusal(state, verb, WISHES[verb]).startswith("the order is closed, and its customer has nothing of it")


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.ACT])
def test_an_order_that_is_cancelled_or_being_cancelled_obeys_no_more(verb: Verb) -> None:
    cancelled = done(opened(), Verb.CANCEL, WISHES[Verb.CANCEL]).state
    assert refusal(cancelled, verb, WISHES[verb]) == "the order is already cancelled: customer withdrew"
    under_way = done(after(opened(), SHIPPED), Verb.CANCEL, WISHES[Verb.CANCEL]).state
    assert "its goods are on their way back" in refusal(under_way, verb, WISHES[verb])


# Amend


def test_an_amended_quantity_is_told_as_what_is_wanted_now() -> None:
    decision = done(opened(), Verb.AMEND, line(1, 30), Role.ERP)
    now = (LineTarget(line=1, item="A", quantity=30),)
    assert told(decision) == [Operation.AMEND_WAREHOUSE, Operation.AMEND_TENDER, Operation.REPORT_CHANGE]
    warehouse, transport, erp = (said(e) for e in decision.effects)
    assert (warehouse.targets, transport.packs, erp.targets) == (now, 90, now)
    assert {e.revision for e in decision.effects} == {decision.effects[0].revision}, "one input, one revision"
    assert (warehouse.promised_on, transport.promised_on) == (None, None), "the day has not changed"
    assert (warehouse.address_from, transport.address_from) == (None, None)
    assert [(x.item, x.packs) for x in open_demand(decision.state)] == [("A", 30), ("B", 60)]
    assert Said(decision).amended_by == (900,)
    assert decision.done == "amended: line 1 -10 A"
    assert line_record(decision.state, decision.state.lines[0]).ordered == 30


def test_lines_are_added_and_removed() -> None:
    wish = Amendment(
        id="a",
        reason="why",
        lines=(LineAmendment(line=1, quantity=0), LineAmendment(line=3, quantity=5, item="C", requested_on=LATER)),
    )
    decision = done(opened(), Verb.AMEND, wish)
    assert of(decision.effects, Operation.AMEND_WAREHOUSE)[0].payload.targets == (
        LineTarget(line=1, item="A", quantity=0),
        LineTarget(line=3, item="C", quantity=5),
    )
    assert [(x.item, x.packs, x.day) for x in open_demand(decision.state)] == [("B", 60, DUE), ("C", 5, LATER)]
    assert decision.state.promised_on == LATER
    assert {x.line: x.promised_on for x in decision.state.line_promises}[3] == LATER
    gone = after(decision.state, event(M.SHIPPED, 3, lines=(FULL[1], ShippedLine(line=3, quantity=5))))
    assert gone.status is OrderStatus.SHIPPED, "nothing is wanted of the line that was removed"


def test_a_removed_line_no_longer_holds_the_promise_up() -> None:
    late = done(opened(), Verb.AMEND, line(1, requested_on=LATER)).state
    assert late.promised_on == LATER
    assert done(late, Verb.AMEND, line(1, 0)).state.promised_on == DUE


def test_a_new_day_is_promised_when_the_lead_time_allows_it() -> None:
    moved = done(opened(), Verb.AMEND, Amendment(id="a", reason="why", requested_on=LATER))
    assert told(moved) == [
        Operation.AMEND_WAREHOUSE,
        Operation.AMEND_TENDER,
        Operation.REPORT_CHANGE,
        Operation.REDATE_PROMISE,
    ]
    assert [said(e).promised_on for e in moved.effects] == [LATER] * 4
    assert {x.promised_on for x in said(moved.effects[3]).promises} == {LATER}
    too_soon = done(opened(), Verb.AMEND, Amendment(id="b", reason="why", requested_on=date(2026, 5, 5)))
    assert too_soon.state.promised_on == NOON.date() + timedelta(days=4)


def test_an_amendment_of_one_line_does_not_forget_what_was_told_of_another() -> None:
    dated = done(opened(), Verb.AMEND, line(1, requested_on=LATER)).state
    late = after(dated, SHIPPED.model_copy(update={"lines": (FULL[0],)}), event(M.DELAYED, 4, eta=NOON + timedelta(40)))
    assert late.promised_on == NOON.date() + timedelta(days=40)
    decision = done(late, Verb.AMEND, line(2, 50))
    assert decision.state.promises == late.promises
    assert Operation.REDATE_PROMISE not in told(decision)


def test_a_new_address_reaches_every_site_and_the_carrier_without_being_spelled_out() -> None:
    split = done(
        opened(), Verb.ACT, ActionRequest(id="s", reason="why", action=Action.SPLIT, site="MAD", lines=TEN)
    ).state
    decision = done(split, Verb.AMEND, Amendment(id="a", reason="moved house", address=True))
    addressed = [e for e in decision.effects if getattr(said(e), "address_from", None) == 900]
    assert [(e.operation, e.topic.site) for e in addressed] == [
        (Operation.AMEND_WAREHOUSE, "LYS"),
        (Operation.AMEND_TENDER, ""),
        (Operation.AMEND_WAREHOUSE, "MAD"),
        (Operation.AMEND_TENDER, "MAD"),
    ]
    assert len({e.key for e in decision.effects}) == len(decision.effects)


def test_each_site_is_told_its_own_part() -> None:
    act = ActionRequest(id="s", reason="why", action=Action.SPLIT, site="MAD", lines=TEN)
    split = done(opened(), Verb.ACT, act).state
    fewer = done(split, Verb.AMEND, line(1, 5))
    assert [(e.topic.site, e.payload.targets[0].quantity) for e in of(fewer.effects, Operation.AMEND_WAREHOUSE)] == [
        ("LYS", 0),
        ("MAD", 5),
    ]
    assert fewer.state.sourcing.sources[0].lines == (ShippedLine(line=1, quantity=5),)
    more = done(fewer.state, Verb.AMEND, line(1, 25).model_copy(update={"id": "b"}))
    assert [(e.topic.site, e.payload.targets[0].quantity) for e in of(more.effects, Operation.AMEND_WAREHOUSE)] == [
        ("LYS", 20)
    ]


def test_a_direct_drop_has_no_warehouse_to_tell() -> None:
    assert told(done(opened(Variant.DIRECT_DROP), Verb.AMEND, line(1, 30))) == [
        Operation.AMEND_TENDER,
        Operation.REPORT_CHANGE,
    ]


def test_what_was_written_off_is_no_part_of_it() -> None:
    off = ActionRequest(id="w", reason="why", action=Action.WRITE_OFF, lines=TEN)
    short = done(opened(), Verb.ACT, off).state
    decision = done(short, Verb.AMEND, line(1, 35))
    assert said(decision.effects[0]).targets == (LineTarget(line=1, item="A", quantity=25),), (
        "ten are written off already"
    )
    assert line_record(decision.state, decision.state.lines[0]).cancelled == 10


@pytest.mark.parametrize(
    ("heard", "wish", "said"),
    [
        ((SHIPPED,), line(1, 50), "the order is shipped: release a new order for more, or authorise a return for less"),
        ((SHIPPED, DELIVERED), line(1, 50), "the order is delivered: release a new order for more"),
        ((PART,), line(1, 39), "line 1: 40 packs have left; it cannot be less than 40: authorise a return"),
        ((PART,), Amendment(id="a", reason="why", address=True), "cancel the order to intercept it"),
        ((), line(3, 5), "line 3 is not on the order: a new line needs item and quantity"),
        ((), line(3, item="C"), "line 3 is not on the order: a new line needs item and quantity"),
        ((), line(1, item="C"), "line 1 is of another item: remove it and add a line, or ask the planner"),
        (
            (),
            Amendment(
                id="a", reason="why", lines=(LineAmendment(line=1, quantity=0), LineAmendment(line=2, quantity=0))
            ),
            "nothing would be left of the order: cancel it instead",
        ),
    ],
)
def test_an_amendment_is_refused_with_what_is_possible_instead(
    heard: tuple[object, ...], wish: Amendment, said: str
) -> None:
    state = after(opened(), *heard)  # type: ignore[arg-type]
    assert said in refusal(state, Verb.AMEND, wish)


@pytest.mark.parametrize("kind", [M.ALLOCATED, M.PICKED, M.PACKED])
def test_an_order_can_be_amended_until_the_last_line_has_left(kind: M) -> None:
    assert refusal(after(opened(), event(kind, 1, lines=FULL)), Verb.AMEND, line(1, 30)) == ""
    part = after(opened(), PART)
    assert refusal(part, Verb.AMEND, line(2, 10)) == "", "down to what has left"
    assert "it cannot be less than 10" in refusal(part, Verb.AMEND, line(2, 9))


def test_what_has_left_and_what_was_written_off_bound_an_amendment() -> None:
    off = ActionRequest(id="w", reason="why", action=Action.WRITE_OFF, lines=(ShippedLine(line=2, quantity=20),))
    state = done(after(opened(), PART), Verb.ACT, off).state
    assert "10 packs have left and 20 are cancelled; it cannot be less than 30" in refusal(
        state, Verb.AMEND, line(2, 29)
    )
    assert refusal(state, Verb.AMEND, line(2, 30)) == ""


# Hold and resume


def test_hold_and_resume_reach_every_site_and_the_carrier_under_keys_of_their_own() -> None:
    held = done(opened(), Verb.HOLD, HoldRequest(id="h", reason="credit check"), Role.ERP)
    assert told(held) == [Operation.HOLD_WAREHOUSE, Operation.HOLD_TRANSPORT, Operation.REPORT_CHANGE]
    assert held.effects[-1].topic.change is ChangeKind.HELD
    free = done(held.state, Verb.RESUME, ResumeRequest(id="h", reason="paid"), Role.ERP)
    assert told(free) == [Operation.RESUME_WAREHOUSE, Operation.RESUME_TRANSPORT, Operation.REPORT_CHANGE]
    again = done(free.state, Verb.HOLD, HoldRequest(id="h2", reason="again"))
    keys = [e.key for d in (held, free, again) for e in d.effects]
    assert len(set(keys)) == len(keys)
    drop = done(opened(Variant.DIRECT_DROP), Verb.HOLD, HoldRequest(id="h", reason="credit check"))
    assert told(drop) == [Operation.HOLD_TRANSPORT, Operation.REPORT_CHANGE]


def test_hold_and_resume_are_refused_with_a_reason() -> None:
    assert refusal(HELD, Verb.HOLD, WISHES[Verb.HOLD]) == "the order is on hold already: credit check"
    assert refusal(opened(), Verb.RESUME, WISHES[Verb.RESUME]) == "the order is not on hold"
    left = refusal(after(opened(), SHIPPED), Verb.HOLD, WISHES[Verb.HOLD])
    assert left == "the order is shipped: cancel it to have the goods intercepted and brought back"
    assert refusal(after(opened(), PART), Verb.HOLD, WISHES[Verb.HOLD]) == "", "the rest can be held"


def test_an_order_on_hold_still_hears_reports_and_can_be_cancelled() -> None:
    assert after(HELD, event(M.PICKED, 1, lines=FULL)).status is OrderStatus.PICKED
    assert refusal(HELD, Verb.CANCEL, WISHES[Verb.CANCEL]) == ""


# Keys


def test_the_same_id_under_two_verbs_makes_two_effects() -> None:
    moved = done(opened(), Verb.AMEND, Amendment(id="1", reason="why", requested_on=LATER))
    dated = done(
        moved.state,
        Verb.ACT,
        ActionRequest(id="1", reason="why", action=Action.RE_DATE, promised_on=LATER + timedelta(1)),
    )
    assert not {e.key for e in moved.effects} & {e.key for e in dated.effects}
