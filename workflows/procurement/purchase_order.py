"""The life of a purchase order, as a workflow: confirmed, shipped, received, invoiced, each told to the ERP, and paid.

It decides one input at a time with `domain.procurement.purchase_order`, writes each step down, and owes effects
through lanes.
"""

import asyncio
from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from domain.orders import goods
from domain.procurement import documents as papers
from domain.procurement import inbound, inbound_effects, inbound_trouble, purchase_actions
from domain.procurement.purchase_order import PurchaseFile
from domain.procurement.purchase_run import InboundRun, RefusedPosting
from schemas.cases.cases import CaseEntry, Finding
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.messaging.effects import Effect
from schemas.orders.milestones import MilestoneEvent
from schemas.procurement.purchase_orders import PurchaseAnswer, PurchaseDocument, PurchaseEffect, PurchaseOutcome
from schemas.words import counted
from schemas.workflows.commands import ActionRequest, Command, Verb
from schemas.workflows.steps import InputOutcome
from workflows.cases.coordinator import CaseCoordinator
from workflows.procurement import procurement_steps
from workflows.procurement.purchase_details import SHOWN_ENTRIES, details
from workflows.runtime.answers import EffectAnswers
from workflows.runtime.deadline_timer import DeadlineTimer, Due
from workflows.runtime.effect_lanes import EffectLanes
from workflows.runtime.inputs import CommandInput, Input, Inputs
from workflows.runtime.tasks import Recorder

FAILURE_ORIGIN = SearchAttributeKey.for_keyword("FailureOrigin")
LAST_FAILURE = SearchAttributeKey.for_keyword("LastFailure")
ORDER_STATUS = SearchAttributeKey.for_keyword("OrderStatus")


@workflow.defn(name="Inbound")
class InboundWorkflow:
    """One purchase order. Id: `inbound/<erp>/<number>`."""

    @workflow.init
    def __init__(self, run: InboundRun) -> None:
        self._run = run
        self._state = run.state or PurchaseFile(start=run.start)
        self._inputs = Inputs(run.seen, only_commands=True)
        self._booked = inbound.holdings(self._state)
        self._refused = {it.effect.key: it for it in run.refused}
        self._refused_since = bool(run.refused)
        self._indexed = ""
        self._history = list(run.history)
        self._answers = EffectAnswers(self._state.start.priority, lambda: None)
        self._lanes = EffectLanes(self._answers.carry_out, lambda: True)
        self._coordinator = CaseCoordinator(run.start, run.cases)
        self._watch = DeadlineTimer(self._due)
        self._recorder = Recorder(run.start.key, run.run, self._state.version)

    @workflow.run
    async def run(self, run: InboundRun) -> PurchaseOutcome:
        """The story of a purchase order."""
        watching = asyncio.create_task(self._watch.run())
        self._lanes.put(run.owed)
        while not (self._over() and await self._last_word()):
            await workflow.wait_condition(self._has_news)
            if mistake := self._lanes.mistake or self._coordinator.mistake:
                raise mistake
            await self._take_in()
            if workflow.info().is_continue_as_new_suggested():
                await self._continue_as_new()
        watching.cancel()
        return self.status()

    # What others may say and ask

    @workflow.signal
    def documents(self, documents: list[PurchaseDocument]) -> None:
        """The purchase order, and documents on it, in any order, any number of times."""
        self._inputs.add(*documents)

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """What carriers report on shipments that bring it."""
        self._inputs.add(*events)

    @workflow.signal
    def act(self, command: Command[ActionRequest]) -> None:
        """Carry out an action that a case offers; answered from the store when it is confirmed."""
        self._inputs.add(CommandInput(Verb.ACT, command))

    @workflow.query
    def status(self) -> PurchaseOutcome:
        """Where the purchase order is, and what is awaited."""
        due, received = self._due(), sum(x.received for x in self._state.lines)
        return PurchaseOutcome(
            order=self._state.start.key,
            status=self._state.status,
            received=received,
            awaited=due.awaited if due else "",
            due_at=due.at if due else None,
        )

    # The steps of the story

    def _due(self) -> Due | None:
        deadline = inbound_trouble.next_deadline(self._state)
        return Due(deadline.at, deadline.awaited) if deadline else None

    def _has_news(self) -> bool:
        mistake = self._lanes.mistake or self._coordinator.mistake
        return bool(self._told() or self._answers.heard or self._watch.passed or mistake) or self._over()

    def _told(self) -> bool:
        """Inputs wait. Everything waits for the order itself, without which nothing can be written."""
        return self._inputs.waiting and (self._state.order is not None or self._inputs.has(_is_order))

    def _over(self) -> bool:
        quiet = not (self._inputs.waiting or self._answers.heard)
        return self._state.settled and self._lanes.idle and self._coordinator.idle and quiet

    async def _take_in(self) -> None:
        """Act on a deadline that has passed, decide on every input, then join what systems have answered."""
        if passed := self._watch.take():
            self._note("deadline passed")
            before = self._state
            owed = self._decided(inbound_trouble.pass_time(self._next(), passed))
            await self._step(before, [owed], [])
        while self._told():
            await self._decide(self._inputs.bundle(first=_is_order if self._state.order is None else None))
        self._join()
        self._follow()
        self._show()

    async def _decide(self, bundle: Sequence[Input]) -> None:
        """Decide on inputs one by one, as one step."""
        before, owed, outcomes = self._state, list[tuple[PurchaseEffect, ...]](), list[InputOutcome]()
        for it in bundle:
            if isinstance(it, CommandInput):
                owed.append(self._obey(it, outcomes))
            elif isinstance(it, PurchaseDocument):
                state, superseded = papers.take(self._next(), it)
                name, said = papers.said(it)
                self._note(f"{name} r{said.revision} ({superseded or it.partner})")
                owed.append(self._decided(state))
                outcomes.append(self._verdict(it.id, it.inbox_id, superseded))
            elif isinstance(it, MilestoneEvent):
                state, superseded = papers.take_milestone(self._next(), it)
                self._note(f"{it.shipment} {it.kind} ({superseded or it.partner})")
                owed.append(self._decided(state))
                outcomes.append(self._verdict(it.id, it.inbox_id, superseded))
        if bundle:
            await self._step(before, owed, outcomes)

    def _next(self) -> PurchaseFile:
        return self._state.model_copy(update={"version": self._state.version + 1})

    def _decided(self, state: PurchaseFile) -> tuple[PurchaseEffect, ...]:
        """Go on to a state; what others are owed because of it."""
        self._state, effects = inbound_effects.owed(self._state, state)
        return effects

    def _verdict(self, event: str, inbox_id: int, superseded: str | None) -> InputOutcome:
        return InputOutcome(event_id=event, inbox_id=inbox_id, superseded=superseded, version=self._state.version)

    def _refusal(self, wish: ActionRequest) -> str | None:
        return purchase_actions.refusal(self._state, wish, len(self._refused))

    def _obey(self, asked: CommandInput, outcomes: list[InputOutcome]) -> tuple[PurchaseEffect, ...]:
        """Carry out an action, or refuse it; what others are owed because of it."""
        command, wish, again = asked.command, asked.command.request, tuple[PurchaseEffect, ...]()
        refusal, done = self._inputs.used(asked) or self._refusal(wish), ""
        state = self._next()
        if refusal is None and wish.action is Action.RETRY:
            again = tuple(it.effect for it in self._refused.values())
            self._refused.clear()
            done = f"{counted(len(again), 'effect')} tried again"
        elif refusal is None:
            state, done = purchase_actions.decide(state, command)
        if refusal is None:
            self._inputs.use(asked)
        effects = (*again, *self._decided(state))
        answer = PurchaseAnswer(order=self._state.start.key, status=self._state.status, done=done)
        outcomes.append(asked.verdict(self._state.version, None if refusal else answer, refusal))
        if refusal is None and wish.case:
            entry = CaseEntry(at=command.accepted_at, what=f"{wish.action}: {done}", by=command.by)
            self._coordinator.acted(wish.case, entry)
        self._note(f"{wish.action} by {command.by}: {refusal or done}")
        return effects

    def _follow(self) -> None:
        self._coordinator.follow(self._state, self._findings())

    def _findings(self) -> tuple[Finding, ...]:
        refused = (it.finding for it in self._refused.values())
        return *inbound_trouble.findings(self._state), *refused

    async def _step(
        self, before: PurchaseFile, owed: Sequence[tuple[PurchaseEffect, ...]], outcomes: list[InputOutcome]
    ) -> None:
        """Write one step, then owe what it makes due."""
        effects = tuple(it for found in owed for it in found)
        self._refused_since = False
        held = inbound.holdings(self._state)
        moved, self._booked = goods.moves(self._booked, held), held
        record = inbound.record(self._state, effects).model_copy(update={"moves": moved})
        step = self._recorder.step(
            record,
            version=self._state.version,
            base=before.version,
            outcomes=outcomes,
            run=lambda: self._carried((*self._lanes.owed, *effects)),
            ended=self._state.settled,
        )
        await procurement_steps.write_purchase(step)
        self._lanes.put(effects)

    async def _last_word(self) -> bool:
        """Whether what a later run begins with is still so: an effect of the last step may have been refused since."""
        if self._refused_since:
            await self._step(self._state, [], [])
        return not (self._inputs.waiting or self._answers.heard)

    def _join(self) -> None:
        """Join what systems have answered: what they refused for good, people must look at."""
        for effect, _, origin, late in self._answers.take():
            if late:
                self._note(f"{effect.system} did not take {effect.operation} at once")
            if origin:
                self._refuse(effect, origin)

    def _refuse(self, effect: Effect, origin: str) -> None:
        """The ERP said no, for good."""
        summary = f"{effect.system} refused {effect.operation} ({origin})"
        finding = Finding(kind=ExceptionKind.REFUSED_EFFECT, subject=effect.key, summary=summary)
        self._refused[effect.key] = RefusedPosting(effect=effect, finding=finding)
        self._refused_since = True
        self._note(summary)
        failure = f"{effect.system}.{effect.operation}"
        workflow.upsert_search_attributes([FAILURE_ORIGIN.value_set(origin), LAST_FAILURE.value_set(failure)])

    async def _continue_as_new(self) -> None:
        """Carry everything over. Inputs are decided first, or they were lost."""
        await self._lanes.stop()
        while self._told() or self._answers.heard or not self._coordinator.idle:
            await self._take_in()
            await workflow.wait_condition(lambda: self._told() or self._coordinator.idle)
        workflow.continue_as_new(self._carried(self._lanes.owed).model_copy(update={"run": self._run.run + 1}))

    def _carried(self, owed: tuple[Effect, ...]) -> InboundRun:
        """What a later run begins with. Cases of which nothing is wrong any more are closed by then."""
        findings = self._findings()
        wrong, subjects = {it.kind for it in findings}, {it.subject for it in findings}
        carried = {
            "state": self._state,
            "owed": owed,
            "refused": tuple(self._refused.values()),
            "history": tuple(self._history[-SHOWN_ENTRIES:]),
            "cases": tuple(
                case.model_copy(
                    update={
                        "open": case.open and case.kind in wrong,
                        "settled": tuple(name for name in case.settled if name in subjects),
                    }
                )
                for case in self._coordinator.cases
            ),
            "seen": self._inputs.seen,
        }
        return self._run.model_copy(update=carried)

    def _note(self, entry: str) -> None:
        self._history.append(f"{workflow.now():%Y-%m-%d %H:%M} {entry}")

    def _show(self) -> None:
        if self._indexed != self._state.status:
            self._indexed = self._state.status
            workflow.upsert_search_attributes([ORDER_STATUS.value_set(self._state.status)])
        workflow.set_current_details(
            details(self._state, self._due(), self._lanes.owed, self._coordinator.open, self._history)
        )


def _is_order(given: Input) -> bool:
    return isinstance(given, PurchaseDocument) and given.order is not None
