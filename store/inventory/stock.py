"""Inventory reports into the stock ledger, and stock as people and systems read it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from schemas.inventory.reports import InventoryKind, InventoryReport, ReportOutcome
from schemas.inventory.stock import Bucket, Moves, StockMove, place
from store.engine import Connection
from store.inventory import ledger
from store.inventory.supply import known_at, lock
from store.inventory.valuing import Worth
from store.planning.positions import ARRIVAL

AT_SITE = (Bucket.ON_HAND, Bucket.ALLOCATED, Bucket.BLOCKED, Bucket.RETURNS)
"""Buckets of goods that are at a site."""


def move_key(sender: str, report: str) -> str:
    """The key under which a report is booked."""
    return f"inventory/{sender}#{report}"


async def take_in(connection: Connection, sender: str, reports: Iterable[InventoryReport]) -> list[ReportOutcome]:
    """Book what a warehouse reports, in the order in which it happened, each once."""
    ordered = sorted(reports, key=lambda x: (x.occurred_at, x.id))
    pairs = sorted({(x.item, x.site) for x in ordered})
    await known_at(connection, pairs)
    await lock(connection, pairs)
    places = [(item, name) for item, site in pairs for name in _places(site)]
    await ledger.lock_balances(connection, places)
    found = {report.id: await _take(connection, sender, report) for report in ordered}
    return [ReportOutcome(id=name, superseded=why) for name, why in found.items()]


async def _take(connection: Connection, sender: str, report: InventoryReport) -> str | None:
    counted = await _counted_later(connection, report)
    if counted and report.kind is InventoryKind.COUNT:
        return "a later count is known"
    ref = f"{report.site}/{report.item}"
    if report.unit_value is not None and report.currency:
        await ledger.set_values(connection, ref, report.currency, {report.item: Worth(report.unit_value, report.per)})
    move = StockMove(
        key=move_key(sender, report.id),
        kind=report.kind,
        source="inventory",
        ref=ref,
        occurred_at=report.occurred_at,
        moves=await _moves(connection, report, counted=counted),
    )
    if await ledger.book(connection, [move]):
        return None
    return (
        "reported before" if await _same(connection, move, report) else "its id was reported before, of something else"
    )


async def _same(connection: Connection, move: StockMove, report: InventoryReport) -> bool:
    """A count is kept as its difference only. What a count found is not kept, but for the difference."""
    cursor = await connection.execute(
        """
        SELECT kind, ref, occurred_at,
            (SELECT sum(packs) FROM stock_entry WHERE move_key = key AND packs > 0) AS packs
        FROM stock_move
        WHERE key = %s
        """,
        (move.key,),
    )
    [row] = await cursor.fetchall()
    said = (row["kind"], row["ref"], row["occurred_at"]) == (move.kind, move.ref, move.occurred_at)
    counted = report.kind is InventoryKind.COUNT or row["packs"] is None
    return said and (counted or row["packs"] == report.quantity)


async def _counted_later(connection: Connection, report: InventoryReport) -> bool:
    cursor = await connection.execute(
        "SELECT FROM stock_move WHERE ref = %s AND kind = %s AND occurred_at > %s LIMIT 1",
        (f"{report.site}/{report.item}", InventoryKind.COUNT, report.occurred_at),
    )
    return await cursor.fetchone() is not None


async def _moves(connection: Connection, report: InventoryReport, *, counted: bool) -> Moves:
    """How packs moved. A movement before a count is `counted`: it is in that difference already.

    The first count of an item at a site finds its opening stock: there was nothing that it could differ from.
    """
    received, adjustment, blocked, on_hand = _places(report.site)
    free = adjustment if counted else on_hand
    packs = report.quantity
    match report.kind:
        case InventoryKind.RECEIPT:
            left, there = received, received if counted else on_hand
        case InventoryKind.DAMAGE:
            left, there = free, blocked
        case InventoryKind.UNBLOCK:
            left, there = blocked, free
        case InventoryKind.SCRAP:
            left, there = blocked, place(Bucket.SCRAP)
        case InventoryKind.COUNT:
            left, there = adjustment if await _known(connection, report) else received, on_hand
            packs -= await _on_hand_then(connection, report)
    return {left: {report.item: -packs}, there: {report.item: packs}} if packs and left != there else {}


async def _known(connection: Connection, report: InventoryReport) -> bool:
    """Whether our books have ever had the item at the site."""
    cursor = await connection.execute(
        """
        SELECT
        FROM stock_balance
        WHERE (item, place) = (%s, %s)
        """,
        (report.item, place(Bucket.ON_HAND, report.site)),
    )
    return await cursor.fetchone() is not None


def _places(site: str) -> tuple[str, str, str, str]:
    """Places between which reports move packs at a site: received, adjustment, blocked, on hand."""
    return (
        place(Bucket.RECEIVED, site),
        place(Bucket.ADJUSTMENT, site),
        place(Bucket.BLOCKED, site),
        place(Bucket.ON_HAND, site),
    )


async def _on_hand_then(connection: Connection, report: InventoryReport) -> int:
    """Free packs on hand at the moment of a count, by the books: later changes are no difference."""
    cursor = await connection.execute(
        """
        SELECT coalesce((SELECT packs FROM stock_balance WHERE item = %(item)s AND place = %(place)s), 0)
            - coalesce(
                (
                    SELECT sum(packs)
                    FROM stock_entry
                    WHERE item = %(item)s AND place = %(place)s AND occurred_at > %(at)s
                ),
                0
            ) AS packs
        """,
        {"item": report.item, "place": place(Bucket.ON_HAND, report.site), "at": report.occurred_at},
    )
    row = await cursor.fetchone()
    return int(row["packs"]) if row else 0


async def positions(connection: Connection, item: str, site: str | None = None) -> list[dict[str, Any]]:
    """Packs of an item at each site by bucket, with what is reserved of them."""
    cursor = await connection.execute(
        """
        SELECT split_part(place, ':', 1) AS bucket, split_part(place, ':', 2) AS site, packs
        FROM stock_balance
        WHERE item = %(item)s
            AND split_part(place, ':', 1) = ANY(%(buckets)s)
            AND (%(site)s::text IS NULL OR split_part(place, ':', 2) = %(site)s)
        """,
        {"item": item, "site": site, "buckets": list(AT_SITE)},
    )
    sites: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in await cursor.fetchall():
        sites[row["site"]][row["bucket"]] = row["packs"]
    cursor = await connection.execute(
        """
        SELECT site, sum(packs)::int AS packs
        FROM peg
        WHERE item = %(item)s AND supply_key = '' AND (%(site)s::text IS NULL OR site = %(site)s)
        GROUP BY 1
        """,
        {"item": item, "site": site},
    )
    for row in await cursor.fetchall():
        sites[row["site"]]["reserved"] = row["packs"]
    return [
        {"item": item, "site": name, **at, "available": at.get("on_hand", 0) - at.get("reserved", 0)}
        for name, at in sorted(sites.items())
    ]


async def in_transit(connection: Connection, item: str, site: str | None = None) -> list[dict[str, Any]]:
    """(order, shipment, origin, destination, packs, day) of an item under way, the first to arrive first. `day` is that
    of the newest ETA, else the day promised. Goods of an order come from its site, those of a purchase order go to its
    site."""
    cursor = await connection.execute(
        f"""
        WITH carried AS (
            SELECT e.ref, split_part(b.place, ':', 2) AS shipment, e.packs
            FROM stock_balance b
            CROSS JOIN LATERAL (
                SELECT m.ref, sum(x.packs)::bigint AS packs
                FROM stock_entry x
                JOIN stock_move m ON m.key = x.move_key
                WHERE (x.item, x.place) = (b.item, b.place)
                GROUP BY 1
                HAVING sum(x.packs) <> 0
            ) e
            WHERE b.item = %(item)s AND b.place LIKE 'transit:%%' AND b.packs <> 0
        )
        SELECT c.ref AS order, c.shipment, coalesce(o.site, '') AS origin,
            coalesce(p.site, '') AS destination, c.packs,
            {ARRIVAL.format(shipment="c.shipment", ref="c.ref", otherwise="NULL")} AS day
        FROM carried c
        LEFT JOIN LATERAL (SELECT site FROM order_view WHERE key = c.ref LIMIT 1) o ON true
        LEFT JOIN LATERAL (SELECT site FROM purchase_order WHERE key = c.ref LIMIT 1) p ON true
        WHERE %(site)s::text IS NULL OR %(site)s IN (o.site, p.site)
        ORDER BY 6, 2, 1
        """,
        {"item": item, "site": site},
    )
    return await cursor.fetchall()
