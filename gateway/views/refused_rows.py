"""Rows that planning refused, and sites without a region: requests and answers for support."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from schemas.base import Contract, Region, SiteId, Text
from schemas.orders.milestones import ItemId


class RefusedRowsRequest(Contract):
    """Move these refused rows on, and why; the reason is kept in the audit trail."""

    keys: Annotated[tuple[Text, ...], Field(min_length=1, max_length=1000)]
    reason: Text


class RefusedRow(Contract):
    """A row that planning refused by a rule (`error`). `waiting`: movements and rows of its item and site behind it."""

    key: str
    region: str
    item: str
    site: str
    day: date
    kind: str
    packs: int
    attempts: int
    origin: str
    error: str
    waiting: int
    created_at: datetime


class RefusedRowList(Contract):
    """Refused rows, the oldest first."""

    rows: tuple[RefusedRow, ...]


class MovedOn(Contract):
    """The rows that were refused and no longer are."""

    keys: tuple[str, ...]


class WithoutRegionSite(Contract):
    """A site whose region nobody has named: so many movements and demand signals of it wait since then."""

    site: str
    waiting: int
    since: datetime


class WithoutRegionSites(Contract):
    """Sites of no region, those that wait longest first."""

    sites: tuple[WithoutRegionSite, ...]


class DemandAgain(Contract):
    """Send planning the open demand for an item at a site again, every order's, and why."""

    item: ItemId
    site: SiteId
    reason: Text


class FiguresOwed(Contract):
    """The number of demand figures that go to planning again."""

    figures: int


class SiteRegion(Contract):
    """Name the region whose feed has a site's stock, and why; for good."""

    site: SiteId
    region: Region
    reason: Text
