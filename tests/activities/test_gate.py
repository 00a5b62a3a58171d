"""The express gate, by a clock of its own."""

from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from activities.execution.gate import FAILURES_TO_OPEN, OPEN_FOR_S, Gate
from connectors.ports import Unavailable
from schemas.base import Origin
from schemas.settings import QueueLimit

NO_ANSWER = Unavailable(Origin.ERP_API, "no answer")


@dataclass
class Clock:
    """Seconds, moved by hand."""

    now: float = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def admits(gate: Gate, source: str = "erp-one") -> bool:
    """Whether a call would find a place now."""
    with gate.admit(source) as admitted:
        return admitted


def test_no_more_calls_than_places() -> None:
    gate = Gate("erp", limit=3, share=2)
    with ExitStack() as stack:
        for source in ("a", "a", "b"):
            assert stack.enter_context(gate.admit(source))
        assert not admits(gate, "c")
    assert admits(gate, "c"), "places are given back"


def test_one_source_cannot_take_every_place() -> None:
    gate = Gate("erp", limit=3, share=2)
    with gate.admit("a"), gate.admit("a"):
        assert not admits(gate, "a")
        assert admits(gate, "b")
    assert admits(gate, "a")


def test_a_call_that_fails_gives_its_place_back() -> None:
    gate = Gate("erp", limit=1)
    with pytest.raises(Unavailable), gate.admit("a"):
        raise NO_ANSWER
    assert admits(gate)


def test_failures_in_a_row_shut_it_for_a_while() -> None:
    clock = Clock()
    gate = Gate("erp", clock=clock)
    for _ in range(FAILURES_TO_OPEN - 1):
        gate.failed(NO_ANSWER)
        assert admits(gate)
    gate.failed(NO_ANSWER)
    assert not admits(gate)
    clock.now += OPEN_FOR_S
    assert admits(gate)
    gate.failed(NO_ANSWER)
    assert not admits(gate), "the next failure shuts it at once"


def test_a_success_between_failures_keeps_it_open() -> None:
    gate = Gate("erp", clock=Clock())
    for _ in range(3 * FAILURES_TO_OPEN):
        gate.failed(NO_ANSWER)
        gate.succeeded()
    assert admits(gate)


def test_it_stays_shut_for_as_long_as_the_system_asks() -> None:
    clock = Clock()
    gate = Gate("erp", clock=clock)
    gate.failed(Unavailable(Origin.ERP_API, "slow down", retry_after_s=60.0))
    gate.failed(NO_ANSWER)
    clock.now += 59.0
    assert not admits(gate), "a later failure does not shorten the wait"
    clock.now += 1.0
    assert admits(gate)


def test_one_gate_is_for_all_systems_of_a_kind() -> None:
    """A warehouse that is down sends the calls to others to the queue, which they share."""
    gate = Gate("wms")
    for _ in range(FAILURES_TO_OPEN):
        gate.failed(Unavailable(Origin.WMS_API, "LYS does not answer"))
    with gate.admit("an ERP with orders at HAM") as admitted:
        assert not admitted
    assert QueueLimit().concurrent == 50
