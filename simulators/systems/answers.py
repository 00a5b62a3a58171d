"""Answers to switch on, order by order: what a system says no to, or leaves open, when a scenario wants it."""

from typing import Literal

from pydantic import ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.base import Contract, System
from schemas.parsing import heard
from simulators.systems.call_handling import RuleRefusal, answer, problem

Verdict = Literal["accept", "refuse", "refuse_once"]
TenderAnswer = Literal["accept", "pending"]
QUESTIONS = {
    System.ERP: frozenset({"milestone"}),
    System.WMS: frozenset({"cancel"}),
    System.TMS: frozenset({"tender", "intercept"}),
}
"""Calls that a system can be set to answer otherwise than with yes."""


class CallAnswers(Contract):
    """How one order's calls are answered.

    `tender` has an answer for each tender to come, then they are accepted; `pending` names no carrier, and a carrier's
    own word follows. The others are answered alike until they are changed, `refuse_once` the first time only.
    """

    model_config = ConfigDict(extra="forbid")

    tender: tuple[TenderAnswer, ...] = ()
    cancel: Verdict = "accept"
    intercept: Verdict = "accept"
    milestone: Verdict = "accept"


class RecordedAnswers:
    """The answers of one system."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._of: dict[str, CallAnswers] = {}

    def check(self, order: str, question: Literal["cancel", "intercept", "milestone"], refusal: RuleRefusal) -> None:
        """Raises the refusal when the answer is no, this time."""
        verdict: Verdict = getattr(self._answers(order), question)
        if verdict == "refuse_once":
            self._change(order, question, "accept")
        if verdict != "accept":
            raise refusal

    def pending(self, order: str) -> bool:
        """Whether the next tender is left open. Each tender takes one answer."""
        waiting = self._answers(order).tender
        if waiting:
            self._change(order, "tender", waiting[1:])
        return waiting[:1] == ("pending",)

    def route(self) -> Route:
        """`PUT /answers/{order}` replaces the answers of one order."""
        return Route("/answers/{order}", self._put, methods=["PUT"])

    async def _put(self, request: Request) -> Response:
        try:
            answers = heard(CallAnswers, await request.body())
        except ValidationError as error:
            return problem(422, "answers_invalid", str(error))
        strange = answers.model_fields_set - QUESTIONS[self._system]
        if strange:
            return problem(422, "answers_invalid", f"{self._system} is not asked: {', '.join(sorted(strange))}")
        self._of[request.path_params["order"]] = answers
        return answer(answers)

    def _answers(self, order: str) -> CallAnswers:
        return self._of.get(order) or CallAnswers()

    def _change(self, order: str, question: str, value: object) -> None:
        self._of[order] = self._answers(order).model_copy(update={question: value})
