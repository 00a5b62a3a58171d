"""Comparing targets: who lost an amendment or a cancellation is found; what is under way is explained."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.finance.reconciling_targets import OrderStanding, OrderTargets, compare, expected, held
from domain.orders import split_goods, targets
from domain.orders.state import OrderState
from domain.orders.targets import shares
from domain.records.record import line_record
from schemas.base import System, Variant
from schemas.cases.exceptions import OrderPolicy
from schemas.finance.reconciliation import About, DifferenceClass, LineFigure, PartFigure, TargetFigure
from schemas.orders.release import LineDue, OrderStatus
from tests.domain.orders.test_quantities import Story
from tests.domain.orders.test_targets import ELSEWHERE, PLANNER, steps, take

NO = "PO-1"
WANTS = OrderTargets(called_off=False, packs={"line 1 of A": 40, "line 2 of B": 60})


def figure(*lines: tuple[int, str, int], revision: int = 3, **more: Any) -> TargetFigure:
    """What a system lists of the order."""
    told = (LineFigure(line=n, item=item, quantity=packs, revision=revision) for n, item, packs in lines)
    return TargetFigure(order=NO, lines=tuple(told), **more)


FULL = ((1, "A", 40), (2, "B", 60))


@pytest.mark.parametrize("revision", [0, 3, 99])
def test_right_packs_are_right_whatever_revision_said_them(revision: int) -> None:
    theirs = {NO: figure(*FULL, (3, "C", 0), revision=revision)}
    assert compare(System.WMS, {NO: WANTS}, theirs, ()).differences == ()


@pytest.mark.parametrize(
    ("order", "theirs", "kind", "mine", "said"),
    [
        (WANTS, figure((1, "A", 50), (2, "B", 60)), "quantity", "line 1 of A: 40", "line 1 of A: 50"),
        (WANTS, figure((2, "B", 60)), "quantity", "line 1 of A: 40", "line 1 of A: 0"),
        (WANTS, figure(*FULL, (1, "X", 5)), "quantity", "line 1 of X: 0", "line 1 of X: 5"),
        (WANTS, figure(cancelled=True), "missing", "line 1 of A: 40, line 2 of B: 60", "cancelled"),
        (WANTS, None, "missing", "line 1 of A: 40, line 2 of B: 60", ""),
        (OrderTargets(True, None), figure(*FULL), "duplicate", "cancelled", "line 1 of A: 40, line 2 of B: 60"),
        (None, figure((1, "A", 1)), "duplicate", "", "line 1 of A: 1"),
    ],
    ids=[
        "lost amendment",
        "lost line",
        "another item",
        "cancelled there",
        "unknown there",
        "lost cancellation",
        "alien",
    ],
)
def test_what_differs_is_named(
    order: OrderTargets | None, theirs: TargetFigure | None, kind: str, mine: str, said: str
) -> None:
    ours, there = {NO: order} if order else {}, {NO: theirs} if theirs else {}
    [found] = compare(System.WMS, ours, there, ()).differences
    assert (found.about, found.kind, found.ours, found.theirs) == (About.TARGET, kind, mine, said)
    assert (found.subject, found.owner) == (f"targets of order {NO}", "wms")
    if order is not None:
        waits = {NO: order._replace(owed=("an effect",))}
        [under_way] = compare(System.WMS, waits, there, ()).differences
        assert (under_way.kind, under_way.explained_by) == (DifferenceClass.TIMING, "an effect")
        [young] = compare(System.WMS, {NO: order._replace(young=True)}, there, ()).differences
        assert young.kind is DifferenceClass.TIMING


@pytest.mark.parametrize("there", [{}, {NO: figure(cancelled=True)}, {NO: figure((1, "A", 0))}])
def test_of_a_cancelled_order_nothing_is_held(there: dict[str, TargetFigure]) -> None:
    assert compare(System.WMS, {NO: OrderTargets(True, None)}, there, ()).differences == ()


def test_orders_that_are_known_and_not_compared_here_are_no_difference() -> None:
    assert compare(System.TMS, {}, {NO: figure(*FULL)}, {NO}).differences == ()


def test_of_many_lines_some_are_named() -> None:
    ours = OrderTargets(called_off=False, packs={f"line {n} of A": 1 for n in range(2000)})
    [found] = compare(System.ERP, {NO: ours}, {NO: figure()}, ()).differences
    assert found.ours.endswith(" and 1990 more") and len(found.ours) < 400


@pytest.mark.parametrize(
    ("system", "status", "conditions", "intercepted", "called_off", "compared"),
    [
        (System.WMS, "promised", (), False, False, True),
        (System.WMS, "cancelled", (), False, True, False),
        (System.WMS, "shipped", ("cancelling",), True, True, False),
        (System.WMS, "delivered", (), True, None, True),
        (System.TMS, "cancelled", (), False, True, False),
        (System.TMS, "cancelled", (), True, None, False),
        (System.TMS, "shipped", ("cancelling",), True, None, False),
        (System.TMS, "promised", ("tender_reject",), False, None, False),
        (System.TMS, "closed", (), False, False, True),
        (System.ERP, "cancelled", (), True, True, False),
        (System.ERP, "shipped", ("cancelling",), True, False, True),
    ],
)
def test_who_is_to_have_an_order_cancelled(
    system: System,
    status: str,
    conditions: tuple[str, ...],
    intercepted: bool,
    called_off: bool | None,
    compared: bool,
) -> None:
    order = written(Story(Variant.DISTRIBUTION_CENTRE, PLANNER).state)
    found = expected(system, "LYS", order, OrderStanding(OrderStatus(status), conditions, intercepted))
    assert (found.called_off, found.packs is not None) == (called_off, compared)


def written(state: OrderState) -> split_goods.WrittenOrder:
    """The order as the store has it of this state."""
    rows = (line_record(state, line) for line in state.lines)
    lines = (LineDue(line=x.line, item=x.item, quantity=x.ordered - x.cancelled, due_on=x.promised_on) for x in rows)
    return split_goods.written(state.start.site, lines, split_goods.apart(state))


@given(policy=st.sampled_from([PLANNER, ELSEWHERE]), happened=st.lists(steps, min_size=2, max_size=9))
@settings(max_examples=150)
def test_what_is_written_says_the_same_targets_as_the_state(
    policy: OrderPolicy, happened: list[tuple[Any, ...]]
) -> None:
    story, before = Story(Variant.DISTRIBUTION_CENTRE, policy), None
    kept = split_goods.changed(None, story.state)
    for number, step in enumerate(happened):
        before = story.state
        take(story, number, step)
        kept = split_goods.changed(before, story.state) or kept
    assert kept == split_goods.apart(story.state), "what a step leaves out has not changed"
    state, order = story.state, written(story.state)
    going = OrderStanding(OrderStatus.PROMISED, (), False)
    lines = tuple(LineFigure(line=n, item=i, quantity=q) for (n, i), q in targets.wanted(state).items() if q)
    assert expected(System.ERP, "erp-one", order, going).packs == held(TargetFigure(order=NO, lines=lines))
    for site, packs in targets.at_sites(state).items():
        here = tuple(LineFigure(line=n, item=i, quantity=q) for (n, i), q in packs.items() if q)
        assert expected(System.WMS, site, order, going).packs == held(TargetFigure(order=NO, lines=here))
    parts = (PartFigure(site="" if s == "LYS" else s, packs=sum(x.values())) for s, x in shares(state).items())
    assert expected(System.TMS, "EMEA", order, going).packs == held(TargetFigure(order=NO, parts=tuple(parts)))
