"""Inputs as a workflow takes them in: in order, each once, as many as one step can carry."""

import pytest
from temporalio import workflow

from domain.messaging.cost import MOST_BEFORE, MOST_PER_STEP, OF_ITSELF
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import MAX_LINES
from schemas.workflows.commands import Command, HoldRequest, Verb
from tests.domain.builders import NOON, event
from workflows.runtime.inputs import CommandInput, Inputs

ALL = tuple(ShippedLine(line=n, quantity=1) for n in range(1, MAX_LINES + 1))


def scans(many: int, *lines: ShippedLine) -> list[MilestoneEvent]:
    """So many reports that name these lines."""
    return [event(M.SHIPPED, 1, lines=lines, name=f"scan-{n}") for n in range(many)]


def bundles(inputs: Inputs) -> list[int]:
    """How many each step takes."""
    found = []
    while bundle := inputs.bundle():
        found.append(len(bundle))
    return found


def asked(request: str, message: int) -> CommandInput:
    """A hold that a message asks for."""
    wish = HoldRequest(id=request, reason="why")
    return CommandInput(Verb.HOLD, Command(request=wish, inbox_id=message, accepted_at=NOON))


def test_a_step_takes_what_it_can_carry_and_at_least_one() -> None:
    for given, first in (
        (scans(9, *ALL), MOST_PER_STEP // (MAX_LINES + OF_ITSELF)),
        (scans(9, *ALL * 4), 1),
        (scans(1000), MOST_PER_STEP // OF_ITSELF),
        (scans(3), 3),
    ):
        inputs = Inputs()
        inputs.add(*given)
        taken = bundles(inputs)
        assert taken[0] == first
        assert sum(taken) == len(given)


@pytest.mark.parametrize(("smaller", "most"), [(True, MOST_PER_STEP), (False, MOST_BEFORE)])
def test_a_run_that_began_with_larger_steps_goes_on_with_them(
    monkeypatch: pytest.MonkeyPatch, smaller: bool, most: int
) -> None:
    monkeypatch.setattr(workflow, "in_workflow", lambda: True)
    monkeypatch.setattr(workflow, "patched", lambda name: smaller)
    inputs = Inputs()
    inputs.add(*scans(1000))
    assert bundles(inputs)[0] == most // OF_ITSELF


def test_more_behind_the_same_inputs_cuts_the_same_steps() -> None:
    short, long = Inputs(), Inputs()
    short.add(*scans(9, *ALL))
    long.add(*scans(12, *ALL))
    assert bundles(long)[:4] == bundles(short)[:4]


def test_each_is_taken_in_once_in_the_order_of_arrival() -> None:
    inputs = Inputs()
    one, two, three = scans(3)
    inputs.add(two, one, two, asked("h1", 7), one, asked("h1", 7), three)
    taken = inputs.bundle()
    assert taken == [two, one, asked("h1", 7), three]
    again = Inputs(inputs.seen)
    again.add(one, two, three, asked("h1", 7))
    assert again.bundle() == []


def test_the_id_of_a_refused_command_may_be_used_again_and_of_a_followed_one_not() -> None:
    inputs = Inputs()
    first, second, third = asked("h1", 7), asked("h1", 8), asked("h1", 9)
    inputs.add(first, second, third)
    assert inputs.bundle() == [first, second, third], "other messages"
    assert inputs.used(second) is None
    inputs.use(second)
    assert "carried out under the id h1" in str(inputs.used(third))


def test_everything_waits_for_the_opener_and_follows_it() -> None:
    one, two, three = scans(3)
    inputs = Inputs(opener=lambda given: given is three)
    inputs.add(one, two)
    assert (inputs.waiting, inputs.ready) == (True, False)
    inputs.add(three)
    assert inputs.ready
    assert inputs.bundle() == [three, one, two]
    inputs.add(*scans(4)[3:])
    assert inputs.ready, "what is open stays open"
