"""What we have told Tryton of an order, as notes on its own records: our reference, where no field takes one.

A note has words for people, and our data in its last line. What Tryton is to have follows from all notes of an order:
of each part the highest revision counts, in whatever order they came. Pure.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.messaging.effects import LineTarget


class Told(StrEnum):
    """What a note says."""

    INSTRUCTED = "instructed"
    AMENDED = "amended"
    HELD = "held"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    RETURN_EXPECTED = "return expected"
    MILESTONE = "milestone"
    PROMISED = "promised"
    CHANGED = "changed"


class JournalEntry(BaseModel):
    """One message. `key`: of the call; `order`: `<erp>/<number>`; `site`: of a warehouse. `address`: id of the party's
    address in Tryton, so that a note holds no personal data. `about`: milestone and shipment, or kind of change."""

    model_config = ConfigDict(frozen=True)

    order: str
    key: str
    told: Told
    site: str = ""
    revision: int = 0
    lines: tuple[LineTarget, ...] = ()
    address: int | None = None
    day: date | None = None
    occurred_at: datetime | None = None
    about: str = ""

    def parts(self) -> dict[str, Any]:
        """What it says, by what it says it of."""
        said: dict[str, Any] = {f"line {it.line} {it.item}": it for it in self.lines}
        if self.address is not None:
            said["address"] = self.address
        if self.day is not None:
            said["day"] = self.day
        if self.told in (Told.HELD, Told.RESUMED):
            said["held"] = self.told is Told.HELD
        if self.told in (Told.MILESTONE, Told.CHANGED):
            said[f"{self.told} {self.about}"] = self.occurred_at
        return said


class Wanted(NamedTuple):
    """What a site is to have of an order. `items`: packs of each. `address`: id of the party's address."""

    items: dict[str, int]
    address: int | None
    day: date | None
    held: bool
    cancelled: bool


def text_of(entry: JournalEntry, reason: str = "") -> str:
    """The note: what was told, why, and our data."""
    data = entry.model_dump_json(exclude_defaults=True)
    return "\n".join(it for it in (f"Syncline: {entry.told}, revision {entry.revision}", reason, data) if it)


def entry_of(text: str) -> JournalEntry | None:
    """What a note says; None for one that is not ours."""
    try:
        return JournalEntry.model_validate_json(text.rstrip().rpartition("\n")[2])
    except ValidationError:
        return None


def pattern_of(order: str) -> str:
    """The pattern, for `like`, of notes about an order."""
    escaped = order.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f'%"order":"{escaped}"%'


def latest(entries: Iterable[JournalEntry]) -> dict[str, tuple[JournalEntry, Any]]:
    """Who had the last word on each part, and the word. An instruction yields to a change of its own revision."""
    ordered = sorted(entries, key=lambda it: (it.revision, it.told is not Told.INSTRUCTED))
    return {part: (entry, said) for entry in ordered for part, said in entry.parts().items()}


def superseded(entry: JournalEntry, before: Sequence[JournalEntry]) -> bool:
    """Whether nothing that it says counts any more, for higher revisions or a cancellation came first."""
    if any(it.told is Told.CANCELLED for it in before) and entry.told is not Told.RETURN_EXPECTED:
        return True
    counts = latest((*before, entry))
    return bool(entry.parts()) and all(counts[part][0] is not entry for part in entry.parts())


def wanted(entries: Iterable[JournalEntry]) -> Wanted:
    """What follows from all that was told. Lines of one item add up, as Tryton knows items only."""
    told = [it for it in entries if it.told is not Told.RETURN_EXPECTED]
    words = {part: said for part, (_, said) in latest(told).items()}
    items: dict[str, int] = {}
    for said in words.values():
        if isinstance(said, LineTarget):
            items[said.item] = items.get(said.item, 0) + said.quantity
    cancelled = any(it.told is Told.CANCELLED for it in told)
    return Wanted(items, words.get("address"), words.get("day"), bool(words.get("held")), cancelled)
