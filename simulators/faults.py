"""Faults to switch on while the systems run: what befalls a call, and what befalls an outgoing event.

Drawn from a seeded stream per system: the same seed and the same sequence of calls meet the same faults.
"""

from enum import StrEnum
from random import Random
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from schemas.base import Contract, System

Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=60)]


class Fault(StrEnum):
    """What befalls one call, in the order in which they are drawn."""

    RESET = "reset"
    ERROR_500 = "error_500"
    THROTTLE_429 = "throttle_429"
    TIMEOUT = "timeout"
    SLOW = "slow"
    PARTIAL = "partial"
    OUTAGE = "outage"


class Faults(Contract):
    """Probabilities per call and, from `duplicate` on, per outgoing event. A call meets at most one fault.

    Raises a finding when the probabilities of the call faults add up to more than 1.
    """

    model_config = ConfigDict(extra="forbid")

    reset: Probability = Field(0, description="The connection is closed before anything was done.")
    error_500: Probability = Field(0, description="Nothing is done; 500.")
    throttle_429: Probability = Field(0, description="Nothing is done; 429 with Retry-After: 1.")
    timeout: Probability = Field(0, description="Nothing is done; held for hold_s, then closed without an answer.")
    slow: Probability = Field(0, description="Answered after slow_s more.")
    partial: Probability = Field(0, description="Done, then 500 or held as by timeout, half of each.")
    outage: bool = Field(False, description="Every call is answered 503.")
    hold_s: Seconds = 6.0
    slow_s: Seconds = 0.3
    duplicate: Probability = Field(0, description="The event is sent again, with the same or a new message id.")
    reorder: Probability = Field(0, description="The event is told after the next one of its shipment.")
    late: Probability = Field(0, description="The event is sent several paces later.")

    @model_validator(mode="after")
    def _exclusive(self) -> Self:
        if sum(chance for _, chance in self.chances()) > 1 + 1e-9:
            raise ValueError("the probabilities of the call faults add up to more than 1")
        return self

    def chances(self) -> tuple[tuple[Fault, float], ...]:
        """The call faults with their probabilities, in the order in which they are drawn."""
        return (
            (Fault.RESET, self.reset),
            (Fault.ERROR_500, self.error_500),
            (Fault.THROTTLE_429, self.throttle_429),
            (Fault.TIMEOUT, self.timeout),
            (Fault.SLOW, self.slow),
            (Fault.PARTIAL, self.partial),
        )


NONE = Faults()
PRESETS = {
    "none": NONE,
    "light": Faults(
        reset=0.02,
        error_500=0.02,
        throttle_429=0.02,
        timeout=0.02,
        slow=0.02,
        partial=0.02,
        duplicate=0.1,
        reorder=0.1,
        late=0.1,
    ),
    "heavy": Faults(
        reset=0.05,
        error_500=0.08,
        throttle_429=0.08,
        timeout=0.05,
        slow=0.08,
        partial=0.08,
        duplicate=0.3,
        reorder=0.3,
        late=0.3,
    ),
}


class FaultStream:
    """The faults that one system meets, call by call."""

    def __init__(self, seed: int, system: System) -> None:
        self.faults = NONE
        self._random = Random(f"{seed}:{system}")
        self._silence = Random(f"{seed}:{system}:partial")

    def next_call(self) -> Fault | None:
        """What befalls the next call. One draw for every call, so that switching faults does not shift the stream."""
        drawn = self._random.random()
        if self.faults.outage:
            return Fault.OUTAGE
        for fault, chance in self.faults.chances():
            if drawn < chance:
                return fault
            drawn -= chance
        return None

    def partial_is_held(self) -> bool:
        """Whether a partial success ends in silence rather than in a 500."""
        return self._silence.random() < 0.5  # noqa: PLR2004 - half of each
