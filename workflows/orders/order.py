"""The life of one order, as a workflow: promise, instruct, follow the milestones, obey, tell the others, close.

    released --> promised --> allocated, picked, packed --> shipped, in transit --> delivered --> closed
                    |                    |                       |
                    +-- cancel: undone --+--> cancelled <--+     +-- sent back --> goods come back --> returned
                                                           |                             |
                                                           +------ cancelled on the way -+

The ERP, the warehouse, transport and planning are owed effects at each step. What is decided is in `domain.orders`; how
inputs, steps and effects are kept is in `workflows.runtime.entity`.
"""

from datetime import datetime

from temporalio import workflow

from domain.orders import cancellation, commands, lifecycle, tendering
from domain.orders.deadlines import ACKNOWLEDGEMENT, due_by
from domain.orders.decision import Decision
from domain.orders.findings import findings
from domain.orders.order_run import OrderRun
from schemas.cases.cases import CaseEntry
from schemas.messaging.effects import Operation
from schemas.orders.milestones import MilestoneEvent
from schemas.workflows.commands import Verb
from schemas.workflows.lifecycle import OrderOutcome
from schemas.workflows.returns import ReturnOutcome
from schemas.workflows.steps import InputOutcome
from workflows.orders import order_answers
from workflows.orders.order_entity import Draft, OrderEntity
from workflows.runtime import steps
from workflows.runtime.answers import SystemAnswer
from workflows.runtime.inputs import CommandInput, Input


@workflow.defn(name="Order")
class OrderWorkflow(OrderEntity):
    """One order of one ERP. Id: `order/<erp>/<number>`."""

    @workflow.init
    def __init__(self, run: OrderRun) -> None:
        super().__init__(run)

    @workflow.run
    async def run(self, run: OrderRun) -> OrderOutcome:
        """The story of an order."""
        self._timer.start()
        self._lanes.put(run.owed)
        self._show()
        if run.state is None:
            await self._open()
        else:
            self._coordinator.begin_again(
                self._state, findings(self._state, run.owed), cancellation.homeward(self._state)
            )
        await self._live()
        await self._close()
        return order_answers.outcome(self._state)

    async def _open(self) -> None:
        """Promise the order, and instruct those who have a part in it."""
        start = self._run.start
        self._note(f"promised {start.promise.promised_on}: {start.promise.reason}")
        outcome = InputOutcome(event_id="release", inbox_id=start.inbox_id, version=self._state.version)
        await self._write(Draft(None, [self._opening], [outcome]))
        self._lanes.put(self._opening.effects)
        self._show()

    # What is reported, asked, and not heard in time

    def _decide(self, given: Input, draft: Draft) -> None:
        self._state = self._state.next_version()
        if isinstance(given, CommandInput):
            self._obey(given, draft)
        elif isinstance(given, MilestoneEvent):
            self._follow(given, draft)
        elif isinstance(given, ReturnOutcome):
            decision = lifecycle.came_back(self._state, given, given.said_at or self._run.start.accepted_at)
            self._go_on(decision, draft)
            self._note(decision.done)

    def _follow(self, event: MilestoneEvent, draft: Draft) -> None:
        """Follow what a partner reports."""
        decision = lifecycle.apply(self._state, event)
        draft.outcomes.append(self._verdict(event, decision.superseded))
        self._go_on(decision, draft)
        note = f"superseded: {decision.superseded}" if decision.superseded else decision.done or event.partner
        self._note(f"{event.shipment} {event.kind} ({note})", event.occurred_at)

    def _obey(self, asked: CommandInput, draft: Draft) -> None:
        """Carry out what people or the ERP ask, or refuse it."""
        verb, command = Verb(asked.verb), asked.command
        version = self._state.version
        if refusal := self._inputs.used(asked) or commands.refusal(self._state, verb, command):
            draft.outcomes.append(asked.verdict(version, None, refusal))
            self._note(f"{verb} by {command.by or command.role}: {refusal}")
            return
        self._inputs.use(asked)
        decision = commands.decide(self._state, verb, command)
        self._go_on(decision, draft)
        answer = order_answers.command(self._state, self._answers.awaited, decision.done)
        draft.outcomes.append(asked.verdict(version, answer))
        if verb is Verb.ACT and command.request.case:
            what = f"{command.request.action}: {decision.done}"
            self._coordinator.acted(command.request.case, CaseEntry(at=command.accepted_at, what=what, by=command.by))
        self._note(f"{verb} by {command.by or command.role}: {decision.done}")

    def _pass_deadline(self, at: datetime, draft: Draft) -> None:
        passed = due_by(self._state, self._answers.awaited, at)
        for alarm in passed:
            self._note(f"deadline passed: no {alarm.awaited}")
        if passed:
            self._go_on(lifecycle.pass_deadlines(self._state.next_version(), passed, at), draft)

    # What is written, and set in motion

    async def _set_in_motion(self, decision: Decision) -> None:
        for start in decision.returns:
            self._coordinator.bring_back(start)
        if decision.replay:
            await steps.replay(self._run.start.key, decision.replay)

    async def _after_step(self) -> None:
        self._confirmable = (
            not self._state.issues.refused_effects
        )  # what is tried again is owed before anything is confirmed

    # What systems answer

    def _join(self, answer: SystemAnswer) -> None:
        """Join who carries the order, and what was refused for good."""
        effect, receipt, origin, late, said = answer
        if origin:
            self._state = lifecycle.refused(self._state, effect, origin, workflow.now(), said)
            self._display.failed(origin, f"{effect.system}.{effect.operation}")
            self._note(answer.refusal if said else f"{effect.system} refused {effect.operation}: {origin}")
            self._confirmable = False
        elif effect.operation is Operation.TENDER_TRANSPORT:
            self._state = tendering.taken(self._state, effect, receipt, workflow.now())
        # When people were alerted, their case is to hear that it came.
        alerted = late and f"{ACKNOWLEDGEMENT}/{effect.key}" in self._state.issues.passed_alarms
        self._unwritten = self._unwritten or alerted or bool(origin)

    async def _settle(self) -> None:
        """Write what was joined; let cases and the details page follow."""
        if self._unwritten:
            self._unwritten = False
            await self._write(self._draft())
        self._coordinator.follow(self._state, findings(self._state, self._answers.awaited))
        self._derive()
        self._show()

    # Its end

    async def _close(self) -> None:
        if self._state.ending.cancelled is None and not self._state.ending.closed:
            self._state = lifecycle.close(self._state).state
            self._note("closed")
        await self._write(self._draft(), ended=True)
        self._coordinator.follow(self._state, findings(self._state))
        await self._drain()
        self._show()
