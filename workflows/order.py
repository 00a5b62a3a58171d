"""The life of one order, as a workflow: promise, instruct, follow the milestones, tell the others, close.

It decides with `domain.lifecycle`, writes each step down, and owes effects to other systems through lanes, so that a
system that is down never holds up another. Every message carries its own id and is taken in once.
"""

import asyncio
from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from domain import lifecycle
from domain.lifecycle import Decision
from domain.record import record
from domain.state import OrderRun, OrderState
from schemas.effects import Effect
from schemas.lifecycle import CancelOrder, OrderOutcome, StatusAnswer
from schemas.milestones import MilestoneEvent
from schemas.orders import CancelAnswer, Promise
from schemas.records import Outcome
from workflows import steps
from workflows.display import Display
from workflows.lanes import Lanes

KEPT_NOTES = 24
"""Timeline entries that a run hands to the next; the whole timeline is in the store."""


@workflow.defn(name="Order")
class OrderWorkflow:
    """One order of one ERP. Id: `order/<erp>/<number>`."""

    @workflow.init
    def __init__(self, run: OrderRun) -> None:
        opened = lifecycle.open_order(run.start)
        self._opening: Decision | None = None if run.state else opened
        self._state: OrderState = run.state or opened.state
        self._seen: dict[str, None] = dict.fromkeys(run.seen)
        self._incoming: list[MilestoneEvent] = []
        self._cancellation: CancelOrder | None = None
        self._deadline_passed = False
        self._history: list[str] = list(run.history)
        self._display = Display(run.failure_origin)
        self._lanes = Lanes(self._carry_out)
        self._derive()

    @workflow.run
    async def run(self, run: OrderRun) -> OrderOutcome:
        """The story of an order."""
        self._watch = asyncio.create_task(self._watch_deadline())
        self._lanes.put(run.owed)
        self._show()
        if self._opening:
            await self._open(self._opening)
        while not self._over():
            await workflow.wait_condition(self._has_news)
            if self._lanes.mistake:
                raise self._lanes.mistake
            await self._take_in()
            if workflow.info().is_continue_as_new_suggested():
                await self._continue_as_new(run)
        await self._close()
        return OrderOutcome(
            order=run.start.key,
            status=self._state.status,
            promised_on=self._state.promised_on,
            shipments=len(self._state.shipments),
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

    @workflow.update
    async def cancel(self, order: CancelOrder) -> CancelAnswer:
        """Cancel while no goods have left; compensation goes on in the lanes after the answer."""
        await workflow.wait_condition(lambda: self._cancellation is None)
        self._check_cancel(order)
        self._cancellation = order
        await workflow.wait_condition(lambda: self._cancellation is not order)
        if self._state.cancelled is None:
            raise ApplicationError(
                "a shipment left at the same moment: goods that left can only be returned", type="refused"
            )
        return CancelAnswer(order=self._state.start.key, status=self._state.status, reason=order.request.reason)

    @cancel.validator
    def _check_cancel(self, order: CancelOrder) -> None:
        refusal = lifecycle.cancel_refusal(self._state)
        if refusal:
            raise ApplicationError(refusal, type="refused")

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """Milestone events, in any order, any number of times."""
        self._incoming.extend(events)

    @workflow.query
    def status(self) -> StatusAnswer:
        """Where the order is, what is awaited and what is owed."""
        state = self._state
        return StatusAnswer(
            order=state.start.key,
            status=state.status,
            conditions=state.conditions,
            promised_on=state.promised_on,
            missing=tuple(f"{shipment or 'order'} {kind}" for shipment, kind in state.missing()),
            owed=tuple(effect.key for effect in self._lanes.owed),
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
        return bool(self._heard() or self._deadline_passed or self._lanes.mistake) or self._over()

    def _heard(self) -> bool:
        return bool(self._incoming or self._cancellation)

    def _over(self) -> bool:
        return self._finished and self._lanes.idle and not self._incoming

    async def _take_in(self) -> None:
        """Decide on everything that has arrived, write it down as one step, then tell the others."""
        decisions: list[Decision] = []
        outcomes: list[Outcome] = []
        cancellation = self._cancellation
        self._take_cancellation(decisions, outcomes)
        self._take_deadline(decisions)
        self._take_events(decisions, outcomes)
        if decisions or outcomes:
            await steps.write_step(record(self._state, decisions, outcomes))
        if cancellation is self._cancellation:
            self._cancellation = None
        for decision in decisions:
            self._lanes.put(decision.effects)
        self._show()

    def _take_cancellation(self, decisions: list[Decision], outcomes: list[Outcome]) -> None:
        order = self._cancellation
        if order is None:
            return
        refusal = lifecycle.cancel_refusal(self._state)
        outcomes.append(Outcome(event_id=f"cancel {order.request.id}", inbox_id=order.inbox_id, superseded=refusal))
        if refusal is None:
            self._decided(lifecycle.cancel(self._state, order.request, order.accepted_at, order.traceparent), decisions)
            self._note(f"cancelled: {order.request.reason}")

    def _take_deadline(self, decisions: list[Decision]) -> None:
        if self._deadline_passed:
            self._deadline_passed = False
            if self._deadline:
                self._note(f"deadline passed: no {self._deadline[1]}")
                self._decided(lifecycle.pass_deadline(self._state), decisions)

    def _take_events(self, decisions: list[Decision], outcomes: list[Outcome]) -> None:
        events, self._incoming = self._incoming, []
        for event in sorted(events, key=lambda e: (e.occurred_at, e.id)):
            if event.id in self._seen:
                continue
            self._seen[event.id] = None
            decision = lifecycle.apply(self._state, event)
            self._decided(decision, decisions)
            outcomes.append(Outcome(event_id=event.id, inbox_id=event.inbox_id, superseded=decision.superseded))
            note = f"superseded: {decision.superseded}" if decision.superseded else event.partner
            self._note(f"{event.occurred_at:%Y-%m-%d %H:%M} {event.shipment} {event.kind} ({note})")

    def _decided(self, decision: Decision, decisions: list[Decision]) -> None:
        self._state = decision.state
        decisions.append(decision)
        self._derive()

    def _derive(self) -> None:
        """Work out once per change what conditions ask at every activation."""
        self._deadline = self._state.deadline()
        self._finished = self._state.complete or self._state.closed or self._state.cancelled is not None

    async def _carry_out(self, effect: Effect) -> None:
        try:
            receipt = await steps.carry_out(effect, self._state.start.priority)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            self._display.failure_origin = steps.origin(error)
            self._note(f"{effect.system} refused {effect.operation}: {steps.origin(error)}")
            self._show()
            return
        if receipt.carrier:
            self._state = self._state.model_copy(update={"carrier": receipt.carrier})

    async def _close(self) -> None:
        if self._state.cancelled is None and not self._state.closed:
            self._state = lifecycle.close(self._state).state
            self._note("closed")
        await steps.write_step(record(self._state, [], []))
        while self._incoming:
            await self._take_in()
        self._show()

    async def _continue_as_new(self, run: OrderRun) -> None:
        """Carry everything over: state, ids seen, effects owed. Handlers are drained first, or messages were lost."""
        await self._lanes.stop()
        while self._heard() or not workflow.all_handlers_finished():
            await workflow.wait_condition(lambda: self._heard() or workflow.all_handlers_finished())
            await self._take_in()
        workflow.continue_as_new(
            OrderRun(
                start=run.start,
                state=self._state,
                seen=tuple(self._seen),
                owed=self._lanes.owed,
                history=tuple(self._history[-KEPT_NOTES:]),
                failure_origin=self._display.failure_origin,
            )
        )

    async def _watch_deadline(self) -> None:
        """One lazy timer: it is let fire, then looks whether the deadline moved. Only an earlier one re-arms it."""
        while True:
            await workflow.wait_condition(lambda: self._deadline is not None and not self._deadline_passed)
            await self._await_deadline()
            self._deadline_passed = self._deadline is not None and self._deadline[0] <= workflow.now()

    async def _await_deadline(self) -> None:
        if self._deadline is None:
            return
        due, awaited = self._deadline
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._deadline is not None and self._deadline[0] < due,
                timeout=max(0.0, (due - workflow.now()).total_seconds()),
                timeout_summary=f"waiting for {awaited}",
            )

    def _note(self, entry: str) -> None:
        self._history.append(entry)

    def _show(self) -> None:
        self._display.show(self._state, self._lanes.owed, self._history)
