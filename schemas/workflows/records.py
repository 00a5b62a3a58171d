"""What an order workflow writes down: one record for each step, carried out as one database transaction."""

from datetime import date
from enum import StrEnum

from schemas.base import Contract, Moment
from schemas.cases.cases import Notice
from schemas.inventory.stock import Moves
from schemas.messaging.effects import PlanningDelta
from schemas.messaging.order_effects import OrderEffect
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus, Promise


class ShipmentRecord(Contract):
    """A shipment as it stands."""

    shipment: str
    status: OrderStatus
    eta: Moment | None = None
    shipped_at: Moment | None = None
    delivered_at: Moment | None = None


class LineRecord(Contract):
    """A line as it stands, in packs: `open` + `shipped` + `cancelled` is `ordered`, and each later stage holds no more
    than the one before. `delivered_on` is the day that it was at the customer's."""

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
    delivered_on: date | None = None


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


class DemandRow(Contract):
    """Packs of an item that an order still wants from a site, and the earliest day promised for any of them."""

    item: str
    site: str
    packs: int
    day: date


class PickedLine(Contract):
    """Packs of a line that a site had picked before the line got another item."""

    site: str
    line: int
    item: str
    quantity: int


class Apart(Contract):
    """What of an order stands apart from its lines, in packs by line: what other sites send, what stays another item,
    what got lost after it had left."""

    sources: dict[str, dict[int, int]] = {}  # noqa: RUF012 - pydantic copies field defaults
    kept: tuple[PickedLine, ...] = ()
    astray: dict[int, int] = {}  # noqa: RUF012


class StepRecord(Contract):
    """One step of an order. `version` rises with each: a slow worker's old record never overwrites a newer one.

    `first_promise` is set in the first record only; `lines` and `shipments` hold what may have changed. `amended_by`:
    the inbox messages whose amendments the store works into the release; `items` what lines were substituted by.
    `sites`: warehouses that take part from now on. `moves`: how stock moved since the step before; `issued`: what
    left since, by the place of its shipment, also when it has arrived by now. `demand`: all that is open from now on,
    nothing of any other item and site; None: as it was. `apart`: what stands apart from its lines; None: as it was.
    """

    order: str
    version: int
    status: OrderStatus
    conditions: tuple[str, ...] = ()
    promised_on: date
    eta: Moment | None = None
    carrier: str = ""
    reason: str | None = None
    closed: bool = False
    first_promise: Promise | None = None
    lines: tuple[LineRecord, ...] = ()
    shipments: tuple[ShipmentRecord, ...] = ()
    effects: tuple[OrderEffect, ...] = ()
    deltas: tuple[PlanningDelta, ...] = ()
    demand: tuple[DemandRow, ...] | None = None
    apart: Apart | None = None
    amended_by: tuple[int, ...] = ()
    items: dict[int, str] = {}  # noqa: RUF012 - pydantic copies field defaults
    sites: tuple[str, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    decided: tuple[Decided, ...] = ()
    notices: tuple[Notice, ...] = ()
    moves: Moves = {}  # noqa: RUF012
    issued: Moves = {}  # noqa: RUF012


class StepWritten(Contract):
    """The step is in the database."""

    version: int


class Replay(Contract):
    """Bring these quarantined messages back, after what stopped them has been repaired."""

    order: str
    ids: tuple[int, ...]
