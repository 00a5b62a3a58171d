"""The parts of an order's state: what a change of one makes new, and what it leaves as it was."""

from datetime import timedelta

import pytest

from domain.milestones.variants import RANK
from domain.orders.fulfilment import OtherSource
from domain.orders.order_run import OrderRun
from domain.orders.state import OrderState
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus
from tests.domain.builders import DUE, FULL, after, event, opened, start

OVER = (ShippedLine(line=1, quantity=45), ShippedLine(line=2, quantity=60))


def shipped() -> OrderState:
    """More has left than was ordered, and each derived value was asked for."""
    state = after(opened(), event(M.SHIPPED, 5, lines=OVER))
    derived(state)
    return state


def derived(state: OrderState) -> tuple[object, ...]:
    days = state.promise_days, state.promised_on, state.first_promised_on
    return state.tally.ranks, state.tally.odd, state.rank, days, state.by_line, state.sourcing.elsewhere


def test_a_part_refuses_a_field_that_it_does_not_have() -> None:
    with pytest.raises(TypeError, match="OrderEnding has no shut"):
        opened().with_changes(ending={"closed": True, "shut": True})
    with pytest.raises(AttributeError):
        opened().with_changes(end={"closed": True})


def test_a_change_leaves_the_state_before_and_the_other_parts_as_they_were() -> None:
    before = shipped()
    state = before.with_changes(ending={"held": "why"})
    assert (before.ending.held, state.ending.held) == (None, "why")
    parts = OrderState.model_fields.keys() - {"ending"}
    assert all(getattr(state, part) is getattr(before, part) for part in parts)
    addressed = before.with_changes(demand={"address_message": 9})
    for other in (state, addressed):
        assert other.tally is before.tally, "nothing is worked out anew that does not depend on it"


def test_what_depends_on_a_change_is_worked_out_anew() -> None:
    """Whatever changes, a state says the same as one that was read and has worked out nothing yet."""
    before = shipped()
    later, lines = DUE + timedelta(days=3), (before.lines[0].model_copy(update={"quantity": 90}),)
    changes: list[dict[str, dict[str, object]]] = [
        {"demand": {"amended_lines": lines}},
        {"demand": {"cancelled_quantity": {2: 60}}},
        {"demand": {"lost_quantity": {1: 5}}},
        {"reports": {"shipments": {}}},
        {"sourcing": {"sources": (OtherSource(site="MAD", lines=FULL, ref="r"),)}},
        {"promises": {"by_decision": {1: later}}},
        {"promises": {"by_supply": {1: later}}},
        {"promises": {"by_eta": {1: later}}},
    ]
    for change in changes:
        state = before.with_changes(**change)
        fresh = OrderState.model_validate_json(state.model_dump_json())
        assert derived(state) == derived(fresh), change
        assert derived(state) != derived(before), change
    begun = start().model_copy(update={"lines": lines})
    state = before.model_copy(update={"start": begun})
    assert derived(state) == derived(OrderState.model_validate_json(state.model_dump_json()))


def test_a_run_carries_only_the_parts_that_changed() -> None:
    state = after(opened(), event(M.SHIPPED, 5, lines=FULL)).with_changes(ending={"held": "why"})
    assert state.rank == RANK[OrderStatus.SHIPPED]
    run = OrderRun(start=state.start, state=state)
    written = OrderRun.model_validate_json(run.model_dump_json(exclude_unset=True))
    assert written.state == state
    kept = run.model_dump(mode="json", exclude_unset=True)["state"]
    assert kept.keys() == {"start", "transport", "reports", "ending", "version"}
    assert kept["ending"] == {"held": "why"}
