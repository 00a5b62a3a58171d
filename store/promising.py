"""What may be promised, and what has been: free stock and supply by item and site, reservations, availability by day."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from psycopg.types.json import Jsonb

from schemas.orders import Promise
from schemas.promising import Free, FreeSupply, Peg
from schemas.records import LineRecord
from store.engine import Connection
from store.supply import STOCK, lock, shrink


async def offered(connection: Connection, key: str) -> Promise | None:
    """The promise that stock was reserved for; None when none was. Locks the order until the transaction ends."""
    cursor = await connection.execute("SELECT offered FROM order_view WHERE key = %s FOR NO KEY UPDATE", (key,))
    row = await cursor.fetchone()
    return Promise.model_validate(row["offered"]) if row and row["offered"] else None


async def free(connection: Connection, site: str, items: Iterable[str], *, locked: bool) -> dict[str, Free]:
    """What may be promised of each item at a site, of those whose stock is known there. `locked`: nobody else promises
    from it until the transaction ends."""
    wanted = sorted(set(items))
    if locked:
        known = [item for item, _ in await lock(connection, [(item, site) for item in wanted])]
    else:
        cursor = await connection.execute(
            "SELECT item FROM stock_item WHERE site = %s AND item = ANY(%s) ORDER BY item", (site, wanted)
        )
        known = [row["item"] for row in await cursor.fetchall()]
    if not known:
        return {}
    cursor = await connection.execute(
        "SELECT i AS item, coalesce((SELECT packs FROM stock_balance b WHERE b.item = i AND b.place = 'on_hand:' || %(site)s), 0) "
        "- coalesce((SELECT sum(packs) FROM peg WHERE peg.item = i AND peg.site = %(site)s AND supply_key = ''), 0) AS packs "
        "FROM unnest(%(items)s::text[]) AS i",
        {"site": site, "items": known},
    )
    stock = {row["item"]: int(row["packs"]) for row in await cursor.fetchall()}
    cursor = await connection.execute(
        "SELECT s.item, s.key, s.ref, s.day, s.packs - coalesce((SELECT sum(p.packs) FROM peg p "
        "WHERE p.supply_key = s.key), 0) AS packs FROM supply s WHERE s.site = %s AND s.item = ANY(%s) AND s.packs > 0 "
        "ORDER BY s.day, s.key",
        (site, known),
    )
    supplies: dict[str, list[FreeSupply]] = defaultdict(list)
    for row in await cursor.fetchall():
        if row["packs"] > 0:
            supplies[row["item"]].append(
                FreeSupply(key=row["key"], ref=row["ref"], packs=int(row["packs"]), day=row["day"])
            )
    return {item: Free(item=item, stock=stock[item], supplies=tuple(supplies[item])) for item in known}


async def reserve(connection: Connection, key: str, promise: Promise, pegs: Iterable[Peg]) -> None:
    """Reserve what a promise was made from, and remember the promise."""
    await connection.execute(
        "UPDATE order_view SET offered = %s WHERE key = %s", (Jsonb(promise.model_dump(mode="json")), key)
    )
    for peg in pegs:
        await connection.execute(
            "INSERT INTO peg (order_key, line, supply_key, item, site, packs, day) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (key, peg.line, peg.supply, peg.item, peg.site, peg.packs, peg.day),
        )


async def use_up(connection: Connection, key: str, lines: Iterable[LineRecord], *, ended: bool) -> None:
    """Free what an order needs no longer: packs that were set aside for it or have left, that were cancelled, or all
    when it has ended. What is set aside comes out of stock, so reservations of stock go first."""
    if ended:
        await connection.execute("DELETE FROM peg WHERE order_key = %s", (key,))
        return
    still = {x.line: x.ordered - x.cancelled - max(x.allocated, x.shipped) for x in lines}
    cursor = await connection.execute(
        "SELECT line, supply_key, packs FROM peg WHERE order_key = %s ORDER BY line, supply_key <> '', day, supply_key",
        (key,),
    )
    reserved: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in await cursor.fetchall():
        reserved[row["line"]].append(row)
    for line, pegs in reserved.items():
        excess = sum(peg["packs"] for peg in pegs) - still.get(line, 0)
        for peg in pegs:
            less = min(max(0, excess), peg["packs"])
            excess -= less
            if less:
                await shrink(connection, key, line, peg["supply_key"], peg["packs"] - less)


async def availability(connection: Connection, item: str, site: str) -> dict[str, Any]:
    """`known`, packs `on_hand` and `allocated`, `supplies` and `reserved` as (day, packs)."""
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT FROM stock_item WHERE item = %(item)s AND site = %(site)s) AS known, "
        "coalesce(sum(packs) FILTER (WHERE place = 'on_hand:' || %(site)s), 0)::int AS on_hand, "
        "coalesce(sum(packs) FILTER (WHERE place = 'allocated:' || %(site)s), 0)::int AS allocated "
        "FROM stock_balance WHERE item = %(item)s AND place = ANY(ARRAY['on_hand:' || %(site)s, 'allocated:' || %(site)s])",
        {"item": item, "site": site},
    )
    found: dict[str, Any] = dict(await cursor.fetchone() or {})
    for name, query in {
        "supplies": "SELECT day, sum(packs)::int AS packs FROM supply WHERE item = %s AND site = %s AND packs > 0 GROUP BY 1",
        "reserved": "SELECT day, sum(packs)::int AS packs FROM peg WHERE item = %s AND site = %s GROUP BY 1",
    }.items():
        cursor = await connection.execute(query.encode(), (item, site))
        found[name] = [(row["day"], row["packs"]) for row in await cursor.fetchall()]
    return found


async def oversold(connection: Connection) -> list[dict[str, Any]]:
    """Item-sites and supplies of which more is reserved than there is; nothing, when promising is right."""
    cursor = await connection.execute(
        "SELECT p.item, p.site, p.supply_key, sum(p.packs)::int AS reserved, coalesce(max(s.packs), "
        "max(b.packs), 0)::int AS there FROM peg p LEFT JOIN supply s ON s.key = p.supply_key "
        "LEFT JOIN stock_balance b ON p.supply_key = %s AND b.item = p.item AND b.place = 'on_hand:' || p.site "
        "GROUP BY 1, 2, 3 HAVING sum(p.packs) > coalesce(max(s.packs), max(b.packs), 0)",
        (STOCK,),
    )
    return await cursor.fetchall()
