"""The overview: what store.tower reads, arranged to be seen at a glance. Pure but for `read`."""

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.variants import BY_RANK
from gateway.tower.pages import order_url
from store import tower
from store.engine import Connection
from store.tower import Activity, Attention, Bucket, Flow, Parked, SystemHealth, Totals

SHOWN = 20
"""Entries in each list of the overview."""
NAMES = {"erp": "ERP", "wms": "WMS", "tms": "TMS", "planning": "Planning"}
IN_FLIGHT = [BY_RANK[rank].value for rank in range(9)]
ENDED = ("closed", "cancelled", "rejected")
ACT, RETRYING, WATCH = 3, 2, 1


@dataclass(frozen=True)
class Chip:
    """A system at a glance. `state`: good, idle, warn (some effects fail) or bad (they fail and none is done)."""

    name: str
    state: str
    text: str
    detail: str


@dataclass(frozen=True)
class Concern:
    """An entry of the list of what needs attention."""

    key: str
    severity: int
    url: str
    subject: str
    title: str
    detail: str


@dataclass(frozen=True)
class Spark:
    """A small chart: the outline of its bars' tops as an SVG path, its highest and its newest value."""

    name: str
    peak: int
    newest: int
    line: str
    area: str


@dataclass(frozen=True)
class Board:
    """Everything on the overview, at one moment."""

    at: datetime
    totals: Totals
    health: list[SystemHealth]
    flow: list[Flow]
    attention: list[Attention]
    parked: list[Parked]
    buckets: list[Bucket]
    activity: list[Activity]

    @property
    def chips(self) -> list[Chip]:
        """The connected systems."""
        return [_chip(system) for system in self.health]

    @property
    def concerns(self) -> list[Concern]:
        """Orders and messages that need attention, worst first."""
        found = [_order_concern(order) for order in self.attention] + [_parked_concern(m) for m in self.parked]
        return sorted(found, key=lambda concern: -concern.severity)[:SHOWN]

    @property
    def steps(self) -> list[Flow]:
        """Open orders by status, in the order in which an order goes through them; also those that have none."""
        known = {step.status: step for step in self.flow}
        return [known.get(status, Flow(status, 0, 0)) for status in IN_FLIGHT]

    @property
    def widest(self) -> int:
        """The most orders in one step; at least 1."""
        return max(1, *(step.orders for step in self.steps))

    @property
    def ended(self) -> list[Flow]:
        """Orders that have ended, by how."""
        return [step for status in ENDED for step in self.flow if step.status == status]

    @property
    def sparks(self) -> list[Spark]:
        """Throughput."""
        return [
            _spark("Messages", [bucket.messages for bucket in self.buckets]),
            _spark("Orders closed", [bucket.closed for bucket in self.buckets]),
        ]


async def read(connection: Connection) -> Board:
    """Read everything that the overview shows."""
    return Board(
        at=datetime.now(UTC),
        totals=await tower.totals(connection),
        health=await tower.health(connection),
        flow=await tower.flow(connection),
        attention=await tower.attention(connection),
        parked=await tower.parked(connection, SHOWN),
        buckets=await tower.throughput(connection),
        activity=(await tower.activity(connection))[:SHOWN],
    )


def _chip(system: SystemHealth) -> Chip:
    detail = f"{system.done} done in the last minute, {system.owed} owed, {system.failing} failing"
    name = NAMES[system.system]
    if system.failing:
        return Chip(name, "warn" if system.done else "bad", f"{system.failing} failing", detail)
    return Chip(name, "good" if system.done else "idle", "" if system.done else "idle", detail)


def _order_concern(order: Attention) -> Concern:
    facts = [
        f"{order.currency} {order.value:,.0f}" if order.value else "",
        f"priority {order.priority}",
        order.status.replace("_", " "),
        order.site,
        order.carrier or "",
    ]
    detail = " · ".join(fact for fact in facts if fact)
    return Concern(f"o-{order.key}", order.severity, order_url(order.key), order.number, _trouble(order), detail)


def _trouble(order: Attention) -> str:
    if order.refused:
        return f"Refused for good: {order.error or order.origin}"
    if order.failing:
        return f"Trying again: {order.error or order.origin}"
    said = {
        "exception": "Exception reported",
        "no_scan": "No delivery scan",
        "delayed": f"Delayed by {order.days_late} {'day' if order.days_late == 1 else 'days'}",
    }
    return " · ".join(text for condition, text in said.items() if condition in order.conditions)


def _parked_concern(message: Parked) -> Concern:
    waits = f"waits for {message.waiting_for}" if message.waiting_for else "needs a person"
    return Concern(
        key=f"m-{message.id}",
        severity=WATCH if message.waiting_for else ACT,
        url=f"/tower/quarantine#m-{message.id}",
        subject=f"Message {message.id} from {message.partner}",
        title=message.reason or "Quarantined",
        detail=f"{message.kind} · {(message.origin or 'unknown').replace('_', ' ')} · {waits}",
    )


def _spark(name: str, values: list[int]) -> Spark:
    """A line over `values` in a box of 100 × 100 units, with the highest value a little under the top."""
    peak = max(values, default=0)
    step = 100 / max(1, len(values) - 1)
    points = [f"{i * step:.2f} {98 - 92 * value / max(1, peak):.2f}" for i, value in enumerate(values)]
    line = f"M{' L'.join(points)}"
    return Spark(name, peak, values[-1] if values else 0, line, f"{line} L100 100 L0 100 Z")
