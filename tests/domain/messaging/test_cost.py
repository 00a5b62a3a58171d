"""What inputs cost."""

from domain.messaging.cost import OF_ITSELF, cost
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import MAX_LINES
from schemas.workflows.commands import Amendment, LineAmendment
from schemas.workflows.returns import ReturnOutcome, ReturnState
from tests.domain.builders import FULL, command, event

ALL = tuple(ShippedLine(line=n, quantity=1) for n in range(1, MAX_LINES + 1))


def test_an_input_costs_the_lines_that_it_names() -> None:
    assert cost(event(M.DELAYED, 1)) == OF_ITSELF
    assert cost(event(M.SHIPPED, 1, lines=FULL)) == OF_ITSELF + 2
    assert cost(event(M.CONSOLIDATED, 1, lines=FULL, merges=("DN-1", "DN-2", "DN-3"))) == OF_ITSELF + 5
    wish = Amendment(id="a", reason="why", lines=(LineAmendment(line=1, quantity=30),))
    assert cost(command(wish)) == OF_ITSELF + 1
    back = ReturnOutcome(order="erp-one/SO-1", rma="rts-DN-1", state=ReturnState.CREDITED, received=FULL)
    assert cost(back) == OF_ITSELF + 2
