"""What an order workflow writes down: one record for each step, carried out as one database transaction."""

from datetime import date

from schemas.base import Contract, Moment
from schemas.effects import Effect, PlanningDelta
from schemas.orders import OrderStatus, Promise


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
    """Progress of a line, in packs."""

    line: int
    shipped: int
    delivered: int
    promised_on: date
    delivered_at: Moment | None = None


class StepRecord(Contract):
    """One step of an order. `version` rises with each: a slow worker's old record never overwrites a newer one.

    `first_promise` is set in the first record only; `lines` and `shipments` hold what may have changed.
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
    outcomes: tuple[Outcome, ...] = ()
    lines: tuple[LineRecord, ...] = ()
    shipments: tuple[ShipmentRecord, ...] = ()
    effects: tuple[Effect, ...] = ()
    deltas: tuple[PlanningDelta, ...] = ()


class Written(Contract):
    """The step is in the database."""

    version: int
