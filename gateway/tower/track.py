"""An order's story: the milestones of each shipment as steps, and everything that happened in the order of hearing."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from dispatch.temporal.connecting import namespace_of
from domain.milestones.variants import PLANS, RANK, STATUS_OF
from gateway.views.orders import OrderView
from schemas.base import Variant
from schemas.orders.milestones import MilestoneKind
from schemas.orders.release import OrderStatus
from schemas.settings import Settings
from store.orders.order_parts import ReachedMilestone

BORN = (OrderStatus.RELEASED, OrderStatus.PROMISED)
"""Statuses before anything was done with goods."""


@dataclass(frozen=True)
class Stop:
    """A step of a track. `state`: done, passed (reached, but never reported itself), next or ahead."""

    status: str
    state: str
    at: datetime | None


@dataclass(frozen=True)
class Track:
    """A shipment and its steps; `shipment` is empty for reports on the whole order."""

    shipment: str
    eta: datetime | None
    stops: list[Stop]
    location: str = ""
    handling_units: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrackEntry:
    """Something that happened. `heard_at` is when Syncline heard of it."""

    heard_at: datetime
    occurred_at: datetime | None
    title: str
    detail: str
    ignored: bool = False


def tracks(order: OrderView, reached: list[ReachedMilestone]) -> list[Track]:
    """The track of each shipment; before the first shipment, that of the order. `reached`: what `times` has read."""
    if not order.shipments:
        return [Track("", order.eta, _stops(order, reached, "", RANK.get(OrderStatus(order.status), 0)))]
    return [
        Track(
            item.shipment,
            item.eta,
            _stops(order, reached, item.shipment, RANK[OrderStatus(item.status)]),
            item.location or "",
            item.handling_units or (),
        )
        for item in order.shipments
    ]


def _stops(order: OrderView, reached: list[ReachedMilestone], shipment: str, rank: int) -> list[Stop]:
    steps = [STATUS_OF[kind] for kind in PLANS[Variant(order.variant)].steps if kind in STATUS_OF]
    path = [*BORN, *dict.fromkeys(steps)]
    times = _times(order, reached, shipment)
    upcoming = min((RANK[step] for step in path if RANK[step] > rank), default=None)
    stops = []
    for step in path:
        passed = RANK[step] <= max(rank, RANK[OrderStatus.PROMISED] if order.promises else 0)
        state = ("done" if step in times else "passed") if passed else "next" if RANK[step] == upcoming else "ahead"
        stops.append(Stop(step.value, state, times.get(step)))
    return stops


def _times(order: OrderView, reached: list[ReachedMilestone], shipment: str) -> dict[OrderStatus, datetime]:
    times = {OrderStatus.RELEASED: order.released_at}
    if order.promises:
        times[OrderStatus.PROMISED] = order.promises[0].made_at
    for milestone in reached:
        status, at = STATUS_OF.get(MilestoneKind(milestone.kind)), milestone.occurred_at
        if status and milestone.shipment in ("", shipment):
            times[status] = min(at, times.get(status, at))
    return times


def timeline(order: OrderView, newer: datetime | None = None, last: bool = True) -> list[TrackEntry]:
    """Release, promises, reports, cases, what planners were asked, and the end; newest first.

    Of a page of reports: what else happened since the oldest of them, and before `newer`, the oldest of the page before
    it. On the `last` page, everything that is older too.
    """
    since = None if last else min(report.received_at for report in order.timeline)
    entries = [
        entry
        for entry in _beside_reports(order)
        if (since is None or entry.heard_at >= since) and (newer is None or entry.heard_at < newer)
    ]
    for report in order.timeline:
        units = f"handling units: {report.handling_units}" if report.handling_units else ""
        about = (report.partner, report.shipment or "whole order", report.location, units, report.reason)
        detail = " · ".join(filter(None, about))
        title = _words(report.kind).capitalize()
        ignored = report.state == "superseded"
        entries.append(TrackEntry(report.received_at, report.occurred_at, title, detail, ignored))
    return sorted(entries, key=lambda entry: entry.heard_at, reverse=True)


def _beside_reports(order: OrderView) -> list[TrackEntry]:
    entries = [TrackEntry(order.created_at, order.released_at, "Released", f"by {order.erp}")]
    for n, promise in enumerate(order.promises):
        title = f"{'Promise moved to' if n else 'Promised for'} {promise.promised_on:%-d %b %Y}"
        entries.append(TrackEntry(promise.made_at, None, title, promise.reason))
    for case in order.cases:
        entries.append(TrackEntry(case.opened_at, None, f"Case opened: {_words(case.kind)}", case.summary))
        if case.closed_at:
            entries.append(TrackEntry(case.closed_at, None, f"Case {case.state}: {_words(case.kind)}", case.summary))
    for it in order.proposals or ():
        entries.append(TrackEntry(it.raised_at, None, "Planner asked", it.summary))
        if it.decided_at:
            detail = f"by {it.decided_by} · {it.decision_reason}"
            entries.append(TrackEntry(it.decided_at, None, f"Proposal {it.state}", detail))
    if order.closed_at:
        entries.append(TrackEntry(order.closed_at, None, order.status.capitalize(), order.reason or ""))
    return entries


def _words(name: str) -> str:
    return name.replace("_", " ")


def workflow_url(settings: Settings, workflow_id: str) -> str:
    """A workflow in the Temporal UI."""
    return f"{namespace_url(settings)}/{quote(workflow_id, safe='')}"


def namespace_url(settings: Settings) -> str:
    """Every workflow in the Temporal UI."""
    temporal = settings.main_temporal
    return f"{temporal.ui_url}/namespaces/{quote(namespace_of(temporal), safe='')}/workflows"
