"""The life of one order, as a workflow: promise, instruct, follow the milestones, obey, tell the others, close.

It decides with `domain`, writes each step down, and owes effects to other systems through lanes, so that a system that
is down never holds up another. Every message carries its own id and is taken in once.
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from domain import commands, lifecycle, tendering
from domain.deadlines import ACKNOWLEDGEMENT, due_by, next_alarm
from domain.decision import Decision
from domain.findings import findings
from domain.record import conditions, record
from domain.state import OrderRun
from schemas.cases import CaseEntry
from schemas.commands import CommandAnswer, Verb
from schemas.effects import Effect, Operation
from schemas.lifecycle import OrderOutcome, StatusAnswer
from schemas.milestones import MilestoneEvent
from schemas.orders import Promise
from schemas.records import Outcome
from schemas.returns import ReturnOutcome
from workflows import steps
from workflows.desk import Asked, Desk
from workflows.display import Display
from workflows.errands import Errands
from workflows.lanes import Lanes
from workflows.requests import TakesRequests
from workflows.seen import MOST_AT_ONCE, short_id
from workflows.watch import Due, Watch

KEPT_NOTES = 24
"""Timeline entries that a run hands to the next; the whole timeline is in the store."""


@workflow.defn(name="Order")
class OrderWorkflow(TakesRequests):
    """One order of one ERP. Id: `order/<erp>/<number>`."""

    @workflow.init
    def __init__(self, run: OrderRun) -> None:
        opened = lifecycle.open_order(run.start)
        super().__init__(run.state or opened.state, Desk(run.answers))
        self._opening: Decision | None = None if run.state else opened
        self._seen: dict[str, None] = dict.fromkeys(run.seen)
        self._incoming: list[MilestoneEvent] = []
        self._came_back: list[ReturnOutcome] = []
        self._stale = 0
        self._history: list[str] = list(run.history)
        self._display = Display(run.failure_origin, run.failure)
        self._confirmable = not self._state.refused
        self._lanes = Lanes(self._carry_out, lambda: self._confirmable)
        self._errands = Errands(run.start, run.cases)
        self._watch = Watch(lambda: self._due)
        self._derive()

    @workflow.run
    async def run(self, run: OrderRun) -> OrderOutcome:
        """The story of an order."""
        self._watching = asyncio.create_task(self._watch.run())
        self._lanes.put(run.owed)
        self._show()
        if self._opening:
            await self._open(self._opening)
        while not self._over():
            await workflow.wait_condition(self._has_news)
            if mistake := self._lanes.mistake or self._errands.mistake:
                raise mistake
            await self._take_in()
            if workflow.info().is_continue_as_new_suggested():
                await self._continue_as_new(run)
        await self._close()
        return OrderOutcome(
            order=run.start.key,
            status=self._state.status,
            promised_on=self._state.promised_on,
            shipments=len(self._state.goods),
        )

    # What others may say and ask

    @workflow.update
    async def release(self, digest: str) -> Promise:
        """Answer the ERP with the promise, once it is written down. A repeat answers the same."""
        await workflow.wait_condition(lambda: self._opening is None)
        return self._state.start.promise

    @release.validator
    def _check_release(self, digest: str) -> None:
        if digest != self._state.start.digest:
            raise ApplicationError("this order was released before with other content", type="conflict")

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """Milestone events, in any order, any number of times."""
        self._incoming.extend(events)

    @workflow.signal
    def returned(self, outcome: ReturnOutcome) -> None:
        """How far a return of this order's goods has come."""
        self._came_back.append(outcome)

    @workflow.query
    def status(self) -> StatusAnswer:
        """Where the order is, what is awaited and by when, what is owed, and what is wrong."""
        state, due = self._state, self._due
        return StatusAnswer(
            order=state.start.key,
            status=state.status,
            conditions=conditions(state, self._waiting),
            promised_on=state.promised_on,
            missing=tuple(f"{shipment or 'order'} {kind}" for shipment, kind in state.missing()),
            owed=tuple(effect.key for effect in self._lanes.owed),
            awaited=due.awaited if due else "",
            due_at=due.at if due else None,
            cases=self._errands.open,
            failure=self._display.failure,
        )

    @workflow.query
    def timeline(self) -> list[str]:
        """What happened, oldest first."""
        return self._history

    # The steps of the story

    async def _open(self, opening: Decision) -> None:
        start = self._state.start
        outcome = Outcome(event_id="release", inbox_id=start.inbox_id)
        await steps.write_step(record(self._state, [opening], [outcome], first_promise=start.promise))
        self._note(f"promised {start.promise.promised_on}: {start.promise.reason}")
        self._opening = None
        self._lanes.put(opening.effects)
        self._show()

    def _has_news(self) -> bool:
        trouble = self._lanes.mistake or self._errands.mistake
        return bool(self._heard() or self._watch.passed or self._stale or trouble) or self._over()

    def _heard(self) -> bool:
        return bool(self._incoming or self._desk.waiting or self._came_back)

    def _over(self) -> bool:
        return self._finished and self._lanes.idle and self._errands.idle and not self._heard()

    async def _take_in(self) -> None:
        """Decide on everything that has arrived, write it down as one step, then tell the others."""
        decisions: list[Decision] = []
        outcomes: list[Outcome] = []
        stale, self._stale = self._stale, 0
        asked, before = self._desk.take(), self._state
        for one in asked:
            self._take_command(one, decisions, outcomes)
        self._take_returns(decisions)
        self._take_deadlines(decisions)
        self._take_events(decisions, outcomes)
        if decisions or outcomes or stale:
            await steps.write_step(record(self._state, decisions, outcomes, None, self._waiting, before))
        self._desk.answer(asked, self._answer)
        for decision in decisions:
            await self._set_in_motion(decision)
        self._confirmable = not self._state.refused  # what is tried again is owed before anything is confirmed
        self._errands.follow(self._state, findings(self._state, self._waiting))
        self._derive()
        self._show()

    async def _set_in_motion(self, decision: Decision) -> None:
        self._lanes.put(decision.effects)
        for start in decision.returns:
            self._errands.bring_back(start)
        if decision.replay:
            await steps.replay(self._state.start.key, decision.replay)

    def _take_command(self, asked: Asked[CommandAnswer], decisions: list[Decision], outcomes: list[Outcome]) -> None:
        verb, command = asked.verb, asked.command
        asked.refusal = commands.refusal(self._state, verb, command)
        outcomes.append(Outcome(event_id=asked.name, inbox_id=command.inbox_id, superseded=asked.refusal))
        if asked.refusal is None:
            decision = commands.decide(self._state, verb, command)
            asked.done = decision.done
            self._decided(decision, decisions)
            if verb is Verb.ACT and command.request.case:
                what = f"{command.request.action}: {asked.done}"
                self._errands.acted(command.request.case, CaseEntry(at=command.accepted_at, what=what, by=command.by))
        self._note(f"{verb} by {command.by or command.role}: {asked.refusal or asked.done}")

    def _take_returns(self, decisions: list[Decision]) -> None:
        outcomes, self._came_back = self._came_back, []
        for outcome in outcomes:
            decision = lifecycle.came_back(self._state, outcome, workflow.now())
            self._decided(decision, decisions)
            self._note(decision.done)

    def _take_deadlines(self, decisions: list[Decision]) -> None:
        if self._watch.passed:
            self._watch.passed = False
            passed = due_by(self._state, self._waiting, workflow.now())
            for alarm in passed:
                self._note(f"deadline passed: no {alarm.awaited}")
            if passed:
                self._decided(lifecycle.pass_deadlines(self._state, passed, workflow.now()), decisions)

    def _take_events(self, decisions: list[Decision], outcomes: list[Outcome]) -> None:
        events, self._incoming = self._incoming[:MOST_AT_ONCE], self._incoming[MOST_AT_ONCE:]
        for event in sorted(events, key=lambda e: (e.occurred_at, e.id)):
            mark = short_id(event.id)
            if mark in self._seen:
                continue
            self._seen[mark] = None
            decision = lifecycle.apply(self._state, event)
            self._decided(decision, decisions)
            outcomes.append(Outcome(event_id=event.id, inbox_id=event.inbox_id, superseded=decision.superseded))
            note = f"superseded: {decision.superseded}" if decision.superseded else decision.done or event.partner
            self._note(f"{event.occurred_at:%Y-%m-%d %H:%M} {event.shipment} {event.kind} ({note})")

    def _decided(self, decision: Decision, decisions: list[Decision]) -> None:
        self._state = decision.state
        decisions.append(decision)
        self._derive()

    def _derive(self) -> None:
        """Work out once per change what conditions ask at every activation."""
        alarm = next_alarm(self._state, self._waiting)
        self._due = Due(alarm.due, alarm.awaited) if alarm else None
        self._finished = lifecycle.finished(self._state)

    async def _carry_out(self, effect: Effect) -> None:
        try:
            receipt = await steps.carry_out(effect, self._state.start.priority, self._not_acknowledged)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            self._refused(effect, steps.origin(error))
            return
        finally:
            known = self._unacknowledged.pop(effect.key, None)
            # When people were alerted, their case is to hear that it came.
            self._stale += known is not None and f"{ACKNOWLEDGEMENT}/{effect.key}" in self._state.passed
        if effect.operation is Operation.TENDER_TRANSPORT:
            self._state = tendering.taken(self._state, effect, receipt, workflow.now())
        self._derive()

    def _refused(self, effect: Effect, origin: str) -> None:
        """A system said no, for good: people must look."""
        self._state = lifecycle.refused(self._state, effect, origin, workflow.now())
        self._confirmable = False
        self._display.failed(origin, f"{effect.system}.{effect.operation}")
        self._note(f"{effect.system} refused {effect.operation}: {origin}")
        self._stale += 1
        self._derive()

    def _not_acknowledged(self, effect: Effect) -> None:
        """The system did not take an effect at the first attempt: from now on its acknowledgement is awaited."""
        self._unacknowledged[effect.key] = effect
        self._derive()

    async def _close(self) -> None:
        if self._state.cancelled is None and not self._state.closed:
            self._state = lifecycle.close(self._state).state
            self._note("closed")
        await steps.write_step(record(self._state, [], []))
        self._errands.follow(self._state, findings(self._state))
        while self._heard() or not self._errands.idle:
            await self._take_in()
            await workflow.wait_condition(lambda: self._heard() or self._errands.idle)
        self._show()

    async def _continue_as_new(self, run: OrderRun) -> None:
        """Carry everything over: state, ids seen, effects owed. Handlers are drained first, or messages were lost."""
        await self._lanes.stop()
        while self._heard() or not workflow.all_handlers_finished() or not self._errands.idle:
            await workflow.wait_condition(
                lambda: self._heard() or (workflow.all_handlers_finished() and self._errands.idle)
            )
            await self._take_in()
        workflow.continue_as_new(
            OrderRun(
                start=run.start,
                state=self._state,
                seen=tuple(self._seen),
                owed=self._lanes.owed,
                history=tuple(self._history[-KEPT_NOTES:]),
                failure_origin=self._display.failure_origin,
                failure=self._display.failure,
                cases=self._errands.cases,
                answers=self._desk.answered,
            )
        )

    def _note(self, entry: str) -> None:
        self._history.append(entry)

    def _show(self) -> None:
        self._display.show(self._state, self._lanes.owed, self._history, self._due, self._errands.open, self._waiting)
