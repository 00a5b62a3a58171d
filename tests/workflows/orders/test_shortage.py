"""A site that is short: its availability is cut, and the packs come from elsewhere, or later, or as people decide."""

from datetime import timedelta

import pytest

from schemas.base import Variant
from schemas.cases.cases import CaseState
from schemas.cases.exceptions import Action, OrderPolicy, Reaction
from schemas.cases.exceptions import ExceptionKind as X
from schemas.messaging.effects import ChangeKind, LineTarget, Operation
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.planning.proposals import ProposalKind
from schemas.workflows.commands import Verb
from tests.domain.builders import FULL
from tests.workflows.views import action, case_id, changes, ended, opened, packs, proposals
from tests.workflows.world import Order, World
from workflows.orders.order import OrderWorkflow

SHORT = packs(line2=15)
REST = packs(line1=40, line2=45)
RANKED = OrderPolicy(alternates=("HAM", "BCN"))


def short(
    order: Order, hours: float = 1, site: str = "LYS", lines: tuple[ShippedLine, ...] = SHORT, **said: str
) -> MilestoneEvent:
    """A site's warehouse could not pick some packs."""
    about = {"shipment": "", "partner": f"wms-{site.lower()}", "name": f"short.{site}.{hours}", **said}
    return order.event(M.SHORT_PICKED, hours, lines=lines, **about)


async def arrive(
    order: Order, shipment: str, hours: float, lines: tuple[ShippedLine, ...], partner: str = "wms-lys"
) -> None:
    """A shipment is picked, packed, shipped and delivered."""
    about = {"shipment": shipment, "partner": partner}
    await order.tell(
        *(order.event(kind, hours + n, lines=lines, **about) for n, kind in enumerate((M.PICKED, M.PACKED, M.SHIPPED))),
        order.event(M.DELIVERED, hours + 6, shipment=shipment),
    )


async def test_the_best_ranked_site_sends_what_is_short(world: World) -> None:
    order = await world.order(policy=RANKED)
    await order.tell(short(order, reason="damaged in the racks"))
    await order.owes_nothing()
    [cut] = changes(order, ChangeKind.SHORT_PICKED)
    assert (cut.topic.site, cut.payload.lines, cut.payload.reason) == ("LYS", SHORT, "damaged in the racks")
    [moved] = changes(order, ChangeKind.RE_SOURCED)
    assert (moved.topic.site, moved.payload.lines) == ("HAM", SHORT)
    instructed = [(it.topic.site, it.payload.targets) for it in order.carried(Operation.INSTRUCT_WAREHOUSE)]
    part = (LineTarget(line=2, item="B", quantity=15),)
    assert instructed == [("", ()), ("HAM", part)], "the other site gets its part only"
    [less] = order.carried(Operation.AMEND_WAREHOUSE)
    assert (less.topic.site, less.payload.targets) == ("LYS", (LineTarget(line=2, item="B", quantity=45),))
    assert [(it.topic.site, it.payload.packs) for it in order.carried(Operation.TENDER_TRANSPORT)] == [
        ("", None),
        ("HAM", 15),
    ]
    assert [(d.site, d.kind) for s in order.steps for d in s.deltas if d.kind == M.SHORT_PICKED] == [
        ("LYS", M.SHORT_PICKED)
    ]
    assert [site for step in order.steps for site in step.sites] == ["HAM"]
    assert order.open_cases == set(), "it looks after itself"
    await arrive(order, "DN-1", 2, REST)
    await arrive(order, "DN-2", 3, SHORT, "wms-ham")
    outcome = await order.handle.result()
    assert (outcome.status, outcome.shipments) == (OrderStatus.CLOSED, 2)
    assert outcome.promised_on == order.start.promise.promised_on
    order.quantities_add_up()
    assert not world.cases[order.key]


async def test_a_repeated_report_is_carried_out_once(world: World) -> None:
    order = await world.order(policy=RANKED)
    report = short(order)
    await order.tell(report)
    await order.handle.signal(OrderWorkflow.milestones, [report])
    await order.tell(order.event(M.ALLOCATED, 2, lines=REST), report)
    await order.owes_nothing()
    assert len(order.carried(Operation.INSTRUCT_WAREHOUSE)) == 2
    assert len(changes(order, ChangeKind.SHORT_PICKED)) == 1
    await order.handle.terminate()


async def test_a_second_site_that_is_short_hands_on_then_the_rest_comes_later(world: World) -> None:
    order = await world.order(policy=RANKED)
    await order.tell(short(order))
    await order.tell(short(order, 2, "HAM"))
    await order.tell(short(order, 3, "BCN"))
    await order.owes_nothing()
    assert [it.topic.site for it in changes(order, ChangeKind.RE_SOURCED)] == ["HAM", "BCN"]
    assert [it.topic.site for it in changes(order, ChangeKind.SHORT_PICKED)] == ["LYS", "HAM", "BCN"]
    assert [(it.topic.site, it.payload.targets[0].quantity) for it in order.carried(Operation.AMEND_WAREHOUSE)] == [
        ("LYS", 45),
        ("HAM", 0),
    ]
    [later] = changes(order, ChangeKind.BACKORDERED)
    assert later.payload.lines == SHORT
    assert not world.cases[order.key]
    await order.handle.terminate()


async def test_packs_that_no_site_has_are_promised_for_another_day(world: World) -> None:
    order = await world.order(policy=OrderPolicy(backorder_days=20))
    await order.tell(short(order))
    await order.owes_nothing()
    day = (order.began + timedelta(hours=1, days=20 + 4)).date()
    [told] = changes(order, ChangeKind.BACKORDERED)
    assert (told.payload.lines, told.payload.promised_on) == (SHORT, day)
    [redate] = order.carried(Operation.REDATE_PROMISE)
    assert [(it.line, it.promised_on) for it in redate.payload.promises] == [(2, day)], "the other line keeps its day"
    assert (order.line(1).promised_on, order.line(2).promised_on) == (order.start.promise.promised_on, day)
    assert (await order.status()).promised_on == day
    assert order.open_cases == set()
    await arrive(order, "DN-1", 2, REST)
    assert (await order.status()).status is OrderStatus.PROMISED, "its slowest line has not been picked"
    await arrive(order, "DN-2", 9, SHORT)
    assert (await order.handle.result()).status is OrderStatus.CLOSED
    order.quantities_add_up()


async def test_the_planner_is_asked_where_the_policy_says_so(world: World) -> None:
    order = await world.order(policy=OrderPolicy(on_shortage=(Reaction.RE_SOURCE, Reaction.PLANNER)))
    await order.tell(short(order, reason="count difference"))
    [asked] = proposals(order)
    assert (asked.kind, asked.lines, asked.subject) == (ProposalKind.SHORTAGE, SHORT, "src#short.LYS.1")
    assert asked.summary == "15 packs are short at LYS (count difference): backorder them?"
    assert (await opened(order, X.PICK_STOCKOUT)).summary == "15 packs of line 2 short at LYS: count difference"
    assert not changes(order, ChangeKind.BACKORDERED), "nobody has decided yet"
    await arrive(order, "DN-1", 2, FULL)
    assert (await ended(order, X.PICK_STOCKOUT)).state is CaseState.CURED
    await order.handle.result()
    assert [(it.state, it.reason) for s in order.steps for it in s.decided] == [("withdrawn", "it has settled itself")]


@pytest.mark.parametrize("variant", list(Variant))
async def test_a_case_opens_only_when_nothing_covers_it(world: World, variant: Variant) -> None:
    order = await world.order(variant=variant, policy=OrderPolicy(on_shortage=(Reaction.RE_SOURCE,)))
    await order.tell(short(order))
    record = await opened(order, X.PICK_STOCKOUT, "src#short.LYS.1")
    assert record.summary == "15 packs of line 2 short at LYS: stockout"
    assert "pick_stockout" in order.steps[-1].conditions
    assert len(changes(order, ChangeKind.SHORT_PICKED)) == 1
    assert not proposals(order)
    await order.handle.terminate()


async def test_people_name_the_site_that_sends_it(world: World) -> None:
    order = await world.order(policy=OrderPolicy(on_shortage=()))
    await order.tell(short(order))
    await opened(order, X.PICK_STOCKOUT)
    wish = action(Action.RE_SOURCE, site="ZRH", case=case_id(order, X.PICK_STOCKOUT))
    assert (await order.ask(Verb.ACT, wish)).done == "sent by ZRH instead"
    record = await ended(order, X.PICK_STOCKOUT)
    assert record.state is CaseState.CURED
    assert [it.by for it in record.history if it.what == "re_source: sent by ZRH instead"] == ["sam"]
    await order.owes_nothing()
    told = order.carried(Operation.INSTRUCT_WAREHOUSE)
    assert [(it.topic.site, it.payload.targets) for it in told[1:]] == [
        ("ZRH", (LineTarget(line=2, item="B", quantity=15),))
    ]
    assert await order.refused(Verb.ACT, action(Action.RE_SOURCE, "a2", site="ZRH")) == (
        "ZRH was asked already: name another site"
    )
    await order.handle.terminate()


async def test_a_second_shortage_joins_the_open_case(world: World) -> None:
    order = await world.order(policy=OrderPolicy(on_shortage=()))
    await order.tell(short(order))
    await opened(order, X.PICK_STOCKOUT)
    await order.tell(short(order, 2, lines=packs(line1=5)))
    await opened(order, X.PICK_STOCKOUT, "src#short.LYS.1", "src#short.LYS.2")
    await order.ask(Verb.ACT, action(Action.RE_SOURCE, site="ZRH"))
    await opened(order, X.PICK_STOCKOUT, "src#short.LYS.2")
    await order.ask(Verb.ACT, action(Action.RE_SOURCE, "a2", site="BCN"))
    assert (await ended(order, X.PICK_STOCKOUT)).state is CaseState.CURED
    await order.handle.terminate()


async def test_what_is_picked_after_all_cures_the_case(world: World) -> None:
    order = await world.order(policy=OrderPolicy(on_shortage=()))
    await order.tell(short(order))
    await opened(order, X.PICK_STOCKOUT)
    await order.tell(order.event(M.PICKED, 2, lines=FULL))
    assert (await ended(order, X.PICK_STOCKOUT)).state is CaseState.CURED
    await order.tell(short(order, 3, lines=packs(line1=1)))
    assert order.outcome("src#short.LYS.3") == ["these packs have been picked or are no longer wanted"]
    await order.handle.terminate()
