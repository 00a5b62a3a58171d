"""Open demand: what is still wanted and not delivered, at the site that is to send it; nothing at any end."""

from datetime import date, timedelta

import pytest

from domain.orders import lifecycle
from domain.orders.state import OrderState
from domain.planning.open_demand import changed, open_demand
from schemas.base import Role
from schemas.cases.exceptions import Action, OrderPolicy
from schemas.messaging.effects import Operation
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import CancelRequest, LineDue, LinePromise
from schemas.planning.movements import DemandRow
from schemas.workflows.commands import ActionRequest, Amendment, LineAmendment, Verb
from schemas.workflows.returns import ReturnOutcome, ReturnState
from tests.domain.builders import DUE, NOON, after, done, event, opened, start

CANCEL = CancelRequest(id="c", reason="why")
FROM_MADRID = event(M.SHIPPED, 2, shipment="DN-2", lines=(ShippedLine(line=2, quantity=20),), partner="wms-mad")


def packs(quantity: int) -> tuple[ShippedLine, ...]:
    return (ShippedLine(line=1, quantity=quantity),)


def order_of_ten() -> OrderState:
    lines = (LineDue(line=1, item="A", quantity=10, due_on=DUE),)
    return lifecycle.open_order(start().model_copy(update={"lines": lines})).state


def back(state: OrderState, shipment: str, quantity: int) -> OrderState:
    outcome = ReturnOutcome(
        order=state.start.key, rma=f"rts-{shipment}", state=ReturnState.CREDITED, received=packs(quantity)
    )
    return lifecycle.came_back(state, outcome, NOON).state


def figures(state: OrderState) -> list[tuple[str, str, int]]:
    return [(x.item, x.site, x.packs) for x in open_demand(state)]


def left(quantity: int = 10, shipment: str = "DN-1") -> MilestoneEvent:
    return event(M.SHIPPED, 2, shipment=shipment, lines=packs(quantity))


def delivered(quantity: int = 10, shipment: str = "DN-1") -> MilestoneEvent:
    return event(M.DELIVERED, 9, shipment=shipment, lines=packs(quantity))


def homeward(shipment: str = "DN-1") -> MilestoneEvent:
    return event(M.RETURNING, 8, shipment=shipment)


def test_all_of_a_new_order_is_open_and_what_was_delivered_is_not() -> None:
    state = order_of_ten()
    assert open_demand(state) == (DemandRow(item="A", site="LYS", packs=10, day=DUE),)
    assert figures(after(state, left(4))) == [("A", "LYS", 10)], "what is under way is wanted still"
    assert figures(after(state, left(4), delivered(4))) == [("A", "LYS", 6)]
    assert figures(after(state, left(), delivered())) == []


def test_nothing_is_open_when_all_of_it_came_back_to_the_sender() -> None:
    state = after(order_of_ten(), left(), homeward())
    assert figures(state) == [("A", "LYS", 10)], "it may still be delivered"
    assert figures(back(state, "DN-1", 10)) == []


def test_nothing_is_open_when_it_was_cancelled_under_way() -> None:
    stopping = done(after(order_of_ten(), left()), Verb.CANCEL, CANCEL).state
    cancelled = back(after(stopping, homeward()), "DN-1", 10)
    assert cancelled.ending.cancelled is not None
    assert open_demand(cancelled) == ()


def test_nothing_is_open_when_a_part_was_delivered_and_the_rest_brought_back() -> None:
    state = after(order_of_ten(), left(4), left(6, "DN-2"), delivered(4), homeward("DN-2"))
    assert figures(back(state, "DN-2", 6)) == []


def test_nothing_is_open_when_more_was_delivered_than_was_wanted() -> None:
    state = after(order_of_ten(), left(12), delivered(12))
    assert figures(state) == []


def test_what_was_scanned_as_delivered_and_came_back_all_the_same_is_not_taken_off_twice() -> None:
    state = after(order_of_ten(), left(6), delivered(6), homeward())
    assert figures(back(state, "DN-1", 6)) == [("A", "LYS", 4)]


@pytest.mark.parametrize("reached", [(), (left(),)], ids=["at once", "after goods issue"])
def test_nothing_is_open_of_an_order_that_has_closed(reached: tuple[MilestoneEvent, ...]) -> None:
    assert open_demand(lifecycle.close(after(order_of_ten(), *reached)).state) == ()


def test_what_another_site_is_to_send_is_open_there_until_it_has_delivered_it() -> None:
    wish = ActionRequest(
        id="s", reason="why", action=Action.RE_SOURCE, site="MAD", lines=(ShippedLine(line=2, quantity=20),)
    )
    state = done(opened(policy=OrderPolicy(alternates=("MAD",))), Verb.ACT, wish).state
    assert figures(state) == [("A", "LYS", 40), ("B", "LYS", 40), ("B", "MAD", 20)]
    arrived = after(state, FROM_MADRID, event(M.DELIVERED, 9, shipment="DN-2", role=Role.CARRIER, partner="c-1"))
    assert figures(arrived) == [("A", "LYS", 40), ("B", "LYS", 40)]
    from_here = event(M.SHIPPED, 3, lines=(ShippedLine(line=2, quantity=40),))
    others = after(state, from_here, event(M.DELIVERED, 9))
    assert figures(others) == [("A", "LYS", 40), ("B", "MAD", 20)], "each site has its own"
    all_from_here = event(M.SHIPPED, 3, lines=(ShippedLine(line=2, quantity=50),))
    rest = after(state, all_from_here, event(M.DELIVERED, 9))
    assert figures(rest) == [("A", "LYS", 40), ("B", "MAD", 10)], "the other site sends what is left"
    less = Amendment(id="a", reason="why", lines=(LineAmendment(line=2, quantity=10),))
    assert figures(done(state, Verb.AMEND, less).state) == [("A", "LYS", 40), ("B", "MAD", 10)]


def test_an_item_on_two_lines_is_one_figure_by_the_earlier_day() -> None:
    soon = DUE - timedelta(days=3)
    begun = start()
    lines = tuple(line.model_copy(update={"item": "A"}) for line in begun.lines)
    days = begun.promise.model_copy(
        update={"lines": (LinePromise(line=1, promised_on=DUE), LinePromise(line=2, promised_on=soon))}
    )
    state = lifecycle.open_order(begun.model_copy(update={"lines": lines, "promise": days})).state
    assert open_demand(state) == (DemandRow(item="A", site="LYS", packs=100, day=soon),)
    gone = after(state, event(M.SHIPPED, 2, lines=(ShippedLine(line=2, quantity=60),)), event(M.DELIVERED, 9))
    assert open_demand(gone) == (DemandRow(item="A", site="LYS", packs=40, day=DUE),)


def test_a_step_says_what_is_open_when_that_has_changed() -> None:
    state = order_of_ten()
    picked = after(state, event(M.PICKED, 1, lines=packs(10)))
    assert changed(None, state) == open_demand(state), "the first step says it"
    assert changed(state, picked) is None
    gone = after(picked, left(), delivered()).model_copy(update={"version": picked.version + 1})
    assert changed(picked, gone) == ()
    later = picked.next_version().with_changes(promises={"by_decision": {1: date(2026, 6, 1)}})
    assert [x.day for x in changed(picked, later) or ()] == [date(2026, 6, 1)]


def test_a_step_of_several_inputs_says_what_is_open_even_if_nothing_has_changed_between_them() -> None:
    state = order_of_ten()
    up, down = (Amendment(id=f"to-{n}", reason="why", lines=(LineAmendment(line=1, quantity=n),)) for n in (20, 10))
    more = done(state.next_version(), Verb.AMEND, up).state
    same = done(more.next_version(), Verb.AMEND, down).state
    assert open_demand(same) == open_demand(state)
    assert changed(state, same) == open_demand(state), "a lost attempt may have written the 20"


def test_a_cancellation_tells_planning_nothing_by_movements() -> None:
    decision = done(order_of_ten(), Verb.CANCEL, CANCEL)
    assert Operation.CONFIRM_CANCELLATION in [x.operation for x in decision.effects]
    assert decision.deltas == ()
