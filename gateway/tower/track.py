"""An order's story: the milestones of each shipment as steps, and everything that happened in the order of hearing."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from domain.variants import PLANS, RANK, STATUS_OF
from gateway.views import OrderView
from schemas.base import Variant
from schemas.milestones import MilestoneKind
from schemas.orders import OrderStatus
from schemas.settings import Settings

BORN = (OrderStatus.RELEASED, OrderStatus.PROMISED)


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


@dataclass(frozen=True)
class Entry:
    """Something that happened. `heard_at` is when Syncline heard of it."""

    heard_at: datetime
    occurred_at: datetime | None
    title: str
    detail: str
    ignored: bool = False


def tracks(order: OrderView) -> list[Track]:
    """The track of each shipment; before the first shipment, that of the order."""
    if not order.shipments:
        return [Track("", order.eta, _stops(order, "", RANK.get(OrderStatus(order.status), 0)))]
    return [
        Track(item.shipment, item.eta, _stops(order, item.shipment, RANK[OrderStatus(item.status)]))
        for item in order.shipments
    ]


def _stops(order: OrderView, shipment: str, rank: int) -> list[Stop]:
    steps = [STATUS_OF[kind] for kind in PLANS[Variant(order.variant)].steps if kind in STATUS_OF]
    path = [*BORN, *dict.fromkeys(steps)]
    times = _times(order, shipment)
    upcoming = min((RANK[step] for step in path if RANK[step] > rank), default=None)
    stops = []
    for step in path:
        reached = RANK[step] <= max(rank, RANK[OrderStatus.PROMISED] if order.promises else 0)
        state = ("done" if step in times else "passed") if reached else "next" if RANK[step] == upcoming else "ahead"
        stops.append(Stop(step.value, state, times.get(step)))
    return stops


def _times(order: OrderView, shipment: str) -> dict[OrderStatus, datetime]:
    times = {OrderStatus.RELEASED: order.released_at}
    if order.promises:
        times[OrderStatus.PROMISED] = order.promises[0].made_at
    for report in order.timeline:
        status = STATUS_OF.get(MilestoneKind(report.kind))
        if status and report.state == "applied" and report.shipment in ("", shipment):
            times[status] = min(report.occurred_at, times.get(status, report.occurred_at))
    return times


def timeline(order: OrderView) -> list[Entry]:
    """Release, promises, reports, cases, what planners were asked, and the end; newest first."""
    entries = [Entry(order.created_at, order.released_at, "Released", f"by {order.erp}")]
    for n, promise in enumerate(order.promises):
        title = f"{'Promise moved to' if n else 'Promised for'} {promise.promised_on:%-d %b %Y}"
        entries.append(Entry(promise.made_at, None, title, promise.reason))
    for report in order.timeline:
        about = f"{report.partner} · {report.shipment or 'whole order'}"
        detail = f"{about} · {report.reason}" if report.reason else about
        title = _words(report.kind).capitalize()
        ignored = report.state == "superseded"
        entries.append(Entry(report.received_at, report.occurred_at, title, detail, ignored))
    for case in order.cases:
        entries.append(Entry(case.opened_at, None, f"Case opened: {_words(case.kind)}", case.summary))
        if case.closed_at:
            entries.append(Entry(case.closed_at, None, f"Case {case.state}: {_words(case.kind)}", case.summary))
    for it in order.proposals or ():
        entries.append(Entry(it.raised_at, None, "Planner asked", it.summary))
        if it.decided_at:
            detail = f"by {it.decided_by} · {it.decision_reason}"
            entries.append(Entry(it.decided_at, None, f"Proposal {it.state}", detail))
    if order.closed_at:
        entries.append(Entry(order.closed_at, None, order.status.capitalize(), order.reason or ""))
    return sorted(entries, key=lambda entry: entry.heard_at, reverse=True)


def _words(name: str) -> str:
    return name.replace("_", " ")


def workflow_url(settings: Settings, workflow_id: str) -> str:
    """A workflow in the Temporal UI."""
    return f"{namespace_url(settings)}/{quote(workflow_id, safe='')}"


def namespace_url(settings: Settings) -> str:
    """Every workflow in the Temporal UI."""
    return f"{settings.temporal_ui_url}/namespaces/{quote(settings.temporal_namespace, safe='')}/workflows"
