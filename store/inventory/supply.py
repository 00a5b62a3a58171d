"""Expected supply: what is still to come, and the queue of items whose promises have to be looked at because of it."""

from collections.abc import Iterable

from schemas.inventory.supply import Supply
from store.batches import RowBatch
from store.engine import Connection

CHANNEL = "promising"
"""PostgreSQL notification channel that wakes the promising workflow."""


SUPPLIES = RowBatch[Supply](
    **dict.fromkeys(("key", "item", "site", "kind", "ref"), "text"), packs="bigint", day="date", shipment="text"
)


async def known_at(connection: Connection, places: Iterable[tuple[str, str]]) -> None:
    """Stock of these (item, site) is known from now on: what it can promise is promised from it."""
    pairs = sorted(set(places))
    await connection.execute(
        """
        INSERT INTO stock_item (item, site)
        SELECT i, s
        FROM unnest(%s::text[], %s::text[]) AS x(i, s)
        ORDER BY i, s
        ON CONFLICT DO NOTHING
        """,
        ([item for item, _ in pairs], [site for _, site in pairs]),
    )


async def lock(connection: Connection, places: Iterable[tuple[str, str]]) -> None:
    """Lock those (item, site) whose stock is known until the transaction ends, in the common order. It goes before any
    lock of a balance or an order."""
    pairs = sorted(set(places))
    await connection.execute(
        """
        SELECT
        FROM stock_item
        JOIN unnest(%s::text[], %s::text[]) AS x(item, site) USING (item, site)
        ORDER BY item, site
        FOR UPDATE OF stock_item
        """,
        ([item for item, _ in pairs], [site for _, site in pairs]),
    )


async def lock_supplies(
    connection: Connection, supplies: Iterable[Supply], sources: Iterable[tuple[str, str]] = ()
) -> set[str]:
    """Lock the item-sites of supplies before any movement is booked. These are the present ones, those expected before,
    and the `sources` (item, site). Returns the items."""
    known = {it.key: (it.item, it.site) for it in supplies}
    cursor = await connection.execute("SELECT item, site FROM supply WHERE key = ANY(%s)", (list(known),))
    places = {*sources, *known.values(), *((row["item"], row["site"]) for row in await cursor.fetchall())}
    await known_at(connection, places)
    await lock(connection, places)
    return {item for item, _ in places}


async def set_supplies(connection: Connection, supplies: Iterable[Supply]) -> None:
    """Say what is still to come, by key: new, changed, or over (0 packs). Needs a transaction.

    Orders are looked at right afterwards when their promised supply has come in, slipped, shrunk or gone. Until then
    packs that are missing from a supply count as taken from stock, so that nobody else is promised them.
    """
    known = {it.key: it for it in supplies}
    rows = sorted(known.values(), key=lambda it: (it.item, it.site, it.key))
    if not rows:
        return
    items = await lock_supplies(connection, rows)
    await connection.execute(
        f"""
        INSERT INTO supply AS s ({SUPPLIES.names})
        SELECT *
        FROM {SUPPLIES.rows}
        ON CONFLICT (key) DO UPDATE
        SET {SUPPLIES.updates("key")}, updated_at = clock_timestamp()
        WHERE (s.item, s.site, s.kind, s.ref, s.packs, s.day, s.shipment) IS DISTINCT FROM (
            excluded.item, excluded.site, excluded.kind, excluded.ref, excluded.packs, excluded.day,
            excluded.shipment
        )
        """.encode(),
        SUPPLIES.arrays(rows),
    )
    await look_at(connection, items)


async def look_at(connection: Connection, items: Iterable[str], *, at_once: bool = True) -> None:
    """Have the promises of these items looked at; `at_once`, or at the next regular reallocation."""
    await connection.execute("INSERT INTO repromise (item) SELECT unnest(%s::text[])", (sorted(items),))
    if at_once:
        await connection.execute(f"NOTIFY {CHANNEL}")
