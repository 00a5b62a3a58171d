"""Exception cases: how one is started, what it hears from its order, what it writes down, which alerts it asks for."""

from datetime import date
from enum import StrEnum
from typing import ClassVar

from schemas.base import Contract, Moment
from schemas.cases.exceptions import Action, CasePolicy, Channel, ExceptionKind
from schemas.changes import Change
from schemas.ids import CaseKey, Subject
from schemas.workflow_ids import WorkflowId


class CaseState(StrEnum):
    """The state of a case. It closes by itself when its cause is cured, or when somebody resolves it."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    CURED = "cured"
    RESOLVED = "resolved"


ENDED = frozenset({CaseState.CURED, CaseState.RESOLVED})


class Finding(Contract):
    """One exception of an order: its kind, its subject (a shipment, line, milestone or effect key), and a sentence
    without names or addresses. `measure`: its size in days or packs; 0: it has no size."""

    kind: ExceptionKind
    subject: str
    summary: str
    measure: int = 0


class CaseQuery(Contract):
    """The facts that a policy may depend on."""

    kind: ExceptionKind
    order: str
    partner: str = ""
    site: str = ""
    region: str = ""


class CaseEntry(Contract):
    """One line of a case's history."""

    at: Moment
    what: str
    by: str = "syncline"


class CaseStart(Contract):
    """Start of a case's workflow. `reopened` counts how often it was closed before; `history` is what happened then.

    `promised_on` is the day promised when it opened: a customer who is told is told this day.
    """

    order: str
    kind: ExceptionKind
    number: int
    findings: tuple[Finding, ...]
    opened_at: Moment
    policy: CasePolicy
    site: str = ""
    region: str = ""
    carrier: str = ""
    priority: int = 3
    promised_on: date | None = None
    reopened: int = 0
    history: tuple[CaseEntry, ...] = ()

    @property
    def id(self) -> str:
        """`<erp>/<number>/<kind>/<n>`: how people and the API name the case."""
        return str(CaseKey(Subject.parse(self.order), self.kind, self.number))

    @property
    def workflow_id(self) -> str:
        """`case/<erp>/<number>/<kind>/<n>`."""
        return str(WorkflowId.of_case(self.id))


class CaseName(Contract):
    """The key of a case."""

    id: str


class CaseHistory(Contract):
    """The history of a case so far."""

    entries: tuple[CaseEntry, ...] = ()


class CaseNews(Contract):
    """An order's message to an open case: its present findings (none: the cause is cured), and a note."""

    findings: tuple[Finding, ...]
    at: Moment
    note: str = ""


class CaseOutcome(Contract):
    """The end of a case, from which a reopening starts."""

    id: str
    state: CaseState
    history: tuple[CaseEntry, ...] = ()


class Notice(Contract):
    """A message to people, asked for once under its key: `<case>/<tier>/<channel>` (with the count of its
    reopenings, if any), or a customer notice.

    `to` is a queue of our own people, or `customer`: whose address the store looks up when the notice is sent.
    `facts` fill the template: short, and free of names and addresses. `tier` is 0 for the first, and for customers.
    """

    key: str
    template: str
    to: str
    channel: Channel
    order: str
    case: str = ""
    kind: str = ""
    tier: int = 0
    asked_at: Moment
    facts: dict[str, str] = {}  # noqa: RUF012 - pydantic copies field defaults


class NoticesPlanned(Change):
    """Notices that people are sent because of a step of an order."""

    tag: ClassVar[str] = "notices"
    notices: tuple[Notice, ...] = ()


class CaseRecord(Contract):
    """One step of a case, written as one transaction. `version` rises with each."""

    id: str
    order: str
    kind: ExceptionKind
    version: int
    state: CaseState
    tier: int
    queue: str
    assignee: str = ""
    summary: str
    findings: tuple[Finding, ...] = ()
    actions: tuple[Action, ...] = ()
    policy_version: int
    reopened: int = 0
    opened_at: Moment
    acknowledged_at: Moment | None = None
    closed_at: Moment | None = None
    next_at: Moment | None = None
    history: tuple[CaseEntry, ...] = ()
    notices: tuple[Notice, ...] = ()


class KnownCase(Contract):
    """The newest case of one kind: its number, and what it was about last.

    `settled`: what people have resolved although it is still wrong, and how big that was (`accepted`); it is not raised
    again before it was cured or is worse. `told` names what the case heard last; 0: an earlier build did not say.
    """

    kind: ExceptionKind
    number: int
    open: bool
    subjects: tuple[str, ...]
    reopened: int = 0
    settled: tuple[str, ...] = ()
    accepted: dict[str, int] = {}  # noqa: RUF012 - pydantic copies field defaults
    told: int = 0
