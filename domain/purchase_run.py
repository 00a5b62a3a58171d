"""What a run of a purchase order's workflow starts with."""

from domain.procurement import PurchaseFile
from domain.trouble import KnownCase
from schemas.base import Contract
from schemas.cases import Finding
from schemas.purchasing import InboundStart, PurchaseEffect


class Refused(Contract):
    """An effect that was refused for good, and what people are told of it."""

    effect: PurchaseEffect
    finding: Finding


class InboundRun(InboundStart):
    """A start, and what an earlier run hands over: the state; effects owed and refused; the newest entries of the
    timeline; cases; what became of actions."""

    state: PurchaseFile | None = None
    owed: tuple[PurchaseEffect, ...] = ()
    refused: tuple[Refused, ...] = ()
    history: tuple[str, ...] = ()
    cases: tuple[KnownCase, ...] = ()
    answers: dict[str, str] = {}  # noqa: RUF012 - pydantic copies field defaults

    @property
    def start(self) -> InboundStart:
        """The start alone."""
        return InboundStart(**{name: getattr(self, name) for name in InboundStart.model_fields})
