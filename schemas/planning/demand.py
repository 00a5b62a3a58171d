"""Demand signals beside the forecast: sales, stock and orders of customers, by day; and their rows for planning."""

from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from pydantic import Field

from schemas.base import Contract, Day, SiteId
from schemas.orders.milestones import ItemId

MAX_SIGNALS = 5_000
"""Rows of a batch, as the API promises."""
MAX_SIGNALS_PER_CALL = 500
"""Rows of a call to planning, as in the planning feed."""
MAX_FINDINGS = 100
"""At most so many refused rows are named in an answer."""
BatchId = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\x21-\x7e]+$")]


class SignalKind(StrEnum):
    """`sell_out`: sold to consumers (point of sale). `customer_stock`: on hand at the customer at the end of the
    day. `order_intake`: ordered by the customer, released or not."""

    SELL_OUT = "sell_out"
    CUSTOMER_STOCK = "customer_stock"
    ORDER_INTAKE = "order_intake"


class DemandSignal(Contract):
    """Packs of an item of a day at a customer (an id, no name) that a site serves.

    A correction has a higher `revision` and replaces what was said of this kind, customer, item, site and day.
    """

    kind: SignalKind
    customer: ItemId
    item: ItemId
    site: SiteId
    day: Day
    packs: Annotated[int, Field(strict=True, ge=0, le=100_000_000)]
    revision: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1

    @property
    def about(self) -> tuple[str, ...]:
        """The key of a figure: one figure holds for each."""
        return self.kind, self.customer, self.item, self.site, self.day.isoformat()


class DemandBatch(Contract):
    """Body of `POST /v1/demand-signals`. Each row is taken or refused for itself; `id` names the batch for people."""

    id: BatchId
    rows: Annotated[tuple[DemandSignal, ...], Field(min_length=1, max_length=MAX_SIGNALS)]


class Numbered(NamedTuple):
    """A row and its place in the batch, from 0."""

    n: int
    row: DemandSignal


class RefusedSignal(Contract):
    """A row that was not taken: its place from 0, the field, and the rule."""

    row: int
    field: str
    rule: str


class DemandTaken(Contract):
    """Answer to `POST /v1/demand-signals`, in rows.

    `changed` go on to planning; `unchanged` repeat what was known; of `superseded` a later revision is known. `waiting`
    are kept until the ERP knows item and site. `refused` are not taken, and `findings` names the rule of the first
    ones.
    """

    id: str
    changed: int = 0
    unchanged: int = 0
    superseded: int = 0
    waiting: int = 0
    refused: int = 0
    findings: tuple[RefusedSignal, ...] = ()


class PlanningSignal(Contract):
    """A figure for planning: it replaces what was known of this kind, customer, item, site and day from this source."""

    key: Annotated[str, Field(min_length=1)]
    source: str
    kind: SignalKind
    customer: str
    item: str
    site: str
    day: Day
    packs: int
    revision: int


class PlanningSignals(Contract):
    """POST {planning}/v1/demand-signals: figures that changed, in bulk. Each row's key makes it count once."""

    region: str
    rows: Annotated[tuple[PlanningSignal, ...], Field(min_length=1, max_length=MAX_SIGNALS_PER_CALL)]


class DemandKey(NamedTuple):
    """An order's figure for planning under its revision: `<order>/demand/<site>/<item>/r<revision>`, from `stem` on.
    The id of an item may have slashes: a revision is behind the last one."""

    stem: str
    revision: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None for the key of another row for planning."""
        stem, mark, revision = text.rpartition("/r")
        return cls(stem, int(revision)) if mark and revision.isascii() and revision.isdigit() else None

    def __str__(self) -> str:
        return f"{self.stem}/r{self.revision}"
