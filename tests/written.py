"""Steps as workflows write them, around the record that a test is about."""

from collections.abc import Sequence
from typing import Any

from schemas import workflow_ids as ids
from schemas.cases.cases import CaseRecord
from schemas.inventory.stock import Moves
from schemas.procurement.purchase_orders import PurchaseRecord
from schemas.procurement.replenishment import ReplenishmentRecord
from schemas.workflows.records import StepRecord
from schemas.workflows.returns import ReturnRecord
from schemas.workflows.steps import InputOutcome, Record, Snapshot, Task, WorkflowStep
from store.inventory.ledger import Booking
from workflows.cases.exception_case import RUNS_OF_AN_OPENING, VERSIONS_OF_AN_OPENING


def workflow_of(record: object) -> str:
    """The workflow that writes a record."""
    match record:
        case StepRecord():
            return f"order/{record.order}"
        case CaseRecord():
            return f"case/{record.id}"
        case ReturnRecord():
            return f"return/{record.order}/{record.rma}"
        case PurchaseRecord():
            return ids.workflow_of(record.order)
        case ReplenishmentRecord():
            return f"replenishment/{record.proposal.id}"
    raise TypeError(type(record))


def step(
    record: Record,
    *,
    outcomes: Sequence[InputOutcome] = (),
    snapshot: str | None = None,
    at: int = 3,
    kept: int = 0,
    run: int = 1,
    base: int | None = None,
    version: int | None = None,
    ended: bool = False,
) -> WorkflowStep[Record]:
    """A step with this record, decided in the task that began at event `at`; `kept`: what is confirmed by it.
    `base`: the version that it was decided on."""
    known: Any = record
    number: int = known.version if version is None else version
    subject = known.proposal.id if isinstance(record, ReplenishmentRecord) else known.order
    if isinstance(record, CaseRecord):
        run, number = run + record.reopened * RUNS_OF_AN_OPENING, number + record.reopened * VERSIONS_OF_AN_OPENING
    return WorkflowStep(
        task=Task(workflow=workflow_of(record), subject=subject, run=run, run_id=f"run-{run}", at=at, kept=kept),
        version=number,
        base=max(0, number - 1) if base is None else base,
        record=record,
        outcomes=tuple(outcomes),
        snapshot=Snapshot(version=number, run=snapshot) if snapshot is not None else None,
        ended=ended,
    )


def booking(key: str, source: str, ref: str, moves: Moves) -> Booking:
    """What a step of an order books under a key, for the first time."""
    return Booking(f"order/{ref}", key, source, ref, base=0, version=1, upto=1, repeated=False, moves=moves)
