"""The lifecycle, exhaustively: every order and every duplication of a lifecycle's events."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.milestones.shipments import lines_of
from domain.orders import lifecycle
from domain.orders.decision import Decision
from domain.orders.findings import findings
from domain.orders.state import OrderState
from domain.records.record import line_record
from schemas.base import Variant
from schemas.cases.exceptions import ExceptionKind as X
from schemas.cases.exceptions import OrderPolicy
from schemas.messaging.effects import ChangeKind, Effect, Operation
from schemas.orders.changes import LineRecord
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from tests.domain.builders import FIRST, FULL, NOON, REST, TEN, event, start
from tests.payloads import said

LATE = NOON + timedelta(days=20)
CENTRE = (
    event(M.PICKED, 1, lines=FULL),
    event(M.PACKED, 2, lines=FULL),
    event(M.SHIPPED, 3, lines=FULL),
    event(M.DELAYED, 5, eta=LATE),
    event(M.OUT_FOR_DELIVERY, 6),
    event(M.DELIVERED, 7),
)
DROP = (
    event(M.SHIPPED, 3, lines=FULL),
    event(M.IN_TRANSIT, 4),
    event(M.DELAYED, 5, eta=LATE),
    event(M.DELAYED, 5.5, eta=LATE + timedelta(days=3), name="later"),
    event(M.DELIVERED, 7),
    event(M.PROOF_OF_DELIVERY, 8),
)
SPLIT = (
    event(M.SHIPPED, 3, lines=FIRST),
    event(M.DELIVERED, 7),
    event(M.SHIPPED, 4, shipment="DN-2", lines=REST),
    event(M.DELIVERED, 9, shipment="DN-2"),
    event(M.IN_TRANSIT, 5),
    event(M.OUT_FOR_DELIVERY, 8, shipment="DN-2"),
)


PARTS = (
    event(M.PICKED, 1, lines=FIRST),
    event(M.PICKED, 2, shipment="DN-2", lines=REST),
    event(M.SHIPPED, 3, lines=FIRST),
    event(M.SHIPPED, 4, shipment="DN-2", lines=REST),
    event(M.DELIVERED, 7),
    event(M.DELIVERED, 9, shipment="DN-2"),
)
MERGED = (
    event(M.SHIPPED, 3, lines=FIRST),
    event(M.SHIPPED, 4, shipment="DN-2", lines=REST),
    event(M.CONSOLIDATED, 5, shipment="DN-M", lines=FULL, merges=("DN-1", "DN-2")),
    event(M.DELAYED, 5.5, shipment="DN-M", eta=LATE),
    event(M.OUT_FOR_DELIVERY, 6, shipment="DN-M"),
    event(M.DELIVERED, 7, shipment="DN-M"),
)
JOINED = (
    event(M.SHIPPED, 3, lines=FIRST),
    event(M.SHIPPED, 4, shipment="DN-2", lines=REST),
    event(M.CONSOLIDATED, 5, lines=FULL, merges=("DN-1", "DN-2")),
    event(M.IN_TRANSIT, 6),
    event(M.DELIVERED, 7),
)
TROUBLED = (
    event(M.SHIPPED, 3, lines=FULL),
    event(M.EXCEPTION, 4, cause=X.DAMAGE, lines=REST),
    event(M.CLEARED, 5, cause=X.DAMAGE),
    event(M.EXCEPTION, 5.5, cause=X.TEMPERATURE, name="warm"),
    event(M.EXCEPTION, 6, name="untyped"),
    event(M.DELIVERED, 7),
)
RETURNED = (
    event(M.SHIPPED, 3, lines=FIRST),
    event(M.SHIPPED, 4, shipment="DN-2", lines=REST),
    event(M.EXCEPTION, 5, cause=X.ADDRESS),
    event(M.RETURNING, 6),
    event(M.DELIVERED, 9, shipment="DN-2"),
)
SIGNED = (
    event(M.SHIPPED, 3, lines=FULL),
    event(M.DELIVERED, 7, lines=FULL),
    event(M.PROOF_OF_DELIVERY, 8, lines=FIRST),
    event(M.IN_TRANSIT, 4),
)
OVER = (
    event(M.PICKED, 1, lines=FULL),
    event(M.SHIPPED, 3, lines=(ShippedLine(line=1, quantity=45), ShippedLine(line=2, quantity=60))),
    event(M.DELIVERED, 7),
)
TWICE = (
    event(M.SHIPPED, 2, lines=FULL),
    event(M.SHIPPED, 3, name="states-nothing"),
    event(M.SHIPPED, 2.5, lines=OVER[1].lines, name="one"),
    event(M.SHIPPED, 2.5, lines=(ShippedLine(line=1, quantity=50), FULL[1]), name="two"),
    event(M.DELIVERED, 7),
    event(M.DELIVERED, 6, name="by-another"),
)
ASKED = (
    event(M.TENDER_REJECTED, 0.2, shipment="", carrier="c-1", name="no-1"),
    event(M.TENDER_REJECTED, 0.3, shipment="", carrier="c-2", name="no-2"),
    event(M.TENDER_ACCEPTED, 0.4, shipment="", carrier="c-3"),
    event(M.SHIPPED, 3, lines=FULL),
    event(M.DELIVERED, 7),
)
SHORT = (
    event(M.SHORT_PICKED, 0.5, shipment="", lines=TEN, reason="damaged in bin"),
    event(M.PICKED, 1, lines=(ShippedLine(line=1, quantity=30), FULL[1])),
    event(M.SHIPPED, 3, lines=(ShippedLine(line=1, quantity=30), FULL[1])),
    event(M.SHIPPED, 5, shipment="DN-2", lines=TEN, partner="wms-mad"),
    event(M.DELIVERED, 7),
    event(M.DELIVERED, 9, shipment="DN-2"),
)
LIVES = {
    "centre": (Variant.DISTRIBUTION_CENTRE, CENTRE),
    "drop": (Variant.DIRECT_DROP, DROP),
    "split": (Variant.DIRECT_DROP, SPLIT),
    "parts": (Variant.DISTRIBUTION_CENTRE, PARTS),
    "merged": (Variant.DIRECT_DROP, MERGED),
    "joined": (Variant.DISTRIBUTION_CENTRE, JOINED),
    "troubled": (Variant.DISTRIBUTION_CENTRE, TROUBLED),
    "returned": (Variant.DISTRIBUTION_CENTRE, RETURNED),
    "signed": (Variant.DIRECT_DROP, SIGNED),
    "over": (Variant.DISTRIBUTION_CENTRE, OVER),
    "twice": (Variant.DIRECT_DROP, TWICE),
}
"""Lives of which the end does not depend on the order in which their reports arrive."""
RANKED = OrderPolicy(carriers=("c-1", "c-2", "c-3"), alternates=("MAD",))
ON_THE_WAY = ("version", "replanning")
"""The counter of changes, and what planners were asked before the last report had arrived."""


def hear(state: OrderState, one: MilestoneEvent) -> Decision:
    decision = lifecycle.apply(state, one)
    assert decision.state.rank >= state.rank, "rank never falls"
    assert decision.state.version == state.version, "the workflow counts inputs"
    assert (decision.superseded is None) or not (decision.effects or decision.deltas)
    return decision


def run(opened: OrderState, events: Iterable[MilestoneEvent]) -> tuple[OrderState, list[Decision]]:
    decisions: list[Decision] = []
    for one in events:
        decisions.append(hear(opened, one))
        opened = decisions[-1].state
    return opened, decisions


Life = tuple[tuple[MilestoneEvent, ...], OrderState, list[Decision]]


def every_order(opened: OrderState, events: tuple[MilestoneEvent, ...]) -> Iterator[Life]:
    """Every permutation, with where it ends and what was decided; what permutations begin with is run once."""
    if not events:
        yield (), opened, []
    for at, one in enumerate(events):
        first = hear(opened, one)
        for order, state, decisions in every_order(first.state, (*events[:at], *events[at + 1 :])):
            yield (one, *order), state, [first, *decisions]


def facts(state: OrderState, *without: str) -> dict[str, object]:
    """The end state, without what may differ: parts, and fields as `part.field`."""
    exclude: dict[str, Any] = dict.fromkeys(ON_THE_WAY, True)
    for part, field in (name.split(".") for name in without):
        exclude.setdefault(part, set()).add(field)
    return state.model_dump(exclude=exclude)


def milestone_keys(decisions: list[Decision]) -> list[str]:
    """What is told for the first time."""
    told = (e for d in decisions for e in d.effects if e.operation is Operation.REPORT_MILESTONE)
    return sorted(e.key for e in told if not said(e).correction)


def believed(state: OrderState, decisions: list[Decision]) -> set[tuple[str, M | None]]:
    """Milestones of which the ERP's last word is not what the state says: none. No lines are all of the shipment."""
    last = {(e.topic.shipment, e.topic.milestone): e for d in decisions for e in d.effects if e.topic.milestone}
    strange = set[tuple[str, M | None]]()
    for (name, kind), e in last.items():
        it = state.reports.shipments[name]
        if kind in it.seen and (said(e).lines, said(e).occurred_at) != (lines_of(it.concerned(kind)), it.seen[kind]):
            same_day = said(e).occurred_at and said(e).occurred_at.date() == it.seen[kind].date()
            if not same_day or (said(e).lines and said(e).lines != lines_of(it.concerned(kind))):
                strange.add((name, kind))
    return strange


def changes(decisions: list[Decision], kind: ChangeKind) -> list[Effect[Any]]:
    return [e for d in decisions for e in d.effects if e.topic.change is kind]


def coming_back(decisions: list[Decision]) -> list[tuple[str, tuple[ShippedLine, ...]]]:
    return [(it.rma, it.lines) for d in decisions for it in d.returns]


def books(state: OrderState) -> list[LineRecord]:
    return [line_record(state, line) for line in state.lines]


@pytest.mark.parametrize("life", LIVES)
def test_every_permutation_ends_the_same(life: str) -> None:
    variant, events = LIVES[life]
    opened = lifecycle.open_order(start(variant)).state
    expected, straight = run(opened, events)
    told, found, held = milestone_keys(straight), findings(expected), changes(straight, ChangeKind.INVOICE_HELD)
    end, back = facts(expected), coming_back(straight)
    assert len(told) == len(set(told))
    for order, state, decisions in every_order(opened, events):
        assert facts(state) == end, [e.id for e in order]
        assert milestone_keys(decisions) == told, "one effect per milestone, in any order"
        assert not believed(state, decisions), [e.id for e in order]
        assert findings(state) == found
        assert [(e.topic.shipment, e.payload.lines) for e in changes(decisions, ChangeKind.INVOICE_HELD)] == [
            (e.topic.shipment, e.payload.lines) for e in held
        ], "an invoice is held by whichever report comes last"
        assert coming_back(decisions) == back, "goods come back once, as soon as it is known which"


def test_where_those_lives_end() -> None:
    ends = {life: run(lifecycle.open_order(start(variant)).state, events) for life, (variant, events) in LIVES.items()}
    states = {life: state for life, (state, _) in ends.items()}
    assert [life for life, state in states.items() if not state.delivered] == ["returned"]
    for life in ("parts", "merged", "joined"):
        assert [it.delivered for it in books(states[life])] == [40, 60], life
    assert states["merged"].eta == LATE, "a consolidated shipment's ETA is that of what it carries"
    assert {f.kind for f in findings(states["troubled"])} == {X.TEMPERATURE, X.UNKNOWN_CODE}
    assert [it.delivered for it in books(states["returned"])] == [0, 50]
    assert states["returned"].coming_back == ("DN-1",)
    assert coming_back(ends["returned"][1]) == [("rts-DN-1", FIRST)]
    assert [(f.kind, f.subject) for f in findings(states["signed"])] == [(X.POD_MISMATCH, "DN-1 line 2")]
    assert [(f.kind, f.subject) for f in findings(states["over"])] == [(X.OVER_SHIP, "line 1")]
    assert books(states["over"])[0].shipped == 40, "no more than ordered is booked: the surplus is held"
    twice = states["twice"]
    assert twice.reports.shipments["DN-1"].stated == {M.SHIPPED: {1: 50, 2: 60}}, "the latest that states anything"
    assert twice.delivered_at(twice.lines[0]) == NOON + timedelta(hours=7)
    quiet = {"centre", "drop", "split", "parts", "merged", "joined"}
    assert not any(findings(states[life]) for life in quiet)


def test_answers_to_a_tender_in_any_order_leave_it_with_the_carrier_that_takes_it() -> None:
    """Whether a refusal was heard before the acceptance changes how often was asked, and nothing after that."""
    opened = lifecycle.open_order(start(policy=RANKED)).state
    expected, straight = run(opened, ASKED)
    assert expected.transport.tender.rejected == ("c-1", "c-2")
    asked = [said(e).carrier for d in straight for e in d.effects if e.operation is Operation.TENDER_TRANSPORT]
    assert asked == ["c-2", "c-3"]
    for order, state, decisions in every_order(opened, ASKED):
        assert facts(state, "transport.tender") == facts(expected, "transport.tender"), [e.id for e in order]
        tender = state.transport.tender
        assert (state.carrier, tender.accepted, tender.exhausted) == ("c-3", True, False)
        assert milestone_keys(decisions) == milestone_keys(straight)
        offers = [e.key for d in decisions for e in d.effects if e.operation is Operation.TENDER_TRANSPORT]
        assert len(offers) == len(set(offers)) <= 2


@pytest.mark.parametrize("covered_by", ["MAD", "backorder"])
def test_a_shortage_in_any_order(covered_by: str) -> None:
    """A shortage that is heard after the packs were picked all the same covers nothing: others were not asked, and the
    promise not moved. Everything else is the same."""
    policy = OrderPolicy(alternates=("MAD",)) if covered_by == "MAD" else OrderPolicy()
    opened = lifecycle.open_order(start(policy=policy)).state
    expected, straight = run(opened, SHORT)
    assert expected.delivered
    for order, state, decisions in every_order(opened, SHORT):
        late = decisions[order.index(SHORT[0])].superseded
        before = {e.id for e in order[: order.index(SHORT[0])]}
        picked = SHORT[3].id in before and bool(before & {SHORT[1].id, SHORT[2].id})
        assert (late == "these packs have been picked or are no longer wanted") is picked, [e.id for e in order]
        differs = ("issues.shortages", "sourcing.sources", "promises.by_decision") if late else ()
        assert facts(state, *differs) == facts(expected, *differs), [e.id for e in order]
        assert milestone_keys(decisions) == milestone_keys(straight)
        cuts = changes(decisions, ChangeKind.SHORT_PICKED)
        assert [(e.topic.site, e.payload.lines, e.payload.reason) for e in cuts] == [("LYS", TEN, "damaged in bin")] * (
            not late
        )
        assert [it.model_dump(exclude={"promised_on"}) for it in books(state)] == [
            it.model_dump(exclude={"promised_on"}) for it in books(expected)
        ]


def test_two_orders_on_one_shipment_each_follow_their_own_lines() -> None:
    """An order hears of its own lines only; what happens to the shipment happens to both."""
    other = start().model_copy(update={"number": "SO-2"})
    shared = (ShippedLine(line=1, quantity=40, order="SO-1"), FULL[1].model_copy(update={"order": "SO-1"}))
    carriage = (event(M.IN_TRANSIT, 4), event(M.DELIVERED, 7))
    mine = (event(M.SHIPPED, 3, lines=shared), *carriage)
    theirs = (event(M.SHIPPED, 3, lines=(ShippedLine(line=2, quantity=60, order="SO-2"),)), *carriage)
    first, alone = run(lifecycle.open_order(start()).state, (CENTRE[2], *carriage))
    for order in permutations(range(3)):
        one, told = run(lifecycle.open_order(start()).state, [mine[n] for n in order])
        two, _ = run(lifecycle.open_order(other).state, [theirs[n] for n in order])
        assert facts(one) == facts(first), "which order a line is of makes no difference any more"
        assert milestone_keys(told) == milestone_keys(alone)
        assert one.delivered
        assert not two.delivered
        assert [it.delivered for it in books(two)] == [0, 60]


@pytest.mark.parametrize("life", [*LIVES, "asked", "short"])
def test_every_duplication_at_every_place_changes_nothing(life: str) -> None:
    others = {"asked": (Variant.DISTRIBUTION_CENTRE, ASKED), "short": (Variant.DISTRIBUTION_CENTRE, SHORT)}
    variant, events = (LIVES | others)[life]
    opened = lifecycle.open_order(start(variant, policy=RANKED)).state
    expected, straight = run(opened, events)
    keys = sorted(e.key for d in straight for e in d.effects)
    for again in range(len(events)):
        for place in range(again + 1, len(events) + 1):
            order = [*events[:place], events[again], *events[place:]]
            state, decisions = run(opened, order)
            assert facts(state) == facts(expected)
            assert sorted(e.key for d in decisions for e in d.effects) == keys
            assert decisions[place].superseded, "a repetition is recorded as one"


@pytest.mark.parametrize("life", ["centre", "merged", "troubled"])
@given(data=st.data())
@settings(max_examples=100)
def test_any_shuffle_with_any_repetitions(life: str, data: st.DataObject) -> None:
    variant, events = LIVES[life]
    again = data.draw(st.lists(st.sampled_from(events), max_size=30))
    order = data.draw(st.permutations([*events, *again]))
    opened = lifecycle.open_order(start(variant)).state
    expected, straight = run(opened, events)
    state, decisions = run(opened, order)
    assert facts(state) == facts(expected)
    assert milestone_keys(decisions) == milestone_keys(straight)


def test_a_straight_run_tells_each_system_once() -> None:
    opened = lifecycle.open_order(start())
    assert [e.operation for e in opened.effects] == [Operation.INSTRUCT_WAREHOUSE, Operation.TENDER_TRANSPORT]
    state, decisions = run(opened.state, CENTRE)
    assert milestone_keys(decisions) == [f"erp-one/SO-1/DN-1/{m}" for m in ("delivered", "packed", "picked", "shipped")]
    assert len([d for decision in decisions for d in decision.deltas]) == len(CENTRE)
    assert state.complete
    assert state.status is OrderStatus.DELIVERED
    assert lifecycle.close(state).state.status is OrderStatus.CLOSED


def test_status_is_that_of_the_slowest_line() -> None:
    opened = lifecycle.open_order(start(Variant.DIRECT_DROP)).state
    state, _ = run(opened, SPLIT[:2])
    assert state.status is OrderStatus.PROMISED, "fifty packs of line 2 have not been shipped"
    state, _ = run(state, SPLIT[2:3])
    assert state.status is OrderStatus.SHIPPED
    assert state.moved(state.start.lines[1], 8) == 10


def test_refusals_are_recorded_not_applied() -> None:
    opened = lifecycle.open_order(start(Variant.DIRECT_DROP)).state
    picked = lifecycle.apply(opened, CENTRE[0])
    assert picked.superseded == "picked is not a milestone of a direct_drop order"
    centre = lifecycle.open_order(start()).state
    stranger = event(M.PICKED, 1, lines=(FULL[0].model_copy(update={"line": 9}),))
    assert lifecycle.apply(centre, stranger).superseded == "line 9 is not on the order"


@pytest.mark.parametrize("kind", [M.EXCEPTION, M.CLEARED])
def test_the_same_trouble_under_two_ids_is_told_once(kind: M) -> None:
    """In whichever order the two come: under the id that came first. What differs in anything is another."""
    said = event(kind, 4, cause=X.DAMAGE, lines=FULL, reason="wet", partner="dhl", name="one")
    again = said.model_copy(update={"id": "src#two", "lines": FULL[::-1], "received_at": NOON + timedelta(days=1)})
    differing: tuple[dict[str, object], ...] = (
        {"occurred_at": said.occurred_at + timedelta(seconds=1)},
        {"lines": REST},
        {"cause": X.CUSTOMS},
        {"shipment": "DN-2"},
        {"partner": "ups"},
        {"reason": "torn"},
    )
    others = [said.model_copy(update={"id": f"src#{n}", **other}) for n, other in enumerate(differing)]
    for first, second in ((said, again), (again, said)):
        state, decided = lifecycle.open_order(start()).state, []
        for one in (first, second, *others):
            decided.append(lifecycle.apply(state, one))
            state = decided[-1].state
        assert [len(it.effects) for it in decided] == [1, 0, *(1 for _ in others)]
        assert decided[1].superseded == f"{kind} was reported before"
        assert decided[0].effects[0].key.endswith(f"/{first.id}")
        assert len({effect.key for it in decided for effect in it.effects}) == 1 + len(others)


def test_trouble_that_an_earlier_build_knew_by_its_id_is_not_told_again() -> None:
    said = event(M.EXCEPTION, 4, cause=X.DAMAGE)
    known = lifecycle.open_order(start()).state.with_changes(issues={"report_digests": (said.id,)})
    assert lifecycle.apply(known, said).effects == ()


def test_the_same_short_pick_under_two_ids_cuts_once() -> None:
    said = event(M.SHORT_PICKED, 1, shipment="", lines=TEN, reason="stockout", name="one")
    state = lifecycle.apply(lifecycle.open_order(start()).state, said).state
    again = lifecycle.apply(state, said.model_copy(update={"id": "src#two"}))
    assert (again.superseded, again.effects, again.deltas) == ("this shortage was reported before", (), ())
    later = said.model_copy(update={"id": "src#three", "occurred_at": said.occurred_at + timedelta(minutes=1)})
    assert not lifecycle.apply(state, later).superseded


def test_trouble_with_a_shipment_that_nobody_knows_does_not_keep_the_order_open() -> None:
    strange = event(M.EXCEPTION, 4, shipment="DN-9", cause=X.CUSTOMS)
    life = [event(kind, hours, lines=FULL) for hours, kind in enumerate((M.PICKED, M.PACKED, M.SHIPPED, M.DELIVERED))]
    state, _ = run(lifecycle.open_order(start()).state, [*life, strange])
    assert state.missing() == ()
    assert lifecycle.finished(state)
