"""Promising anew: the queue of items, their reservations under lock, and what became of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from schemas.promising import STOCK, Need, OpenLine, Peg, Redate, Source, Terms
from store import promising
from store.engine import Connection

SOURCES = (
    "SELECT s.item, s.site, '' AS supply, '' AS ref, DATE '0001-01-01' AS due, coalesce(b.packs, 0)::bigint AS packs "
    "FROM stock_item s LEFT JOIN stock_balance b ON b.item = s.item AND b.place = 'on_hand:' || s.site WHERE s.item = %s "
    "UNION ALL SELECT item, site, key, ref, day, packs FROM supply WHERE item = %s AND packs > 0 ORDER BY 1, 2, 5, 3"
)


@dataclass(frozen=True)
class ItemPlan:
    """What there is of an item, and the lines that are planned anew from it. `busy`: orders that have not heard of
    their last re-date yet."""

    mark: int
    sources: list[Source]
    lines: list[OpenLine]
    busy: frozenset[str]


async def waiting(connection: Connection, limit: int) -> list[str]:
    """Items whose promises are to be looked at, the longest waiting first."""
    cursor = await connection.execute(
        "SELECT item, min(id) AS first FROM repromise GROUP BY item ORDER BY first LIMIT %s", (limit,)
    )
    return [row["item"] for row in await cursor.fetchall()]


async def take(connection: Connection, item: str) -> ItemPlan:
    """Lock an item and read it; it is off the queue when the transaction commits. Lines of which something was picked
    are left alone: what they hold is not there for the others."""
    await promising.lock(connection, [item])
    cursor = await connection.execute("DELETE FROM repromise WHERE item = %s RETURNING id", (item,))
    mark = max((row["id"] for row in await cursor.fetchall()), default=0)
    cursor = await connection.execute(
        "SELECT p.*, g.terms, g.told, coalesce(l.picked, 0) > 0 AS fixed, coalesce(l.first_promised_on, "
        "(SELECT (x->>'promised_on')::date FROM jsonb_array_elements(g.given->'promise'->'lines') x "
        "WHERE (x->>'line')::int = p.line), p.wanted_on) AS not_before, coalesce(m.state IN ('received', 'routed'), false) "
        "AS busy FROM peg p JOIN order_promise g USING (order_key) LEFT JOIN order_line_view l USING (order_key, line) "
        "LEFT JOIN inbox_message m ON m.id = g.told_in WHERE p.item = %s ORDER BY p.order_key, p.line, p.site, p.supply_key",
        (item,),
    )
    rows = await cursor.fetchall()
    cursor = await connection.execute(SOURCES, (item, item))
    there = [Source.model_validate(row) for row in await cursor.fetchall()]
    fixed = [promising.peg_of(row) for row in rows if row["fixed"]]
    lines = _lines([row for row in rows if not row["fixed"]])
    return ItemPlan(mark, _without(there, fixed), lines, frozenset(row["order_key"] for row in rows if row["busy"]))


def _lines(rows: list[dict[str, Any]]) -> list[OpenLine]:
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["order_key"], row["line"]), []).append(row)
    return [_line(order, own) for (order, _), own in found.items()]


def _line(order: str, rows: list[dict[str, Any]]) -> OpenLine:
    first, pegs = rows[0], tuple(promising.peg_of(row) for row in rows)
    need = Need(
        line=first["line"],
        item=first["item"],
        packs=sum(it.packs for it in pegs),
        wanted_on=first["wanted_on"],
        not_before=first["not_before"],
    )
    told = promising.told_days(first).get(need.line, need.not_before)
    return OpenLine(order=order, terms=Terms.model_validate(first["terms"]), need=need, told_on=told, pegs=pegs)


def _without(sources: list[Source], fixed: list[Peg]) -> list[Source]:
    """What is left for the others. What is held of a supply that has become less counts as taken from stock."""
    held = Counter[tuple[str, str]]()
    for it in fixed:
        held[it.site, it.supply] += it.packs
    coming = {(it.site, it.supply): it.packs for it in sources if it.supply != STOCK}
    for (site, supply), packs in list(held.items()):
        if supply != STOCK:
            held[site, STOCK] += max(0, packs - coming.get((site, supply), 0))
    return [it.model_copy(update={"packs": max(0, it.packs - held[it.site, it.supply])}) for it in sources]


async def save(connection: Connection, changed: Sequence[tuple[OpenLine, tuple[Peg, ...]]]) -> None:
    """Reserve anew."""
    await promising.release(connection, [(line.order, line.need.line) for line, _ in changed])
    await promising.reserve(connection, [(line.order, line.terms.priority, it) for line, new in changed for it in new])


async def told(connection: Connection, redates: Sequence[Redate], messages: Sequence[int]) -> None:
    """Orders are told of other days, each in its message."""
    await connection.execute(
        "UPDATE order_promise g SET told = g.told || x.days, told_in = x.message "
        "FROM unnest(%s::text[], %s::jsonb[], %s::bigint[]) AS x(order_key, days, message) WHERE g.order_key = x.order_key",
        (
            [it.order for it in redates],
            [Jsonb({str(x.line): x.promised_on.isoformat() for x in it.promises}) for it in redates],
            list(messages),
        ),
    )
