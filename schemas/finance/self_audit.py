"""The audit of our own books: its checks, drifts, and their repair by a person."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from schemas.base import Contract, Text
from schemas.finance.reconciliation import DifferenceView
from schemas.workflows.commands import RequestId


class Check(StrEnum):
    """The invariants of our own books.

    `balance`: it is the sum of the ledger's entries. `entry`: the sides of a movement sum to zero. `negative`: no place
    holds less than nothing. `reserved`: a line reserves what is open of it. `oversold`: no more is reserved than there
    is. `supply`: what is expected is what purchase orders still bring. `link`: shipment and order know each other.
    """

    BALANCE = "balance"
    ENTRY = "entry"
    NEGATIVE = "negative"
    RESERVED = "reserved"
    OVERSOLD = "oversold"
    SUPPLY = "supply"
    LINK = "link"


class Drift(Contract):
    """Something that is not so: what is `written`, and what would be `right`. `where` names it within its check.

    `waits`: what is to be done about it already, if anything.
    """

    check: Check
    item: str = ""
    where: str
    written: str
    right: str
    waits: str = ""

    @classmethod
    def at(cls, item: str, place: str) -> Self:
        """The drift that a difference names. Raises ValueError when it is of other books than our own."""
        check, _, where = place.partition(":")
        return cls(check=Check(check), item=item, where=where, written="", right="")

    @property
    def place(self) -> str:
        """As its difference names it: `<check>:<where>`."""
        return f"{self.check}:{self.where}"


class RepairRequest(Contract):
    """Have a drift of our own books repaired. `packs`: of a place below zero, what is really there; else nothing is."""

    id: RequestId
    reason: Text
    packs: Annotated[int, Field(strict=True, ge=0, le=100_000_000)] | None = None


class RepairAnswer(Contract):
    """The repair that was made. The drift is closed at the next look."""

    difference: int
    subject: str
    done: str


class DifferenceList(Contract):
    """Differences with other systems and drifts of our own books, the newest first."""

    differences: tuple[DifferenceView, ...] = ()
