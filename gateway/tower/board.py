"""The overview: what store.views.overview reads, arranged to be seen at a glance. Pure but for `read`."""

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.milestones.variants import BY_RANK
from gateway.tower.pages import SYSTEMS, order_url, span
from gateway.tower.work_lists import cases_url, planner_url
from store.engine import Connection
from store.views import overview, unsettled, work_lists
from store.views.overview import Activity, Attention, StatusCount, SystemHealth, TimeSlice, Totals
from store.views.unsettled import QuarantineEntry
from store.views.work_lists import Load, OpenProposals

SHOWN = 20
"""Entries in each list of the overview."""
IN_FLIGHT = [BY_RANK[rank].value for rank in range(9)]
ENDED = ("closed", "cancelled", "returned", "rejected")
"""Statuses of orders that are over."""
ACT, RETRYING, WATCH = 3, 2, 1


@dataclass(frozen=True)
class Chip:
    """A system at a glance. `state`: good, idle, warn (some effects fail) or bad (they fail and none is done)."""

    name: str
    state: str
    text: str
    detail: str


@dataclass(frozen=True)
class AttentionEntry:
    """An entry of the list of what needs attention; `grade` says in a word what its severity asks for."""

    key: str
    severity: int
    grade: str
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
    flow: list[StatusCount]
    attention: list[Attention]
    loads: list[Load]
    asked: list[OpenProposals]
    quarantined: list[QuarantineEntry]
    buckets: list[TimeSlice]
    activity: list[Activity]

    @property
    def chips(self) -> list[Chip]:
        """The connected systems."""
        return [_chip(system) for system in self.health]

    @property
    def concerns(self) -> list[AttentionEntry]:
        """Cases, proposals, orders and messages that need attention, worst first."""
        found = [
            *(_case_concern(load, self.at) for load in self.loads),
            *(_planner_concern(asked, self.at) for asked in self.asked),
            *map(_order_concern, self.attention),
            *map(_quarantine_concern, self.quarantined),
        ]
        return sorted(found, key=lambda concern: -concern.severity)[:SHOWN]

    @property
    def open_cases(self) -> int:
        """Cases that are open, on all desks."""
        return sum(load.cases for load in self.loads)

    @property
    def untaken(self) -> int:
        """Open cases that nobody has acknowledged."""
        return sum(load.untaken for load in self.loads)

    @property
    def escalated(self) -> int:
        """Open cases that have gone past their first tier."""
        return sum(load.escalated for load in self.loads)

    @property
    def steps(self) -> list[StatusCount]:
        """Open orders by status, in the order in which an order goes through them; also those that have none."""
        known = {step.status: step for step in self.flow}
        return [known.get(status, StatusCount(status, 0, 0)) for status in IN_FLIGHT]

    @property
    def widest(self) -> int:
        """The most orders in one step; at least 1."""
        return max(1, *(step.orders for step in self.steps))

    @property
    def ended(self) -> list[StatusCount]:
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
        totals=await overview.totals(connection),
        health=await overview.health(connection),
        flow=await overview.flow(connection),
        attention=await overview.attention(connection),
        loads=await work_lists.caseload(connection),
        asked=await work_lists.asked(connection),
        quarantined=await unsettled.quarantined(connection, SHOWN),
        buckets=await overview.throughput(connection),
        activity=(await overview.activity(connection))[:SHOWN],
    )


def _chip(system: SystemHealth) -> Chip:
    detail = f"{system.done} done in the last minute, {system.owed} owed, {system.failing} failing"
    name = SYSTEMS[system.system]
    if system.failing:
        return Chip(name, "warn" if system.done else "bad", f"{system.failing} failing", detail)
    return Chip(name, "good" if system.done else "idle", "" if system.done else "idle", detail)


def _order_concern(order: Attention) -> AttentionEntry:
    facts = [
        f"{order.currency} {order.value:,.0f}" if order.value else "",
        f"priority {order.priority}",
        order.status.replace("_", " "),
        order.site,
        order.carrier or "",
    ]
    detail = " · ".join(fact for fact in facts if fact)
    grade = {ACT: "act", RETRYING: "retrying", WATCH: "watch"}[order.severity]
    return AttentionEntry(
        f"o-{order.key}", order.severity, grade, order_url(order.key), order.number, _trouble(order), detail
    )


def _case_concern(load: Load, now: datetime) -> AttentionEntry:
    severity, grade = (
        (ACT, "escalated") if load.escalated else (RETRYING, "take it") if load.untaken else (WATCH, "in hand")
    )
    facts = [
        f"oldest {span(now - load.oldest_at)}",
        f"{load.untaken} untaken" if load.untaken else "",
        f"climbs in {span(load.next_at - now)}" if load.next_at else "",
    ]
    return AttentionEntry(
        key=f"c-{load.queue}-{load.kind}",
        severity=severity,
        grade=grade,
        url=cases_url(load.queue, load.kind),
        subject=load.queue,
        title=f"{load.kind.replace('_', ' ').capitalize()} · {_many(load.cases, 'case')}",
        detail=" · ".join(fact for fact in facts if fact),
    )


def _planner_concern(asked: OpenProposals, now: datetime) -> AttentionEntry:
    return AttentionEntry(
        key=f"p-{asked.region}",
        severity=RETRYING,
        grade="decide",
        url=planner_url(asked.region),
        subject=f"Planner {asked.region}",
        title=f"{_many(asked.proposals, 'proposal')} to decide",
        detail=f"oldest {span(now - asked.oldest_at)}",
    )


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def _trouble(order: Attention) -> str:
    if order.refused:
        return f"Refused for good: {order.error or order.origin}"
    if order.failing:
        return f"Trying again: {order.error or order.origin}"
    said = {"exception": "exception reported", "delayed": f"delayed by {_many(order.days_late, 'day')}"}
    text = " · ".join(said.get(condition, condition.replace("_", " ")) for condition in order.conditions)
    return text[:1].upper() + text[1:]


def _quarantine_concern(message: QuarantineEntry) -> AttentionEntry:
    waits = f"waits for {message.waiting_for}" if message.waiting_for else "needs a person"
    return AttentionEntry(
        key=f"m-{message.id}",
        severity=WATCH if message.waiting_for else ACT,
        grade="watch" if message.waiting_for else "act",
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
