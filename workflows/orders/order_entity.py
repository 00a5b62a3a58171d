"""How an order is kept and shown, beside its story: its record, its snapshot, its deadlines, its page, its answers."""

from typing import Any

from temporalio import workflow

from domain.orders import lifecycle
from domain.orders.deadlines import next_alarm
from domain.orders.decision import Decision
from domain.orders.order_run import OrderRun
from domain.orders.state import OrderState
from domain.records.record import record
from schemas.messaging.effects import Effect
from schemas.workflows.lifecycle import StatusAnswer
from schemas.workflows.records import StepRecord, StepWritten
from schemas.workflows.steps import WorkflowStep
from workflows.cases.coordinator import CaseCoordinator
from workflows.orders import order_answers
from workflows.orders.requests import OrderMessages
from workflows.orders.ui_details import UiDetails
from workflows.runtime import steps
from workflows.runtime.deadline_timer import Due
from workflows.runtime.entity import EntityWorkflow, StepDraft
from workflows.runtime.inputs import Inputs
from workflows.runtime.tasks import Recorder

Draft = StepDraft[OrderState, Decision]


class OrderEntity(OrderMessages, EntityWorkflow[OrderState, Decision, StepRecord, OrderRun]):
    """An order on the runtime of entities. What happens to it: see `OrderWorkflow`."""

    revivable = False

    def __init__(self, run: OrderRun) -> None:
        opening = lifecycle.open_order(run.start)
        recorder = Recorder(run.start.key, run.run, run.state.version if run.state else 0)
        state = run.state or opening.state
        super().__init__(run, state, Inputs(run.seen), recorder, priority=run.start.priority, history=run.history)
        self._opening = opening
        self._coordinator = CaseCoordinator(run.start, run.cases, self._background)
        self._display = UiDetails(run.failure_origin, run.failure)
        self._confirmable = not state.issues.refused_effects
        self._unwritten = False
        self._derive()

    @workflow.query
    def status(self) -> StatusAnswer:
        """Where the order is, what is awaited and by when, what is owed, and what is wrong."""
        awaited, owed, cases = self._answers.awaited, self._lanes.owed, self._coordinator.open
        return order_answers.status(self._state, awaited, self._next_due, owed, cases, self._display.failure)

    @workflow.query
    def timeline(self) -> list[str]:
        """What happened, oldest first."""
        return self._history

    # What a step writes, and a run hands over

    def _go_on(self, decision: Decision, draft: Draft) -> None:
        self._state = decision.state
        draft.decisions.append(decision)

    def _record(self, draft: Draft) -> StepRecord:
        first_promise = None if draft.before else self._run.start.promise
        return record(self._state, draft.decisions, first_promise, self._answers.awaited, draft.before)

    def _carried(self) -> dict[str, Any]:
        shown = self._display
        return {"failure_origin": shown.failure_origin, "failure": shown.failure, "cases": self._coordinator.cases}

    async def _keep(self, step: WorkflowStep[StepRecord]) -> StepWritten:
        return await steps.write_step(step)

    def _effects(self, decision: Decision) -> tuple[Effect, ...]:
        return decision.effects

    # What is asked at every activation

    def _due(self) -> Due | None:
        return self._next_due

    def _finished(self) -> bool:
        return self._has_ended

    def _may_confirm(self) -> bool:
        return self._confirmable

    def _derive(self) -> None:
        """Work out once per step what conditions ask at every activation."""
        alarm = next_alarm(self._state, self._answers.awaited)
        self._next_due = Due(alarm.due, alarm.awaited) if alarm else None
        self._has_ended = lifecycle.finished(self._state)

    def _show(self) -> None:
        self._display.show(
            self._state, self._lanes.owed, self._history, self._next_due, self._coordinator.open, self._answers.awaited
        )
