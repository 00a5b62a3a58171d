"""What an order workflow writes down: one record for each step, carried out as one database transaction."""

from datetime import date
from enum import StrEnum

from schemas.base import Contract, Moment
from schemas.cases import Notice
from schemas.effects import Effect, PlanningDelta
from schemas.milestones import ShippedLine
from schemas.orders import OrderStatus, Promise
from schemas.stock import Moves


class Outcome(Contract):
    """What one event, or the message that carried a command, meant to the order."""

    event_id: str
    inbox_id: int
    superseded: str | None = None


class ShipmentRecord(Contract):
    """A shipment as it stands."""

    shipment: str
    status: OrderStatus
    eta: Moment | None = None
    shipped_at: Moment | None = None
    delivered_at: Moment | None = None


class LineRecord(Contract):
    """A line as it stands, in packs: `open` + `shipped` + `cancelled` is `ordered`, and each later stage holds no more
    than the one before."""

    line: int
    item: str
    ordered: int
    cancelled: int = 0
    allocated: int = 0
    picked: int = 0
    packed: int = 0
    shipped: int
    delivered: int
    returned: int = 0
    promised_on: date
    delivered_at: Moment | None = None


class ProposalKind(StrEnum):
    """Why a planner is asked."""

    DELAY = "delay"
    SHORTAGE = "shortage"


class Proposal(Contract):
    """A re-plan proposed to the planner of a region. `proposed_on` is the day that would be promised."""

    id: str
    kind: ProposalKind
    subject: str
    promised_on: date
    proposed_on: date
    lines: tuple[ShippedLine, ...] = ()
    summary: str
    raised_at: Moment


class Decided(Contract):
    """What became of a proposal: accepted, rejected, overridden or withdrawn; by whom, when and why."""

    id: str
    state: str
    by: str
    at: Moment
    reason: str


class StepRecord(Contract):
    """One step of an order. `version` rises with each: a slow worker's old record never overwrites a newer one.

    `first_promise` is set in the first record only; `lines` and `shipments` hold what may have changed. `amended_by`:
    the inbox messages whose amendments the store works into the release; `items` what lines were substituted by.
    `sites`: warehouses that take part from now on. `moves`: how stock moved since the step before. `base`: the version
    that the step was decided on; what the store holds beyond it is of an attempt that was lost.
    """

    order: str
    version: int
    base: int | None = None
    status: OrderStatus
    conditions: tuple[str, ...] = ()
    promised_on: date
    eta: Moment | None = None
    carrier: str = ""
    reason: str | None = None
    closed: bool = False
    first_promise: Promise | None = None
    outcomes: tuple[Outcome, ...] = ()
    lines: tuple[LineRecord, ...] = ()
    shipments: tuple[ShipmentRecord, ...] = ()
    effects: tuple[Effect, ...] = ()
    deltas: tuple[PlanningDelta, ...] = ()
    amended_by: tuple[int, ...] = ()
    items: dict[int, str] = {}  # noqa: RUF012 - pydantic copies field defaults
    sites: tuple[str, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    decided: tuple[Decided, ...] = ()
    notices: tuple[Notice, ...] = ()
    moves: Moves = {}  # noqa: RUF012


class Written(Contract):
    """The step is in the database."""

    version: int


class Replay(Contract):
    """Bring these quarantined messages back, after what stopped them has been repaired."""

    order: str
    ids: tuple[int, ...]
