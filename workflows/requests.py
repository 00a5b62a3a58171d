"""What people and the ERP may ask of an order's workflow: refused at once with the reason, or carried out."""

from typing import Any

from temporalio import workflow

from domain import commands
from domain.record import conditions
from domain.state import OrderState
from schemas.commands import (
    ActionRequest,
    Amendment,
    Command,
    CommandAnswer,
    HoldRequest,
    ReplanDecision,
    ResumeRequest,
    Verb,
)
from schemas.effects import Effect
from schemas.orders import CancelRequest
from workflows.desk import Desk


class TakesRequests:
    """The part of the order's workflow that takes requests. It decides nothing: see `OrderWorkflow._take_command`."""

    def __init__(self, state: OrderState, desk: Desk[CommandAnswer]) -> None:
        self._state = state
        self._desk = desk
        self._unacknowledged: dict[str, Effect] = {}

    @workflow.update
    async def amend(self, command: Command[Amendment]) -> CommandAnswer:
        """Change quantities, days, address or lines; every system gets the difference."""
        return await self._desk.ask(Verb.AMEND, command, self._answer)

    @amend.validator
    def _check_amend(self, command: Command[Amendment]) -> None:
        self._check(Verb.AMEND, command)

    @workflow.update
    async def cancel(self, command: Command[CancelRequest]) -> CommandAnswer:
        """Cancel; what was done is undone in the lanes after the answer, and goods under way are brought back."""
        return await self._desk.ask(Verb.CANCEL, command, self._answer)

    @cancel.validator
    def _check_cancel(self, command: Command[CancelRequest]) -> None:
        self._check(Verb.CANCEL, command)

    @workflow.update
    async def hold(self, command: Command[HoldRequest]) -> CommandAnswer:
        """Stop work in warehouse and transport."""
        return await self._desk.ask(Verb.HOLD, command, self._answer)

    @hold.validator
    def _check_hold(self, command: Command[HoldRequest]) -> None:
        self._check(Verb.HOLD, command)

    @workflow.update
    async def resume(self, command: Command[ResumeRequest]) -> CommandAnswer:
        """Go on after a hold."""
        return await self._desk.ask(Verb.RESUME, command, self._answer)

    @resume.validator
    def _check_resume(self, command: Command[ResumeRequest]) -> None:
        self._check(Verb.RESUME, command)

    @workflow.update
    async def act(self, command: Command[ActionRequest]) -> CommandAnswer:
        """Carry out an action that a case offers."""
        return await self._desk.ask(Verb.ACT, command, self._answer)

    @act.validator
    def _check_act(self, command: Command[ActionRequest]) -> None:
        self._check(Verb.ACT, command)

    @workflow.signal
    def replan(self, command: Command[ReplanDecision]) -> None:
        """A planner's decision about a proposal; one that comes too late is superseded with the reason."""
        self._desk.hear(Verb.REPLAN, command)

    def _check(self, verb: Verb, command: Command[Any]) -> None:
        self._desk.check(verb, command, lambda: commands.refusal(self._state, verb, command))

    @property
    def _waiting(self) -> tuple[Effect, ...]:
        return tuple(self._unacknowledged.values())

    def _answer(self, done: str) -> CommandAnswer:
        state = self._state
        return CommandAnswer(
            order=state.start.key,
            status=state.status,
            conditions=conditions(state, self._waiting),
            promised_on=state.promised_on,
            done=done,
        )
