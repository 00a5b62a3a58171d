"""Returns, exhaustively: every order and every duplication of receipts and inspections."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.returns import returning
from domain.returns.return_run import as_asked, refolded
from domain.returns.returning import ReturnDecision, ReturnFile
from schemas.cases.exceptions import ExceptionKind
from schemas.messaging.effects import ChangeKind, Effect, Operation, PlanningDelta
from schemas.messaging.order_effects import ExpectReturn, ReportChange
from schemas.orders.milestones import Disposition, MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.workflows.returns import ReturnStart, ReturnState
from tests.domain.builders import FULL, NOON, event
from tests.payloads import said

KEY = "erp-one/SO-1/return/RMA-1"
DAY_S = 86_400.0


def start(**changes: object) -> ReturnStart:
    made = ReturnStart(
        order="erp-one/SO-1",
        rma="RMA-1",
        reason="wrong colour",
        lines=FULL,
        items={1: "A", 2: "B"},
        site="LYS",
        region="EMEA",
        overdue_s=DAY_S,
        inbox_id=7,
        accepted_at=NOON,
    )
    return made.model_copy(update=changes)


def packs(*lines: tuple[int, int]) -> tuple[ShippedLine, ...]:
    return tuple(ShippedLine(line=line, quantity=quantity) for line, quantity in lines)


def received(name: str, hours: float, *lines: tuple[int, int]) -> MilestoneEvent:
    made = event(M.RETURN_RECEIVED, hours, shipment="", lines=packs(*lines), name=name)
    return made.model_copy(update={"rma": "RMA-1"})


def inspected(name: str, hours: float, disposition: Disposition, *lines: tuple[int, int]) -> MilestoneEvent:
    made = event(M.RETURN_INSPECTED, hours, shipment="", lines=packs(*lines), name=name)
    return made.model_copy(update={"rma": "RMA-1", "disposition": disposition})


WHOLE = (
    received("r1", 1, (1, 40), (2, 10)),
    received("r2", 2, (2, 50)),
    inspected("i1", 3, Disposition.RESTOCK, (1, 40)),
    inspected("i2", 4, Disposition.RESTOCK, (2, 45)),
    inspected("i3", 5, Disposition.SCRAP, (2, 15)),
)
"""Comes in parts, is inspected in parts."""
IDS = {e.id for e in WHOLE}
TOO_MUCH = (
    received("r1", 1, (1, 30)),
    received("r2", 2, (1, 25), (2, 60)),
    inspected("i1", 3, Disposition.RESTOCK, (1, 35), (2, 50)),
    inspected("i2", 4, Disposition.SCRAP, (1, 10), (2, 20), (3, 1)),
)
"""More of everything than is expected, and a line that is not."""


def run(opened: ReturnFile, events: Iterable[MilestoneEvent]) -> tuple[ReturnFile, list[ReturnDecision]]:
    decisions: list[ReturnDecision] = []

    def step(state: ReturnFile, one: MilestoneEvent) -> ReturnFile:
        decision = returning.apply(state, one)
        assert decision.state.version == state.version, "the workflow counts inputs"
        assert (decision.superseded is None) or not (decision.effects or decision.deltas)
        decisions.append(decision)
        return decision.state

    return reduce(step, events, opened), decisions


def opened(**changes: object) -> ReturnFile:
    return returning.authorised(start(**changes)).state


def facts(state: ReturnFile) -> dict[str, object]:
    """The end state without the counter of changes."""
    return state.model_dump(exclude={"version"})


def keys(decisions: Iterable[ReturnDecision]) -> list[str]:
    """The keys of everything that others are told."""
    told: list[Effect | PlanningDelta] = []
    for decision in decisions:
        told += [*decision.effects, *decision.deltas]
    return sorted(one.key.removeprefix(f"{KEY}/") for one in told)


def told(decisions: Iterable[ReturnDecision], disposition: Disposition | None) -> Counter[int]:
    """Packs of each line of which the ERP was told."""
    total: Counter[int] = Counter()
    for effect in (effect for decision in decisions for effect in decision.effects):
        if effect.topic.change is ChangeKind.RETURNED and said(effect).disposition is disposition:
            total.update({line.line: line.quantity for line in said(effect).lines})
    return total


def test_authorising_tells_each_system_once() -> None:
    decision = returning.authorised(start())
    assert [(e.operation, e.key.removeprefix(f"{KEY}/"), e.topic.site, said(e).lines) for e in decision.effects] == [
        (Operation.EXPECT_RETURN, "expect_return", "LYS", FULL),
        (Operation.COLLECT_RETURN, "collect_return", "LYS", FULL),
        (Operation.REPORT_CHANGE, "return_authorised", "LYS", FULL),
    ]
    assert {said(e).rma for e in decision.effects} == {"RMA-1"}
    assert decision.state.status is ReturnState.AUTHORISED


@pytest.mark.parametrize("changes", [{"collect": False}, {"sender": True}], ids=["brought", "sender"])
def test_nobody_collects_what_is_brought(changes: dict[str, object]) -> None:
    operations = [e.operation for e in returning.authorised(start(**changes)).effects]
    assert operations == [Operation.EXPECT_RETURN, Operation.REPORT_CHANGE]


def test_a_straight_return() -> None:
    state, decisions = run(opened(), WHOLE)
    assert keys(decisions) == [
        "credited",
        "inspected/src#i1",
        "inspected/src#i2",
        "inspected/src#i3",
        "returned/src#i1",
        "returned/src#i2",
        "returned/src#r1",
        "returned/src#r2",
        "scrapped/src#i3",
    ]
    (credited,) = (e for d in decisions for e in d.effects if e.topic.change is ChangeKind.CREDITED)
    assert said(credited).lines == FULL
    moves = [(d.kind, d.site, m.item, m.quantity) for x in decisions for d in x.deltas for m in d.movements]
    assert moves == [("returned", "LYS", "A", 40), ("returned", "LYS", "B", 45), ("scrapped", "LYS", "B", 15)]
    outcome = returning.outcome(state)
    assert outcome.settled
    assert (outcome.received, outcome.restocked, outcome.scrapped) == (FULL, packs((1, 40), (2, 45)), packs((2, 15)))


def test_the_state_says_how_far_it_is() -> None:
    states = [run(opened(), WHOLE[:n])[0].status for n in range(len(WHOLE) + 1)]
    assert states == [
        ReturnState.AUTHORISED,
        ReturnState.RECEIVED,
        ReturnState.RECEIVED,
        ReturnState.RECEIVED,
        ReturnState.RECEIVED,
        ReturnState.CREDITED,
    ]
    part, _ = run(opened(), (WHOLE[0], WHOLE[2], inspected("i4", 4, Disposition.SCRAP, (2, 10))))
    assert part.status is ReturnState.INSPECTED, "all that has come was inspected; fifty packs are still to come"
    assert not part.settled


def test_every_permutation_ends_the_same() -> None:
    expected, straight = run(opened(), WHOLE)
    for order in permutations(WHOLE):
        state, decisions = run(opened(), order)
        assert facts(state) == facts(expected), [e.id for e in order]
        assert keys(decisions) == keys(straight)


def test_every_duplication_at_every_place_changes_nothing() -> None:
    expected, straight = run(opened(), WHOLE)
    for again in range(len(WHOLE)):
        for place in range(again + 1, len(WHOLE) + 1):
            state, decisions = run(opened(), [*WHOLE[:place], WHOLE[again], *WHOLE[place:]])
            assert facts(state) == facts(expected)
            assert keys(decisions) == keys(straight)
            assert decisions[place].superseded == f"{WHOLE[again].kind} was reported before"


@given(st.lists(st.sampled_from(WHOLE), min_size=5, max_size=30).filter(lambda x: {e.id for e in x} == IDS))
@settings(max_examples=200)
def test_any_shuffle_with_any_repetitions(order: list[MilestoneEvent]) -> None:
    expected, straight = run(opened(), WHOLE)
    state, decisions = run(opened(), order)
    assert facts(state) == facts(expected)
    assert keys(decisions) == keys(straight)


def test_more_than_expected_counts_once_in_every_order_and_the_books_agree() -> None:
    for order in permutations(TOO_MUCH):
        state, decisions = run(opened(), order)
        step = returning.standing(state)
        assert step.received == FULL
        assert state.inspected == state.expected
        assert step.reason == (
            "wrong colour; line 1: 15 packs more than expected were received; "
            "line 1: 5 packs more than expected were inspected; line 2: 10 packs more than expected were inspected; "
            "line 3: 1 pack more than expected was inspected"
        )
        assert returning.lines_of(told(decisions, Disposition.RESTOCK)) == step.restocked
        assert returning.lines_of(told(decisions, Disposition.SCRAP)) == step.scrapped
        assert told(decisions, None) == state.counted(None)
        assert keys(decisions).count("credited") == 1


def test_what_was_inspected_has_been_received() -> None:
    state, decisions = run(opened(), WHOLE[2:])
    assert state.settled
    assert returning.outcome(state).received == FULL
    late = returning.apply(state, WHOLE[0])
    assert keys([late]) == ["returned/src#r1"], "the receipt is told, and nothing is credited twice"
    assert keys([*decisions, late]).count("credited") == 1


def test_a_sender_gets_no_credit_note() -> None:
    state, decisions = run(opened(sender=True), WHOLE)
    assert state.settled
    assert "credited" not in keys(decisions)


def test_refusals_are_recorded_not_applied() -> None:
    state = opened()
    unknown = returning.apply(state, received("x", 1, (9, 5)))
    assert unknown.superseded == "none of its lines is expected under this authorisation"
    assert unknown.state.reports == {}
    assert returning.apply(state, event(M.PICKED, 1)).superseded == "picked is not a milestone of a return"
    full, _ = run(state, WHOLE)
    more = returning.apply(full, received("more", 6, (1, 1)))
    assert "more than are expected" in (more.superseded or "")
    assert "line 1: 1 pack more" in returning.standing(more.state).reason
    refused = returning.refused(start())
    assert not refused.effects
    assert refused.state.settled
    assert refused.state.status is ReturnState.REFUSED
    assert returning.apply(refused.state, WHOLE[0]).superseded == "the return was not authorised"


def test_overdue_is_a_finding_until_the_goods_are_there() -> None:
    state, _ = run(opened(), WHOLE[:1])
    assert state.due_at == NOON + timedelta(days=1)
    assert returning.overdue(state) == ()
    late = returning.pass_deadline(state)
    assert not late.effects
    (finding,) = returning.overdue(late.state)
    assert finding.kind is ExceptionKind.RETURN_OVERDUE
    assert finding.subject == "RMA-1"
    assert finding.summary == "50 of 100 packs of return RMA-1 have not come"
    assert returning.standing(late.state).overdue
    assert late.state.due_at == NOON + timedelta(days=2)
    cured = returning.apply(late.state, WHOLE[1])
    assert returning.overdue(cured.state) == ()


def test_the_second_deadline_closes_it_and_credits_what_came() -> None:
    state, _ = run(opened(), (WHOLE[0], WHOLE[2]))
    closed = returning.pass_deadline(returning.pass_deadline(state).state)
    assert keys([closed]) == ["credited"]
    (credited,) = closed.effects
    assert said(credited).lines == packs((1, 40), (2, 10))
    assert credited.accepted_at == NOON + timedelta(days=2)
    assert said(credited).reason == "closed short: 50 packs did not come; closed: 10 packs were not inspected"
    assert closed.state.status is ReturnState.CREDITED
    assert returning.overdue(closed.state) == ()
    assert "closed short" in (returning.apply(closed.state, WHOLE[1]).superseded or "")
    assert returning.pass_deadline(closed.state).state == closed.state


def test_nothing_came_and_nothing_is_credited() -> None:
    closed = returning.pass_deadline(returning.pass_deadline(opened()).state)
    assert closed.state.settled
    assert closed.effects == ()


@pytest.mark.parametrize("reason", ["damaged", "damaged; wet; sent back", "closed short: 1 pack did not come"])
@pytest.mark.parametrize("events", [[], [received("r", 1, (1, 99), (2, 1))]])
def test_the_reason_that_was_given_is_told_from_the_remarks_behind_it(
    reason: str, events: list[MilestoneEvent]
) -> None:
    asked = start(reason=reason)
    state, owed = refolded(asked, events)
    written = asked.model_copy(update={"reason": returning.standing(state).reason})
    assert (written.reason != reason) == bool(events)
    assert as_asked(written, events) == asked
    told = [it.payload.reason for it in owed.values() if isinstance(it.payload, ExpectReturn | ReportChange)]
    assert all(it.startswith(reason) for it in told if it)
