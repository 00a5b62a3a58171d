"""Order promising and projected availability: what is asked, what is reserved, what is answered."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.base import Contract, Day, Moment, Packs, Region, SiteId, SystemId, Text
from schemas.days import EVERY_DAY, Days
from schemas.orders.milestones import ItemId, LineNumber, ShippedLine
from schemas.orders.release import LinePromise, Promise
from schemas.standard_identifiers import TransportMode

STOCK = ""
"""`Reservation.supply` of packs that are on hand."""
REPLENISHMENT = "lead"
"""`Reservation.supply` of packs that no stock and no named supply covers: promised by the replenishment lead time."""


class Terms(Contract):
    """Under what an order is promised, first and again; kept with its promise, so that a later policy changes nothing.

    `lead_days` pass from goods on hand to goods delivered; `handling_days` of them are working days of the site.
    `replenish_days` pass until unnamed supply is on hand. `alternates` are other sites that may send, best first.
    `here`, `elsewhere`, `carriage` and `there` are calendars, where known. They are those of the site, other sites, the
    wanted carrier and the customer.
    """

    site: str
    alternates: tuple[str, ...] = ()
    released_on: date
    lead_days: int
    replenish_days: int
    handling_days: int = 0
    priority: int = 3
    here: Days = EVERY_DAY
    carriage: Days = EVERY_DAY
    there: Days = EVERY_DAY
    elsewhere: dict[str, Days] = {}  # noqa: RUF012 - pydantic copies field defaults

    @property
    def sites(self) -> tuple[str, ...]:
        """Places from which packs may come, the order's own site first."""
        return tuple(dict.fromkeys((self.site, *self.alternates)))


class Need(Contract):
    """Packs of a line that are to be promised. `not_before`: the first promise, which none comes before again."""

    line: int
    item: str
    packs: int
    wanted_on: date
    not_before: date = date.min


class Reservation(Contract):
    """Packs of a line, reserved at a site: stock, a named supply, or what replenishment must bring.

    `due` is the day on which they are on hand there, `day` the one on which they can be delivered. `late`: the line
    cannot keep its first promise. `words` is the text for people.
    """

    line: int
    item: str
    site: str
    supply: str
    packs: int
    due: date
    day: date
    wanted_on: date
    late: bool = False
    words: str = ""


class Source(Contract):
    """Packs that can still be promised: stock of a site (`supply` is empty), or a named supply and its day."""

    item: str
    site: str
    supply: str = STOCK
    ref: str = ""
    packs: int
    due: date = date.min


class Sending(Contract):
    """Packs that another site than the order's own sends."""

    site: str
    lines: tuple[ShippedLine, ...]


class Given(Contract):
    """The first promise of an order as it was given; `sendings`: what other sites send of it."""

    promise: Promise
    sendings: tuple[Sending, ...] = ()


class OpenLine(Contract):
    """A line with reservations that are planned anew. `reported_on` is the day last sent to the order. `picked`: a part
    was picked, so that the rest keeps what is still there."""

    order: str
    terms: Terms
    need: Need
    reported_on: date
    reservations: tuple[Reservation, ...]
    picked: bool = False


class Reserved(Contract):
    """Packs of a line as they are reserved now; 0 when none are. `taken` of the line are allocated or further; `since`
    is the day on which their source is or was due. `managed`: stock of the item is kept at the order's site."""

    line: int
    promised_on: date
    taken: int
    managed: bool
    own_site: str
    site: str = ""
    supply: str = STOCK
    ref: str = ""
    packs: int = 0
    due: date = date.min
    since: date = date.min


class Rescheduling(Contract):
    """Lines of an order whose day has changed, and why."""

    order: str
    promises: tuple[LinePromise, ...]
    reason: str


class QuestionLine(Contract):
    """Packs of an item that somebody would like to have promised."""

    line: LineNumber
    item: ItemId
    quantity: Packs
    requested_on: Day | None = None


class PromiseQuestion(Contract):
    """A question: the promise of an order that is not placed. Reserves nothing. `alternates` are other sites that may
    send, best first.

    Caller-given `customer`, `region` and `carrier` are answered by their days and policies, as a release is.
    """

    site: SiteId
    requested_on: Day
    lines: Annotated[tuple[QuestionLine, ...], Field(min_length=1, max_length=500)]
    alternates: Annotated[tuple[SiteId, ...], Field(max_length=20)] = ()
    mode: TransportMode | None = None
    customer: Text | None = None
    region: Region | None = None
    carrier: SystemId | None = None

    @model_validator(mode="after")
    def _each_line_once(self) -> Self:
        numbers = [line.line for line in self.lines]
        if len(set(numbers)) != len(numbers):
            raise ValueError("lines: each line number may appear once")
        return self


class PromiseAnswer(Contract):
    """The promise that would be made now, and its sources. Another order may be promised the same packs first."""

    promise: Promise
    parts: tuple[Reservation, ...] = ()


class AvailabilityDay(Contract):
    """A day of an item at a site, in packs. `on_hand` is the stock at its beginning, with everything that was to come
    before. `supply` comes on it (`in_transit` of it is under way); `reserved` and `demand` fall due on it. `projected`
    is left for new orders at its end.

    `forecast` is expected to be ordered for this day, beside all that is ordered already. `balance` is left at its end
    when the forecast comes true. Promises go by `projected`, planners by `balance`.
    """

    day: date
    on_hand: int
    supply: int
    in_transit: int = 0
    reserved: int
    demand: int
    projected: int
    forecast: int = 0
    balance: int = 0


class Availability(Contract):
    """The projection of an item at a site. Where no stock is kept, `managed` is false: promises are by lead time.

    `short_on` is the first day on which orders exceed the stock, `runs_out_on` the first on which orders and forecast
    do. Both are absent when there is none within the horizon. `site` is empty when it is all sites together.
    """

    item: str
    site: str
    managed: bool
    as_of: Moment
    short_on: date | None = None
    runs_out_on: date | None = None
    days: tuple[AvailabilityDay, ...]


class AvailabilityList(Contract):
    """Projections, by site; `together` of all of these, when no site was named and there are several."""

    availability: tuple[Availability, ...]
    together: Availability | None = None


class PromisingRun(Contract):
    """The reallocation workflow: one per shard. `cycles` counts the activity runs since the workflow began."""

    shard: int = 0
    cycles: int = 0

    @property
    def workflow_id(self) -> str:
        """`promising/<shard>`."""
        return f"promising/{self.shard}"


class PromisingReport(Contract):
    """Counts of one run of reallocation: items looked at, orders with another day."""

    items: int = 0
    rescheduled: int = 0
