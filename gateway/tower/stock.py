"""The stock pages: item-sites ranked by trouble, and one of them with its projection. Pure but for `read_*`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import urlencode

from dispatch.orders.days import of_sites
from domain.days import day_of
from domain.inventory.availability import first_shortages, project
from gateway import availability
from gateway.tower.chart import Chart, draw
from gateway.tower.pages import item_url
from schemas.inventory.promising import Availability, AvailabilityDay
from store.engine import Connection
from store.views import item_site, stock
from store.views.item_site import Holder, ReservedSupply, SiteMovement
from store.views.stock import PLACES, DayFlow, Position

STOCK_LIST = "/tower/stock"
PAGE = 50
"""Item-sites on a page of the list."""
HORIZONS = (14, 42, 84)
"""Days that the chart of an item can show."""
HORIZON_DAYS = 42
"""Days in which a shortage is looked for."""
Pair = tuple[str, str]


@dataclass(frozen=True)
class ItemSiteRow:
    """An item-site on the list: packs reserved in all, the first day of shortage, the lowest projection within the
    horizon, and packs free today."""

    item: str
    site: str
    held: int
    short_on: date | None
    lowest: int
    now: int


@dataclass(frozen=True)
class StockList:
    """A page of the item-sites that a search found."""

    at: datetime
    text: str
    page: int
    found: list[ItemSiteRow]
    positions: dict[Pair, Position]

    @property
    def shown(self) -> list[tuple[ItemSiteRow, Position]]:
        """The rows of this page, with their projection."""
        return [(it, self.positions[it.item, it.site]) for it in on_page(self.found, self.page)]

    @property
    def short(self) -> int:
        """The number of item-sites that run short."""
        return sum(1 for it in self.found if it.short_on)

    @property
    def full(self) -> bool:
        """Whether there may be more than are ranked."""
        return len(self.found) >= PLACES

    @property
    def pages(self) -> int:
        """The number of pages; at least one."""
        return max(1, -(-len(self.found) // PAGE))

    def url(self, page: int) -> str:
        """The address of a page of the same search."""
        query = {"q": self.text, "page": str(page) if page > 1 else ""}
        chosen = urlencode({name: value for name, value in query.items() if value})
        return f"{STOCK_LIST}?{chosen}" if chosen else STOCK_LIST


@dataclass(frozen=True)
class ProjectionChange:
    """A day on which the projection moves, and what moves it."""

    day: AvailabilityDay
    refs: str


@dataclass(frozen=True)
class ItemPage:
    """One item at one site; `outlook` is what the API answers of it."""

    outlook: Availability
    position: Position
    expected: list[ReservedSupply]
    holders: list[Holder]
    movements: list[SiteMovement]

    @property
    def days(self) -> tuple[AvailabilityDay, ...]:
        """The projection, from today on."""
        return self.outlook.days

    @property
    def horizon(self) -> int:
        """The number of days shown."""
        return len(self.days)

    @property
    def forecast(self) -> bool:
        """Whether more is forecast than is ordered."""
        return any(it.forecast for it in self.days)

    @property
    def lowest(self) -> AvailabilityDay:
        """The day with the least, the first of them."""
        return min(self.days, key=lambda it: it.projected)

    @property
    def chart(self) -> Chart:
        """The projection as a picture."""
        return draw(self.days)

    @property
    def changes(self) -> list[ProjectionChange]:
        """The first day, each on which something comes or falls due, and the one from which the forecast is not met."""
        refs: defaultdict[date, list[str]] = defaultdict(list)
        for it in self.expected:
            refs[max(it.day, self.days[0].day)].append(it.ref)
        return [
            ProjectionChange(it, ", ".join(dict.fromkeys(refs[it.day])))
            for n, it in enumerate(self.days)
            if n == 0 or it.supply or it.reserved or it.demand or it.day == self.outlook.runs_out_on
        ]

    def horizon_url(self, days: int) -> str:
        """This page with another horizon."""
        return f"{item_url(self.position.item, self.position.site)}&days={days}"


async def read_list(connection: Connection, text: str, page: int) -> StockList:
    """The list of what matches `text`, ranked by trouble."""
    now = datetime.now(UTC)
    pairs = await stock.places(connection, text.lower())
    there = await of_sites(connection, {site for _, site in pairs}, now)
    begins = {site: day_of(now, days) for site, days in there.items()}
    ranked = rank(pairs, await stock.flows(connection, pairs), begins)
    number = min(page, max(1, -(-len(ranked) // PAGE)))
    shown = [(it.item, it.site) for it in on_page(ranked, number)]
    positions = {(it.item, it.site): it for it in await stock.positions(connection, shown)}
    return StockList(now, text, number, ranked, positions)


async def read_item(connection: Connection, item: str, site: str, horizon: int) -> ItemPage | None:
    """One item at one site; None when it has never had stock, supply or reservations there."""
    pair = (item, site)
    [position] = await stock.positions(connection, [pair])
    flows = await stock.flows(connection, [pair])
    movements = await item_site.movements(connection, item, site)
    [outlook] = await availability.read(connection, item, site, horizon)
    if not (outlook.managed or flows or movements):
        return None
    return ItemPage(
        outlook=outlook,
        position=position,
        expected=await item_site.expected(connection, item, site),
        holders=await item_site.holders(connection, item, site),
        movements=movements,
    )


def search_url(text: str) -> str:
    """The list of what contains this text."""
    return f"{STOCK_LIST}?{urlencode({'q': text})}"


def _projected(flows: Iterable[DayFlow], begins: date) -> tuple[AvailabilityDay, ...]:
    """The projection of one item-site for the list, which looks at no forecast."""
    rows: defaultdict[str, list[tuple[date, int]]] = defaultdict(list)
    on_hand = 0
    for it in flows:
        if it.day is None:
            on_hand += it.packs
        else:
            rows[it.what].append((it.day, it.packs))
    return project(on_hand, rows["supply"], rows["reserved"], rows["demand"], begins, HORIZON_DAYS)


def on_page(found: Sequence[ItemSiteRow], page: int) -> Sequence[ItemSiteRow]:
    """The rows of a page, counted from 1."""
    return found[(page - 1) * PAGE : page * PAGE]


def rank(pairs: Iterable[Pair], flows: Iterable[DayFlow], begins: Mapping[str, date]) -> list[ItemSiteRow]:
    """Item-sites by trouble: who runs short first, then who runs shortest, then of whom most is reserved.
    `begins`: today, by site."""
    own: defaultdict[Pair, list[DayFlow]] = defaultdict(list)
    for it in flows:
        own[it.item, it.site].append(it)
    standings = []
    for item, site in pairs:
        days = _projected(own[item, site], begins[site])
        held = sum(it.packs for it in own[item, site] if it.what == "reserved")
        short_on, _ = first_shortages(days)
        lowest = min(it.projected for it in days)
        standings.append(ItemSiteRow(item, site, held, short_on, lowest, days[0].projected))
    return sorted(standings, key=_trouble)


def _trouble(it: ItemSiteRow) -> tuple[date, int, int, str, str]:
    return it.short_on or date.max, min(0, it.lowest), -it.held, it.item, it.site
