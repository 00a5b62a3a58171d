"""Answers of systems to effects: kept until the inputs of the task are decided, as it joins the state after them."""

from collections.abc import Callable
from typing import NamedTuple

from temporalio.exceptions import FailureError, is_cancelled_exception

from domain.messaging.refusals import refusal_in_words
from schemas.base import Origin
from schemas.messaging.effects import Effect, EffectReceipt
from workflows.runtime import steps


class SystemAnswer(NamedTuple):
    """A system's answer to an effect: its receipt, or whose refusal it is. `late`: it was not taken at once.
    `said`: both sides of an outcome that nobody knows."""

    effect: Effect
    receipt: EffectReceipt = EffectReceipt()
    origin: str = ""
    late: bool = False
    said: str = ""

    @property
    def refusal(self) -> str:
        """The problem in words, when the system refused it or nobody knows."""
        return refusal_in_words(self.effect, self.origin, self.said)


class EffectAnswers:
    """Carries effects out, and keeps what is answered. `changed` hears when an acknowledgement is awaited."""

    def __init__(self, priority: int, changed: Callable[[], None]) -> None:
        self._priority, self._changed = priority, changed
        self._heard: list[SystemAnswer] = []
        self._awaited: dict[str, Effect] = {}

    @property
    def heard(self) -> bool:
        """Something was answered that has not joined the state."""
        return bool(self._heard)

    @property
    def refused(self) -> bool:
        """A system has refused something, and that has not joined the state."""
        return any(it.origin for it in self._heard)

    @property
    def awaited(self) -> tuple[Effect, ...]:
        """Effects that their system did not take at the first attempt, and has not acknowledged."""
        return tuple(self._awaited.values())

    def take(self) -> list[SystemAnswer]:
        """The answers to be joined."""
        found, self._heard = self._heard, []
        return [it._replace(late=self._awaited.pop(it.effect.key, None) is not None) for it in found]

    async def carry_out(self, effect: Effect) -> None:
        """Carry out an effect and keep the answer."""
        try:
            receipt = await steps.carry_out(effect, self._priority, self._await)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            origin = steps.origin(error)
            said = steps.reason(error) if origin == Origin.UNKNOWN_OUTCOME else ""
            self._heard.append(SystemAnswer(effect, origin=origin, said=said))
        else:
            self._heard.append(SystemAnswer(effect, receipt))

    def _await(self, effect: Effect) -> None:
        self._awaited[effect.key] = effect
        self._changed()
