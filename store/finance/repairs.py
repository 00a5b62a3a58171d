"""Repairs of our own books, one for each check of the audit. Each says what it did; empty: nothing had drifted any more.

Each looks again under the locks that everybody takes, so that it never mends what is right by now.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from schemas.ids import LineKey, LinkKey
from schemas.inventory.promising import REPLENISHMENT, Reservation, Terms
from schemas.inventory.reports import InventoryKind, InventoryReport
from schemas.inventory.stock import Bucket, StockMove, StockPlace, place
from schemas.inventory.supply import Supply
from schemas.plurals import counted, with_verb
from store.engine import Connection
from store.finance.self_audit import OPEN
from store.inventory import ledger, promising, reservations, stock
from store.inventory import supply as supplies


class Unclear(Exception):
    """The right figure does not follow from our own books; the message says why."""


async def balance(connection: Connection, item: str, where: str) -> str:
    """A balance becomes the sum of its entries."""
    bucket, site = StockPlace.parse(where)
    if bucket == Bucket.ON_HAND:
        await supplies.lock(connection, [(item, site)])
    await ledger.lock_balances(connection, [(item, where)])
    cursor = await connection.execute(
        """
        INSERT INTO stock_balance AS b (item, place, packs, amount)
        SELECT %(item)s::text, %(place)s::text, coalesce(sum(packs), 0)::bigint, coalesce(sum(amount), 0)
        FROM stock_entry
        WHERE (item, place) = (%(item)s, %(place)s)
        ON CONFLICT (item, place) DO UPDATE
        SET packs = excluded.packs, amount = excluded.amount, updated_at = clock_timestamp()
        WHERE b.packs <> excluded.packs
        RETURNING packs
        """,
        {"item": item, "place": where},
    )
    row = await cursor.fetchone()
    await connection.execute(
        "DELETE FROM stock_balance WHERE (item, place) = (%s, %s) AND place LIKE 'transit:%%' AND packs = 0",
        (item, where),
    )
    return f"the balance is {row['packs']} now, as the ledger says" if row else ""


async def entry(connection: Connection, item: str, move: str) -> str:
    """The missing side of a movement is entered again. Raises Unclear unless one balance shows where it was."""
    cursor = await connection.execute(
        """
        SELECT -sum(packs)::bigint AS packs, -sum(amount) AS amount
        FROM stock_entry
        WHERE (item, move_key) = (%s, %s)
        HAVING sum(packs) <> 0
        """,
        (item, move),
    )
    lost = await cursor.fetchone()
    if lost is None:
        return ""
    cursor = await connection.execute(
        """
        SELECT place
        FROM (SELECT place, packs FROM stock_balance WHERE item = %(item)s) b
        LEFT JOIN (SELECT place, sum(packs) AS packs FROM stock_entry WHERE item = %(item)s GROUP BY 1) e
            USING (place)
        WHERE b.packs - coalesce(e.packs, 0) = %(packs)s
            AND NOT EXISTS (
                SELECT
                FROM stock_entry x
                WHERE (x.move_key, x.place, x.item) = (%(move)s, b.place, %(item)s)
            )
        """,
        {"item": item, "move": move, "packs": lost["packs"]},
    )
    places = [row["place"] for row in await cursor.fetchall()]
    if len(places) != 1:
        raise Unclear(
            f"{len(places)} balances show where {counted(lost['packs'], 'pack')} of {move} {'was' if lost['packs'] == 1 else 'were'}: restore it from a backup"
        )
    await connection.execute(
        "SELECT stock_restore(%s, %s, %s, %s, %s)", (move, places[0], item, lost["packs"], lost["amount"])
    )
    return f"{with_verb(lost['packs'], 'pack', 'is', 'are')} entered again in {places[0]}"


async def negative(connection: Connection, item: str, where: str, packs: int, key: str) -> list[str]:
    """A place below zero holds `packs`; the keys of the movements that were booked, under `key`."""
    bucket, which = StockPlace.parse(where)
    pairs = [(item, which)] if bucket != Bucket.TRANSIT else []
    await supplies.lock(connection, pairs)
    await ledger.lock_balances(connection, [(item, place(Bucket.ADJUSTMENT, which)), (item, where)])
    cursor = await connection.execute(
        """
        SELECT packs
        FROM stock_balance
        WHERE (item, place) = (%s, %s)
        """,
        (item, where),
    )
    row = await cursor.fetchone()
    if row is None or row["packs"] >= 0:
        return []
    now = datetime.now(UTC)
    if bucket == Bucket.ON_HAND:
        count = InventoryReport(
            id=key, kind=InventoryKind.COUNT, site=which, item=item, quantity=packs, occurred_at=now, reason="repair"
        )
        taken = await stock.take_in(connection, "syncline", [count])
        return [stock.move_key("syncline", it.id) for it in taken if it.superseded is None]
    found = packs - row["packs"]
    ref, source = f"{which}/{item}", "inventory"
    if bucket == Bucket.TRANSIT:
        ref, source = await _carried(connection, item, where), "order"
    moves = {place(Bucket.ADJUSTMENT, which): {item: -found}, where: {item: found}}
    move = StockMove(key=key, kind="repair", source=source, ref=ref, occurred_at=now, moves=moves)
    return [key] if await ledger.book(connection, [move]) else []


async def _carried(connection: Connection, item: str, where: str) -> str:
    """The order whose movements brought a place below zero."""
    cursor = await connection.execute(
        """
        SELECT m.ref
        FROM stock_entry e
        JOIN stock_move m ON m.key = e.move_key
        WHERE (e.item, e.place) = (%s, %s)
        GROUP BY 1
        ORDER BY sum(e.packs), 1 LIMIT 1
        """,
        (item, where),
    )
    row = await cursor.fetchone()
    return str(row["ref"]) if row else ""


async def reserved(connection: Connection, item: str, where: str) -> str:
    """A line reserves its open packs again. Surplus is released, the latest first; missing packs count as
    replenishment until the promising workflow has looked."""
    about = LineKey.parse(where)
    order, line = str(about.subject), about.line
    await promising.lock(connection, [item])
    cursor = await connection.execute(
        f"""
        SELECT CASE WHEN l.item = %(item)s THEN {OPEN} ELSE 0 END AS open, o.site, l.promised_on, g.terms
        FROM order_view o
        JOIN order_line_view l ON l.order_key = o.key
        JOIN order_promise g ON g.order_key = o.key
        WHERE (l.order_key, l.line) = (%(order)s, %(line)s)
        """.encode(),
        {"item": item, "order": order, "line": line},
    )
    row = await cursor.fetchone()
    if row is None:
        return ""
    own, kept = await _reservations(connection, order, line, item)
    lacking = row["open"] - sum(it.packs for it in own)
    if lacking > 0 and own:
        day = row["promised_on"]
        new = Reservation(
            line=line,
            item=item,
            site=row["site"],
            supply=REPLENISHMENT,
            packs=lacking,
            due=day,
            day=reservations.UNKNOWN,
            wanted_on=day,
        )
        after = reservations.together([*own, new])
    else:
        after = reservations.trimmed(own, max(0, -lacking))
    if own:
        terms = Terms.model_validate(row["terms"])
        await promising.release(connection, [(order, line)])
        await promising.reserve(connection, [(order, terms.priority, it) for it in (*kept, *after)])
    await supplies.look_at(connection, [item])
    return f"{with_verb(row['open'], 'pack', 'is', 'are')} reserved now" if lacking else ""


async def _reservations(
    connection: Connection, order: str, line: int, item: str
) -> tuple[list[Reservation], list[Reservation]]:
    """A line's reservations of an item, and of others."""
    cursor = await connection.execute("SELECT * FROM peg WHERE (order_key, line) = (%s, %s)", (order, line))
    found = [promising.peg_of(row) for row in await cursor.fetchall()]
    return [it for it in found if it.item == item], [it for it in found if it.item != item]


async def supply(connection: Connection, key: str, expected: Iterable[Supply]) -> str:
    """A row of supply becomes what its purchase order still brings: one of `expected`, else nothing."""
    right = next((it for it in expected if it.key == key), None)
    cursor = await connection.execute("SELECT * FROM supply WHERE key = %s", (key,))
    row: dict[str, Any] | None = await cursor.fetchone()
    if right is None and row is not None:
        right = Supply.model_validate({**row, "packs": 0})
    if right is None or (row is not None and row["packs"] == right.packs):
        return ""
    await supplies.set_supplies(connection, [right])
    return f"{with_verb(right.packs, 'pack', 'is', 'are')} expected now"


LINK_ORDER = """
    INSERT INTO shipment_order (shipment, order_key, status, shipped_at, delivered_at)
    SELECT %(shipment)s::text, o.key,
        coalesce(
            (
                SELECT e.kind
                FROM event_order x
                JOIN event e ON e.id = x.event
                WHERE x.order_key = o.key
                    AND x.state = 'applied'
                    AND e.shipment = %(shipment)s
                    AND e.kind = ANY(%(stages)s)
                ORDER BY array_position(%(stages)s::text[], e.kind::text) DESC LIMIT 1
            ),
            'shipped'
        ),
        (
            SELECT min(e.occurred_at)
            FROM event_order x
            JOIN event e ON e.id = x.event
            WHERE x.order_key = o.key
                AND x.state = 'applied'
                AND e.shipment = %(shipment)s
                AND e.kind = 'shipped'
        ),
        (
            SELECT min(e.occurred_at)
            FROM event_order x
            JOIN event e ON e.id = x.event
            WHERE x.order_key = o.key
                AND x.state = 'applied'
                AND e.shipment = %(shipment)s
                AND e.kind = 'delivered'
        )
    FROM order_view o
    WHERE o.key = %(key)s
    ON CONFLICT DO NOTHING
"""
LINK_PURCHASE = """
    INSERT INTO inbound_shipment (shipment, order_key, eta, status)
    SELECT %(shipment)s::text, p.key,
        coalesce(
            (
                SELECT min(day)::timestamp AT TIME ZONE site_zone(p.site)
                FROM supply
                WHERE shipment = %(shipment)s
            ),
            clock_timestamp()
        ),
        'shipped'
    FROM purchase_order p
    WHERE p.key = %(key)s
    ON CONFLICT DO NOTHING
"""


async def link(connection: Connection, where: str) -> str:
    """A shipment and its order know each other again, with what was reported last; its workflow's next step says more."""
    about = LinkKey.parse(where)
    shipment, key = about.shipment, str(about.subject)
    cursor = await connection.execute(
        LINK_ORDER,
        {
            "shipment": shipment,
            "key": key,
            "stages": ["picked", "packed", "shipped", "in_transit", "out_for_delivery", "delivered"],
        },
    )
    done = cursor.rowcount
    cursor = await connection.execute(LINK_PURCHASE, {"shipment": shipment, "key": key})
    return f"shipment {shipment} is linked to {key} again" if done + cursor.rowcount else ""


async def planned_anew(connection: Connection, item: str) -> str:
    """The promising workflow looks at an item."""
    await supplies.look_at(connection, [item])
    return f"the promises of {item} are planned anew"
