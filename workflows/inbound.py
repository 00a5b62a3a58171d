"""The life of a purchase order, as a workflow: confirmed, shipped, received, invoiced, each told to the ERP, and paid.

It decides with `domain.procurement`, writes each step down, and owes effects to the ERP through a lane.
"""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import FailureError, is_cancelled_exception

from domain import inbound, inbound_effects, inbound_trouble, papers, purchase_actions, stock
from domain.procurement import PurchaseFile
from domain.purchase_run import InboundRun, Refused
from schemas.cases import CaseEntry, Finding
from schemas.commands import ActionRequest, Command, Verb
from schemas.effects import Effect
from schemas.exceptions import Action, ExceptionKind
from schemas.milestones import MilestoneEvent
from schemas.purchasing import PurchaseAnswer, PurchaseDocument, PurchaseOutcome
from schemas.records import Outcome
from workflows import procurement_steps, steps
from workflows.desk import Asked, Desk
from workflows.errands import Errands
from workflows.lanes import Lanes
from workflows.seen import MOST_AT_ONCE
from workflows.watch import Due, Watch

FAILURE_ORIGIN = SearchAttributeKey.for_keyword("FailureOrigin")
LAST_FAILURE = SearchAttributeKey.for_keyword("LastFailure")
ORDER_STATUS = SearchAttributeKey.for_keyword("OrderStatus")
SHOWN_ENTRIES = 24
CONTINUES = "purchase-continues"
"""Patch: purchase orders that began before went on in one history."""
LAST_WORD = "purchase-last-word"
"""Patch: what was refused after the last step was not handed over."""


@workflow.defn(name="Inbound")
class InboundWorkflow:
    """One purchase order. Id: `inbound/<erp>/<number>`."""

    @workflow.init
    def __init__(self, run: InboundRun) -> None:
        self._run = run
        self._state = run.state or PurchaseFile(start=run.start)
        self._documents: list[PurchaseDocument] = []
        self._milestones: list[MilestoneEvent] = []
        self._booked = inbound.holdings(self._state)
        self._refused = {it.effect.key: it for it in run.refused}
        self._desk = Desk[PurchaseAnswer](run.answers)
        self._refused_since = bool(run.refused)
        self._indexed = ""
        self._history = list(run.history)
        self._lanes = Lanes(self._carry_out, lambda: True)
        self._errands = Errands(run.start, run.cases)
        self._watch = Watch(self._due)

    @workflow.run
    async def run(self, run: InboundRun) -> PurchaseOutcome:
        """The story of a purchase order."""
        watching = asyncio.create_task(self._watch.run())
        self._lanes.put(run.owed)
        while not (self._over() and await self._last_word()):
            await workflow.wait_condition(self._has_news)
            if mistake := self._lanes.mistake or self._errands.mistake:
                raise mistake
            await self._take_in()
            if workflow.info().is_continue_as_new_suggested() and workflow.patched(CONTINUES):
                await self._continue_as_new()
        watching.cancel()
        return self.status()

    # What others may say and ask

    @workflow.signal
    def documents(self, documents: list[PurchaseDocument]) -> None:
        """The purchase order, and documents on it, in any order, any number of times."""
        self._documents.extend(documents)

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """What carriers report on shipments that bring it."""
        self._milestones.extend(events)

    @workflow.update
    async def act(self, command: Command[ActionRequest]) -> PurchaseAnswer:
        """Carry out an action that a case offers; answered when it is written down."""
        return await self._desk.ask(Verb.ACT, command, self._answer)

    @act.validator
    def _check_act(self, command: Command[ActionRequest]) -> None:
        self._desk.check(Verb.ACT, command, lambda: self._refusal(command.request))

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
        """Everything waits for the order itself, without which nothing can be written."""
        known = self._state.order or any(document.order for document in self._documents)
        heard = known and self._heard()
        mistake = self._lanes.mistake or self._errands.mistake
        return bool(heard or self._watch.passed or mistake) or self._over()

    def _heard(self) -> bool:
        return bool(self._documents or self._milestones or self._desk.waiting)

    def _over(self) -> bool:
        heard = self._heard() or not workflow.all_handlers_finished()
        return self._state.settled and self._lanes.idle and self._errands.idle and not heard

    async def _take_in(self) -> None:
        """Decide on everything that has arrived. What arrives with a deadline is in time."""
        before, outcomes = self._state, list[Outcome]()
        self._take_documents(outcomes)
        self._take_milestones(outcomes)
        asked = self._take_actions(outcomes)
        if self._watch.passed:
            self._watch.passed = False
            self._state = inbound_trouble.pass_time(self._state, workflow.now())
            self._note("deadline passed")
        if self._state != before or outcomes:
            await self._write_down(before, outcomes, {it.once: it.done for it in asked if it.refusal is None})
        self._desk.answer(asked, self._answer)
        self._follow()
        self._show()

    def _take_documents(self, outcomes: list[Outcome]) -> None:
        documents, self._documents = self._documents, []
        for document in documents:
            self._state, superseded = papers.take(self._state, document)
            outcomes.append(Outcome(event_id=document.id, inbox_id=document.inbox_id, superseded=superseded))
            name, said = papers.said(document)
            self._note(f"{name} r{said.revision} ({superseded or document.partner})")

    def _take_milestones(self, outcomes: list[Outcome]) -> None:
        events, self._milestones = self._milestones[:MOST_AT_ONCE], self._milestones[MOST_AT_ONCE:]
        for event in events:
            self._state, superseded = papers.take_milestone(self._state, event)
            outcomes.append(Outcome(event_id=event.id, inbox_id=event.inbox_id, superseded=superseded))
            self._note(f"{event.shipment} {event.kind} ({superseded or event.partner})")

    def _refusal(self, wish: ActionRequest) -> str | None:
        return purchase_actions.refusal(self._state, wish, len(self._refused))

    def _answer(self, done: str) -> PurchaseAnswer:
        return PurchaseAnswer(order=self._state.start.key, status=self._state.status, done=done)

    def _take_actions(self, outcomes: list[Outcome]) -> list[Asked[PurchaseAnswer]]:
        asked = self._desk.take()
        for one in asked:
            command, wish = one.command, one.command.request
            one.refusal = self._refusal(wish)
            outcomes.append(Outcome(event_id=one.name, inbox_id=command.inbox_id, superseded=one.refusal))
            if one.refusal is None and wish.action is Action.RETRY:
                again = tuple(it.effect for it in self._refused.values())
                self._refused.clear()
                self._lanes.put(again)
                one.done = f"{len(again)} effects are tried again"
            elif one.refusal is None:
                self._state, one.done = purchase_actions.decide(self._state, command)
            if one.refusal is None and wish.case:
                entry = CaseEntry(at=command.accepted_at, what=f"{wish.action}: {one.done}", by=command.by)
                self._errands.acted(wish.case, entry)
            self._note(f"{wish.action} by {command.by}: {one.refusal or one.done}")
        return asked

    def _follow(self) -> None:
        self._errands.follow(self._state, self._findings())

    def _findings(self) -> tuple[Finding, ...]:
        refused = (it.finding for it in self._refused.values())
        return *inbound_trouble.findings(self._state), *refused

    async def _write_down(self, before: PurchaseFile, outcomes: list[Outcome], answers: dict[str, str]) -> None:
        """Write one step, then owe what it makes due."""
        self._state, effects = inbound_effects.owed(before, self._state)
        self._refused_since = False
        held = inbound.holdings(self._state)
        moved, self._booked = stock.moves(self._booked, held), held
        record = inbound.record(self._state, outcomes, effects)
        known: dict[str, Any] = {"base": before.version, "moves": moved}
        if self._state.settled:
            run = self._carried((*self._lanes.owed, *effects), answers)
            known["handed_over"] = run.model_dump(mode="json")
        await procurement_steps.write_purchase(record.model_copy(update=known))
        self._lanes.put(effects)

    async def _last_word(self) -> bool:
        """Whether what is handed over is still so: an effect of the last step may have been refused since."""
        if not self._refused_since or not workflow.patched(LAST_WORD):
            return True
        await self._write_down(self._state, [], {})
        return False

    async def _carry_out(self, effect: Effect) -> None:
        try:
            await steps.carry_out(effect, self._state.start.priority, self._queued)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            self._refuse(effect, steps.origin(error))
        self._show()

    def _queued(self, effect: Effect) -> None:
        self._note(f"{effect.system} did not take {effect.operation} at once")

    def _refuse(self, effect: Effect, origin: str) -> None:
        """The ERP said no, for good: people must look."""
        summary = f"{effect.system} refused {effect.operation} ({origin})"
        finding = Finding(kind=ExceptionKind.REFUSED_EFFECT, subject=effect.key, summary=summary)
        self._refused[effect.key] = Refused(effect=effect, finding=finding)
        self._refused_since = True
        self._note(summary)
        failure = f"{effect.system}.{effect.operation}"
        workflow.upsert_search_attributes([FAILURE_ORIGIN.value_set(origin), LAST_FAILURE.value_set(failure)])
        self._follow()

    async def _continue_as_new(self) -> None:
        """Carry everything over. Handlers are drained first, or messages were lost."""
        await self._lanes.stop()
        while self._heard() or not workflow.all_handlers_finished() or not self._errands.idle:
            await workflow.wait_condition(
                lambda: self._heard() or (workflow.all_handlers_finished() and self._errands.idle)
            )
            await self._take_in()
        workflow.continue_as_new(self._carried(self._lanes.owed))

    def _carried(self, owed: tuple[Effect, ...], answers: dict[str, str] | None = None) -> InboundRun:
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
                for case in self._errands.cases
            ),
            "answers": self._desk.answered | (answers or {}),
        }
        return self._run.model_copy(update=carried)

    def _note(self, entry: str) -> None:
        self._history.append(f"{workflow.now():%Y-%m-%d %H:%M} {entry}")

    def _show(self) -> None:
        if self._indexed != self._state.status:
            self._indexed = self._state.status
            workflow.upsert_search_attributes([ORDER_STATUS.value_set(self._state.status)])
        workflow.set_current_details(
            details(self._state, self._due(), self._lanes.owed, self._errands.open, self._history)
        )


def details(
    state: PurchaseFile, due: Due | None, owed: tuple[Effect, ...], cases: tuple[str, ...], history: list[str]
) -> str:
    """The purchase order on half a page of markdown."""
    lines = [
        f"**{state.status}** · purchase order {state.start.number} · {state.start.supplier} to {state.start.site}",
        "",
        *(
            f"- line {x.line.line}: {x.line.packs} ordered · {'-' if x.confirmed is None else x.confirmed} confirmed · "
            f"{x.advised} advised · {x.received} received · {x.damaged} damaged"
            for x in state.lines
        ),
        *(f"- invoice {name}: {it.decision} {'; '.join(it.reasons)}".rstrip() for name, it in state.judged.items()),
    ]
    if due:
        lines.append(f"- next: {due.awaited} by {due.at:%Y-%m-%d %H:%M} UTC")
    lines.extend(f"- open case: {case}" for case in cases)
    lines.extend(f"- owed to {x.system}: {x.operation}" for x in owed)
    lines.extend(["", *(f"1. {entry}" for entry in history[-SHOWN_ENTRIES:])])
    return "\n".join(lines)
