"""What is brought on from change to change is what one gets by looking at everything anew; and costs what changed."""

import random
import sys
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.milestones.shipments import ShipmentState
from domain.milestones.variants import RANK
from domain.orders import goods, lifecycle
from domain.orders.decision import Decision
from domain.orders.findings import findings
from domain.orders.fulfilment import OtherSource
from domain.orders.lifecycle import MAX_SHIPMENTS
from domain.orders.order_run import OrderRun
from domain.orders.state import WHOLE_ORDER, OrderState
from domain.records import booked
from domain.records.record import conditions, record
from schemas.base import Role, Variant
from schemas.cases.exceptions import ExceptionKind, OrderPolicy
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import LineDue, LinePromise, OrderStatus, Promise
from schemas.workflows.returns import ReturnOutcome, ReturnState
from tests.domain import slow
from tests.domain.builders import DUE, NOON, event, opened, start
from tests.domain.orders.test_quantities import BEGINNINGS, POLICIES, Story, happenings
from tests.payloads import said
from tests.written import Said

ONE_BY_ONE = [M.ALLOCATED, M.PICKED, M.PACKED, M.SHIPPED, M.IN_TRANSIT, M.DELAYED, M.DELIVERED, M.PROOF_OF_DELIVERY]


def check(state: OrderState) -> None:
    """Every quantity, both ways."""
    assert state.goods == slow.goods(state)
    assert list(state.goods) == sorted(state.goods)
    assert state.rank == slow.rank(state)
    assert state.missing() == slow.missing(state)
    assert [tuple(it) for it in state.mismatches] == slow.mismatches(state)
    etas = [it.eta.eta for it in state.goods.values() if it.eta]
    assert state.eta == max(etas, default=None)
    for line in state.lines:
        for rank in (slow.ALLOCATED, slow.PICKED, RANK[OrderStatus.PACKED], slow.SHIPPED, slow.DELIVERED):
            assert state.moved(line, rank) == slow.moved(state, line, rank)
            assert state.standing(line, rank) == slow.standing(state, line, rank)
        assert state.due(line) == slow.due(state, line)
        assert state.eta_of(line.line) == slow.eta_of(state, line.line)
        assert state.delivered_at(line) == slow.delivered_at(state, line)
    if state.ending.cancelled is None:
        found = findings(state)
        for kind, at in ((ExceptionKind.OVER_SHIP, 0), (ExceptionKind.SHORT_SHIP, 1)):
            about = {f"line {line}" for line, packs in slow.odd(state).items() if packs[at]}
            assert {it.subject for it in found if it.kind is kind} == about
    held = goods.of_order(state)
    expected = slow.holdings(state)
    assert {at: n for at, n in held.items() if n} == {at: n for at, n in expected.items() if n}


def check_step(before: OrderState, state: OrderState, rows: dict[int, Any], shipments: dict[str, Any]) -> None:
    """A record of what changed leaves the rows as a record of everything would; what was booked is the difference."""
    decision = Decision(state=state)
    step = Said(record(state, [decision], before=before))
    rows.update({line.line: line for line in step.lines})
    shipments.update({it.shipment: it for it in step.shipments})
    everything = Said(record(state, [decision]))
    assert rows == {line.line: line for line in everything.lines}
    assert {line.line: slow.record(state, line) for line in state.lines} == rows
    assert shipments == {it.shipment: it for it in everything.shipments}
    assert step.moves == goods.moves(slow.holdings(before), slow.holdings(state))
    assert step.issued == goods.moves(goods.issued(before), goods.issued(state))


@pytest.mark.parametrize("variant", list(Variant))
@given(
    policy=st.sampled_from(POLICIES),
    began=st.sampled_from(BEGINNINGS),
    happened=st.lists(happenings, min_size=3, max_size=20),
    at_once=st.integers(1, 3),
)
@pytest.mark.thorough
@settings(max_examples=200)
def test_what_is_brought_on_is_what_everything_comes_to(
    variant: Variant, policy: OrderPolicy, began: list[Any], happened: list[Any], at_once: int
) -> None:
    story = Story(variant, policy)
    before = story.state
    rows = {line.line: slow.record(before, line) for line in before.lines}
    shipments: dict[str, Any] = {}
    for number, what in enumerate([*began, *happened]):
        told = story.state.promises.by_eta
        story.happen(what)
        check(story.state)
        if isinstance(what, MilestoneEvent) and story.state.promises.by_eta != told:
            assert slow.told(story.state) == story.state.promises.by_eta
        if number % at_once == 0:
            check_step(before, story.state, rows, shipments)
            before = story.state
    again = OrderRun.model_validate_json(OrderRun(start=before.start, state=before).model_dump_json(exclude_unset=True))
    assert again.state == before
    assert again.state
    check(again.state)


GOODS = [M.ALLOCATED, M.PICKED, M.PACKED, M.SHIPPED, M.SHIPPED, M.IN_TRANSIT, M.DELIVERED, M.PROOF_OF_DELIVERY]
NAMES = ["DN-1", "DN-2", "DN-M"]
part = st.lists(
    st.builds(ShippedLine, line=st.integers(1, 2), quantity=st.sampled_from([5, 10, 20, 40])), min_size=1, max_size=3
).map(tuple)


@st.composite
def told_of_goods(draw: st.DrawFn) -> MilestoneEvent:
    kind = draw(st.sampled_from([*GOODS, *GOODS, *[M.DELAYED] * 8, M.CONSOLIDATED, M.RETURNING]))
    hours, name = draw(st.integers(1, 300)), draw(st.text("abcdef", min_size=6, max_size=6))
    where = draw(st.sampled_from([*NAMES, *NAMES, ""]))
    more: dict[str, Any] = {"lines": draw(part | st.just(())) if where else ()}
    if kind is M.CONSOLIDATED:
        where, more["merges"] = (
            draw(st.sampled_from(["DN-M", "DN-1"])),
            draw(st.sampled_from([("DN-1", "DN-2"), ("DN-2",)])),
        )
    if kind is M.DELAYED:
        more["eta"] = NOON + timedelta(hours=draw(st.integers(200, 900)))
    return event(kind, hours, shipment=where, name=name, partner=draw(st.sampled_from(["wms-lys", "wms-mad"])), **more)


def _back(name: str, lines: tuple[ShippedLine, ...]) -> dict[str, Any]:
    back = ReturnOutcome(order="erp-one/SO-1", rma=f"rts-{name}", state=ReturnState.CREDITED, received=lines)
    return {"reports": {"returns": {back.rma: back}}}


days = st.dictionaries(st.integers(1, 2), st.integers(0, 20).map(lambda n: DUE + timedelta(days=n)), max_size=2)
few = st.dictionaries(st.integers(1, 2), st.sampled_from([1, 5, 30]), max_size=2)
changed_otherwise = st.one_of(
    st.builds(lambda packs: {"demand": {"lost_quantity": packs}}, few),
    st.builds(lambda packs: {"demand": {"cancelled_quantity": packs}}, few),
    st.builds(lambda days: {"promises": {"by_decision": days, "by_eta": {}}}, days),
    st.builds(lambda days: {"promises": {"by_supply": days}}, days),
    st.just({"ending": {"held": "why"}}),
    st.builds(lambda lines: {"sourcing": {"sources": (OtherSource(site="MAD", lines=lines, ref="r"),)}}, part),
    st.builds(_back, st.sampled_from(NAMES), part),
)
"""What commands, returns and planners change beside the shipments."""


@pytest.mark.parametrize("variant", list(Variant))
@given(
    happened=st.lists(told_of_goods() | told_of_goods() | told_of_goods() | changed_otherwise, min_size=10, max_size=25)
)
@pytest.mark.thorough
@settings(max_examples=200)
def test_goods_reported_in_any_order_come_to_the_same_both_ways(variant: Variant, happened: list[Any]) -> None:
    state = opened(variant, pod=True)
    rows = {line.line: slow.record(state, line) for line in state.lines}
    shipments: dict[str, Any] = {}
    for what in happened:
        before = state
        if isinstance(what, MilestoneEvent):
            decision = lifecycle.apply(state, what)
            state = decision.state
            refused = decision.superseded is not None and state.reports.shipments == before.reports.shipments
            assert refused or slow.told(state) == state.promises.by_eta
        else:
            state = state.with_changes(**what)
        check(state)
        check_step(before, state, rows, shipments)


def large(lines: int, shipments: int, seed: int = 1) -> tuple[OrderState, list[MilestoneEvent]]:
    """An order each of whose shipments carries a part of each line, and every report on it."""
    chance = random.Random(seed)
    numbers = range(1, lines + 1)
    parts = [{n: chance.randint(1, 90) for n in numbers} for _ in range(shipments)]
    due = tuple(LineDue(line=n, item=f"ITEM-{n}", quantity=sum(p[n] for p in parts), due_on=DUE) for n in numbers)
    days = tuple(LinePromise(line=n, promised_on=DUE) for n in numbers)
    begun = start().model_copy(update={"lines": due, "promise": Promise(promised_on=DUE, lines=days)})
    told = [
        MilestoneEvent(
            id=f"src#{number}.{kind}",
            kind=kind,
            shipment=f"DN-{number:04}",
            occurred_at=NOON + timedelta(hours=hours, seconds=number),
            received_at=NOON + timedelta(hours=hours + 1),
            partner="wms-lys",
            role=Role.WMS,
            inbox_id=1,
            lines=tuple(ShippedLine(line=n, quantity=packs) for n, packs in part.items()),
            eta=NOON + timedelta(days=20, hours=number) if kind is M.DELAYED else None,
        )
        for number, part in enumerate(parts)
        for hours, kind in enumerate(ONE_BY_ONE)
    ]
    return lifecycle.open_order(begun).state, told


def calls(work: Callable[[], object]) -> int:
    """How many Python functions are called, and generators resumed."""
    found = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal found
        found += event == "call"

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def step_calls(lines: int, shipments: int, named: int) -> list[int]:
    """What each report on the last shipment costs, when every other one has been delivered."""
    state, told = large(lines, shipments)
    for one in told[: -len(ONE_BY_ONE)]:
        state = lifecycle.apply(state, one).state
    found = []
    for last in told[-len(ONE_BY_ONE) :]:
        before, one = state, last.model_copy(update={"lines": last.lines[:named]})

        def step(before: OrderState = before, one: MilestoneEvent = one) -> None:
            nonlocal state
            decision = lifecycle.apply(before, one)
            state = decision.state
            record(state, [decision], before=before)
            conditions(state)
            lifecycle.finished(state)

        found.append(calls(step))
    return found


def test_a_step_costs_no_more_when_there_are_more_shipments() -> None:
    few, many = step_calls(20, 20, 20), step_calls(20, 80, 20)
    assert all(more <= 1.1 * less + 20 for less, more in zip(few, many, strict=True)), (few, many)


def test_a_step_costs_no_more_when_the_order_has_lines_that_it_does_not_name() -> None:
    few, many = step_calls(25, 4, 5), step_calls(100, 4, 5)
    cheap = [more <= 1.1 * less + 20 for less, more in zip(few, many, strict=True)]
    assert cheap.count(False) <= 1, f"only a delivery looks at every line, to tell planning what is open: {few}, {many}"


def test_a_step_costs_what_it_names() -> None:
    few, many = step_calls(100, 4, 50), step_calls(100, 4, 100)
    assert all(more <= 2.2 * less for less, more in zip(few, many, strict=True)), (few, many)


def test_an_order_of_many_shipments_is_small_where_it_is_kept() -> None:
    state, told = large(50, 100)
    for one in told:
        state = lifecycle.apply(state, one).state
    text = OrderRun(start=state.start, state=state).model_dump_json(exclude_unset=True)
    assert state.delivered
    assert len(text) < 14 * 50 * 100 + 1000 * 100, "the packs of each line of each shipment once, and some words"
    again = OrderRun.model_validate_json(text).state
    assert again == state
    assert again
    shared = {id(packs) for it in again.reports.shipments.values() for packs in it.stated.values()}
    assert len(shared) == 100, "what every milestone of a shipment states is one mapping again"


def test_an_order_takes_so_many_shipments_and_says_so() -> None:
    state, told = large(1, 2)
    full = {f"DN-{number}": ShipmentState() for number in range(MAX_SHIPMENTS - 1)}
    state = lifecycle.apply(state.with_changes(reports={"shipments": full}), told[0]).state
    assert len(state.reports.shipments) == MAX_SHIPMENTS
    one_more = lifecycle.apply(state, told[-1])
    assert one_more.superseded == "an order has at most 1000 shipments: DN-0001 is one more"
    assert one_more.state.reports.shipments == state.reports.shipments
    assert lifecycle.apply(state, told[1]).superseded is None, "what is known goes on"


def test_lines_that_a_message_cannot_hold_as_one_are_several() -> None:
    lines = tuple(ShippedLine(line=1, quantity=90_000_000) for _ in range(2))
    state, [event, *_] = large(1, 1)
    decision = lifecycle.apply(state, event.model_copy(update={"kind": M.SHIPPED, "lines": lines}))
    told = said(decision.effects[0]).lines
    assert [x.quantity for x in told] == [100_000_000, 80_000_000]


def test_what_is_booked_of_nothing_is_nothing() -> None:
    state, _ = large(2, 1)
    assert booked.moves(state, state) == ({}, {})
    assert WHOLE_ORDER not in state.goods
