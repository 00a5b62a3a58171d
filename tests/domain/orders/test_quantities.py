"""Quantities and keys, whatever happens: any sequence of reports, commands, alarms, answers and returns."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.orders import commands, goods, lifecycle, tendering
from domain.orders.deadlines import due_by
from domain.orders.decision import Decision
from domain.orders.findings import findings
from domain.orders.state import OrderState
from domain.planning import open_demand
from domain.records.record import conditions, line_record
from schemas.base import Role, Variant
from schemas.cases.exceptions import OF_PURCHASES, Action, ExceptionKind, OrderPolicy, Reaction
from schemas.messaging.effects import Effect, EffectReceipt, PlanningDelta
from schemas.orders.milestones import MilestoneEvent, MilestoneKind, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import CancelRequest
from schemas.workflows.commands import (
    ActionRequest,
    Amendment,
    HoldRequest,
    LineAmendment,
    ReplanDecision,
    ResumeRequest,
    Substitute,
    Verb,
    Verdict,
)
from schemas.workflows.returns import ReturnOutcome, ReturnState
from tests.domain.builders import DUE, NOON, command, event, start
from tests.domain.receivers import Told

KINDS = [kind for kind in MilestoneKind if kind not in (M.RETURN_RECEIVED, M.RETURN_INSPECTED)]
SHIPMENTS = ["DN-1", "DN-1", "DN-2", "DN-M", ""]
CARRIERS = ["c-1", "c-2", "c-3"]
POLICIES = [
    OrderPolicy(),
    OrderPolicy(carriers=("c-1", "c-2", "c-3"), alternates=("MAD", "HAM")),
    OrderPolicy(on_shortage=(Reaction.PLANNER,), tender_limit=1),
    OrderPolicy(alternates=("MAD",), on_shortage=(Reaction.RE_SOURCE, Reaction.PLANNER)),
    OrderPolicy(on_shortage=(), tender_limit=10),
]
ids = st.sampled_from(["r1", "r2", "r3", "r4"])
days = st.integers(0, 30).map(lambda n: date(2026, 5, 5) + timedelta(days=n))


def packs_of_lines(least: int) -> st.SearchStrategy[tuple[ShippedLine, ...]]:
    line = st.builds(ShippedLine, line=st.integers(1, 2), quantity=st.sampled_from([5, 10, 30, 40, 60]))
    return st.lists(line, min_size=least, max_size=2, unique_by=lambda x: x.line).map(tuple)


packed = packs_of_lines(0)
some = packs_of_lines(1)


@st.composite
def reports(draw: st.DrawFn) -> MilestoneEvent:
    kind = draw(st.sampled_from(KINDS))
    shipment = draw(st.sampled_from(SHIPMENTS))
    hours = draw(st.integers(1, 400))
    more: dict[str, Any] = {"lines": draw(packed)}
    if kind is M.DELAYED:
        more["eta"] = NOON + timedelta(hours=draw(st.integers(0, 700)))
    if kind in (M.EXCEPTION, M.CLEARED):
        more["cause"] = draw(st.sampled_from([None, ExceptionKind.DAMAGE, ExceptionKind.ADDRESS]))
    if kind is M.SHORT_PICKED:
        more |= {"lines": draw(some), "partner": draw(st.sampled_from(["wms-lys", "wms-mad"]))}
    if kind in (M.TENDER_ACCEPTED, M.TENDER_REJECTED):
        more["carrier"] = draw(st.sampled_from(CARRIERS))
    if kind is M.CONSOLIDATED:
        shipment = draw(st.sampled_from(["DN-M", "DN-1"]))
        more |= {"merges": ("DN-1", "DN-2"), "lines": draw(some)}
    said = "".join(f"{x.line}x{x.quantity}" for x in more["lines"])
    return event(kind, hours, shipment=shipment, name=f"{kind}{shipment}{hours}{said}{draw(ids)}", **more)


amendments = st.builds(
    Amendment,
    id=ids,
    reason=st.just("why"),
    lines=st.lists(
        st.builds(
            LineAmendment,
            line=st.integers(1, 3),
            quantity=st.sampled_from([None, 0, 10, 30, 45, 80]),
            item=st.sampled_from([None, None, "C"]),
            requested_on=st.none() | days,
        ),
        max_size=2,
        unique_by=lambda x: x.line,
    ).map(tuple),
    requested_on=st.none() | days,
    address=st.booleans(),
)
actions = st.builds(
    ActionRequest,
    id=ids,
    reason=st.just("why"),
    action=st.sampled_from(sorted({*Action} - OF_PURCHASES)),
    case=st.sampled_from(
        [None, "erp-one/SO-1/damage/1", "erp-one/SO-1/pod_mismatch/1", "erp-one/SO-1/refused_effect/1"]
    ),
    site=st.sampled_from(["MAD", "HAM", "LYS"]),
    carrier=st.sampled_from([None, *CARRIERS]),
    promised_on=days,
    lines=some,
    messages=st.just((7,)),
) | st.builds(
    ActionRequest,
    id=ids,
    reason=st.just("why"),
    action=st.sampled_from([Action.RE_SOURCE, Action.WRITE_OFF, Action.RE_TENDER]),
    site=st.sampled_from(["MAD", "HAM"]),
)
answers = st.builds(
    ReplanDecision,
    id=ids,
    proposal=st.sampled_from(["erp-one/SO-1/1", "erp-one/SO-1/2"]),
    verdict=st.sampled_from([Verdict.ACCEPT, Verdict.REJECT]),
    reason=st.just("why"),
) | st.builds(
    ReplanDecision,
    id=ids,
    proposal=st.sampled_from(["erp-one/SO-1/1", "erp-one/SO-1/2"]),
    verdict=st.just(Verdict.OVERRIDE),
    reason=st.just("why"),
    promised_on=days,
    site=st.sampled_from(["MAD", "HAM"]),
    lines=packed,
    carrier=st.sampled_from([None, *CARRIERS]),
    expedite=st.booleans(),
    substitutes=st.lists(
        st.builds(Substitute, line=st.integers(1, 2), item=st.sampled_from(["C", "D"])),
        max_size=2,
        unique_by=lambda x: x.line,
    ).map(tuple),
)
wishes = st.one_of(
    st.tuples(st.just(Verb.AMEND), amendments),
    st.tuples(st.just(Verb.CANCEL), st.builds(CancelRequest, id=ids, reason=st.just("why"))),
    st.tuples(st.just(Verb.HOLD), st.builds(HoldRequest, id=ids, reason=st.just("why"))),
    st.tuples(st.just(Verb.RESUME), st.builds(ResumeRequest, id=ids, reason=st.just("why"))),
    st.tuples(st.just(Verb.ACT), actions),
    st.tuples(st.just(Verb.ACT), actions),
    st.tuples(st.just(Verb.REPLAN), answers),
)
happenings = st.one_of(
    reports(),
    reports(),
    reports(),
    wishes,
    st.integers(0, 40).map(lambda n: NOON + timedelta(days=n)),
    st.sampled_from(["refuse", "pending", "taken", "return"]),
)


class Story:
    """Lets things happen to one order as its workflow does, and checks the invariants after each."""

    def __init__(self, variant: Variant, policy: OrderPolicy) -> None:
        opened = lifecycle.open_order(start(variant, policy=policy))
        self.state: OrderState = opened.state
        self.asked: set[str] = set()
        self.heard: set[str] = set()
        self.effects: dict[str, Effect[Any]] = {}
        self.deltas: dict[str, PlanningDelta] = {}
        self.coming: list[str] = []
        self.told = Told()
        self._write_down(opened)

    def happen(self, what: Any) -> None:
        self.state = self.state.model_copy(update={"version": self.state.version + 1})
        match what:
            case MilestoneEvent() if what.id not in self.heard:
                self.heard.add(what.id)
                self._decided(lifecycle.apply(self.state, what))
            case (verb, request) if f"{verb} {request.id}" not in self.asked:
                wish = command(request, Role.ADMIN)
                if commands.refusal(self.state, verb, wish) is None:
                    self.asked.add(f"{verb} {request.id}")
                    self._decided(commands.decide(self.state, verb, wish))
            case datetime():
                passed = due_by(self.state, (), what)
                if passed:
                    self._decided(lifecycle.pass_deadlines(self.state, passed, what))
            case "refuse":
                self.state = lifecycle.refused(self.state, [*self.effects.values()][-1], "wms_api", NOON)
            case "pending" | "taken":
                key = self.state.transport.tender.key or tendering.first_key(self.state)
                receipt = EffectReceipt(carrier="c-2" if what == "taken" else None)
                self.state = tendering.taken(self.state, self.effects[key], receipt, NOON)
            case "return" if self.coming:
                back = ReturnOutcome(
                    order="erp-one/SO-1",
                    rma=self.coming.pop(),
                    state=ReturnState.CREDITED,
                    received=(ShippedLine(line=1, quantity=40),),
                )
                self._decided(lifecycle.came_back(self.state, back, NOON))
        self.check()

    def _decided(self, decision: Decision) -> None:
        assert decision.state.version == self.state.version, "the workflow counts inputs"
        self.state = decision.state
        self._write_down(decision)

    def _write_down(self, decision: Decision) -> None:
        for effect in decision.effects:
            known = self.effects.setdefault(effect.key, effect)
            assert known == effect, "a key is never used for two different effects"
            self.told.hear(effect)
        for delta in decision.deltas:
            assert self.deltas.setdefault(delta.key, delta) is delta, "a movement is told once"
        self.coming += [it.rma for it in decision.returns]

    def check(self) -> None:
        state = self.state
        for line in state.lines:
            it = line_record(state, line)
            assert it.ordered - it.cancelled - it.shipped >= 0, it
            assert it.ordered >= it.allocated >= it.picked >= it.packed >= it.shipped >= it.delivered >= 0, it
            assert it.shipped >= it.returned >= 0, it
            assert it.cancelled >= 0, it
        self._check_books()
        self._check_demand()
        if state.ending.cancelled is None and state.ending.cancelling is None:
            self._check_targets()
            self.told.check_any_order(len(self.effects))
        findings(state)
        conditions(state)
        assert state.status

    def _check_demand(self) -> None:
        """What is open is what is wanted and neither delivered nor brought back, and nothing at any end."""
        state, wanted = self.state, open_demand.open_demand(self.state)
        assert all(row.packs > 0 for row in wanted), "nothing is wanted in the negative, and what is not has no row"
        packs = Counter[str]()
        for row in wanted:
            packs[row.item] += row.packs
        ended = state.ending.closed or state.ending.cancelled is not None
        assert not (wanted and (ended or state.delivered)), "nothing is open of an order that has ended"
        for item in {line.item for line in state.lines}:
            lines = [line_record(state, line) for line in state.lines if line.item == item]
            missing = sum(it.ordered - it.cancelled - it.delivered for it in lines)
            assert packs[item] <= missing
            if not (ended or state.reports.returns):
                assert packs[item] == missing, "all that is wanted and was not delivered is open"

    def _check_books(self) -> None:
        sums: Counter[str] = Counter()
        for (where, item), packs in goods.of_order(self.state).items():
            sums[item] += packs
            assert packs >= 0 or where.startswith(("on_hand:", "supplier:")), "nothing is where it never came"
        assert not any(sums.values()), "what one place loses another gains"

    def _check_targets(self) -> None:
        sites, carried, at_erp = self.told.sites(), self.told.carried(), self.told.erp()
        picks = self.state.start.variant is Variant.DISTRIBUTION_CENTRE
        assert all(packs >= 0 for packs in (*sites.values(), *carried.values(), *at_erp.values()))
        for line in self.state.lines:
            most = self.state.wanted(line) + self.state.demand.cancelled_after_issue.get(line.line, 0)
            if picks:
                sent = sum(packs for (_, number, _), packs in sites.items() if number == line.line)
                assert sent == most, "what the sites were told adds up to what is wanted, and what got lost on the way"
            items = {item: n for (number, item), n in at_erp.items() if number == line.line}
            assert sum(items.values()) == self.state.wanted(line), "the ERP knows what is wanted"
            kept = {it.item for it in self.state.sourcing.picked_before if it.line == line.line}
            assert {item for item, n in items.items() if n} <= {line.item, *kept}, "nobody is to have a replaced item"
        for site in {site for site, _, _ in sites} if picks else ():
            packs = sum(n for (at, _, _), n in sites.items() if at == site)
            assert carried[site] == packs, "a carrier is to carry what its site is to send"


BEGINNINGS: list[list[Any]] = [
    [],
    [event(M.DELAYED, 1, shipment="", eta=NOON + timedelta(days=25))],
    [event(M.SHORT_PICKED, 1, shipment="", lines=(ShippedLine(line=1, quantity=10),))],
    [event(M.SHIPPED, 2, lines=(ShippedLine(line=1, quantity=40),)), event(M.RETURNING, 3)],
    [event(M.SHIPPED, 2, lines=(ShippedLine(line=1, quantity=5),)), event(M.DELIVERED, 3, shipment="")],
]
"""So that there is soon something to answer, to source, or to bring back."""


@pytest.mark.parametrize("variant", list(Variant))
@given(
    policy=st.sampled_from(POLICIES),
    began=st.sampled_from(BEGINNINGS),
    happened=st.lists(happenings, min_size=3, max_size=20),
)
@settings(max_examples=400)
def test_whatever_happens_quantities_add_up(
    variant: Variant, policy: OrderPolicy, began: list[Any], happened: list[Any]
) -> None:
    story = Story(variant, policy)
    for what in [*began, *happened]:
        story.happen(what)


def test_the_first_record_adds_up_too() -> None:
    story = Story(Variant.DISTRIBUTION_CENTRE, OrderPolicy())
    story.check()
    assert story.state.promised_on == DUE
