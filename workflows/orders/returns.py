"""The life of a return, as a workflow: authorise, expect, receive, inspect, restock or scrap, credit.

It decides with `domain.returns.returning`, writes each step down, tells its order, and owes effects to other systems
through lanes. A return is short: it never continues as new.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from domain.orders import goods
from domain.returns import returning
from domain.returns.return_run import ReturnRun
from domain.returns.returning import ReturnDecision, ReturnFile
from schemas.cases.cases import CaseNews, Finding
from schemas.cases.exceptions import ExceptionKind
from schemas.messaging.effects import Effect
from schemas.orders.milestones import MilestoneEvent
from schemas.workflows.returns import ReturnOutcome, ReturnStart, ReturnState
from schemas.workflows.steps import InputOutcome
from workflows.orders import return_steps
from workflows.runtime.answers import EffectAnswers
from workflows.runtime.deadline_timer import DeadlineTimer, Due
from workflows.runtime.effect_lanes import EffectLanes
from workflows.runtime.inputs import Input, Inputs
from workflows.runtime.tasks import Recorder

FAILURE_ORIGIN = SearchAttributeKey.for_keyword("FailureOrigin")
LAST_FAILURE = SearchAttributeKey.for_keyword("LastFailure")
ROUTINE = 3
"""Priority of its effects on the systems' queues; nobody waits for them as for a delivery."""
SHOWN_ENTRIES = 24


@workflow.defn(name="Return")
class ReturnWorkflow:
    """Goods of one order that come back under one authorisation. Id: `return/<erp>/<number>/<rma>`."""

    @workflow.init
    def __init__(self, run: ReturnRun) -> None:
        self._run = run
        self._state = run.state or ReturnFile(start=run.start)
        self._inputs = Inputs(run.seen)
        self._order_knows = None if run.state else returning.outcome(self._state)
        self._booked = goods.of_return(self._state)
        self._refused = {finding.subject: finding for finding in run.refused}
        self._cases = {case.kind: case for case in run.cases}
        self._said: dict[ExceptionKind, tuple[Finding, ...]] = {}
        self._history = list(run.history)
        self._answers = EffectAnswers(ROUTINE, lambda: None)
        self._lanes = EffectLanes(self._answers.carry_out, lambda: True)
        self._watch = DeadlineTimer(self._due)
        self._recorder = Recorder(run.start.order, run.run, run.state.version if run.state else 0)

    @workflow.run
    async def run(self, run: ReturnRun) -> ReturnOutcome:
        """The story of a return."""
        self._lanes.put(run.owed)
        if run.state is None:
            await self._authorise(run.start)
        else:
            await self._tell_order()
        self._watching = asyncio.create_task(self._watch.run())
        while not self._over():
            await workflow.wait_condition(self._has_news)
            if self._lanes.mistake:
                raise self._lanes.mistake
            await self._take_in()
        return returning.outcome(self._state)

    # What others may say and ask

    @workflow.signal
    def milestones(self, events: list[MilestoneEvent]) -> None:
        """Receipts and inspections, in any order, any number of times."""
        self._inputs.add(*events)

    @workflow.query
    def status(self) -> ReturnOutcome:
        """Where the return is."""
        return returning.outcome(self._state)

    # The steps of the story

    async def _authorise(self, start: ReturnStart) -> None:
        answer = await return_steps.authorise(start)
        decision = returning.refused(start) if answer is ReturnState.REFUSED else returning.authorised(start)
        self._note(workflow.now(), f"{decision.state.status}: {decision.superseded or start.reason}")
        self._state = decision.state
        # A carrier's return to sender is nobody's request: there is no message to settle.
        verdict = InputOutcome(
            event_id=f"return {start.rma}",
            inbox_id=start.inbox_id,
            superseded=decision.superseded,
            version=self._state.version,
            answer=None if decision.superseded else returning.answer(self._state).model_dump(mode="json"),
        )
        await self._step(0, [decision], [verdict] if start.inbox_id else [])

    def _due(self) -> Due | None:
        state = self._state
        return None if state.settled else Due(state.due_at, "the goods" if state.missing else "the inspection")

    def _has_news(self) -> bool:
        told = self._inputs.waiting or self._answers.heard or self._watch.passed
        return bool(told or self._unsaid() or self._lanes.mistake) or self._over()

    def _over(self) -> bool:
        at_rest = self._lanes.idle and not self._unsaid()
        return self._state.settled and at_rest and not (self._inputs.waiting or self._answers.heard)

    async def _take_in(self) -> None:
        """Act on a deadline that has passed, decide on every input, then join what systems have answered."""
        if passed := self._watch.take():
            self._note(passed, "deadline passed")
            before, decision = self._state.version, returning.pass_deadline(self._next())
            self._state = decision.state
            await self._step(before, [decision], [])
        while bundle := self._inputs.bundle():
            await self._decide(bundle)
        self._join()
        await self._tell_cases()
        self._show()

    def _next(self) -> ReturnFile:
        return self._state.model_copy(update={"version": self._state.version + 1})

    async def _decide(self, bundle: Sequence[Input]) -> None:
        """Decide on reports one by one, as one step."""
        before, decisions, outcomes = self._state.version, list[ReturnDecision](), list[InputOutcome]()
        for event in bundle:
            if isinstance(event, MilestoneEvent):
                decision = returning.apply(self._next(), event)
                self._state, why = decision.state, decision.superseded
                decisions.append(decision)
                version = self._state.version
                outcomes.append(
                    InputOutcome(event_id=event.id, inbox_id=event.inbox_id, superseded=why, version=version)
                )
                note = f"superseded: {why}" if why else event.partner
                self._note(event.occurred_at, f"{event.kind} {event.disposition or ''} ({note})")
        await self._step(before, decisions, outcomes)

    async def _step(self, base: int, decisions: list[ReturnDecision], outcomes: list[InputOutcome]) -> None:
        """Write decisions down as one step, then let everybody know who has to."""
        booked, self._booked = self._booked, goods.of_return(self._state)
        moved = {"moves": goods.moves(booked, self._booked)}
        record = returning.record(self._state, decisions).model_copy(update=moved)
        step = self._recorder.step(
            record,
            version=self._state.version,
            base=base,
            outcomes=outcomes,
            run=lambda: self._next_run(record.effects),
            ended=self._state.settled,
        )
        await return_steps.write_return(step)
        self._lanes.put(record.effects)
        self._show()
        await self._tell_order()
        await self._tell_cases()

    def _next_run(self, owed: tuple[Effect, ...]) -> ReturnRun:
        """What a new run begins with; `owed` is about to be owed besides."""
        return self._run.model_copy(
            update={
                "state": self._state,
                "seen": self._inputs.seen,
                "owed": (*self._lanes.owed, *owed),
                "refused": tuple(self._refused.values()),
                "cases": tuple(self._cases.values()),
                "history": tuple(self._history[-SHOWN_ENTRIES:]),
            }
        )

    async def _tell_order(self) -> None:
        outcome = returning.outcome(self._state)
        if outcome != self._order_knows:
            self._order_knows = outcome
            said = outcome.model_copy(update={"said_at": workflow.now()})
            await return_steps.tell(f"order/{outcome.order}", "returned", said)

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

    def _join(self) -> None:
        """Join what systems have answered: what they refused for good."""
        for effect, _, origin, late in self._answers.take():
            if late:
                self._note(workflow.now(), f"{effect.system} did not take {effect.operation} at once")
            if origin:
                self._refuse(effect, origin)

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
