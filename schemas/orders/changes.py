"""What a step may change of an order: where it stands, its lines and shipments, its release, who takes part."""

from datetime import date
from typing import ClassVar

from schemas.base import Contract, Moment
from schemas.changes import Change
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


class OrderViewChanged(Change):
    """Where the order stands. `conditions` are beside its rank, `closed` means that nothing more is expected."""

    tag: ClassVar[str] = "view"
    status: OrderStatus
    conditions: tuple[str, ...] = ()
    promised_on: date
    eta: Moment | None = None
    carrier: str = ""
    reason: str | None = None
    closed: bool = False


class OrderPromised(Change):
    """The first promise: in the first step only."""

    tag: ClassVar[str] = "promised"
    promise: Promise


class LinesChanged(Change):
    """Lines that may stand otherwise than before; the others stand as they did."""

    tag: ClassVar[str] = "lines"
    lines: tuple[LineRecord, ...] = ()


class ShipmentsChanged(Change):
    """Shipments that may stand otherwise than before; the others stand as they did."""

    tag: ClassVar[str] = "shipments"
    shipments: tuple[ShipmentRecord, ...] = ()


class ApartChanged(Change):
    """All that stands apart from the lines from now on."""

    tag: ClassVar[str] = "apart"
    apart: Apart


class ReleaseAmended(Change):
    """The release changes: `messages` of the inbox have the amendments, `items` by line what it was substituted by."""

    tag: ClassVar[str] = "amended"
    messages: tuple[int, ...] = ()
    items: dict[int, str] = {}  # noqa: RUF012 - pydantic copies field defaults


class SitesJoined(Change):
    """Sites whose warehouses take part in the order from now on."""

    tag: ClassVar[str] = "sites"
    sites: tuple[str, ...] = ()
