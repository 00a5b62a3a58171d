"""Forecasts as planning makes them, version by version; how they are answered, and how good they turned out to be."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.base import Contract, Day, Moment, SiteId
from schemas.orders.milestones import ItemId

MAX_ROWS = 10_000
"""Rows of a batch: a version of ten thousand item-sites in one call."""
VersionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,59}$")]


class PeriodLength(StrEnum):
    """The length of a period. Weeks begin on Monday (ISO 8601), months on their first day."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def begins(self, day: date) -> date:
        """First day of the period that a day lies in."""
        if self is PeriodLength.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self is PeriodLength.MONTH else day

    def before(self, first: date, naive: "Naive") -> date:
        """First day of the period whose actual the naive forecast expects again in the one that begins on `first`.

        A season is seven days, 52 weeks or twelve months.
        """
        if naive is Naive.LAST:
            return self.begins(first - timedelta(days=1))
        if self is PeriodLength.MONTH:
            return first.replace(year=first.year - 1)
        return first - timedelta(days=7 if self is PeriodLength.DAY else 364)

    def following(self, first: date) -> date:
        """First day of the period after the one that begins on `first`."""
        longest = {PeriodLength.DAY: 1, PeriodLength.WEEK: 7, PeriodLength.MONTH: 31}[self]
        return self.begins(first + timedelta(days=longest))


class Naive(StrEnum):
    """The base of a naive forecast: the actual of the `last` period, or of the same one a `season` before."""

    LAST = "last"
    SEASON = "season"


class Actual(StrEnum):
    """Actuals that a forecast is compared with, each at its own site.

    `ordered`: packs that customers wanted, by the requested day, delivered or not. `shipped`: packs that left for
    orders, which is less and later when there is no stock. `sell_out`: packs that customers sold.
    """

    ORDERED = "ordered"
    SHIPPED = "shipped"
    SELL_OUT = "sell_out"


class ForecastRow(Contract):
    """Packs of an item that customers are expected to want from a site in the period that begins on `period`."""

    item: ItemId
    site: SiteId
    period: Day
    packs: Annotated[int, Field(strict=True, ge=0, le=100_000_000)]


class ForecastBatch(Contract):
    """Body of `POST /v1/forecasts`: rows of one version, all or none is taken. A version may come in several batches.

    Of two versions the one with the later `made_at` holds, in any order of arrival. Rows of items or sites that the ERP
    does not know wait.
    """

    version: VersionId
    made_at: Moment
    bucket: PeriodLength
    rows: Annotated[tuple[ForecastRow, ...], Field(min_length=1, max_length=MAX_ROWS)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({(row.item, row.site, row.period) for row in self.rows}) != len(self.rows):
            raise ValueError("rows: each item, site and period may appear once")
        if any(self.bucket.begins(row.period) != row.period for row in self.rows):
            raise ValueError("rows: each period must be the first day of its bucket")
        return self


class ForecastTaken(Contract):
    """Answer to `POST /v1/forecasts`, in rows.

    `changed` go on to the ERP that owns the site's stock, if one does; `unchanged` repeat what was known. Of
    `superseded` a later version is known. `waiting` are kept until the ERP knows item and site.
    """

    version: str
    changed: int = 0
    unchanged: int = 0
    superseded: int = 0
    waiting: int = 0


class PeriodAccuracy(Contract):
    """A period that is over: what was forecast `lag_days` before it began, what was wanted, and what the naive forecast
    expected."""

    period: date
    forecast: int
    actual: int
    naive: int


class ForecastAccuracy(Contract):
    """Answer to `GET /v1/forecasts/accuracy`. Ratios of the packs that were wanted; absent when none were.

    `wmape`: weighted mean absolute percentage error. `bias`: above zero when too much was forecast. `naive_wmape`: that
    of the naive forecast. `value_added`: by how much the forecast is better than that.
    """

    item: str
    site: str
    bucket: PeriodLength
    actual: Actual
    naive: Naive
    lag_days: int
    as_of: Moment
    wmape: float | None = None
    bias: float | None = None
    naive_wmape: float | None = None
    value_added: float | None = None
    periods: tuple[PeriodAccuracy, ...] = ()
