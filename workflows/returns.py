"""The life of a return, as a workflow: authorise, expect, receive, inspect, restock or scrap, credit.

It decides with `domain.returning`, writes each step down, tells its order, and owes effects to other systems through
lanes. A return is short: it never continues as new.
"""

import asyncio
from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from domain import returning, stock
from domain.returning import ReturnDecision, ReturnFile
from schemas.cases import CaseNews, CaseStart, Finding
from schemas.commands import ReturnAnswer
from schemas.effects import Effect
from schemas.exceptions import ExceptionKind
from schemas.milestones import MilestoneEvent
from schemas.records import Outcome
from schemas.returns import ReturnOutcome, ReturnStart, ReturnState
from workflows import return_steps, steps
from workflows.lanes import Lanes
from workflows.watch import Due, Watch

FAILURE_ORIGIN = SearchAttributeKey.for_keyword("FailureOrigin")
LAST_FAILURE = SearchAttributeKey.for_keyword("LastFailure")
ROUTINE = 3
"""Priority of its effects on the systems' queues; nobody waits for them as for a delivery."""
SHOWN_ENTRIES = 24


@workflow.defn(name="Return")
class ReturnWorkflow:
    """Goods of one order that come back under one authorisation. Id: `return/<erp>/<number>/<rma>`."""

    @workflow.init
    def __init__(self, start: ReturnStart) -> None:
        self._state = ReturnFile(start=start)
        self._decided = False
        self._incoming: list[MilestoneEvent] = []
        self._seen: set[str] = set()
        self._order_knows = returning.outcome(self._state)
        self._booked = stock.of_return(self._state)
        self._base = 0
        self._refused: dict[str, Finding] = {}
        self._cases: dict[ExceptionKind, CaseStart] = {}
        self._said: dict[ExceptionKind, tuple[Finding, ...]] = {}
        self._history: list[str] = []
        self._lanes = Lanes(self._carry_out, lambda: True)
        self._watch = Watch(self._due)

    @workflow.run
    async def run(self, start: ReturnStart) -> ReturnOutcome:
        """The story of a return."""
        await self._authorise(start)
        self._watching = asyncio.create_task(self._watch.run())
        while not self._over():
            await workflow.wait_condition(self._has_news)
            if self._lanes.mistake:
                raise self._lanes.mistake
            await self._take_in()
        return returning.outcome(self._state)

    # What others may say and ask

    @workflow.update
    async def authorise(self, rma: str) -> ReturnAnswer:
        """Answer who asked for the return, once the decision is written down. A repeat answers the same."""
        await workflow.wait_condition(lambda: self._decided)
        if self._state.refused:
            raise ApplicationError(returning.NOT_AUTHORISED, type="refused")
        packs = self._state.expected.total()
        return ReturnAnswer(order=self._state.start.order, rma=rma, state=self._state.status, packs=packs)

    @authorise.validator
    def _check_authorise(self, rma: str) -> None:
        if rma != self._state.start.rma:
            raise ApplicationError(f"this is return {self._state.start.rma}", type="refused")

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """Receipts and inspections, in any order, any number of times."""
        self._incoming.extend(events)

    @workflow.query
    def status(self) -> ReturnOutcome:
        """Where the return is."""
        return returning.outcome(self._state)

    # The steps of the story

    async def _authorise(self, start: ReturnStart) -> None:
        answer = await return_steps.authorise(start)
        decision = returning.refused(start) if answer is ReturnState.REFUSED else returning.authorised(start)
        # A carrier's return to sender is nobody's request: there is no message to settle.
        outcomes = [Outcome(event_id=f"return {start.rma}", inbox_id=start.inbox_id, superseded=decision.superseded)]
        self._note(workflow.now(), f"{decision.state.status}: {decision.superseded or start.reason}")
        await self._decide([decision], outcomes if start.inbox_id else [])
        self._decided = True

    def _due(self) -> Due | None:
        state = self._state
        return None if state.settled else Due(state.due_at, "the goods" if state.missing else "the inspection")

    def _has_news(self) -> bool:
        return bool(self._incoming or self._watch.passed or self._unsaid() or self._lanes.mistake) or self._over()

    def _over(self) -> bool:
        at_rest = self._lanes.idle and not self._incoming and not self._unsaid()
        return self._state.settled and at_rest and workflow.all_handlers_finished()

    async def _take_in(self) -> None:
        """Decide on everything that has arrived. Goods that arrive with the deadline are in time."""
        decisions: list[ReturnDecision] = []
        outcomes: list[Outcome] = []
        self._take_events(decisions, outcomes)
        if self._watch.passed:
            self._watch.passed = False
            self._note(workflow.now(), "deadline passed")
            decisions.append(returning.pass_deadline(self._state))
        await self._decide(decisions, outcomes)

    def _take_events(self, decisions: list[ReturnDecision], outcomes: list[Outcome]) -> None:
        events, self._incoming = self._incoming, []
        for event in sorted(events, key=lambda e: (e.occurred_at, e.id)):
            if event.id in self._seen:
                continue
            self._seen.add(event.id)
            decision = returning.apply(self._state, event)
            self._state = decision.state
            decisions.append(decision)
            outcomes.append(Outcome(event_id=event.id, inbox_id=event.inbox_id, superseded=decision.superseded))
            note = f"superseded: {decision.superseded}" if decision.superseded else event.partner
            self._note(event.occurred_at, f"{event.kind} {event.disposition or ''} ({note})")

    async def _decide(self, decisions: list[ReturnDecision], outcomes: list[Outcome]) -> None:
        """Write decisions down as one step, then let everybody know who has to."""
        if decisions:
            self._state = decisions[-1].state
            booked, self._booked = self._booked, stock.of_return(self._state)
            base, self._base = self._base, self._state.version
            record = returning.record(self._state, decisions, outcomes)
            known = {"base": base, "moves": stock.moves(booked, self._booked)}
            await return_steps.write_return(record.model_copy(update=known))
            for decision in decisions:
                self._lanes.put(decision.effects)
        self._show()
        await self._tell_order()
        await self._tell_cases()

    async def _tell_order(self) -> None:
        outcome = returning.outcome(self._state)
        if outcome != self._order_knows:
            self._order_knows = outcome
            await return_steps.tell(f"order/{outcome.order}", "returned", outcome)

    async def _tell_cases(self) -> None:
        for kind, findings in self._unsaid().items():
            self._said[kind] = findings
            if kind in self._cases:
                news = CaseNews(findings=findings, at=workflow.now(), note=f"return is {self._state.status}")
                await return_steps.tell(self._cases[kind].workflow_id, "news", news)
            else:
                self._cases[kind] = await return_steps.open_case(self._state.start, findings)
                self._note(workflow.now(), f"case {self._cases[kind].id} opened")
            self._show()

    def _unsaid(self) -> dict[ExceptionKind, tuple[Finding, ...]]:
        """What is wrong now, of each kind of which the case says something else."""
        wrong = {
            ExceptionKind.RETURN_OVERDUE: returning.overdue(self._state),
            ExceptionKind.REFUSED_EFFECT: tuple(self._refused.values()),
        }
        return {kind: findings for kind, findings in wrong.items() if findings != self._said.get(kind, ())}

    async def _carry_out(self, effect: Effect) -> None:
        try:
            await steps.carry_out(effect, ROUTINE, self._queued)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            self._refuse(effect, steps.origin(error))
        self._show()

    def _queued(self, effect: Effect) -> None:
        self._note(workflow.now(), f"{effect.system} did not take {effect.operation} at once")

    def _refuse(self, effect: Effect, origin: str) -> None:
        """A system said no, for good: people must look."""
        what = f"{effect.system} refused {effect.operation} {effect.change or ''}".rstrip()
        summary = f"return {effect.rma}: {what} ({origin})"
        self._refused[effect.key] = Finding(kind=ExceptionKind.REFUSED_EFFECT, subject=effect.key, summary=summary)
        self._note(workflow.now(), f"{what}: {origin}")
        failure = f"{effect.system}.{effect.operation}"
        workflow.upsert_search_attributes([FAILURE_ORIGIN.value_set(origin), LAST_FAILURE.value_set(failure)])

    def _note(self, at: datetime, entry: str) -> None:
        self._history.append(f"{at:%Y-%m-%d %H:%M} {entry}")

    def _show(self) -> None:
        cases = [self._cases[kind].id for kind in sorted(self._cases) if self._said[kind]]
        workflow.set_current_details(details(self._state, self._due(), self._lanes.owed, cases, self._history))


def details(state: ReturnFile, due: Due | None, owed: tuple[Effect, ...], cases: list[str], history: list[str]) -> str:
    """The return on half a page of markdown: where it is, what came back, what is owed, what happened."""
    outcome = returning.outcome(state)
    known = {"received": outcome.received, "restocked": outcome.restocked, "scrapped": outcome.scrapped}
    packs = " · ".join(f"{name} {sum(line.quantity for line in lines)}" for name, lines in known.items())
    lines = [
        f"**{outcome.state}** · {outcome.rma} of order {outcome.order} · to {state.start.site}",
        "",
        f"- packs: expected {state.expected.total()} · {packs}",
    ]
    if due:
        lines.append(f"- next: {due.awaited} by {due.at:%Y-%m-%d %H:%M} UTC")
    lines.extend(f"- open case: {case}" for case in cases)
    lines.extend(f"- owed to {x.system}: {x.operation} {x.change or ''}".rstrip() for x in owed)
    lines.extend(["", *(f"1. {entry}" for entry in history[-SHOWN_ENTRIES:])])
    return "\n".join(lines)
