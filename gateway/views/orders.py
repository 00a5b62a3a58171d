"""Orders, cases, proposals and quarantined messages as they are shown: what the store reads, as contracts."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from domain.inventory.promising import renewed
from schemas.base import Contract, Role
from schemas.cases.cases import CaseEntry, Finding
from schemas.cases.policies import PolicyRule
from schemas.ids import Subject
from schemas.inventory.promising import Reserved
from schemas.orders.milestones import ShippedLine
from schemas.planning.governor import Precision, StockProposalView
from schemas.workflows.lifecycle import StatusAnswer

SUPPORTERS = (Role.SUPPORT, Role.ADMIN)
"""Roles that see the queue and history of a case, and what an order waits for."""
PROPOSAL_READERS = (*SUPPORTERS, Role.PLANNING)
SEE_EFFECTS = (*SUPPORTERS, Role.ERP)
"""Roles that see proposals, and those that see the messages to other systems."""


class LineView(Contract):
    """A line: how much is ordered, cancelled, at each stage, and back; its promised day, and that of its delivery at
    the customer's. All in the `unit` that its item is kept in.
    """

    line: int
    item: str
    unit: str
    ordered: int
    cancelled: int = 0
    allocated: int = 0
    picked: int = 0
    packed: int = 0
    shipped: int
    delivered: int
    returned: int = 0
    promised_on: date
    delivered_at: datetime | None = None
    delivered_on: date | None = None


class ShipmentView(Contract):
    """A shipment that carries packs of the order, with its furthest milestone.

    `location` is where it was reported last (UN/LOCODE), `handling_units` its pallets and cartons as reported last.
    """

    shipment: str
    status: str
    eta: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    location: str | None = None
    handling_units: tuple[str, ...] | None = None


class PromiseView(Contract):
    """A promise, first to last."""

    promised_on: date
    reason: str
    made_at: datetime


class TimelineView(Contract):
    """A milestone that was reported, where, on how many handling units, and what became of the report."""

    kind: str
    shipment: str
    partner: str
    occurred_at: datetime
    received_at: datetime
    location: str | None = None
    handling_units: int | None = None
    state: str
    reason: str | None = None
    settled_at: datetime | None = None


class EffectView(Contract):
    """A call that Syncline made, or owes, to another system."""

    key: str
    system: str
    operation: str
    shipment: str
    milestone: str | None = None
    outcome: str
    attempts: int
    origin: str | None = None
    error: str | None = None
    reference: str | None = None
    trace_id: str | None = None
    accepted_at: datetime
    planned_at: datetime
    done_at: datetime | None = None


class ReturnView(Contract):
    """A return: packs expected, received, put back into stock and scrapped. `sender`: a carrier brings goods back."""

    rma: str
    state: str
    reason: str
    sender: bool
    expected: tuple[ShippedLine, ...] = ()
    received: tuple[ShippedLine, ...] = ()
    restocked: tuple[ShippedLine, ...] = ()
    scrapped: tuple[ShippedLine, ...] = ()
    overdue: bool = False


class CaseView(Contract):
    """A case: what is wrong, since when, and whether it is solved. The rest is shown to support only.

    `about`: an order or a purchase order, which is its `order` as well, or books of ours, as `stock/<system>/<target>`.
    """

    id: str
    about: str
    order: str | None = None
    kind: str
    state: str
    summary: str
    opened_at: datetime
    closed_at: datetime | None = None
    tier: int | None = None
    queue: str | None = None
    assignee: str | None = None
    next_at: datetime | None = None
    acknowledged_at: datetime | None = None
    reopened: int | None = None
    policy_version: int | None = None
    actions: tuple[str, ...] | None = None
    findings: tuple[Finding, ...] | None = None
    history: tuple[CaseEntry, ...] | None = None


class CaseList(Contract):
    """Cases, the newest first; `next` is the address of the page after it."""

    cases: tuple[CaseView, ...]
    next: str | None = None


class ProposalView(Contract):
    """A re-plan that a planner is asked about, and what became of it. `proposed_on`: the day that would be promised."""

    id: str
    order: str
    kind: str
    subject: str
    region: str
    promised_on: date
    proposed_on: date
    lines: tuple[ShippedLine, ...] = ()
    summary: str
    state: str
    raised_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None


class ProposalList(Contract):
    """Proposals, the newest first: about orders, `stock` about items at sites; how many planners accept, by week."""

    proposals: tuple[ProposalView, ...]
    stock: tuple[StockProposalView, ...] | None = None
    precision: tuple[Precision, ...] | None = None


class PolicyList(Contract):
    """The rules in force, over the built-in defaults."""

    rules: tuple[PolicyRule, ...]


class OrderView(Contract):
    """An order as its parties see it.

    `time_zone` is the one of its days: those on which it is promised and delivered. `effects` is shown to the ERP and
    to support, `proposals` to planners and support. Support also sees `awaited`, by when (`due_at`), and the last
    `failure`. Lines and shipments are the first 100; promises, effects and timeline the newest 100. `more`: how many
    others a list has; all of them are at `/v1/orders/{number}/pages/{list}`.
    """

    key: str
    erp: str
    number: str
    variant: str
    status: str
    conditions: tuple[str, ...] = ()
    region: str
    site: str
    carrier: str | None = None
    priority: int
    first_promised_on: date | None = None
    promised_on: date | None = None
    promise_reason: str | None = None
    eta: datetime | None = None
    reason: str | None = None
    time_zone: str = "UTC"
    released_at: datetime
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    awaited: str | None = None
    due_at: datetime | None = None
    failure: str | None = None
    lines: tuple[LineView, ...] = ()
    shipments: tuple[ShipmentView, ...] = ()
    promises: tuple[PromiseView, ...] = ()
    effects: tuple[EffectView, ...] | None = None
    timeline: tuple[TimelineView, ...] = ()
    returns: tuple[ReturnView, ...] = ()
    cases: tuple[CaseView, ...] = ()
    proposals: tuple[ProposalView, ...] | None = None
    more: dict[str, int] | None = None


class OrderPage(Contract):
    """A page of one list of an order, oldest first; `next` is the address of the page after it."""

    lines: tuple[LineView, ...] | None = None
    shipments: tuple[ShipmentView, ...] | None = None
    promises: tuple[PromiseView, ...] | None = None
    effects: tuple[EffectView, ...] | None = None
    timeline: tuple[TimelineView, ...] | None = None
    next: str | None = None


def order_view(
    row: dict[str, Any],
    details: dict[str, list[dict[str, Any]]],
    role: Role,
    waiting: StatusAnswer | None = None,
    counts: Mapping[str, int] = {},
) -> OrderView:
    """Put together what store.orders.orders.find and store.orders.orders.details read, as far as this role may see
    it."""
    hidden = {"cases", "proposals", "reserved"} | (set() if role in SEE_EFFECTS else {"effects"})
    shown: dict[str, Any] = {name: rows for name, rows in details.items() if name not in hidden}
    shown["cases"] = tuple(case_view(case, role) for case in details["cases"])
    if role in PROPOSAL_READERS:
        shown["proposals"] = tuple(proposal_view(proposal) for proposal in details["proposals"])
    if waiting:
        shown |= {"awaited": waiting.awaited or None, "due_at": waiting.due_at, "failure": waiting.failure or None}
    more = {name: n - len(shown[name]) for name, n in counts.items() if name in shown and n > len(shown[name])}
    shown["promise_reason"] = promise_reason(row, details)
    return OrderView.model_validate({**row, **shown, "more": more or None})


def promise_reason(row: dict[str, Any], details: dict[str, list[dict[str, Any]]]) -> str | None:
    """The reason for the promised day: the reservations, unless an ETA or people have named another."""
    said: str | None = row["promise_reason"]
    return renewed(Reserved.model_validate(it) for it in details["reserved"]) or said


def case_view(row: dict[str, Any], role: Role) -> CaseView:
    """A case from store.cases.cases, as far as this role may see it."""
    about = row["order_key"]
    order = about if Subject.parse(about).is_ordered else None
    case = CaseView.model_validate({"about": about, "order": order, **row})
    parties_see = {"id", "about", "order", "kind", "state", "summary", "opened_at", "closed_at"}
    return case if role in SUPPORTERS else CaseView.model_validate(case.model_dump(include=parties_see))


def proposal_view(row: dict[str, Any]) -> ProposalView:
    """A proposal from store.planning.proposals."""
    return ProposalView.model_validate({"order": row["order_key"], **row})


class QuarantinedMessage(Contract):
    """A message that could not be placed, and why. Its bytes stay in the inbox."""

    id: int
    partner: str
    channel: str
    kind: str
    external_id: str
    reason: str | None = None
    origin: str | None = None
    waiting_for: str | None = None
    received_at: datetime


class QuarantineList(Contract):
    """The newest quarantined messages first."""

    messages: tuple[QuarantinedMessage, ...]


class Replayed(Contract):
    """The number of quarantined messages that are processed again."""

    replayed: int
