"""Shortages: availability is cut by the reason, and the packs come from another site, later, or as the planner says."""

import pytest

from domain.orders import lifecycle
from domain.records.record import line_record
from schemas.base import Variant
from schemas.cases.exceptions import Action, OrderPolicy, Reaction
from schemas.cases.exceptions import ExceptionKind as X
from schemas.messaging.effects import ChangeKind, LineTarget, Operation
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import ActionRequest, Verb
from tests.domain.builders import DUE, FIRST, FULL, NOON, REST, TEN, after, done, event, kinds, opened, refusal, told
from tests.payloads import said
from tests.written import Said

TWO_SITES = OrderPolicy(alternates=("MAD", "HAM"))
NOBODY = OrderPolicy(on_shortage=())
SHORT = event(M.SHORT_PICKED, 1, shipment="", lines=TEN, reason="damaged in bin")
LESS = (LineTarget(line=1, item="A", quantity=30),)
PART = (LineTarget(line=1, item="A", quantity=10),)


def act(action: Action, site: str = "MAD", lines: tuple[ShippedLine, ...] = (), name: str = "x") -> ActionRequest:
    return ActionRequest(id=name, reason="why", action=action, site=site, lines=lines)


def short_at(partner: str, name: str, lines: tuple[ShippedLine, ...] = TEN) -> MilestoneEvent:
    return event(M.SHORT_PICKED, 2, shipment="", lines=lines, partner=partner, name=name)


def test_another_site_sends_what_the_first_cannot_each_told_its_part() -> None:
    decision = lifecycle.apply(opened(policy=TWO_SITES), SHORT)
    cut, instructed, left, fewer, tendered, booked = decision.effects
    assert (cut.topic.change, cut.topic.site, said(cut).lines, said(cut).reason) == (
        ChangeKind.SHORT_PICKED,
        "LYS",
        TEN,
        "damaged in bin",
    )
    assert (instructed.operation, instructed.topic.site, said(instructed).targets) == (
        Operation.INSTRUCT_WAREHOUSE,
        "MAD",
        PART,
    )
    assert (left.operation, left.topic.site, said(left).targets) == (Operation.AMEND_WAREHOUSE, "LYS", LESS)
    assert (fewer.operation, fewer.topic.site, said(fewer).packs) == (Operation.AMEND_TENDER, "", 90)
    assert (tendered.operation, tendered.topic.site, said(tendered).packs) == (Operation.TENDER_TRANSPORT, "MAD", 10)
    assert (booked.topic.change, booked.topic.site) == (ChangeKind.RE_SOURCED, "MAD")
    assert [(d.kind, d.site, d.movements[0].quantity) for d in decision.deltas] == [("short_picked", "LYS", 10)]
    assert Said(decision).sites == ("MAD",)
    assert decision.state.promised_on == DUE
    assert kinds(decision.state) == {}


def test_a_site_that_comes_short_of_what_it_was_given_passes_it_on_until_no_site_is_left() -> None:
    one = lifecycle.apply(opened(policy=TWO_SITES), SHORT)
    two = lifecycle.apply(one.state, short_at("wms-mad", "two"))
    assert [(e.operation, e.topic.site) for e in two.effects[1:5]] == [
        (Operation.INSTRUCT_WAREHOUSE, "HAM"),
        (Operation.AMEND_WAREHOUSE, "MAD"),
        (Operation.AMEND_TENDER, "MAD"),
        (Operation.TENDER_TRANSPORT, "HAM"),
    ]
    assert [(s.site, s.lines) for s in two.state.sourcing.sources] == [("MAD", ()), ("HAM", TEN)]
    three = lifecycle.apply(two.state, short_at("wms-ham", "three"))
    assert [e.topic.change for e in three.effects] == [ChangeKind.SHORT_PICKED, ChangeKind.BACKORDERED]
    keys = [e.key for d in (one, two, three) for e in d.effects]
    assert len(set(keys)) == len(keys)


def test_a_site_cannot_be_short_of_more_than_it_is_to_send() -> None:
    state = after(opened(policy=TWO_SITES), SHORT)
    beyond = lifecycle.apply(state, short_at("wms-mad", "two", (ShippedLine(line=1, quantity=25),)))
    assert said(beyond.effects[0]).lines == TEN
    nothing = lifecycle.apply(beyond.state, short_at("wms-mad", "three"))
    assert nothing.superseded == "these packs have been picked or are no longer wanted"


def test_without_another_site_the_packs_come_later_and_the_rest_goes_ahead() -> None:
    state = opened(policy=OrderPolicy(backorder_days=30))
    decision = lifecycle.apply(state, SHORT)
    day = NOON.date().replace(month=6, day=7)  # replenished on the third, and four days of lead time
    assert [e.topic.change or e.operation for e in decision.effects] == [
        ChangeKind.SHORT_PICKED,
        ChangeKind.BACKORDERED,
        Operation.REDATE_PROMISE,
    ]
    assert {x.line: x.promised_on for x in said(decision.effects[2]).promises} == {1: day}
    assert {x.line: x.promised_on for x in decision.state.line_promises} == {1: day, 2: DUE}
    assert decision.done == f"backordered until {day}"
    assert kinds(decision.state) == {}, "a backorder is a new promise, not a delay"
    part = after(decision.state, event(M.SHIPPED, 3, lines=(ShippedLine(line=1, quantity=30), *FULL[1:])))
    assert part.status is OrderStatus.PROMISED
    rest = after(part, event(M.SHIPPED, 90, shipment="DN-2", lines=TEN))
    assert rest.status is OrderStatus.SHIPPED


def test_a_direct_drop_has_no_other_site() -> None:
    decision = lifecycle.apply(opened(Variant.DIRECT_DROP, policy=TWO_SITES), SHORT)
    assert [e.topic.change for e in decision.effects] == [ChangeKind.SHORT_PICKED, ChangeKind.BACKORDERED]


def test_a_shortage_that_nothing_covers_is_a_case_until_it_is_picked_sourced_or_written_off() -> None:
    state = after(opened(policy=NOBODY), SHORT)
    assert kinds(state) == {X.PICK_STOCKOUT: [SHORT.id]}
    found = event(M.PICKED, 3, lines=FULL)
    assert kinds(after(state, found)) == {}, "the packs were found"
    assert kinds(done(state, Verb.ACT, act(Action.RE_SOURCE)).state) == {}
    assert kinds(done(state, Verb.ACT, act(Action.WRITE_OFF, lines=TEN)).state) == {}
    assert X.PICK_STOCKOUT in kinds(done(state, Verb.ACT, act(Action.SPLIT, lines=REST)).state), "that was line 2"


def test_a_shortage_reported_twice_or_of_picked_packs_is_noted() -> None:
    state = after(opened(policy=TWO_SITES), SHORT)
    assert lifecycle.apply(state, SHORT).superseded == "this shortage was reported before"
    picked = after(opened(), event(M.PICKED, 1, lines=FULL))
    assert lifecycle.apply(picked, SHORT).superseded == "these packs have been picked or are no longer wanted"


def test_the_same_line_in_two_lots_is_one_shortage() -> None:
    lots = SHORT.model_copy(update={"lines": TEN + TEN})
    decision = lifecycle.apply(opened(policy=TWO_SITES), lots)
    assert said(decision.effects[2]).targets == (LineTarget(line=1, item="A", quantity=20),)


# People


def test_a_split_sends_a_part_from_another_site() -> None:
    decision = done(opened(), Verb.ACT, act(Action.SPLIT, lines=TEN))
    assert told(decision) == [
        Operation.INSTRUCT_WAREHOUSE,
        Operation.AMEND_WAREHOUSE,
        Operation.AMEND_TENDER,
        Operation.TENDER_TRANSPORT,
        Operation.REPORT_CHANGE,
    ]
    assert said(decision.effects[1]).targets == LESS
    ends = after(
        decision.state,
        event(M.SHIPPED, 3, lines=(ShippedLine(line=1, quantity=30), *FULL[1:])),
        event(M.SHIPPED, 4, shipment="DN-2", lines=TEN),
    )
    assert [line_record(ends, line).shipped for line in ends.lines] == [40, 60]


def test_re_sourcing_without_lines_takes_the_open_shortage_else_all_that_is_open() -> None:
    short = done(after(opened(policy=NOBODY), SHORT), Verb.ACT, act(Action.RE_SOURCE))
    assert said(short.effects[0]).targets == PART
    assert [it.covered for it in short.state.issues.shortages.values()] == ["sent by MAD"]
    whole = done(after(opened(), event(M.PICKED, 1, lines=FIRST)), Verb.ACT, act(Action.RE_SOURCE))
    assert said(whole.effects[0]).targets == (LineTarget(line=2, item="B", quantity=50),)


def test_two_shortages_are_sourced_one_by_one() -> None:
    other = event(M.SHORT_PICKED, 2, shipment="", lines=(ShippedLine(line=2, quantity=5),), name="other")
    state = after(opened(policy=NOBODY), SHORT, other)
    one = done(state, Verb.ACT, act(Action.RE_SOURCE)).state
    assert kinds(one) == {X.PICK_STOCKOUT: [other.id]}
    assert kinds(done(one, Verb.ACT, act(Action.RE_SOURCE, "HAM", name="y")).state) == {}


def test_what_was_picked_and_stayed_behind_can_come_from_another_site() -> None:
    state = after(opened(), event(M.PICKED, 1, lines=FULL), event(M.SHIPPED, 3, lines=FIRST))
    assert kinds(state) == {X.SHORT_SHIP: ["line 2"]}
    decision = done(state, Verb.ACT, act(Action.RE_SOURCE))
    assert said(decision.effects[0]).targets == (LineTarget(line=2, item="B", quantity=50),)
    assert kinds(after(decision.state, event(M.SHIPPED, 5, shipment="DN-2", lines=REST))) == {}


@pytest.mark.parametrize(
    ("heard", "wish", "said"),
    [
        ((), act(Action.SPLIT, "LYS", TEN), "LYS was asked already: name another site"),
        ((), act(Action.SPLIT, "MAD", (ShippedLine(line=1, quantity=41),)), "line 1: only 40 packs are open"),
        ((), act(Action.SPLIT, "MAD", TEN * 5), "line 1: only 40 packs are open"),
        (
            (event(M.PICKED, 1, lines=FIRST),),
            act(Action.SPLIT, "MAD", FULL),
            "line 1: only 0 packs are open",
        ),
        (
            (event(M.PICKED, 1, lines=FULL),),
            act(Action.RE_SOURCE),
            "everything has been picked: split before the pick, or write off what is missing",
        ),
        ((event(M.PICKED, 1, shipment=""),), act(Action.RE_SOURCE), "everything has been picked"),
    ],
)
def test_another_site_is_refused_with_what_is_possible(
    heard: tuple[MilestoneEvent, ...], wish: ActionRequest, said: str
) -> None:
    assert said in refusal(after(opened(), *heard), Verb.ACT, wish)


def test_a_direct_drop_is_not_split() -> None:
    said = refusal(opened(Variant.DIRECT_DROP), Verb.ACT, act(Action.SPLIT, lines=TEN))
    assert said == "a direct drop comes from its supplier: cancel it and release an order from a site"


def test_packs_that_one_site_was_given_are_not_given_to_another_as_well() -> None:
    all_of_it = (FULL[0],)
    state = done(opened(), Verb.ACT, act(Action.SPLIT, lines=all_of_it)).state
    assert refusal(state, Verb.ACT, act(Action.SPLIT, "HAM", TEN, "y")) == "line 1: only 0 packs are open"


def test_the_policy_says_which_reaction_comes_first() -> None:
    later_first = OrderPolicy(alternates=("MAD",), on_shortage=(Reaction.BACKORDER, Reaction.RE_SOURCE))
    assert not after(opened(policy=later_first), SHORT).sourcing.sources
