"""Reports that are impossible in time: goods handled before their order was released, or delivered before they had
left.

The gateway asks before it places an event, and parks what policy says to park. The rest is a finding of the order.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.milestones.shipments import ShipmentState
from schemas.cases.exceptions import Chronology, Impossible
from schemas.orders.milestones import Milestone
from schemas.orders.milestones import MilestoneKind as M
from schemas.procurement.documents import AdviceOf, InvoiceOf, ProcurementDocument, ReceiptOf
from schemas.procurement.sent_documents import SentDocument

HANDLED = (M.ALLOCATED, M.PICKED, M.PACKED, M.SHIPPED)
CARRIED = (M.IN_TRANSIT, M.OUT_FOR_DELIVERY, M.DELIVERED, M.PROOF_OF_DELIVERY, M.RETURNING)
"""Milestones that cannot happen to goods before they have left."""
CLOCKS = timedelta(days=1)
"""A document may be so far ahead: its time of the day is often a guess, and local."""


class KnownTimes(NamedTuple):
    """Known times of an order and of its shipment: when it was released, when goods left, when they arrived."""

    released_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None


def unlikely(event: Milestone, times: KnownTimes, rules: Chronology, becomes: Impossible) -> str | None:
    """Why an event cannot be true in time, where policy says that this becomes of it."""
    if rules.before_release is becomes and (why := _before_release(event, times.released_at, rules)):
        return why
    return _backwards(event, times, rules) if rules.backwards is becomes else None


def suspect(event: Milestone, times: KnownTimes) -> bool:
    """Whether a policy has to be asked about an event: without any tolerance, it could not be."""
    asked = Chronology(before_release_s=0, backwards_s=0, backwards=Impossible.QUARANTINE)
    return unlikely(event, times, asked, Impossible.QUARANTINE) is not None


def _before_release(event: Milestone, released_at: datetime | None, rules: Chronology) -> str | None:
    if released_at is None:
        return None
    earliest = released_at - timedelta(seconds=rules.before_release_s)
    if event.occurred_at < earliest:
        return f"{event.kind} of {_said(event.occurred_at)} is too long before the release of {_said(released_at)}"
    if event.eta and event.eta < earliest:
        return f"the ETA of {_said(event.eta)} is too long before the release of {_said(released_at)}"
    return None


def _backwards(event: Milestone, times: KnownTimes, rules: Chronology) -> str | None:
    slack = timedelta(seconds=rules.backwards_s)
    if event.kind in CARRIED and times.shipped_at and event.occurred_at < times.shipped_at - slack:
        return f"{event.kind} of {_said(event.occurred_at)} is before the goods left: {_said(times.shipped_at)}"
    if event.kind in HANDLED and times.delivered_at and event.occurred_at > times.delivered_at + slack:
        return f"{event.kind} of {_said(event.occurred_at)} is after the goods arrived: {_said(times.delivered_at)}"
    return None


def oddities(shipment: ShipmentState, released_at: datetime, rules: Chronology) -> Iterator[tuple[M, str]]:
    """The contradiction in a shipment's reports: the milestone whose time is odd, and the reason in words."""
    early, slack = released_at - timedelta(seconds=rules.before_release_s), timedelta(seconds=rules.backwards_s)
    seen = shipment.seen
    for kind in (*HANDLED, *CARRIED):
        if kind in seen and seen[kind] < early:
            yield kind, f"{kind} on {_said(seen[kind])}, and released on {_said(released_at)}"
    left = seen.get(M.SHIPPED)
    for kind in CARRIED if left else ():
        if left and kind in seen and seen[kind] < left - slack:
            yield kind, f"{kind} on {_said(seen[kind])}, and shipped on {_said(left)}"


def impossible_document(
    document: ProcurementDocument | SentDocument, ordered_at: datetime, heard_at: datetime, rules: Chronology
) -> str | None:
    """Why a document of a purchase order cannot be true in time: sent, received or due before it was ordered, or not
    yet."""
    earliest = ordered_at - timedelta(seconds=rules.before_release_s)
    if isinstance(document, InvoiceOf):
        early = document.due_on < earliest.date()
        return f"an invoice due on {document.due_on} is of before the order of {_said(ordered_at)}" if early else None
    if isinstance(document, AdviceOf):
        what, moment = "despatched", document.shipped_at
    elif isinstance(document, ReceiptOf):
        what, moment = "received", document.received_at
    else:
        return None
    if moment < earliest:
        return f"{what} on {_said(moment)}, and ordered on {_said(ordered_at)}"
    return f"{what} on {_said(moment)}, which is still to come" if moment > heard_at + CLOCKS else None


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
