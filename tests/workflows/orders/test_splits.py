"""Splits: partial picks, several shipments, several orders on one, merge in transit, backorders, the rest cancelled.

In every record of every order the quantities of each line add up.
"""

from datetime import timedelta
from typing import Any

from schemas.cases.exceptions import Action, OrderPolicy
from schemas.messaging.effects import ChangeKind, Effect, LineTarget, Operation
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus
from schemas.workflows.commands import ActionRequest, Verb
from tests.domain.builders import FIRST, FULL, REST
from tests.stack.standins import until
from tests.workflows.world import Order, World
from workflows.orders.order import OrderWorkflow

HANDLING = (M.PICKED, M.PACKED, M.SHIPPED)


def handled(order: Order, shipment: str, lines: tuple[ShippedLine, ...], hours: float = 1) -> list[MilestoneEvent]:
    """Picked, packed and shipped, an hour each."""
    return [order.event(kind, hours + n, shipment=shipment, lines=lines) for n, kind in enumerate(HANDLING)]


def carried(order: Order, shipment: str, hours: float = 6) -> list[MilestoneEvent]:
    """Under way and delivered."""
    return [order.event(kind, hours + n, shipment=shipment) for n, kind in enumerate((M.IN_TRANSIT, M.DELIVERED))]


def quantities(order: Order, line: int) -> tuple[int, int, int, int]:
    """Packs of a line: ordered, shipped, delivered, cancelled."""
    it = order.line(line)
    return it.ordered, it.shipped, it.delivered, it.cancelled


def write_off(*lines: ShippedLine, **fields: Any) -> ActionRequest:
    """Somebody in support gives up what is open, or these packs of it."""
    return ActionRequest(
        id="w1", reason="the customer does not want it", action=Action.WRITE_OFF, lines=lines, **fields
    )


def changes(order: Order) -> dict[ChangeKind | None, Effect[Any]]:
    """Updates sent to the ERP beside milestones and promises."""
    return {effect.topic.change: effect for effect in order.carried(Operation.REPORT_CHANGE)}


async def closed(order: Order) -> None:
    """It ends delivered, and its quantities add up all the way."""
    assert await order.ended() is OrderStatus.CLOSED
    order.quantities_add_up()
    for line in order.lines.values():
        assert line.delivered + line.cancelled == line.ordered


async def test_a_partial_pick_leaves_the_order_where_its_slowest_line_is(world: World) -> None:
    order = await world.order()
    await order.tell(*handled(order, "DN-1", FIRST)[:1])
    assert (await order.status()).status is OrderStatus.PROMISED, "fifty packs are not picked"
    assert (order.line(1).picked, order.line(2).picked) == (40, 10)
    await order.tell(*handled(order, "DN-2", REST)[:1])
    assert (await order.status()).status is OrderStatus.PICKED
    await order.tell(*handled(order, "DN-1", FIRST)[1:], *carried(order, "DN-1"))
    assert (quantities(order, 1), quantities(order, 2)) == ((40, 40, 40, 0), (60, 10, 10, 0))
    assert (await order.status()).status is OrderStatus.PICKED, "its slowest packs are only picked"
    await order.tell(*handled(order, "DN-2", REST)[1:], *carried(order, "DN-2"))
    await closed(order)


async def test_two_shipments_in_any_order_and_the_last_delivery_ends_it(world: World) -> None:
    order = await world.order()
    second = [*handled(order, "DN-2", REST, 2), *carried(order, "DN-2", 9)]
    await order.tell(*reversed(second))
    assert (await order.status()).status is OrderStatus.PROMISED
    await order.tell(*handled(order, "DN-1", FIRST), *carried(order, "DN-1"))
    await closed(order)
    assert order.shipments == {"DN-1": OrderStatus.DELIVERED, "DN-2": OrderStatus.DELIVERED}
    told = {key for key in order.done if key.startswith("DN-")}
    assert told == {f"DN-{n}/{kind}" for n in (1, 2) for kind in (*HANDLING, M.DELIVERED)}
    assert len(told) == len([key for key in order.done if key.startswith("DN-")]), "each told once"


async def test_one_event_on_a_shipment_of_two_orders_moves_both(world: World) -> None:
    one, two = await world.order(), await world.order()
    together = [*handled(one, "DN-9", FULL), *carried(one, "DN-9")]
    for order in (one, two):
        for event in together:
            await order.handle.signal(OrderWorkflow.milestones, [event])
    for order in (one, two):
        await closed(order)
        assert {order.outcome(event.id)[0] for event in together} == {None}
    keys = [effect.key for order in (one, two) for effect in world.done[order.key]]
    assert len(keys) == len(set(keys)), "each order tells its own ERP order, under its own key"


async def test_shipments_that_are_merged_in_transit_are_delivered_as_one(world: World) -> None:
    order = await world.order()
    await order.tell(*handled(order, "DN-1", FIRST), *handled(order, "DN-2", REST))
    merged = order.event(M.CONSOLIDATED, 5, shipment="MS-1", lines=FULL, merges=("DN-1", "DN-2"))
    await order.tell(merged, order.event(M.IN_TRANSIT, 6, shipment="MS-1"))
    assert (await order.status()).status is OrderStatus.IN_TRANSIT
    assert (quantities(order, 1), quantities(order, 2)) == ((40, 40, 0, 0), (60, 60, 0, 0)), "not counted twice"
    await order.tell(order.event(M.DELIVERED, 8, shipment="MS-1"))
    await closed(order)
    assert order.shipments == dict.fromkeys(("DN-1", "DN-2", "MS-1"), OrderStatus.DELIVERED)


async def test_a_merge_that_is_heard_of_last_ends_the_same(world: World) -> None:
    order = await world.order()
    await order.tell(order.event(M.DELIVERED, 8, shipment="MS-1"))
    await order.tell(*handled(order, "DN-1", FIRST), *handled(order, "DN-2", REST))
    assert (await order.status()).status is OrderStatus.SHIPPED
    await order.tell(order.event(M.CONSOLIDATED, 5, shipment="MS-1", lines=FULL, merges=("DN-1", "DN-2")))
    await closed(order)


async def test_the_rest_is_cancelled_when_it_is_written_off(world: World) -> None:
    order = await world.order()
    await order.tell(*handled(order, "DN-1", FIRST), *carried(order, "DN-1"))
    await order.owes_nothing()
    answer = await order.ask(Verb.ACT, write_off())
    assert answer.done == "50 packs written off"
    await closed(order)
    assert quantities(order, 2) == (60, 10, 10, 50)
    [warehouse] = order.carried(Operation.AMEND_WAREHOUSE)
    assert warehouse.payload.targets == (LineTarget(line=2, item="B", quantity=10),)
    assert changes(order)[ChangeKind.CLOSED_SHORT].payload.lines == REST
    packs = [sum(x.packs for x in step.demand) for step in order.steps if step.demand is not None]
    assert list(dict.fromkeys(packs)) == [100, 50, 0], "nothing is open of what was given up"


async def test_a_part_is_written_off_and_the_other_part_follows(world: World) -> None:
    order = await world.order()
    await order.tell(*handled(order, "DN-1", FIRST), *carried(order, "DN-1"))
    too_many = await order.refused(Verb.ACT, write_off(ShippedLine(line=2, quantity=51)))
    assert too_many == "line 2: only 50 packs are open"
    await order.ask(Verb.ACT, write_off(ShippedLine(line=2, quantity=20)))
    assert quantities(order, 2) == (60, 10, 10, 20)
    rest = (ShippedLine(line=2, quantity=30),)
    await order.tell(*handled(order, "DN-2", rest), *carried(order, "DN-2"))
    await closed(order)
    assert quantities(order, 2) == (60, 40, 40, 20)


async def test_what_was_not_picked_is_promised_anew_and_follows(world: World) -> None:
    order = await world.order(policy=OrderPolicy(backorder_days=14))
    short = order.event(M.SHORT_PICKED, 1, shipment="", lines=REST, name="short", reason="damaged")
    await order.tell(*handled(order, "DN-1", FIRST), short)
    await order.owes_nothing()
    told = changes(order)
    assert (told[ChangeKind.SHORT_PICKED].payload.lines, told[ChangeKind.SHORT_PICKED].payload.reason) == (
        REST,
        "damaged",
    )
    assert told[ChangeKind.BACKORDERED].payload.lines == REST
    [redate] = order.carried(Operation.REDATE_PROMISE)
    again = (order.began + timedelta(days=14 + 4, hours=1)).date()
    assert [(p.line, p.promised_on) for p in redate.payload.promises] == [(2, again)], "the rest keeps its day"
    await order.tell(*carried(order, "DN-1"))
    assert quantities(order, 2) == (60, 10, 10, 0), "the backorder stays open"
    await order.tell(*handled(order, "DN-2", REST, 9), *carried(order, "DN-2", 14))
    await closed(order)


async def test_another_site_sends_what_the_first_one_is_short_of(world: World) -> None:
    order = await world.order(policy=OrderPolicy(alternates=("MAD",)))
    await order.tell(order.event(M.SHORT_PICKED, 1, shipment="", lines=REST, name="short", reason="stockout"))
    await order.owes_nothing()
    instructed = order.carried(Operation.INSTRUCT_WAREHOUSE)
    part = (LineTarget(line=2, item="B", quantity=50),)
    assert [(e.topic.site, e.payload.targets) for e in instructed] == [("", ()), ("MAD", part)]
    [left_out] = order.carried(Operation.AMEND_WAREHOUSE)
    assert (left_out.topic.site, left_out.payload.targets) == ("LYS", (LineTarget(line=2, item="B", quantity=10),))
    assert [site for step in order.steps for site in step.sites] == ["MAD"]
    await order.tell(*handled(order, "DN-1", FIRST), *carried(order, "DN-1"))
    await order.tell(*handled(order, "DN-2", REST), *carried(order, "DN-2"))
    await closed(order)


async def test_a_shipment_of_more_than_was_ordered_is_a_case_and_adds_up(world: World) -> None:
    order = await world.order()
    more = (ShippedLine(line=1, quantity=45), ShippedLine(line=2, quantity=60))
    await order.tell(*handled(order, "DN-1", more))
    await until(lambda: "over_ship" in order.open_cases)
    assert quantities(order, 1) == (40, 40, 0, 0)
    await order.tell(*carried(order, "DN-1"))
    await closed(order)
