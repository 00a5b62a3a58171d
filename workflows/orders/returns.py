"""The life of a return, as a workflow: authorise, expect, receive, inspect, restock or scrap, credit.

    asked --> authorised --> received --> inspected --> restocked or scrapped --> credited: settled
      |           |             |
      +--> refused|             +-- not inspected in time: a case, then closed
                  +-- nothing came in time: a case, then closed

Warehouse, carrier and ERP are owed effects at each; the order hears of each. What is decided is in
`domain.returns.returning`; how inputs, steps and effects are kept is in `workflows.runtime.entity`.
"""

from datetime import datetime
from typing import Any

from temporalio import workflow

from domain.orders import goods
from domain.returns import return_step, returning
from domain.returns.return_run import ReturnRun
from domain.returns.returning import ReturnDecision, ReturnFile
from schemas.messaging.effects import Effect
from schemas.orders.milestones import MilestoneEvent
from schemas.workflows.records import StepRecord, StepWritten
from schemas.workflows.returns import ReturnOutcome, ReturnStart, ReturnState
from schemas.workflows.steps import InputOutcome, WorkflowStep
from workflows.orders import return_steps
from workflows.orders.return_cases import ReturnCases
from workflows.orders.return_details import details
from workflows.runtime.answers import SystemAnswer
from workflows.runtime.deadline_timer import Due
from workflows.runtime.entity import EntityWorkflow, StepDraft
from workflows.runtime.inputs import Input, Inputs
from workflows.runtime.tasks import Recorder

ROUTINE = 3
"""Priority of its effects on the systems' queues; nobody waits for them as for a delivery."""

Draft = StepDraft[ReturnFile, ReturnDecision]


@workflow.defn(name="Return")
class ReturnWorkflow(EntityWorkflow[ReturnFile, ReturnDecision, StepRecord, ReturnRun]):
    """Goods of one order that come back under one authorisation. Id: `return/<erp>/<number>/<rma>`."""

    @workflow.init
    def __init__(self, run: ReturnRun) -> None:
        state = run.state or ReturnFile(start=run.start)
        recorder = Recorder(run.start.order, run.run, run.state.version if run.state else 0)
        super().__init__(run, state, Inputs(run.seen), recorder, priority=ROUTINE, history=run.history)
        self._cases = ReturnCases(run)
        self._order_knows = None if run.state else returning.outcome(state)
        if workflow.info().continued_run_id:  # the run before has told everybody
            self._order_knows = returning.outcome(state)
            self._cases.told(state)

    @workflow.run
    async def run(self, run: ReturnRun) -> ReturnOutcome:
        """The story of a return."""
        self._lanes.put(run.owed)
        if run.state is None:
            await self._authorise(run.start)
        else:
            await self._tell_order()
        self._timer.start()
        await self._live()
        return returning.outcome(self._state)

    @workflow.query
    def status(self) -> ReturnOutcome:
        """Where the return is."""
        return returning.outcome(self._state)

    async def _authorise(self, start: ReturnStart) -> None:
        """Whether the goods may come back, by what was delivered."""
        answer = await return_steps.authorise(start)
        decision = returning.refused(start) if answer is ReturnState.REFUSED else returning.authorised(start)
        self._note(f"{decision.state.status}: {decision.superseded or start.reason}", workflow.now())
        self._state = decision.state
        draft = Draft(None, [decision])
        # A carrier's return to sender is nobody's request: there is no message to settle.
        if start.inbox_id:
            said = None if decision.superseded else returning.answer(self._state).model_dump(mode="json")
            verdict = InputOutcome(
                event_id=f"return {start.rma}",
                inbox_id=start.inbox_id,
                superseded=decision.superseded,
                version=self._state.version,
                answer=said,
            )
            draft.outcomes.append(verdict)
        await self._step(draft)

    # What is reported, and what is not in time

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """Receipts and inspections, in any order, any number of times."""
        self._inputs.add(*events)

    def _due(self) -> Due | None:
        state = self._state
        return None if state.settled else Due(state.due_at, "the goods" if state.missing else "the inspection")

    def _pass_deadline(self, at: datetime, draft: Draft) -> None:
        self._note("deadline passed", at)
        self._go_on(returning.pass_deadline(self._next()), draft)

    def _decide(self, given: Input, draft: Draft) -> None:
        if isinstance(given, MilestoneEvent):
            decision = returning.apply(self._next(), given)
            why = decision.superseded
            self._go_on(decision, draft)
            draft.outcomes.append(self._verdict(given, why))
            note = f"superseded: {why}" if why else given.partner
            self._note(f"{given.kind} {given.disposition or ''} ({note})", given.occurred_at)

    def _next(self) -> ReturnFile:
        return self._state.model_copy(update={"version": self._state.version + 1})

    def _go_on(self, decision: ReturnDecision, draft: Draft) -> None:
        self._state = decision.state
        draft.decisions.append(decision)

    # What is written, owed and told

    def _effects(self, decision: ReturnDecision) -> tuple[Effect, ...]:
        return decision.effects

    def _record(self, draft: Draft) -> StepRecord:
        held = goods.of_return(draft.before or ReturnFile(start=self._state.start))
        moved = goods.moves(held, goods.of_return(self._state))
        return return_step.record(self._state, draft.decisions, moved)

    def _carried(self) -> dict[str, Any]:
        return {"refused": self._cases.refused, "cases": self._cases.known}

    async def _keep(self, step: WorkflowStep[StepRecord]) -> StepWritten:
        return await return_steps.write_return(step)

    async def _after_step(self) -> None:
        self._show()
        await self._tell_order()
        await self._tell_cases()

    async def _tell_order(self) -> None:
        outcome = returning.outcome(self._state)
        if outcome != self._order_knows:
            self._order_knows = outcome
            said = outcome.model_copy(update={"said_at": workflow.now()})
            await return_steps.tell(f"order/{outcome.order}", "returned", said)

    # What systems refuse, and people look at

    def _join(self, answer: SystemAnswer) -> None:
        if answer.late:
            self._note(f"{answer.effect.system} did not take {answer.effect.operation} at once", workflow.now())
        if answer.origin:
            self._note(self._cases.refuse(answer), workflow.now())

    async def _settle(self) -> None:
        await self._tell_cases()
        self._show()

    async def _tell_cases(self) -> None:
        for unsaid in self._cases.unsaid(self._state):
            if opened := await self._cases.tell(self._state, unsaid):
                self._note(opened, workflow.now())
            self._show()

    def _show(self) -> None:
        workflow.set_current_details(
            details(self._state, self._due(), self._lanes.owed, self._cases.open, self._history)
        )

    # Its end

    def _has_news(self) -> bool:
        return bool(self._cases.unsaid(self._state)) or super()._has_news()

    def _ends(self) -> bool:
        return self._state.settled

    def _finished(self) -> bool:
        return self._state.settled and not self._cases.unsaid(self._state)
