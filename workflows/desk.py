"""The desk at which people and systems ask something of an order: checked at once, carried out once, answered.

Orders and purchase orders have one each; it does not know what it is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from schemas.commands import Command, Verb

Answer = TypeVar("Answer")


@dataclass
class Asked(Generic[Answer]):
    """A command on its way: decided when `done` or `refusal` is set, answered when `answer` is."""

    verb: Verb
    command: Command[Any]
    done: str = ""
    refusal: str | None = None
    answer: Answer | None = None

    @property
    def name(self) -> str:
        """Verb and the caller's own id of the request."""
        return f"{self.verb} {self.command.request.id}"

    @property
    def once(self) -> str:
        """What makes it unique."""
        return once(self.verb, self.command)


class Desk(Generic[Answer]):
    """Commands of one order. `answered` holds what became of each, so that a repeat is answered and not carried out;
    one that is repeated while it is on its way gets the answer of the first."""

    def __init__(self, answered: dict[str, str]) -> None:
        self.answered = dict(answered)
        self._new: list[Asked[Answer]] = []
        self._under_way: dict[str, Asked[Answer]] = {}

    @property
    def waiting(self) -> bool:
        """Somebody has asked something."""
        return bool(self._new)

    def check(self, verb: Verb, command: Command[Any], refusal: Callable[[], str | None]) -> None:
        """Raise ApplicationError when it cannot be done now: an update that is refused here leaves no trace."""
        name = once(verb, command)
        if name in self.answered or name in self._under_way:
            return
        if why := self._taken(verb, command) or refusal():
            raise ApplicationError(why, type="refused")

    def _taken(self, verb: Verb, command: Command[Any]) -> str | None:
        """Effects are keyed by the id of the request: two callers cannot use the same."""
        wanted = (str(verb), command.request.id)
        for name in (*self.answered, *self._under_way):
            asked, _, rest = name.partition(" ")
            if (asked, rest.partition("/")[2]) == wanted:
                return f"another caller's {verb} has the id {command.request.id}: send yours under an id of its own"
        return None

    async def ask(self, verb: Verb, command: Command[Any], now: Callable[[str], Answer]) -> Answer:
        """Have a command carried out, and wait until that is written down. `now` makes the answer to a repeat."""
        name = once(verb, command)
        if name in self.answered:
            return now(self.answered[name])
        asked = self.hear(verb, command)
        await workflow.wait_condition(lambda: asked.answer is not None or asked.refusal is not None)
        if asked.answer is None:
            raise ApplicationError(asked.refusal or "", type="refused")
        return asked.answer

    def hear(self, verb: Verb, command: Command[Any]) -> Asked[Answer]:
        """Have a command carried out, unless that was asked before."""
        asked = Asked[Answer](verb, command)
        if asked.once in self.answered:
            return asked
        if asked.once not in self._under_way:
            self._under_way[asked.once] = asked
            self._new.append(asked)
        return self._under_way[asked.once]

    def take(self) -> list[Asked[Answer]]:
        """What is to be carried out now."""
        asked, self._new = self._new, []
        return asked

    def answer(self, asked: list[Asked[Answer]], now: Callable[[str], Answer]) -> None:
        """Everything asked has been decided and written down."""
        for one in asked:
            del self._under_way[one.once]
            if one.refusal is None:
                self.answered[one.once] = one.done
                one.answer = now(one.done)


def once(verb: Verb, command: Command[Any]) -> str:
    """What makes a command unique: verb, caller, and the caller's own id."""
    return f"{verb} {command.by}/{command.request.id}"
