"""A carrier brings goods back to the sender although nobody cancelled: each return is received and booked."""

from schemas.messaging.effects import ChangeKind, Operation
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus
from schemas.workflows.returns import ReturnState
from tests.domain.builders import FIRST, FULL, REST
from tests.stack.standins import until
from tests.workflows.orders.test_splits import carried, handled
from tests.workflows.world import Order, World, centre_story
from workflows.orders.order import OrderWorkflow


def returns(order: Order) -> set[str]:
    """The numbers of its returns."""
    return {record.rma for record in order.world.returns[order.key]}


async def test_an_order_that_comes_back_whole_ends_returned(world: World) -> None:
    order = await world.order()
    await order.tell(*centre_story(order)[:4], order.event(M.RETURNING, 5, reason="refused at the door"))
    await until(lambda: bool(returns(order)))
    opened = world.returns[order.key][0]
    assert (opened.rma, opened.sender, opened.reason) == ("rts-DN-1", True, "refused at the door")
    assert opened.expected == FULL
    assert (await order.status()).status is OrderStatus.IN_TRANSIT
    await order.come_back("DN-1", *FULL)
    assert await order.ended() is OrderStatus.RETURNED
    assert (order.line(1).returned, order.line(2).returned) == (40, 60)
    assert order.line(1).delivered == 0
    order.quantities_add_up()
    told = {effect.topic.change for effect in order.carried(Operation.REPORT_CHANGE)}
    assert told == {ChangeKind.RETURN_AUTHORISED, ChangeKind.RETURNED}, "a sender gets no credit note"
    assert "DN-1/returning" in order.done
    assert world.returns[order.key][-1].state is ReturnState.CREDITED


async def test_an_order_of_which_a_part_comes_back_ends_with_what_was_delivered(world: World) -> None:
    order = await world.order()
    await order.tell(*handled(order, "DN-1", FIRST), *carried(order, "DN-1"))
    await order.tell(*handled(order, "DN-2", REST), order.event(M.RETURNING, 8, shipment="DN-2"))
    await order.come_back("DN-2", *REST)
    assert await order.ended() is OrderStatus.CLOSED
    assert (order.line(2).delivered, order.line(2).returned, order.line(2).shipped) == (10, 50, 60)
    assert returns(order) == {"rts-DN-2"}
    order.quantities_add_up()


async def test_what_comes_back_in_parts_is_awaited_until_it_is_booked(world: World) -> None:
    order = await world.order()
    await order.tell(*centre_story(order)[:4], order.event(M.RETURNING, 5))
    await until(lambda: bool(returns(order)))
    handle = world.client.get_workflow_handle(f"return/{order.key}/rts-DN-1")
    parts = ((ShippedLine(line=1, quantity=15),), (ShippedLine(line=1, quantity=25), ShippedLine(line=2, quantity=60)))
    for name, lines, back in (("some", parts[0], 15), ("rest", parts[1], 40)):
        received = order.event(M.RETURN_RECEIVED, 20, shipment="", lines=lines, rma="rts-DN-1", name=name)
        await handle.signal("milestones", [received])
        await until(lambda back=back: order.line(1).returned == back)
    await order.come_back("DN-1", *FULL)
    assert await order.ended() is OrderStatus.RETURNED
    heard = [entry for entry in await order.handle.query(OrderWorkflow.timeline) if "came back" in entry]
    assert heard[-1] == "100 packs of rts-DN-1 came back (credited)", "it did not end before they were inspected"


async def test_a_return_that_is_reported_before_the_goods_issue_is_started_when_that_is_known(world: World) -> None:
    order = await world.order()
    await order.tell(order.event(M.RETURNING, 5))
    await order.owes_nothing()
    assert returns(order) == set(), "nobody knows what comes back"
    await order.tell(*centre_story(order)[:3])
    await until(lambda: returns(order) == {"rts-DN-1"})
    await order.come_back("DN-1", *FULL)
    assert await order.ended() is OrderStatus.RETURNED


async def test_a_return_that_is_reported_twice_is_started_once(world: World) -> None:
    order = await world.order()
    await order.tell(*centre_story(order)[:4], order.event(M.RETURNING, 5))
    await until(lambda: bool(returns(order)))
    again = order.event(M.RETURNING, 6, name="again")
    await order.tell(again)
    assert order.outcome(again.id) == [None], "its time counts"
    await order.come_back("DN-1", *FULL)
    assert await order.ended() is OrderStatus.RETURNED
    assert [key for key in dict.fromkeys(order.done) if key.endswith("/expect_return")] == [
        "return/rts-DN-1/expect_return"
    ]


async def test_a_merged_shipment_that_comes_back_is_a_return_of_each_part(world: World) -> None:
    order = await world.order()
    await order.tell(*handled(order, "DN-1", FIRST), *handled(order, "DN-2", REST))
    merged = order.event(M.CONSOLIDATED, 5, shipment="MS-1", lines=FULL, merges=("DN-1", "DN-2"))
    await order.tell(merged, order.event(M.RETURNING, 6, shipment="MS-1"))
    await until(lambda: returns(order) == {"rts-DN-1", "rts-DN-2"})
    await order.come_back("DN-1", *FIRST)
    assert (await order.status()).status is not OrderStatus.RETURNED
    await order.come_back("DN-2", *REST)
    assert await order.ended() is OrderStatus.RETURNED
    order.quantities_add_up()


async def test_an_order_without_shipment_numbers_comes_back_as_a_whole(world: World) -> None:
    order = await world.order()
    await order.tell(*(order.event(kind, n, shipment="") for n, kind in enumerate((M.PICKED, M.PACKED, M.SHIPPED), 1)))
    await order.tell(order.event(M.RETURNING, 5, shipment=""))
    await order.come_back("", *FULL)
    assert await order.ended() is OrderStatus.RETURNED
    assert (order.line(1).returned, order.line(2).returned) == (40, 60)


async def test_a_return_outlives_its_order(world: World) -> None:
    order = await world.order()
    await order.tell(*handled(order, "DN-1", FULL), order.event(M.RETURNING, 6))
    await until(lambda: bool(returns(order)))
    await order.handle.terminate()
    await order.come_back("DN-1", *FULL)
    assert world.returns[order.key][-1].state is ReturnState.CREDITED


async def test_what_is_delivered_after_the_rest_came_back_closes_the_order(world: World) -> None:
    order = await world.order()
    await order.tell(*handled(order, "DN-1", FIRST), *handled(order, "DN-2", REST))
    await order.tell(order.event(M.RETURNING, 6))
    await order.come_back("DN-1", *FIRST)
    await until(lambda: bool(order.line(1).returned))
    await order.tell(*carried(order, "DN-2"))
    assert await order.ended() is OrderStatus.CLOSED
    assert (order.line(1).delivered, order.line(2).delivered) == (0, 50)
    order.quantities_add_up()
