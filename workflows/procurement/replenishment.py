"""A proposal of planning, as a workflow: check, convert, have the ERP order or refuse it, answer planning.

    proposed --> checked --> converted --> ERP orders it --> ordered --+--> planning is answered
                    |            |             |                       |
                    +------------+-------------+-------> refused ------+

Wherever it stands still or fails, the table, the details page and the search attributes say at which hop and whose
failure it is. A system that is away is waited for; a refusal ends the hop, and planning is told of it.
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from domain.procurement import replenishing
from domain.procurement.replenishing import Failure
from schemas.base import Origin
from schemas.messaging.effects import Effect, Operation
from schemas.procurement.replenishment import (
    AnswerReplenishment,
    Hop,
    HopEntry,
    PlaceReplenishment,
    ReplenishmentEffect,
    ReplenishmentPayload,
    ReplenishmentRecord,
    ReplenishmentRequest,
    ReplenishmentResult,
    ReplenishmentRun,
    ReplenishmentState,
)
from schemas.workflows.steps import InputOutcome
from workflows.procurement import procurement_steps
from workflows.procurement.replenishment_details import details
from workflows.runtime import steps
from workflows.runtime.failures import index_failure
from workflows.runtime.tasks import Recorder

PRIORITY = 3
HOP_OF = {Operation.PLACE_REPLENISHMENT: Hop.ERP, Operation.ANSWER_REPLENISHMENT: Hop.PLANNING}


@workflow.defn(name="Replenishment")
class ReplenishmentWorkflow:
    """One proposal. Id: `replenishment/<id>`."""

    @workflow.init
    def __init__(self, start: ReplenishmentRun) -> None:
        self._start = start
        self._hop = Hop.PROPOSAL
        self._failure: Failure | None = None
        self._waiting: Failure | None = None
        self._number = ""
        self._answered = False
        self._version = start.version
        self._recorder = Recorder(start.key, start.run, start.version)
        self._trail: list[HopEntry] = []

    @workflow.run
    async def run(self, start: ReplenishmentRun) -> ReplenishmentResult:
        """The story of a proposal."""
        request = replenishing.check(start.proposal) or replenishing.convert(start.proposal)
        if isinstance(request, Failure):
            self._fail(request)
        else:
            await self._order(request)
        await self._answer()
        return self._result()

    @workflow.query
    def status(self) -> ReplenishmentResult:
        """What planning is, or will be, told."""
        return self._result()

    # The steps of the story

    async def _order(self, request: ReplenishmentRequest) -> None:
        """Have the ERP validate and order it."""
        self._number = await self._carry_out(self._effect(PlaceReplenishment(message=request)))

    async def _answer(self) -> None:
        """Tell planning what came of it."""
        proposal = self._start.proposal
        answer = AnswerReplenishment(region=proposal.region, site=proposal.site, message=self._result())
        self._answered = bool(await self._carry_out(self._effect(answer)))
        await self._write((), ended=True)

    async def _carry_out(self, effect: ReplenishmentEffect) -> str:
        """Owe the effect, then carry it out; the other system's reference, or nothing when it refused."""
        self._hop = HOP_OF[effect.operation]
        await self._write((effect,))
        shown: list[asyncio.Task[None]] = []
        try:
            receipt = await steps.carry_out(
                effect, PRIORITY, lambda late: shown.append(asyncio.create_task(self._wait_for(late)))
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            self._fail(Failure(self._hop, Origin(steps.origin(error)), steps.reason(error)))
            return ""
        finally:
            await asyncio.gather(*shown)
            self._waiting = None
        self._trail.append(HopEntry(at=workflow.now(), hop=self._hop, reason=receipt.reference))
        return receipt.reference

    async def _wait_for(self, effect: Effect) -> None:
        """The system did not answer at once: show whose failure it is that the proposal stands still."""
        reason = f"{effect.system} has not answered {effect.operation} yet: it is asked until it does"
        self._waiting = Failure(self._hop, Origin(f"{effect.system}_api"), reason)
        self._index(self._waiting)
        self._trail.append(_entry(self._waiting, final=False))
        await self._write(())

    def _fail(self, failure: Failure) -> None:
        """The first failure is why there is no order; what planning does with the answer does not change that."""
        self._failure = self._failure or failure
        self._index(failure)
        self._trail.append(_entry(failure, final=True))

    def _index(self, failure: Failure) -> None:
        index_failure(failure.origin or Origin.PLATFORM, f"replenishment.{failure.hop}")

    def _effect(self, payload: ReplenishmentPayload) -> ReplenishmentEffect:
        proposal = self._start.proposal
        order = f"{proposal.erp}/replenishment:{proposal.id}"
        return ReplenishmentEffect(
            key=f"{order}/{payload.operation}",
            order=order,
            accepted_at=self._start.accepted_at,
            traceparent=self._start.traceparent,
            payload=payload,
        )

    @property
    def _state(self) -> ReplenishmentState:
        if self._number:
            return ReplenishmentState.ORDERED
        return ReplenishmentState.REFUSED if self._failure else ReplenishmentState.PROPOSED

    def _result(self) -> ReplenishmentResult:
        proposal, failure = self._start.proposal, self._failure
        result = ReplenishmentResult(id=proposal.id, state=self._state, kind=proposal.kind, number=self._number)
        return result.model_copy(update=failure._asdict()) if failure else result

    async def _write(self, effects: tuple[ReplenishmentEffect, ...], *, ended: bool = False) -> None:
        self._version += 1
        shown = self._waiting or self._failure or Failure(self._hop, None, "")
        record = ReplenishmentRecord(
            proposal=self._start.proposal,
            by=self._start.by,
            version=self._version,
            state=self._state,
            hop=shown.hop,
            origin=shown.origin,
            reason=shown.reason,
            number=self._number,
            answered=self._answered,
            trail=tuple(self._trail),
            effects=effects,
        )
        workflow.set_current_details(details(record))
        verdict = InputOutcome(event_id="proposal", inbox_id=self._start.inbox_id, version=self._version)
        step = self._recorder.step(
            record,
            version=self._version,
            base=self._version - 1,
            outcomes=[verdict],
            run=lambda: self._start.model_copy(update={"version": self._version}),
            ended=ended,
        )
        await procurement_steps.write_replenishment(step)


def _entry(failure: Failure, *, final: bool) -> HopEntry:
    return HopEntry(at=workflow.now(), final=final, **failure._asdict())
