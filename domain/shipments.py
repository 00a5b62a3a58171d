"""What has been reported on one shipment, and how many packs of a line it has carried how far.

Every field is a join: milestones seen are a set with the earliest time of each, what a milestone states is what its
earliest report stated, of two ETAs the one said later counts. So the order of arrival cannot change it.
"""

from datetime import datetime

from domain.variants import BY_RANK, RANK, STATUS_OF
from schemas.base import Contract, Moment, Role
from schemas.milestones import MilestoneEvent, ShippedLine
from schemas.milestones import MilestoneKind as M
from schemas.orders import OrderStatus

UNRANKED = frozenset({M.DELAYED, M.EXCEPTION, M.CLEARED})
"""Milestones that may truly happen again: they are told each time, under the id of the report."""
_GOODS = (M.SHIPPED, M.PACKED, M.PICKED, M.ALLOCATED)
_ONWARD = frozenset({M.IN_TRANSIT, M.OUT_FOR_DELIVERY, M.DELIVERED, M.PROOF_OF_DELIVERY, M.RETURNING})


class EtaReport(Contract):
    """An ETA and when it was said; of two reports the one said later counts, then the one with the larger id."""

    eta: Moment
    said_at: Moment
    event: str

    def newer_than(self, other: "EtaReport | None") -> bool:
        """Whether this report replaces the other one."""
        return other is None or (self.said_at, self.event) > (other.said_at, other.event)


class ShipmentState(Contract):
    """One shipment. `stated_by` is the report that `stated` is from: when that was, and its id. `merges` names the
    shipments that this one is made of, so that it carries no packs of its own. `warehouse` is the partner that hands
    it over: the first by name, should several say so."""

    seen: dict[M, Moment] = {}  # noqa: RUF012 - pydantic copies field defaults
    stated: dict[M, tuple[ShippedLine, ...]] = {}  # noqa: RUF012
    stated_by: dict[M, tuple[Moment, str]] = {}  # noqa: RUF012
    eta: EtaReport | None = None
    merges: tuple[str, ...] = ()
    warehouse: str = ""

    @property
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
    def lines(self) -> tuple[ShippedLine, ...]:
        """What it carries: as stated by the furthest milestone of the goods' handling that stated anything, or by the
        consolidation."""
        return next((self.stated[kind] for kind in (*_GOODS, M.CONSOLIDATED) if kind in self.stated), ())

    def packs(self, line: int, rank: int) -> int:
        """Packs of a line that have reached a rank. Never rises with the rank.

        Carriage counts from the goods issue on: until `shipped` was heard, nobody has said what left.
        """
        if rank <= RANK[OrderStatus.SHIPPED]:
            return max(
                (
                    packs_of(self.said(kind), line)
                    for kind in _GOODS
                    if kind in self.seen and RANK[STATUS_OF[kind]] >= rank
                ),
                default=0,
            )
        if M.SHIPPED not in self.seen or self.rank < rank:
            return 0
        shipped = packs_of(self.said(M.SHIPPED), line)
        delivered = self.stated.get(M.DELIVERED)
        if rank >= RANK[OrderStatus.DELIVERED] and delivered is not None:
            return min(shipped, packs_of(delivered, line))
        return shipped

    def said(self, kind: M) -> tuple[ShippedLine, ...]:
        """What a milestone of the goods' handling stated, or the nearest one before it, or after it."""
        at = _GOODS.index(kind)
        nearest = (*_GOODS[at:], *reversed(_GOODS[:at]))
        return next((self.stated[other] for other in nearest if other in self.stated), ())

    def learn(self, event: MilestoneEvent) -> "ShipmentState":
        """The shipment with what an event says of it."""
        update: dict[str, object] = {}
        if event.kind not in UNRANKED:
            known = self.seen.get(event.kind)
            update["seen"] = {**self.seen, event.kind: min(event.occurred_at, known or event.occurred_at)}
            said = (event.occurred_at, event.id)
            if event.lines and (event.kind not in self.stated or said < self.stated_by.get(event.kind, said)):
                stated = tuple(ShippedLine(line=x.line, quantity=x.quantity) for x in event.lines)
                update["stated"] = {**self.stated, event.kind: stated}
                update["stated_by"] = {**self.stated_by, event.kind: said}
        if event.kind is M.CONSOLIDATED:
            update["merges"] = tuple(sorted({*self.merges, *event.merges}))
        if event.role is Role.WMS:
            update["warehouse"] = min(event.partner, self.warehouse or event.partner)
        if event.eta is not None:
            report = EtaReport(eta=event.eta, said_at=event.occurred_at, event=event.id)
            if report.newer_than(self.eta):
                update["eta"] = report
        return self.model_copy(update=update)

    def travelling(self, onward: "ShipmentState | None") -> "ShipmentState":
        """The shipment as it goes on inside a consolidated one: that one's carriage and ETA are its own."""
        if onward is None:
            return self
        seen = dict(self.seen)
        for kind, moment in onward.seen.items():
            if kind in _ONWARD:
                seen[kind] = min(moment, seen.get(kind, moment))
        newer = onward.eta is not None and onward.eta.newer_than(self.eta)
        return self.model_copy(update={"seen": seen, "eta": onward.eta if newer else self.eta})


def packs_of(lines: tuple[ShippedLine, ...], line: int) -> int:
    """Packs of one line."""
    return sum(x.quantity for x in lines if x.line == line)
