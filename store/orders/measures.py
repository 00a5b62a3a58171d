"""The units in which the lines of an order or purchase order are kept: what was ordered in another one, and what that is."""

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb

from schemas.base import Unit
from schemas.ids import is_purchase
from schemas.orders.release import BaseLine, ReleaseRequest
from schemas.partners.master_data import KeptLine
from store.engine import Connection


async def convert(connection: Connection, key: str, request: ReleaseRequest, converted: Sequence[BaseLine]) -> None:
    """Say of an order's lines, once, what they are in the units that their items are kept in."""
    kept = request.kept_in(converted)
    await connection.execute(
        "UPDATE order_view SET release = %s, converted = %s WHERE key = %s AND converted IS NULL",
        (Jsonb(kept.model_dump(mode="json", exclude_none=True)), as_json(converted), key),
    )


async def unmeasured(connection: Connection, key: str) -> ReleaseRequest | None:
    """The release as the ERP sent it, of an order whose units are not known yet."""
    cursor = await connection.execute(
        """
        SELECT m.raw
        FROM order_view o
        JOIN inbox_message m ON m.id = o.inbox_id
        WHERE o.key = %s AND o.converted IS NULL
        """,
        (key,),
    )
    row = await cursor.fetchone()
    return ReleaseRequest.model_validate_json(row["raw"]) if row else None


async def kept_lines(connection: Connection, key: str) -> dict[int, KeptLine]:
    """The lines of an order or purchase order, by number; none of one that is unknown."""
    if is_purchase(key):
        cursor = await connection.execute("SELECT lines FROM purchase_order WHERE key = %s", (key,))
        row = await cursor.fetchone()
        return {it["line"]: KeptLine.model_validate(it) for it in (row["lines"] if row else ())}
    cursor = await connection.execute(
        """
        SELECT release -> 'lines' AS lines, coalesce(converted, '[]') AS converted
        FROM order_view
        WHERE key = %s
        """,
        (key,),
    )
    row = await cursor.fetchone()
    ordered = {it["line"]: BaseLine.model_validate(it) for it in (row["converted"] if row else ())}
    return {it["line"]: _kept(it, ordered.get(it["line"])) for it in (row["lines"] if row else ())}


def _kept(line: dict[str, Any], ordered: BaseLine | None) -> KeptLine:
    """A line; what one was of the unit that it was ordered in says nothing of another item that is sent instead."""
    found = KeptLine(line=line["line"], item=line["item"], unit=line.get("unit") or Unit.PACK)
    if ordered is None:
        return found
    same = {"asked": ordered.asked, "asked_unit": ordered.asked_unit} if ordered.item == found.item else {}
    return found.model_copy(update={"base": ordered.quantity, **same})


def as_json(converted: Sequence[BaseLine]) -> Jsonb:
    """Lines as the column `converted` keeps them."""
    return Jsonb([line.model_dump(mode="json", exclude_unset=True) for line in converted])
