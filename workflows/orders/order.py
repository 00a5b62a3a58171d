"""The life of one order, as a workflow: promise, instruct, follow the milestones, obey, tell the others, close.

It decides one input at a time, in the order of its history, and writes each step down before it is carried out. Effects
are owed to other systems through lanes, so that a system that is down never holds up another. What systems answer joins
the state after the inputs of a task, so that a repeated task decides the same.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow

from domain.orders import commands, lifecycle, tendering
from domain.orders.deadlines import ACKNOWLEDGEMENT, due_by, next_alarm
from domain.orders.decision import Decision
from domain.orders.findings import findings
from domain.orders.order_run import OrderRun
from domain.orders.state import OrderState
from domain.records.record import conditions, record
from schemas.cases.cases import CaseEntry
from schemas.messaging.effects import Effect, Operation
from schemas.orders.milestones import MilestoneEvent
from schemas.orders.release import Promise
from schemas.workflows.commands import CommandAnswer, Verb
from schemas.workflows.lifecycle import OrderOutcome, StatusAnswer
from schemas.workflows.returns import ReturnOutcome
from schemas.workflows.steps import InputOutcome
from workflows.cases.coordinator import CaseCoordinator
from workflows.orders.requests import OrderMessages
from workflows.orders.ui_details import TIMELINE_LINES, UiDetails
from workflows.runtime import steps
from workflows.runtime.answers import EffectAnswers
from workflows.runtime.background import Background
from workflows.runtime.deadline_timer import DeadlineTimer, Due
from workflows.runtime.effect_lanes import EffectLanes
from workflows.runtime.inputs import CommandInput, Input, Inputs
from workflows.runtime.tasks import Recorder


@workflow.defn(name="Order")
class OrderWorkflow(OrderMessages):
    """One order of one ERP. Id: `order/<erp>/<number>`."""

    @workflow.init
    def __init__(self, run: OrderRun) -> None:
        super().__init__(Inputs(run.seen))
        opened = lifecycle.open_order(run.start)
        self._run = run
        self._state = run.state or opened.state
        self._opening = None if run.state else opened
        self._answers = EffectAnswers(run.start.priority, self._derive)
        self._stale = False
        self._history: list[str] = list(run.history)
        self._display = UiDetails(run.failure_origin, run.failure)
        self._confirmable = not self._state.refused
        self._lanes = EffectLanes(self._answers.carry_out, lambda: self._confirmable and not self._answers.refused)
        self._background = Background()
        self._coordinator = CaseCoordinator(run.start, run.cases, self._background)
        self._watch = DeadlineTimer(lambda: self._due)
        self._recorder = Recorder(run.start.key, run.run, run.state.version if run.state else 0)
        self._derive()

    @workflow.run
    async def run(self, run: OrderRun) -> OrderOutcome:
        """The story of an order."""
        self._watching = asyncio.create_task(self._watch.run())
        self._lanes.put(run.owed)
        self._show()
        if self._opening:
            await self._open(self._opening)
        else:
            self._coordinator.begin_again(self._state, findings(self._state, run.owed), lifecycle.homeward(self._state))
        while not self._over():
            await workflow.wait_condition(self._has_news)
            if mistake := self._lanes.mistake or self._background.mistake:
                raise mistake
            await self._take_in()
            if workflow.info().is_continue_as_new_suggested():
                await self._continue_as_new()
        await self._close()
        return OrderOutcome(
            order=run.start.key,
            status=self._state.status,
            promised_on=self._state.promised_on,
            shipments=len(self._state.goods),
        )

    @workflow.query
    def status(self) -> StatusAnswer:
        """Where the order is, what is awaited and by when, what is owed, and what is wrong."""
        state, due = self._state, self._due
        return StatusAnswer(
            order=state.start.key,
            status=state.status,
            conditions=conditions(state, self._answers.awaited),
            promised_on=state.promised_on,
            missing=tuple(f"{shipment or 'order'} {kind}" for shipment, kind in state.missing()),
            owed=tuple(effect.key for effect in self._lanes.owed),
            awaited=due.awaited if due else "",
            due_at=due.at if due else None,
            cases=self._coordinator.open,
            failure=self._display.failure,
        )

    @workflow.query
    def timeline(self) -> list[str]:
        """What happened, oldest first."""
        return self._history

    # The steps of the story

    async def _open(self, opening: Decision) -> None:
        start = self._run.start
        self._note(f"promised {start.promise.promised_on}: {start.promise.reason}")
        outcome = InputOutcome(event_id="release", inbox_id=start.inbox_id, version=self._state.version)
        await self._write(None, [opening], [outcome], first_promise=start.promise)
        self._opening = None
        self._lanes.put(opening.effects)
        self._show()

    def _has_news(self) -> bool:
        told = self._inputs.waiting or self._answers.heard or self._watch.passed
        return bool(told or self._lanes.mistake or self._background.mistake) or self._over()

    def _over(self) -> bool:
        return self._finished and self._lanes.idle and self._background.idle and not self._inputs.waiting

    async def _take_in(self) -> None:
        """Act on a deadline that has passed, decide on every input, then join what systems have answered."""
        if passed := self._watch.take():
            await self._step(self._state, self._pass_deadlines(passed), [])
        while bundle := self._inputs.bundle():
            await self._decide(bundle)
        self._join()
        if self._stale:
            self._stale = False
            await self._write(self._state, [], [])
        self._coordinator.follow(self._state, findings(self._state, self._answers.awaited))
        self._derive()
        self._show()

    async def _decide(self, bundle: Sequence[Input]) -> None:
        """Decide on inputs one by one, as one step."""
        before, decisions, outcomes = self._state, list[Decision](), list[InputOutcome]()
        for it in bundle:
            self._state = self._state.next_version()
            if isinstance(it, CommandInput):
                self._obey(it, decisions, outcomes)
            elif isinstance(it, MilestoneEvent):
                self._follow(it, decisions, outcomes)
            elif isinstance(it, ReturnOutcome):
                decision = lifecycle.came_back(self._state, it, it.said_at or self._run.start.accepted_at)
                self._decided(decision, decisions)
                self._note(decision.done)
        await self._step(before, decisions, outcomes)

    def _obey(self, asked: CommandInput, decisions: list[Decision], outcomes: list[InputOutcome]) -> None:
        verb, command, state = Verb(asked.verb), asked.command, self._state
        refusal = self._inputs.used(asked) or commands.refusal(state, verb, command)
        if refusal is None:
            self._inputs.use(asked)
            decision = commands.decide(state, verb, command)
            self._decided(decision, decisions)
            outcomes.append(asked.verdict(state.version, self._answer(decision.done)))
            if verb is Verb.ACT and command.request.case:
                what = f"{command.request.action}: {decision.done}"
                self._coordinator.acted(
                    command.request.case, CaseEntry(at=command.accepted_at, what=what, by=command.by)
                )
        else:
            outcomes.append(asked.verdict(state.version, None, refusal))
        self._note(f"{verb} by {command.by or command.role}: {refusal or decisions[-1].done}")

    def _follow(self, event: MilestoneEvent, decisions: list[Decision], outcomes: list[InputOutcome]) -> None:
        version, decision = self._state.version, lifecycle.apply(self._state, event)
        self._decided(decision, decisions)
        why = decision.superseded
        outcomes.append(InputOutcome(event_id=event.id, inbox_id=event.inbox_id, superseded=why, version=version))
        note = f"superseded: {why}" if why else decision.done or event.partner
        self._note(f"{event.occurred_at:%Y-%m-%d %H:%M} {event.shipment} {event.kind} ({note})")

    def _pass_deadlines(self, at: datetime) -> list[Decision]:
        passed = due_by(self._state, self._answers.awaited, at)
        if not passed:
            return []
        for alarm in passed:
            self._note(f"deadline passed: no {alarm.awaited}")
        decisions = list[Decision]()
        self._decided(lifecycle.pass_deadlines(self._state.next_version(), passed, at), decisions)
        return decisions

    def _decided(self, decision: Decision, decisions: list[Decision]) -> None:
        self._state = decision.state
        decisions.append(decision)

    async def _step(self, before: OrderState, decisions: list[Decision], outcomes: list[InputOutcome]) -> None:
        """Write decisions down, then set in motion what follows from them."""
        if not (decisions or outcomes):
            return
        await self._write(before, decisions, outcomes)
        for decision in decisions:
            self._lanes.put(decision.effects)
            for start in decision.returns:
                self._coordinator.bring_back(start)
            if decision.replay:
                await steps.replay(self._run.start.key, decision.replay)
        self._confirmable = not self._state.refused  # what is tried again is owed before anything is confirmed
        self._derive()

    async def _write(
        self,
        before: OrderState | None,
        decisions: list[Decision],
        outcomes: list[InputOutcome],
        *,
        first_promise: Promise | None = None,
        ended: bool = False,
    ) -> None:
        state = self._state
        written = record(state, decisions, first_promise, self._answers.awaited, before)
        await steps.write_step(
            self._recorder.step(
                written,
                version=state.version,
                base=before.version if before else 0,
                outcomes=outcomes,
                run=None if ended else lambda: self._next_run(written.effects),
                ended=ended,
            )
        )

    def _answer(self, done: str) -> CommandAnswer:
        state = self._state
        return CommandAnswer(
            order=state.start.key,
            status=state.status,
            conditions=conditions(state, self._answers.awaited),
            promised_on=state.promised_on,
            done=done,
        )

    def _derive(self) -> None:
        """Work out once per step what conditions ask at every activation."""
        alarm = next_alarm(self._state, self._answers.awaited)
        self._due = Due(alarm.due, alarm.awaited) if alarm else None
        self._finished = lifecycle.finished(self._state)

    def _join(self) -> None:
        """Join what systems have answered: who carries the order, and what they refused for good."""
        for effect, receipt, origin, late in self._answers.take():
            if origin:
                self._state = lifecycle.refused(self._state, effect, origin, workflow.now())
                self._display.failed(origin, f"{effect.system}.{effect.operation}")
                self._note(f"{effect.system} refused {effect.operation}: {origin}")
                self._confirmable = False
            elif effect.operation is Operation.TENDER_TRANSPORT:
                self._state = tendering.taken(self._state, effect, receipt, workflow.now())
            # When people were alerted, their case is to hear that it came.
            alerted = late and f"{ACKNOWLEDGEMENT}/{effect.key}" in self._state.passed
            self._stale = self._stale or alerted or bool(origin)

    async def _close(self) -> None:
        if self._state.cancelled is None and not self._state.closed:
            self._state = lifecycle.close(self._state).state
            self._note("closed")
        await self._write(self._state, [], [], ended=True)
        self._coordinator.follow(self._state, findings(self._state))
        while self._inputs.waiting or not self._background.idle:
            await self._take_in()
            await workflow.wait_condition(lambda: self._inputs.waiting or self._background.idle)
        self._show()

    async def _continue_as_new(self) -> None:
        """Carry everything over. Inputs are decided first, or they were lost."""
        await self._lanes.stop()
        while self._inputs.waiting or self._answers.heard or not self._background.idle:
            await self._take_in()
            await workflow.wait_condition(lambda: self._inputs.waiting or self._background.idle)
        workflow.continue_as_new(self._next_run(()).model_copy(update={"run": self._run.run + 1}))

    def _next_run(self, owed: tuple[Effect, ...]) -> OrderRun:
        """What a new run begins with; `owed` is about to be owed besides."""
        return OrderRun(
            start=self._run.start,
            run=self._run.run,
            state=self._state,
            seen=self._inputs.seen,
            owed=(*self._lanes.owed, *owed),
            history=tuple(self._history[-TIMELINE_LINES:]),
            failure_origin=self._display.failure_origin,
            failure=self._display.failure,
            cases=self._coordinator.cases,
        )

    def _note(self, entry: str) -> None:
        self._history.append(entry)

    def _show(self) -> None:
        self._display.show(
            self._state, self._lanes.owed, self._history, self._due, self._coordinator.open, self._answers.awaited
        )
