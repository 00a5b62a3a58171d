"""What a run of a purchase order's workflow starts with."""

from domain.procurement.purchase_order import PurchaseFile
from schemas.base import Contract
from schemas.cases.cases import Finding, KnownCase
from schemas.procurement.purchase_effects import PurchaseEffect
from schemas.procurement.purchase_orders import InboundStart


class RefusedPosting(Contract):
    """An effect that was refused for good, and what people are told of it."""

    effect: PurchaseEffect
    finding: Finding


class InboundRun(InboundStart):
    """A start, and what an earlier run hands over: the state; effects owed and refused; the newest entries of the
    timeline; cases; names of what was heard. `run` counts the runs, over continue-as-new and restarts."""

    run: int = 1
    state: PurchaseFile | None = None
    owed: tuple[PurchaseEffect, ...] = ()
    refused: tuple[RefusedPosting, ...] = ()
    history: tuple[str, ...] = ()
    cases: tuple[KnownCase, ...] = ()
    seen: tuple[str, ...] = ()

    @property
    def start(self) -> InboundStart:
        """The start alone."""
        return InboundStart(**{name: getattr(self, name) for name in InboundStart.model_fields})
