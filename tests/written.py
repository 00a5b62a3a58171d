"""Steps as workflows write them, around the record that a test is about."""

from collections.abc import Iterable, Sequence
from typing import Any

from domain.orders.decision import Decision
from schemas import workflow_ids as ids
from schemas.cases.cases import CaseRecord, NoticesPlanned
from schemas.changes import Change, joined
from schemas.finance.freight import GoodsIssued
from schemas.inventory.stock import Moves, StockMoved
from schemas.inventory.supply import SuppliesChanged
from schemas.messaging.owed import EffectsPlanned
from schemas.orders.changes import (
    ApartChanged,
    LinesChanged,
    OrderPromised,
    OrderViewChanged,
    ReleaseAmended,
    ShipmentsChanged,
    SitesJoined,
)
from schemas.planning.movements import OpenDemand, PlanningMoved
from schemas.planning.proposals import ProposalsDecided, ProposalsRaised
from schemas.procurement.purchase_orders import (
    InboundShipmentsChanged,
    InvoicesChanged,
    PurchaseEffectsPlanned,
    PurchaseLinesChanged,
    PurchaseOrderChanged,
)
from schemas.procurement.replenishment import ReplenishmentRecord
from schemas.workflows.records import StepRecord
from schemas.workflows.returns import ReturnChanged
from schemas.workflows.steps import InputOutcome, Record, Snapshot, Task, WorkflowStep
from store.inventory.ledger import Booking
from workflows.cases.exception_case import RUNS_OF_AN_OPENING, VERSIONS_OF_AN_OPENING


def workflow_of(record: object) -> str:
    """The workflow that writes a record."""
    match record:
        case StepRecord():
            it = record.find(ReturnChanged)
            return f"return/{record.order}/{it.rma}" if it else ids.workflow_of(record.order)
        case CaseRecord():
            return f"case/{record.id}"
        case ReplenishmentRecord():
            return f"replenishment/{record.proposal.id}"
    raise TypeError(type(record))


Words = dict[str, tuple[type[Change], str]]
_OF_ALL: Words = {"deltas": (PlanningMoved, "deltas"), "moves": (StockMoved, "moves")}
OF_ORDER: Words = {
    **_OF_ALL,
    **{word: (OrderViewChanged, word) for word in OrderViewChanged.model_fields},
    "first_promise": (OrderPromised, "promise"),
    "lines": (LinesChanged, "lines"),
    "shipments": (ShipmentsChanged, "shipments"),
    "apart": (ApartChanged, "apart"),
    "amended_by": (ReleaseAmended, "messages"),
    "items": (ReleaseAmended, "items"),
    "sites": (SitesJoined, "sites"),
    "effects": (EffectsPlanned, "effects"),
    "demand": (OpenDemand, "rows"),
    "proposals": (ProposalsRaised, "proposals"),
    "decided": (ProposalsDecided, "decided"),
    "notices": (NoticesPlanned, "notices"),
    "issued": (GoodsIssued, "issued"),
}
OF_RETURN: Words = {
    **_OF_ALL,
    **{word: (ReturnChanged, word) for word in ReturnChanged.model_fields},
    "effects": (EffectsPlanned, "effects"),
}
OF_PURCHASE: Words = {
    **_OF_ALL,
    **{word: (PurchaseOrderChanged, word) for word in PurchaseOrderChanged.model_fields},
    "lines": (PurchaseLinesChanged, "lines"),
    "shipments": (InboundShipmentsChanged, "shipments"),
    "invoices": (InvoicesChanged, "invoices"),
    "effects": (PurchaseEffectsPlanned, "effects"),
    "supplies": (SuppliesChanged, "supplies"),
}
"""What tests call the fields of changes."""


def order_record(order: str, version: int, **said: Any) -> StepRecord:
    """What a step of an order changes, by its words."""
    return _but(StepRecord(order=order, version=version), OF_ORDER, said)


def return_record(order: str, version: int, **said: Any) -> StepRecord:
    """What a step of a return changes, by its words."""
    return _but(StepRecord(order=order, version=version), OF_RETURN, said)


def purchase_record(order: str, version: int, **said: Any) -> StepRecord:
    """What a step of a purchase order changes, by its words. All lines are among it."""
    return _but(StepRecord(order=order, version=version), OF_PURCHASE, {"lines": (), **said})


def but(record: StepRecord, **said: Any) -> StepRecord:
    """A record with other values of some words; one that is empty is no change."""
    return _but(record, _words(record.changes), said)


def _but(record: StepRecord, words: Words, said: dict[str, Any]) -> StepRecord:
    head: dict[str, Any] = {name: said.pop(name) for name in ("order", "version") if name in said}
    fields: dict[type[Change], dict[str, Any]] = {
        type(it): {name: getattr(it, name) for name in it.model_fields_set} for it in record.changes
    }
    for word, value in said.items():
        kind, name = words[word]
        fields.setdefault(kind, {})[name] = value
    changes = (
        kind(**known)
        for kind, known in fields.items()
        if any(known.values()) or (kind in (OpenDemand, PurchaseLinesChanged) and None not in known.values())
    )
    return record.model_copy(update={**head, "changes": tuple(changes)})


def _words(changes: Iterable[Change]) -> Words:
    kinds = {type(change) for change in changes}
    if ReturnChanged in kinds:
        return OF_RETURN
    return OF_PURCHASE if PurchaseOrderChanged in kinds else OF_ORDER


class Said:
    """A record or a decision as tests read it: by its words. What it does not change is None or empty; open demand is
    None."""

    def __init__(self, record: StepRecord | Decision) -> None:
        self.record = record

    def __getattr__(self, word: str) -> Any:
        words = _words(self.record.changes)
        if word not in words:
            return getattr(self.record, word)
        kind, name = words[word]
        for change in joined(self.record.changes):
            if isinstance(change, kind):
                return getattr(change, name)
        default = kind.model_fields[name]
        return None if kind is OpenDemand or default.is_required() else default.get_default()


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
