"""Expected supply: what purchase and transfer orders will still bring; and the reservations of it, when it changes."""

from collections.abc import Iterable, Mapping

from schemas.supply import Supply
from store.engine import Connection

STOCK = ""
"""The `supply_key` of a peg to stock that is there."""


async def known_at(connection: Connection, places: Iterable[tuple[str, str]]) -> None:
    """Stock of these (item, site) is known from now on."""
    pairs = sorted(set(places))
    await connection.execute(
        "INSERT INTO stock_item (item, site) SELECT * FROM unnest(%s::text[], %s::text[]) ON CONFLICT DO NOTHING",
        ([item for item, _ in pairs], [site for _, site in pairs]),
    )


async def hold(connection: Connection, supplies: Iterable[Supply]) -> None:
    """Lock the item-sites of supplies, before any movement is booked: in the order in which everybody does."""
    pairs = sorted({(x.item, x.site) for x in supplies})
    await known_at(connection, pairs)
    await lock(connection, pairs)


async def set_supplies(
    connection: Connection, supplies: Iterable[Supply], received: Mapping[str, int] | None = None
) -> None:
    """What is expected under each key from now on. Reservations move with it to its new day.

    `received`: packs by item that have come into stock in the same transaction; as many reservations of them become
    reservations of stock. What was reserved of more than is still expected is given up, the least urgent order first.
    """
    ordered = sorted(supplies, key=lambda x: x.key)
    await hold(connection, ordered)
    arrived = dict(received or {})
    for supply in ordered:
        await connection.execute(
            "INSERT INTO supply (key, item, site, kind, ref, packs, day, shipment) VALUES (%(key)s, %(item)s, %(site)s, "
            "%(kind)s, %(ref)s, %(packs)s, %(day)s, %(shipment)s) ON CONFLICT (key) DO UPDATE SET item = excluded.item, "
            "site = excluded.site, packs = excluded.packs, day = excluded.day, shipment = excluded.shipment, "
            "ref = excluded.ref, updated_at = clock_timestamp()",
            supply.model_dump(),
        )
        arrived[supply.item] = await _follow(connection, supply, arrived.get(supply.item, 0))


async def shrink(connection: Connection, order_key: str, line: int, supply_key: str, packs: int) -> None:
    """So many packs stay reserved under a supply; the reservation goes with the last."""
    peg = (order_key, line, supply_key)
    if packs:
        await connection.execute(
            "UPDATE peg SET packs = %s WHERE order_key = %s AND line = %s AND supply_key = %s", (packs, *peg)
        )
    else:
        await connection.execute("DELETE FROM peg WHERE order_key = %s AND line = %s AND supply_key = %s", peg)


async def lock(connection: Connection, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those (item, site) whose stock is known, locked in a fixed order until the transaction ends."""
    cursor = await connection.execute(
        "SELECT item, site FROM stock_item JOIN unnest(%s::text[], %s::text[]) AS x(item, site) USING (item, site) "
        "ORDER BY item, site FOR UPDATE OF stock_item",
        ([item for item, _ in pairs], [site for _, site in pairs]),
    )
    return [(row["item"], row["site"]) for row in await cursor.fetchall()]


async def _follow(connection: Connection, supply: Supply, arrived: int) -> int:
    """Let the reservations of a supply follow it. Returns the arrived packs that no reservation took."""
    await connection.execute("UPDATE peg SET day = %s WHERE supply_key = %s", (supply.day, supply.key))
    cursor = await connection.execute(
        "SELECT p.order_key, p.line, p.packs FROM peg p JOIN order_view o ON o.key = p.order_key "
        "WHERE p.supply_key = %s ORDER BY o.priority, o.promised_on NULLS LAST, o.key, p.line",
        (supply.key,),
    )
    still = supply.packs
    for row in await cursor.fetchall():
        moved = min(row["packs"], arrived)
        kept = min(row["packs"] - moved, still)
        arrived, still = arrived - moved, still - kept
        await shrink(connection, row["order_key"], row["line"], supply.key, kept)
        if moved:
            await connection.execute(
                "INSERT INTO peg AS p (order_key, line, supply_key, item, site, packs, day) VALUES (%s, %s, %s, %s, %s, "
                "%s, current_date) ON CONFLICT (order_key, line, supply_key) DO UPDATE SET packs = p.packs + excluded.packs",
                (row["order_key"], row["line"], STOCK, supply.item, supply.site, moved),
            )
    return arrived
