"""Requests of people and the ERP to an order's workflow.

Commands come as signals: a signal is in the history before it is decided, so no failed workflow task can lose it. The
caller is answered from the store, once the step is confirmed.
"""

from typing import Any

from temporalio import workflow

from schemas.orders.milestones import MilestoneEvent
from schemas.orders.release import CancelRequest
from schemas.workflows.commands import (
    ActionRequest,
    Amendment,
    Command,
    HoldRequest,
    ReplanDecision,
    ResumeRequest,
    Verb,
)
from schemas.workflows.returns import ReturnOutcome
from workflows.runtime.inputs import CommandInput, Inputs


class OrderMessages:
    """The inputs of an order, each as a signal. It decides nothing: see `OrderWorkflow`."""

    _inputs: Inputs

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """Milestone events, in any order, any number of times."""
        self._inputs.add(*events)

    @workflow.signal
    def returned(self, outcome: ReturnOutcome) -> None:
        """How far a return of this order's goods has come."""
        self._inputs.add(outcome)

    @workflow.signal
    def amend(self, command: Command[Amendment]) -> None:
        """Change quantities, days, address or lines."""
        self._ask(Verb.AMEND, command)

    @workflow.signal
    def cancel(self, command: Command[CancelRequest]) -> None:
        """Cancel: what was done is undone, and goods under way are brought back."""
        self._ask(Verb.CANCEL, command)

    @workflow.signal
    def hold(self, command: Command[HoldRequest]) -> None:
        """Stop work in warehouse and transport."""
        self._ask(Verb.HOLD, command)

    @workflow.signal
    def resume(self, command: Command[ResumeRequest]) -> None:
        """Go on after a hold."""
        self._ask(Verb.RESUME, command)

    @workflow.signal
    def act(self, command: Command[ActionRequest]) -> None:
        """Carry out an action that a case offers."""
        self._ask(Verb.ACT, command)

    @workflow.signal
    def replan(self, command: Command[ReplanDecision]) -> None:
        """A planner's decision about a proposal; one that comes too late is refused with the reason."""
        self._ask(Verb.REPLAN, command)

    def _ask(self, verb: Verb, command: Command[Any]) -> None:
        self._inputs.add(CommandInput(verb, command))
