"""What planning is owed because of a step of an order: movements, and what is open from now on."""

from datetime import date
from typing import ClassVar

from schemas.base import Contract
from schemas.changes import Change
from schemas.messaging.effects import PlanningDelta


class DemandRow(Contract):
    """Packs of an item that an order still wants from a site, and the earliest day promised for any of them."""

    item: str
    site: str
    packs: int
    day: date


class PlanningMoved(Change):
    """Movements that planning must know of."""

    tag: ClassVar[str] = "planning"
    deltas: tuple[PlanningDelta, ...] = ()


class OpenDemand(Change):
    """All that is open of an order from now on; nothing of any other item and site."""

    tag: ClassVar[str] = "demand"
    rows: tuple[DemandRow, ...] = ()
