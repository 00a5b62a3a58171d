"""A proposal of planning, as a workflow: check, convert, have the ERP order or refuse it, answer planning.

Wherever it stands still or fails, the table, the details page and the search attributes say at which hop and whose
failure it is. A system that is away is waited for; a refusal ends the hop, and planning is told of it.
"""

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import FailureError, is_cancelled_exception

from domain import replenishing
from domain.replenishing import Failure
from schemas.base import Origin
from schemas.effects import Effect, Operation
from schemas.replenishment import (
    Hop,
    HopEntry,
    ReplenishmentEffect,
    ReplenishmentRecord,
    ReplenishmentRequest,
    ReplenishmentResult,
    ReplenishmentStart,
    ReplenishmentState,
)
from workflows import procurement_steps, steps

FAILURE_ORIGIN = SearchAttributeKey.for_keyword("FailureOrigin")
LAST_FAILURE = SearchAttributeKey.for_keyword("LastFailure")
PRIORITY = 3
HOP_OF = {Operation.PLACE_REPLENISHMENT: Hop.ERP, Operation.ANSWER_REPLENISHMENT: Hop.PLANNING}


@workflow.defn(name="Replenishment")
class ReplenishmentWorkflow:
    """One proposal. Id: `replenishment/<id>`."""

    @workflow.init
    def __init__(self, start: ReplenishmentStart) -> None:
        self._start = start
        self._state = ReplenishmentState.PROPOSED
        self._hop = Hop.PROPOSAL
        self._failure: Failure | None = None
        self._number = ""
        self._answered = False
        self._version = 0
        self._trail: list[HopEntry] = []
        self._waiting: Failure | None = None

    @workflow.run
    async def run(self, start: ReplenishmentStart) -> ReplenishmentResult:
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
        """Where the proposal is."""
        return self._result()

    # The steps of the story

    async def _order(self, request: ReplenishmentRequest) -> None:
        """Have the ERP validate and order it."""
        effect = self._effect(Operation.PLACE_REPLENISHMENT, self._start.proposal.erp, request=request)
        try:
            self._number = await self._carry_out(effect)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            self._fail(Failure(Hop.ERP, Origin(steps.origin(error)), steps.reason(error)))
        else:
            self._state = ReplenishmentState.ORDERED

    async def _answer(self) -> None:
        """Tell planning. Should planning refuse to hear it, that is the last that is known of it."""
        effect = self._effect(Operation.ANSWER_REPLENISHMENT, self._start.proposal.region, result=self._result())
        try:
            await self._carry_out(effect)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            self._stand(Failure(Hop.PLANNING, Origin(steps.origin(error)), steps.reason(error)), final=True)
        else:
            self._answered = True
        await self._write(())

    async def _carry_out(self, effect: ReplenishmentEffect) -> str:
        """Owe the effect, then carry it out; returns the other system's reference."""
        self._hop = HOP_OF[effect.operation]
        await self._write((effect,))
        queued = workflow.create_task if False else None
        receipt = await steps.carry_out(effect, PRIORITY, self._queued)
        return receipt.reference
