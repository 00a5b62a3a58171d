"""What systems are told is absolute: whatever is decided, and however it comes, they believe what the state says."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.orders import lifecycle, targets
from domain.orders.state import OrderState
from schemas.base import Role, Variant
from schemas.cases.exceptions import Action, OrderPolicy, Reaction
from schemas.inventory.promising import Sending
from schemas.messaging.effects import LineTarget, Operation
from schemas.messaging.order_effects import AmendWarehouse
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.workflows.commands import (
    ActionRequest,
    Amendment,
    LineAmendment,
    ReplanDecision,
    Substitute,
    Verb,
    Verdict,
)
from tests.domain.builders import FULL, TEN, after, done, event, opened, start
from tests.domain.orders.test_quantities import Story
from tests.domain.receivers import believed
from tests.payloads import said

PLANNER = OrderPolicy(on_shortage=(Reaction.PLANNER,))
ELSEWHERE = OrderPolicy(alternates=("MAD", "HAM"))
lines = st.integers(1, 2)
some_packs = st.sampled_from([1, 5, 10, 30])
parts = st.builds(ShippedLine, line=lines, quantity=some_packs).map(lambda x: (x,))
amended_lines = st.builds(
    LineAmendment,
    line=st.integers(1, 3),
    quantity=st.sampled_from([0, 3, 20, 45, 80]),
    item=st.sampled_from([None, "C"]),
)
steps = st.one_of(
    st.tuples(st.just("amend"), st.lists(amended_lines, min_size=1, max_size=2, unique_by=lambda x: x.line)),
    st.tuples(st.just("split"), st.sampled_from(["MAD", "HAM"]), parts),
    st.tuples(st.just("write_off"), parts),
    st.tuples(st.just("short"), parts),
    st.tuples(st.just("picked"), parts),
    st.tuples(st.just("shipped"), parts),
    st.tuples(st.just("substitute"), lines, st.sampled_from(["C", "D"]), st.sampled_from([None, "MAD", "HAM"])),
    st.tuples(st.just("re_tender")),
)


def take(story: Story, number: int, step: tuple[Any, ...]) -> None:
    """Let a step happen, as far as it is possible."""
    name, what = f"s{number}", {"id": f"s{number}", "reason": "why"}
    match step:
        case ("amend", amended):
            story.happen((Verb.AMEND, Amendment(lines=tuple(amended), address=number % 2 == 0, **what)))
        case ("split", site, part):
            story.happen((Verb.ACT, ActionRequest(action=Action.SPLIT, site=site, lines=part, **what)))
        case ("write_off", part):
            story.happen((Verb.ACT, ActionRequest(action=Action.WRITE_OFF, lines=part, **what)))
        case ("short", part):
            story.happen(event(M.SHORT_PICKED, number + 1, shipment="", lines=part, name=name))
        case ("picked" | "shipped", part):
            kind = M.PICKED if step[0] == "picked" else M.SHIPPED
            story.happen(event(kind, number + 1, shipment=f"DN-{number}", lines=part, name=name))
        case ("substitute", line, item, site):
            short = (ShippedLine(line=line, quantity=1),)
            story.happen(event(M.SHORT_PICKED, number + 1, shipment="", lines=short, name=name))
            asked = next(iter(story.state.replanning.proposals), "none")
            swap = (Substitute(line=line, item=item),)
            wish = ReplanDecision(proposal=asked, verdict=Verdict.OVERRIDE, site=site, substitutes=swap, **what)
            story.happen((Verb.REPLAN, wish))
        case _:
            story.happen((Verb.ACT, ActionRequest(action=Action.RE_TENDER, carrier=f"c-{number}", **what)))


@pytest.mark.parametrize("variant", list(Variant))
@given(policy=st.sampled_from([PLANNER, PLANNER, ELSEWHERE]), happened=st.lists(steps, min_size=2, max_size=9))
@settings(max_examples=150)
def test_systems_believe_what_the_state_says_whatever_reaches_them_last(
    variant: Variant, policy: OrderPolicy, happened: list[tuple[Any, ...]]
) -> None:
    story = Story(variant, policy)
    for number, step in enumerate(happened):
        take(story, number, step)
    picks = variant is Variant.DISTRIBUTION_CENTRE
    said: dict[tuple[Any, ...], int] = {("erp", *name): packs for name, packs in targets.wanted(story.state).items()}
    for site, told in targets.at_sites(story.state).items():
        said["tms", site] = sum(told.values())
        said |= {("wms", site, *name): packs for name, packs in told.items() if picks}
    known = believed(story.told.effects)
    assert {name: n for name, n in known.items() if n} == {name: n for name, n in said.items() if n}


def override(state: OrderState, *, item: str = "C", site: str | None = None, line: int = 1) -> Any:
    """What follows from a planner's substitute."""
    wish = ReplanDecision(
        id="o",
        proposal=next(iter(state.replanning.proposals)),
        verdict=Verdict.OVERRIDE,
        reason="why",
        site=site,
        substitutes=(Substitute(line=line, item=item),),
    )
    return done(state, Verb.REPLAN, wish, Role.PLANNING)


def test_a_substitute_is_for_every_site_that_has_the_line() -> None:
    split = ActionRequest(id="s", reason="why", action=Action.SPLIT, site="MAD", lines=TEN)
    short = event(M.SHORT_PICKED, 2, shipment="", lines=(ShippedLine(line=1, quantity=5),))
    state = after(done(opened(policy=PLANNER), Verb.ACT, split).state, short)
    told = override(state).effects
    amended = [e.payload for e in told if isinstance(e.payload, AmendWarehouse)]
    assert [(it.site, [(x.item, x.quantity) for x in it.targets]) for it in amended] == [
        ("LYS", [("A", 0), ("C", 30)]),
        ("MAD", [("A", 0), ("C", 10)]),
    ]
    assert Operation.AMEND_TENDER not in {e.operation for e in told}, "as many packs are carried as before"


def test_a_site_that_is_new_is_instructed_with_the_substitute() -> None:
    state = after(opened(policy=PLANNER), event(M.SHORT_PICKED, 2, shipment="", lines=TEN))
    told = override(state, site="MAD").effects
    [instruction] = [e for e in told if e.operation is Operation.INSTRUCT_WAREHOUSE]
    assert said(instruction).targets == (LineTarget(line=1, item="C", quantity=10),)


def test_packs_that_got_lost_on_the_way_stay_with_the_site_that_sent_them() -> None:
    state = after(opened(), event(M.SHIPPED, 3, lines=FULL))
    off = ActionRequest(id="w", reason="why", action=Action.WRITE_OFF, lines=TEN)
    decision = done(state, Verb.ACT, off)
    assert [e.operation for e in decision.effects] == [Operation.REPORT_CHANGE], "they have left: nobody sends less"
    assert said(decision.effects[0]).targets == (LineTarget(line=1, item="A", quantity=30),)
    assert targets.at_sites(decision.state)["LYS"][1, "A"] == 40


def test_an_order_promised_from_several_sites_tells_its_own_once() -> None:
    sendings = (Sending(site="MAD", lines=TEN), Sending(site="HAM", lines=TEN))
    decision = lifecycle.open_order(start().model_copy(update={"sendings": sendings}))
    own = [e for e in decision.effects if e.operation is Operation.AMEND_WAREHOUSE]
    assert [(e.topic.site, said(e).targets) for e in own] == [("LYS", (LineTarget(line=1, item="A", quantity=20),))]
