"""The life of a purchase order, as a workflow: confirmed, shipped, received, invoiced, each told to the ERP, and paid.

    ordered --> confirmed --> shipped --> received --> invoiced --> settled
       |            |             |           |            |
       +------------+-------------+-----------+------------+----> each is posted to the ERP
       +--- late, short, damaged, mismatched: a case, until it is cured or people act

Documents come in any order; only the purchase order itself comes before everything. What is said of it is in
`domain.procurement`; how inputs, steps and effects are kept is in `workflows.runtime.entity`.
"""

from datetime import datetime
from typing import Any

from temporalio import workflow

from domain.orders import goods
from domain.procurement import documents, inbound, inbound_effects, inbound_trouble, purchase_actions
from domain.procurement.purchase_order import PurchaseFile
from domain.procurement.purchase_run import InboundRun
from schemas.cases.cases import CaseEntry, Finding
from schemas.cases.exceptions import Action
from schemas.orders.milestones import MilestoneEvent
from schemas.plurals import counted
from schemas.procurement.purchase_effects import PurchaseEffect
from schemas.procurement.purchase_orders import PurchaseAnswer, PurchaseDocument, PurchaseOutcome
from schemas.workflows.records import StepRecord, StepWritten
from schemas.workflows.steps import WorkflowStep
from workflows.cases.coordinator import CaseCoordinator
from workflows.procurement import procurement_steps
from workflows.procurement.purchase_details import PurchaseDetails, outcome
from workflows.procurement.purchase_messages import PurchaseMessages, is_order
from workflows.procurement.refused_postings import RefusedPostings
from workflows.runtime.answers import SystemAnswer
from workflows.runtime.deadline_timer import Due
from workflows.runtime.entity import EntityWorkflow, StepDraft
from workflows.runtime.inputs import CommandInput, Input, Inputs
from workflows.runtime.tasks import Recorder

Owed = tuple[PurchaseEffect, ...]
Draft = StepDraft[PurchaseFile, Owed]


@workflow.defn(name="Inbound")
class InboundWorkflow(PurchaseMessages, EntityWorkflow[PurchaseFile, Owed, StepRecord, InboundRun]):
    """One purchase order. Id: `inbound/<erp>/<number>`."""

    @workflow.init
    def __init__(self, run: InboundRun) -> None:
        state = run.state or PurchaseFile(start=run.start)
        inputs = Inputs(run.seen, only_commands=True, opener=is_order if state.order is None else None)
        recorder = Recorder(run.start.key, run.run, state.version)
        super().__init__(run, state, inputs, recorder, priority=state.start.priority, history=run.history)
        self._refused = RefusedPostings(run.refused)
        self._coordinator = CaseCoordinator(run.start, run.cases, self._background)
        self._display = PurchaseDetails()

    @workflow.run
    async def run(self, run: InboundRun) -> PurchaseOutcome:
        """The story of a purchase order."""
        self._timer.start()
        self._lanes.put(run.owed)
        await self._live()
        while not await self._last_word():
            await self._live()
        self._timer.stop()
        return self.status()

    @workflow.query
    def status(self) -> PurchaseOutcome:
        """Where the purchase order is, and what is awaited."""
        return outcome(self._state, self._due())

    # What is decided

    def _due(self) -> Due | None:
        deadline = inbound_trouble.next_deadline(self._state)
        return Due(deadline.at, deadline.awaited) if deadline else None

    def _pass_deadline(self, at: datetime, draft: Draft) -> None:
        self._note("deadline passed", workflow.now())
        draft.decisions.append(self._go_on(inbound_trouble.pass_time(self._next(), at)))

    def _decide(self, given: Input, draft: Draft) -> None:
        if isinstance(given, CommandInput):
            self._obey(given, draft)
        elif isinstance(given, PurchaseDocument):
            name, said = documents.said(given)
            self._take(given, f"{name} r{said.revision}", documents.take(self._next(), given), draft)
        elif isinstance(given, MilestoneEvent):
            what = f"{given.shipment} {given.kind}"
            self._take(given, what, documents.take_milestone(self._next(), given), draft)

    def _take(
        self,
        given: PurchaseDocument | MilestoneEvent,
        what: str,
        taken: tuple[PurchaseFile, str | None],
        draft: Draft,
    ) -> None:
        """Go on with a document or report, or say why it changed nothing."""
        state, superseded = taken
        self._note(f"{what} ({superseded or given.partner})", workflow.now())
        draft.decisions.append(self._go_on(state))
        draft.outcomes.append(self._verdict(given, superseded))

    def _obey(self, asked: CommandInput, draft: Draft) -> None:
        """Carry out an action of people, or refuse it."""
        command, wish = asked.command, asked.command.request
        again: Owed = ()
        refusal = self._inputs.used(asked) or purchase_actions.refusal(self._state, wish, len(self._refused))
        state, done = self._next(), ""
        if refusal is None and wish.action is Action.RETRY:
            again = self._refused.again()
            done = f"{counted(len(again), 'effect')} tried again"
        elif refusal is None:
            state, done = purchase_actions.decide(state, command)
        if refusal is None:
            self._inputs.use(asked)
        draft.decisions.append((*again, *self._go_on(state)))
        answer = PurchaseAnswer(order=state.start.key, status=self._state.status, done=done)
        draft.outcomes.append(asked.verdict(self._state.version, None if refusal else answer, refusal))
        if refusal is None and wish.case:
            entry = CaseEntry(at=command.accepted_at, what=f"{wish.action}: {done}", by=command.by)
            self._coordinator.acted(wish.case, entry)
        self._note(f"{wish.action} by {command.by}: {refusal or done}", workflow.now())

    def _next(self) -> PurchaseFile:
        return self._state.model_copy(update={"version": self._state.version + 1})

    def _go_on(self, state: PurchaseFile) -> Owed:
        """Go on to a state; what others are owed because of it."""
        self._state, effects = inbound_effects.owed(self._state, state)
        return effects

    # What is written, and owed

    def _effects(self, decision: Owed) -> Owed:
        return decision

    def _record(self, draft: Draft) -> StepRecord:
        self._refused.new = False
        held = inbound.holdings(draft.before or self._state)
        moved = goods.moves(held, inbound.holdings(self._state))
        owed = tuple(effect for effects in draft.decisions for effect in effects)
        return inbound.purchase_record(self._state, owed, moved)

    def _carried(self) -> dict[str, Any]:
        return {"refused": self._refused.all(), "cases": self._coordinator.carried(self._findings())}

    async def _keep(self, step: WorkflowStep[StepRecord]) -> StepWritten:
        return await procurement_steps.write_purchase(step)

    # What systems answer, and who is told

    def _join(self, answer: SystemAnswer) -> None:
        """People must look at an effect that the ERP refused for good."""
        if answer.late:
            self._note(f"{answer.effect.system} did not take {answer.effect.operation} at once", workflow.now())
        if answer.origin:
            self._note(self._refused.add(answer), workflow.now())

    async def _settle(self) -> None:
        self._coordinator.follow(self._state, self._findings())
        self._display.show(self._state, self._due(), self._lanes.owed, self._coordinator.open, self._history)

    def _findings(self) -> tuple[Finding, ...]:
        return *inbound_trouble.findings(self._state), *self._refused.findings()

    # Its end

    def _ends(self) -> bool:
        return self._state.settled

    def _finished(self) -> bool:
        return self._state.settled

    async def _last_word(self) -> bool:
        """Whether what a later run begins with is still so: an effect of the last step may have been refused since."""
        if self._refused.new:
            await self._write(self._draft(), ended=self._ends())
        return not (self._inputs.waiting or self._answers.heard)
