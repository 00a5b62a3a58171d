"""Reports on one shipment, and the packs of a line by the rank that they reached.

Every field is a join: of several reports of a milestone the one counts that `domain.milestones.reports` says, of two
ETAs the one said later. So the order of arrival cannot change it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from pydantic import ValidatorFunctionWrapHandler, field_serializer, field_validator

from domain.milestones.reports import MilestoneReport, heard
from domain.milestones.variants import BY_RANK, RANK, STATUS_OF
from schemas.base import Contract, Moment, Role
from schemas.orders.milestones import MilestoneEvent, ShippedLine
from schemas.orders.milestones import MilestoneKind as M
from schemas.orders.release import OrderStatus

UNRANKED = frozenset({M.DELAYED, M.EXCEPTION, M.CLEARED})
"""Milestones that may truly happen again: they are told each time, under the id of the report."""
_GOODS = (M.SHIPPED, M.PACKED, M.PICKED, M.ALLOCATED)
_NEAREST = {kind: (*_GOODS[at:], *reversed(_GOODS[:at])) for at, kind in enumerate(_GOODS)}
"""The milestones whose packs count for one that stated nothing: its own, the nearest before it, then the nearest after
it."""
_ONWARD = frozenset({M.IN_TRANSIT, M.OUT_FOR_DELIVERY, M.DELIVERED, M.PROOF_OF_DELIVERY, M.RETURNING})


_FURTHEST = RANK[OrderStatus.DELIVERED]
_MOST = 100_000_000
"""Packs that one line of a message may hold; more of a line takes several."""

Packs = Mapping[int, int]
"""Packs of each line, by its number."""
NOTHING: Packs = {}


class EtaReport(Contract):
    """An ETA and when it was said. Of two reports the later one counts, then the higher sequence number, then the
    larger id."""

    eta: Moment
    said_at: Moment
    event: str
    sequence: int = 0

    def newer_than(self, other: "EtaReport | None") -> bool:
        """Whether this report replaces the other one."""
        return other is None or self._place > other._place

    @property
    def _place(self) -> tuple[datetime, int, str]:
        return self.said_at, self.sequence, self.event


class ShipmentState(Contract):
    """One shipment. `seen` has the time of each milestone, by the report that counts. `stated` has the packs of each
    line where that report states any, `stated_by` its time and id. `scans` has its shortened id where it states none.
    Milestones that state the same share one mapping. `corrected` has reports that are kept because of corrections: see
    `domain.milestones.reports`. `merges` names the shipments that this one is made of, so that it carries no packs of
    its own. `warehouse` is the partner that hands it over: the first by name, should several say so."""

    seen: dict[M, Moment] = {}  # noqa: RUF012 - pydantic copies field defaults
    stated: dict[M, dict[int, int]] = {}  # noqa: RUF012
    stated_by: dict[M, tuple[Moment, str]] = {}  # noqa: RUF012
    scans: dict[M, str] = {}  # noqa: RUF012
    corrected: dict[M, tuple[MilestoneReport, ...]] = {}  # noqa: RUF012
    eta: EtaReport | None = None
    merges: tuple[str, ...] = ()
    warehouse: str = ""

    @field_serializer("stated")
    def _once(self, stated: dict[M, dict[int, int]]) -> dict[M, dict[int, int] | M]:
        """Equal statements of several milestones are written once; the others name the one that holds them."""
        first: dict[int, M] = {}
        holders = {kind: first.setdefault(id(stated[kind]), kind) for kind in sorted(stated)}
        return {kind: stated[kind] if holder is kind else holder for kind, holder in holders.items()}

    @field_validator("stated", mode="wrap")
    @classmethod
    def _shared(cls, stated: Any, read: ValidatorFunctionWrapHandler) -> dict[M, dict[int, int]]:
        """The other way round."""
        if not isinstance(stated, dict):
            return read(stated)  # type: ignore[no-any-return]
        own = read({kind: packs for kind, packs in stated.items() if not isinstance(packs, str)})
        return {M(kind): own[M(packs if isinstance(packs, str) else kind)] for kind, packs in stated.items()}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy that works out anew what the original had worked out."""
        copied = super().model_copy(update=update, deep=deep)
        for derived in ("rank", "reach"):
            copied.__dict__.pop(derived, None)
        return copied

    @cached_property
    def rank(self) -> int:
        """Rank of the furthest milestone seen; 0 when nothing with a rank was."""
        return max((RANK[STATUS_OF[kind]] for kind in self.seen if kind in STATUS_OF), default=0)

    @property
    def status(self) -> OrderStatus:
        """The furthest milestone as a status."""
        return BY_RANK[self.rank]

    @property
    def delivered_at(self) -> datetime | None:
        """When it was delivered: the delivery scan, else the proof of delivery."""
        return self.seen.get(M.DELIVERED) or self.seen.get(M.PROOF_OF_DELIVERY)

    @property
    def left(self) -> bool:
        """Goods issue was posted, or a later scan shows that it must have been."""
        return self.rank >= RANK[OrderStatus.SHIPPED]

    @property
    def lines(self) -> Packs:
        """The packs that it carries: as stated by the furthest milestone of the goods' handling that stated anything,
        or by the consolidation."""
        return next((self.stated[kind] for kind in (*_GOODS, M.CONSOLIDATED) if kind in self.stated), NOTHING)

    @cached_property
    def reach(self) -> tuple[Packs, ...]:
        """Packs of each line that have reached each rank, from 0 to that of delivery. Never more at a higher rank.

        Carriage counts from the goods issue on: until `shipped` was heard, nobody has said what left.
        """
        reached = [NOTHING] * (_FURTHEST + 1)
        held = NOTHING
        for kind in _GOODS:
            if kind in self.seen:
                held = _most(held, self.said(kind))
            reached[RANK[STATUS_OF[kind]]] = held
        reached[: RANK[OrderStatus.ALLOCATED]] = [held] * RANK[OrderStatus.ALLOCATED]
        if M.SHIPPED in self.seen:
            shipped = self.said(M.SHIPPED)
            under_way = range(RANK[OrderStatus.SHIPPED] + 1, self.rank + 1)
            reached[under_way.start : under_way.stop] = [shipped for _ in under_way]
            if self.rank >= _FURTHEST and M.DELIVERED in self.stated:
                reached[_FURTHEST] = _least(shipped, self.stated[M.DELIVERED])
        return tuple(reached)

    @property
    def set_aside(self) -> Packs:
        """Packs that it holds: what left, or what is allocated to it until then."""
        return self.reach[RANK[OrderStatus.SHIPPED if M.SHIPPED in self.seen else OrderStatus.ALLOCATED]]

    def packs(self, line: int, rank: int) -> int:
        """Packs of a line that have reached a rank."""
        return self.reach[rank].get(line, 0) if rank <= _FURTHEST else 0

    def said(self, kind: M) -> Packs:
        """The packs that a milestone of the goods' handling stated, or the nearest one before it, or after it."""
        return next((self.stated[other] for other in _NEAREST[kind] if other in self.stated), NOTHING)

    def concerned(self, kind: M) -> Packs:
        """The packs that a milestone is about: as it stated, or as the goods' handling did. A consolidated shipment is
        carried with all that was merged into it."""
        if kind in _NEAREST:
            return self.said(kind)
        merged = self.stated.get(M.CONSOLIDATED, NOTHING) if self.merges else NOTHING
        return self.stated.get(kind) or merged or self.lines

    def learn(self, event: MilestoneEvent) -> "ShipmentState":
        """The shipment with what an event says of it."""
        update: dict[str, object] = {}
        if event.kind not in UNRANKED:
            update.update(
                self._with(event.kind, MilestoneReport.of(event, packs_by_line(event.lines) if event.lines else None))
            )
        if event.kind is M.CONSOLIDATED:
            update["merges"] = tuple(sorted({*self.merges, *event.merges}))
        if event.role is Role.WMS:
            update["warehouse"] = min(event.partner, self.warehouse or event.partner)
        if event.eta is not None:
            report = EtaReport(eta=event.eta, said_at=event.occurred_at, event=event.id, sequence=event.sequence)
            if report.newer_than(self.eta):
                update["eta"] = report
        return self.model_copy(update=update)

    def counting(self, kind: M) -> MilestoneReport | None:
        """The report of a milestone that counts."""
        if kind not in self.seen:
            return None
        if kind in self.stated:
            at, event = self.stated_by[kind]
            return MilestoneReport(at=at, event=event, packs=self.stated[kind])
        return MilestoneReport(at=self.seen[kind], event=self.scans.get(kind, ""))

    def _with(self, kind: M, report: MilestoneReport) -> dict[str, object]:
        """The changes by one more report of a milestone."""
        now, known = self.counting(kind), self.corrected.get(kind, ())
        update: dict[str, object] = {}
        if known or not report.plain:
            counts, kept = heard(known or ((now,) if now else ()), report)
            if kept != known:
                update["corrected"] = {**self.corrected, kind: kept}
            if now and counts.mark == now.mark:
                return update
        elif now and report.place <= now.place:
            return update
        else:
            counts = report
        update["seen"] = {**self.seen, kind: counts.at}
        if counts.packs is None:
            update["scans"] = {**self.scans, kind: counts.event}
            if kind in self.stated:
                update["stated"] = {it: packs for it, packs in self.stated.items() if it != kind}
                update["stated_by"] = {it: by for it, by in self.stated_by.items() if it != kind}
            return update
        shared = next((known for known in self.stated.values() if known == counts.packs), counts.packs)
        update["stated"] = {**self.stated, kind: shared}
        update["stated_by"] = {**self.stated_by, kind: (counts.at, counts.event)}
        if kind in self.scans:
            update["scans"] = {it: mark for it, mark in self.scans.items() if it != kind}
        return update

    def travelling(self, onward: "ShipmentState | None") -> "ShipmentState":
        """The shipment as it goes on inside a consolidated one: that one's carriage and ETA are its own."""
        if onward is None:
            return self
        seen = dict(self.seen)
        for kind, moment in onward.seen.items():
            if kind in _ONWARD:
                seen[kind] = max(moment, seen.get(kind, moment))
        newer = onward.eta is not None and onward.eta.newer_than(self.eta)
        return self.model_copy(update={"seen": seen, "eta": onward.eta if newer else self.eta})


def _most(one: Packs, other: Packs) -> Packs:
    """Of each line the larger number. One of the two when it is that: mappings are compared by what they are."""
    if not one or one is other:
        return other
    joined = {line: max(one.get(line, 0), other.get(line, 0)) for line in {**one, **other}}
    return one if joined == one else other if joined == other else joined


def _least(one: Packs, other: Packs) -> Packs:
    """Of each line the smaller number."""
    if one is other:
        return one
    return {line: min(packs, other[line]) for line, packs in one.items() if line in other}


def packs_by_line(lines: Iterable[ShippedLine]) -> dict[int, int]:
    """Packs of each line, by rising number: however they are listed, the same packs are the same mapping."""
    found: dict[int, int] = {}
    for x in lines:
        found[x.line] = found.get(x.line, 0) + x.quantity
    return dict(sorted(found.items()))


def lines_of(packs: Packs) -> tuple[ShippedLine, ...]:
    """Packs as lines of a message; a line of too many packs for one is several."""
    if max(packs.values(), default=0) <= _MOST:
        return tuple([ShippedLine(line=line, quantity=quantity) for line, quantity in packs.items()])
    return tuple(
        ShippedLine(line=line, quantity=min(_MOST, quantity - done))
        for line, quantity in packs.items()
        for done in range(0, quantity, _MOST)
    )
