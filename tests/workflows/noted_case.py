"""A stand-in for the case workflow that notes its start and ends: the server's clock does not jump for an order while a
child of it runs."""

from temporalio import workflow

from schemas.cases.cases import CaseOutcome, CaseRecord, CaseStart, CaseState
from workflows.cases import case_steps
from workflows.runtime.tasks import Recorder


@workflow.defn(name="ExceptionCase")
class NotedCase:
    """Notes that a case was opened."""

    @workflow.run
    async def run(self, start: CaseStart) -> CaseOutcome:
        """Write the opening down."""
        record = CaseRecord(
            id=start.id,
            order=start.order,
            kind=start.kind,
            version=1,
            state=CaseState.OPEN,
            tier=0,
            queue=start.policy.tiers[0].queue,
            summary=start.findings[0].summary,
            findings=start.findings,
            policy_version=start.policy.version,
            reopened=start.reopened,
            opened_at=start.opened_at,
        )
        await case_steps.write_case(Recorder(start.order, 1, 0).step(record, version=1, base=0))
        return CaseOutcome(id=start.id, state=CaseState.OPEN)
