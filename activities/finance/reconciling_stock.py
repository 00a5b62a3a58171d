"""The part of a reconciliation that compares stock, and what explains that a system has other figures than we."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from domain.finance import naming, reconciliation
from domain.finance.naming import OfItem, OfLine, UnderWay
from domain.finance.reconciliation import Key, KnownFigures, LedgerMovement, Patience
from domain.partners.parties import warehouse_partner
from schemas.base import System
from schemas.finance.reconciliation import Comparison, ReconcileRun
from schemas.inventory.stock import Bucket, Figure, StockPlace, place
from store.engine import Connection
from store.finance import carried, comparing

Owner = Callable[[str], str | None]
"""The ERP that owns the stock of a site."""


async def compared(
    connection: Connection, run: ReconcileRun, reported: list[Figure], owner: Owner, patience: Patience
) -> Comparison:
    """Compare figures of stock."""
    figures = await _figures(connection, run, owner)
    ours = reconciliation.rolled_up(figures)
    theirs = await _theirs(connection, run, reconciliation.rolled_up(reported))
    differing = reconciliation.differing(ours, theirs)
    items = {item for item, _ in differing}
    under_way: dict[Key, list[UnderWay]] = defaultdict(list)
    for row in await comparing.unreported(connection, run):
        for key, packs in reconciliation.rolled_up([Figure.model_validate(row)]).items():
            under_way[key].append(UnderWay(-packs, row["by"]))
    if run.system == System.WMS and differing:
        for key, found in await _unplaced(connection, run.target, figures):
            under_way[key].append(found)
    moved: dict[Key, list[LedgerMovement]] = defaultdict(list)
    for row in await comparing.moved(connection, items, patience.settle_s):
        for key, packs in reconciliation.rolled_up([Figure.model_validate(row)]).items():
            moved[key].append(LedgerMovement(row["key"], packs, row["young"]))
    known = KnownFigures(
        {key: tuple(x) for key, x in under_way.items()},
        {key: tuple(x) for key, x in moved.items()},
        await comparing.known_items(connection, items),
    )
    return reconciliation.stock(System(run.system), ours, theirs, known)


async def _figures(connection: Connection, run: ReconcileRun, owner: Owner) -> list[Figure]:
    if run.system == System.WMS:
        return await comparing.figures_of_site(connection, run.target)
    if run.system == System.PLANNING:
        return await comparing.figures_of_region(connection, run.target)
    owned = [site for site in await comparing.sites(connection) if owner(site) == run.target]
    return await carried.of_erp(connection, run.target, owned)


async def _theirs(connection: Connection, run: ReconcileRun, theirs: Counter[Key]) -> Counter[Key]:
    """Those of their figures that are compared."""
    if run.system == System.WMS:
        return _only(theirs, lambda where: where == f"site:{run.target}")
    if run.system == System.PLANNING:
        sites = await comparing.sites_of(connection, run.target)
        return _only(theirs, lambda where: StockPlace.parse(where).which in sites)
    inbound = await comparing.inbound(connection)
    return _only(theirs, lambda where: where not in inbound)


def _only(figures: Counter[Key], wanted: Callable[[str], bool]) -> Counter[Key]:
    return Counter({key: packs for key, packs in figures.items() if wanted(key[1])})


async def _unplaced(connection: Connection, site: str, figures: Iterable[Figure]) -> list[tuple[Key, UnderWay]]:
    """Reports of a warehouse that have moved none of our books yet."""
    messages = await comparing.unplaced(connection, warehouse_partner(site))
    said = [(f"message {row['id']} ({row['state']})", it) for row in messages for it in naming.named(row["raw"])]
    lines: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
    for row in await comparing.items_of(connection, {it.number for _, it in said if isinstance(it, OfLine)}):
        lines[row["number"], row["line"]].append((row["item"], row["open"]))
    free = {x.item: x.packs for x in figures if x.place == place(Bucket.ON_HAND, site)}
    return [
        ((item, f"site:{site}"), UnderWay(packs, by, at_most=True))
        for by, it in said
        for item, packs in (_counted(it, site, free) if isinstance(it, OfItem) else _of_lines(it, lines))
        if packs
    ]


def _counted(it: OfItem, site: str, free: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    if it.site == site:
        yield it.item, it.packs - free.get(it.item, 0) if it.counted else it.packs


def _of_lines(it: OfLine, lines: Mapping[tuple[str, int], list[tuple[str, int]]]) -> Iterator[tuple[str, int]]:
    """The items of the lines that are named. Of two orders with one number either may be meant."""
    if it.line is not None:
        yield from ((item, it.packs) for item, _ in lines.get((it.number, it.line), ()))
        return
    for (number, _), found in lines.items():
        if number == it.number:
            yield from ((item, it.packs * open) for item, open in found)
