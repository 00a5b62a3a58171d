"""Inputs of a workflow, in the order of its history: each input once, and no more at a time than a step can bear.

The server may fail a workflow task and have it done again, with the same inputs in the same order, and perhaps more
behind them. So the first inputs of a repeated task are decided as before. What is decided must depend on nothing else.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from temporalio import workflow

from domain.messaging.cost import MOST_BEFORE, MOST_PER_STEP, cost
from schemas.base import Contract
from schemas.cases.cases import CaseEntry, CaseNews
from schemas.orders.milestones import MilestoneEvent
from schemas.procurement.purchase_orders import PurchaseDocument
from schemas.standard_identifiers import short_id
from schemas.workflows.commands import Command
from schemas.workflows.returns import ReturnOutcome
from schemas.workflows.steps import InputOutcome

SMALLER = "smaller steps"
"""The patch since which a step bears no more than the largest input costs."""


@dataclass(frozen=True)
class CommandInput:
    """A command that somebody gave: amend, cancel, an action of a case."""

    verb: str
    command: Command[Any]

    @property
    def name(self) -> str:
        """Verb and the caller's own id of the request."""
        return f"{self.verb} {self.command.request.id}"

    def verdict(self, version: int, answer: Contract | None, refusal: str | None = None) -> InputOutcome:
        """The answer to the caller: an answer, or the reason of the refusal."""
        return InputOutcome(
            event_id=self.name,
            inbox_id=self.command.inbox_id,
            superseded=refusal,
            version=version,
            answer=answer.model_dump(mode="json") if answer else {},
        )


Input = MilestoneEvent | PurchaseDocument | ReturnOutcome | CaseNews | CaseEntry | CommandInput


class Inputs:
    """Inputs that wait to be decided, and the names of those that were: a repeat is left out.

    `only_commands`: repeats of anything else are for the domain, which knows them by what they say. `opener`: an input
    without which nothing can be decided; the others wait for the first such input, and follow it.
    """

    def __init__(
        self,
        seen: Iterable[str] = (),
        *,
        only_commands: bool = False,
        opener: Callable[[Input], bool] | None = None,
    ) -> None:
        self._only_commands = only_commands
        self._opener = opener
        self._waiting: deque[Input] = deque()
        self._seen: dict[str, None] = dict.fromkeys(seen)

    @property
    def waiting(self) -> bool:
        """Something was told that is not decided."""
        return bool(self._waiting)

    @property
    def ready(self) -> bool:
        """Something can be decided now."""
        return self.waiting and (self._opener is None or any(map(self._opener, self._waiting)))

    @property
    def seen(self) -> tuple[str, ...]:
        """Names of what was decided, for the next run."""
        return tuple(self._seen)

    def add(self, *inputs: Input) -> None:
        """They came in this order."""
        self._waiting.extend(inputs)

    def bundle(self) -> list[Input]:
        """The next inputs, as many as one step can bear; those that were decided before are left out."""
        if self._opener and (first := next(filter(self._opener, self._waiting), None)):
            self._waiting.remove(first)
            self._waiting.appendleft(first)
            self._opener = None
        found: list[Input] = []
        spent = 0
        while self._waiting and (not found or _bearable(spent + _cost(self._waiting[0]))):
            it = self._waiting.popleft()
            if self._first(it):
                spent += _cost(it)
                found.append(it)
        return found

    def used(self, asked: CommandInput) -> str | None:
        """Why a command cannot be followed whose id was used by another one: effects are keyed by the id."""
        if short_id(asked.name) not in self._seen:
            return None
        verb, wanted = asked.verb, asked.command.request.id
        return f"another {verb} was carried out under the id {wanted}: send yours under an id of its own"

    def use(self, asked: CommandInput) -> None:
        """The command is followed: nobody else can use its id."""
        self._seen[short_id(asked.name)] = None

    def _first(self, it: Input) -> bool:
        if isinstance(it, CommandInput):
            mark = short_id(f"message {it.command.inbox_id}")
        elif self._only_commands or isinstance(it, ReturnOutcome | CaseNews | CaseEntry):
            return True  # it says how things are: a repeat changes nothing
        else:
            mark = short_id(it.id)
        if mark in self._seen:
            return False
        self._seen[mark] = None
        return True


def _bearable(spent: int) -> bool:
    if spent <= MOST_PER_STEP or spent > MOST_BEFORE:
        return spent <= MOST_PER_STEP
    return workflow.in_workflow() and not workflow.patched(SMALLER)  # runs that began before cut larger steps


def _cost(it: Input) -> int:
    return cost(it.command if isinstance(it, CommandInput) else it)
