"""Orders as people and systems read them: the view, its lines, its shipments, its promises, its timeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from schemas.base import Variant
from schemas.ids import order_key
from schemas.orders.release import BaseLine, OrderRelease, OrderStatus, Promise, ReleaseRequest
from schemas.workflows.lifecycle import AcceptedRelease
from store.cases import cases
from store.engine import Connection
from store.inventory import ledger, promising
from store.inventory.valuing import Worth
from store.messaging import quarantine
from store.orders import measures, order_parts, returns
from store.planning import proposals


@dataclass(frozen=True)
class Birth:
    """The outcome of a release: whether the order is new, and its known content."""

    key: str
    new: bool
    digest: str


OPEN_ORDER = """
    INSERT INTO order_view (
        key, erp, number, variant, status, region, site, carrier, priority, parties, digest, release,
        inbox_id, released_at, converted
    )
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
    RETURNING digest
"""


async def open_order(
    connection: Connection,
    erp: str,
    release: OrderRelease | ReleaseRequest,
    digest: str,
    inbox_id: int,
    parties: list[str],
    converted: Sequence[BaseLine] | None = (),
) -> Birth:
    """Write a released order, once. A repeat changes nothing and answers with the digest that came first.

    `converted`: its lines that were ordered in another unit; None while the units of its items are not known.
    """
    key = order_key(erp, release.number)
    site = release.site if release.variant is Variant.DISTRIBUTION_CENTRE else release.supplier
    cursor = await connection.execute(
        OPEN_ORDER,
        (
            key,
            erp,
            release.number,
            release.variant,
            OrderStatus.RELEASED,
            release.region,
            site,
            release.carrier,
            release.priority,
            parties,
            digest,
            Jsonb(release.model_dump(mode="json", exclude_none=True)),
            inbox_id,
            release.released_at,
            None if converted is None else measures.as_json(converted),
        ),
    )
    row = await cursor.fetchone()
    if row:
        return Birth(key, True, digest)
    cursor = await connection.execute("SELECT digest FROM order_view WHERE key = %s", (key,))
    known = await cursor.fetchone()
    if known is None:
        raise LookupError(key)
    return Birth(key, False, known["digest"])


async def release_of(connection: Connection, key: str) -> OrderRelease:
    """The release as it was accepted. Raises LookupError when the order is unknown."""
    cursor = await connection.execute("SELECT release FROM order_view WHERE key = %s", (key,))
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    return OrderRelease.model_validate(row["release"])


async def released(connection: Connection, key: str) -> OrderRelease:
    """The release as it was first accepted, before any amendment: what the first instructions are about, whenever they
    are carried out. Raises LookupError when the order is unknown."""
    cursor = await connection.execute(
        """
        SELECT m.raw, o.converted
        FROM order_view o
        JOIN inbox_message m ON m.id = o.inbox_id
        WHERE o.key = %s
        """,
        (key,),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    converted = [BaseLine.model_validate(line) for line in row["converted"] or ()]
    return ReleaseRequest.model_validate_json(row["raw"]).kept_in(converted)


async def accepted(connection: Connection, key: str) -> AcceptedRelease:
    """The release and the message that brought it. Raises LookupError when the order is unknown."""
    cursor = await connection.execute(
        """
        SELECT o.erp, o.release, o.digest, o.inbox_id, m.received_at, m.traceparent
        FROM order_view o
        JOIN inbox_message m ON m.id = o.inbox_id
        WHERE o.key = %s
        """,
        (key,),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    return AcceptedRelease.model_validate(row)


async def status_of(connection: Connection, key: str) -> OrderStatus:
    """The state of the order. Raises LookupError when it is unknown."""
    cursor = await connection.execute("SELECT status FROM order_view WHERE key = %s", (key,))
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    return OrderStatus(row["status"])


async def by_inbox(connection: Connection, inbox_ids: list[int]) -> dict[int, tuple[str, str]]:
    """(key, status) of the orders that these release messages brought."""
    cursor = await connection.execute(
        "SELECT inbox_id, key, status FROM order_view WHERE inbox_id = ANY(%s)", (inbox_ids,)
    )
    return {row["inbox_id"]: (row["key"], row["status"]) for row in await cursor.fetchall()}


async def promised(connection: Connection, key: str, promise: Promise, release: OrderRelease, version: int) -> None:
    """The first promise: status, promised day and lines."""
    await connection.execute(
        """
        UPDATE order_view
        SET status = %s, first_promised_on = %s, promised_on = %s, promise_reason = %s, version = %s,
            updated_at = clock_timestamp()
        WHERE key = %s AND status = 'released'
        """,
        (OrderStatus.PROMISED, promise.promised_on, promise.promised_on, promise.reason, version, key),
    )
    days = {line.line: line.promised_on for line in promise.lines}
    await connection.execute(
        """
        INSERT INTO order_line_view (
            order_key, line, item, ordered, shipped, delivered, first_promised_on, promised_on
        )
        SELECT %s, l, i, q, 0, 0, d, d
        FROM unnest(%s::int[], %s::text[], %s::int[], %s::date[]) AS x(l, i, q, d)
        ON CONFLICT DO NOTHING
        """,
        (
            key,
            [x.line for x in release.lines],
            [x.item for x in release.lines],
            [x.quantity for x in release.lines],
            [days[x.line] for x in release.lines],
        ),
    )
    await ledger.set_values(connection, key, release.currency, _values(release))
    await connection.execute(
        FRESH_PROMISE.encode(),
        {"order": key, "promised_on": promise.promised_on, "because": promise.reason, "version": version},
    )
    await quarantine.awaken(connection, [f"order:{key}", f"number:{release.number}"])


def _values(release: OrderRelease) -> dict[str, Worth]:
    """The value of each item: the sum of its lines. Nothing for items without a value."""
    worth: dict[str, Decimal] = {}
    packs: dict[str, int] = {}
    for line in release.lines:
        if line.value is not None:
            worth[line.item] = worth.get(line.item, Decimal(0)) + line.value
            packs[line.item] = packs.get(line.item, 0) + line.quantity
    return {item: Worth(total, packs[item]) for item, total in worth.items()}


FRESH_PROMISE = """
    INSERT INTO promise (order_key, promised_on, reason)
    SELECT %(order)s::text, %(promised_on)s::date, %(because)s::text
    WHERE %(because)s::text IS NOT NULL
        AND %(promised_on)s::date IS DISTINCT FROM (
            SELECT promised_on
            FROM promise
            WHERE order_key = %(order)s::text
            ORDER BY id DESC LIMIT 1
        )
        AND (SELECT version FROM order_view WHERE key = %(order)s::text) <= %(version)s
    RETURNING reason
"""
"""SQL: remember a promise `because` of something, unless it is the one already in force, or the order has gone on to a
newer version. Returns what it rests on, when it is new."""


async def delivered_in(connection: Connection, key: str, time_zone: str) -> None:
    """Keep in which zone an order's days are, as it begins."""
    await connection.execute(
        "UPDATE order_view SET time_zone = %s WHERE key = %s AND status = 'released' AND time_zone <> %s",
        (time_zone, key, time_zone),
    )


async def find(connection: Connection, number: str, party: str | None, erp: str | None = None) -> list[dict[str, Any]]:
    """Orders with this number that `party` takes part in; every one when `party` is None (support, admin)."""
    cursor = await connection.execute(
        """
        SELECT key, erp, number, variant, status, conditions, region, site, carrier, priority,
            first_promised_on, promised_on, promise_reason, eta, reason, time_zone, digest, released_at,
            created_at, updated_at, closed_at
        FROM order_view
        WHERE number = %(number)s
            AND (%(party)s::text IS NULL OR %(party)s = ANY(parties))
            AND (%(erp)s::text IS NULL OR erp = %(erp)s)
        ORDER BY key
        """,
        {"number": number, "party": party, "erp": erp},
    )
    return await cursor.fetchall()


async def scopes(connection: Connection, keys: list[str]) -> dict[str, dict[str, str]]:
    """By order, what rules of policy may depend on: its ERP, site, region and customer."""
    cursor = await connection.execute(
        """
        SELECT key, erp AS partner, site, region, release -> 'ship_to' ->> 'id' AS customer
        FROM order_view
        WHERE key = ANY(%s)
        """,
        (keys,),
    )
    return {row.pop("key"): row for row in await cursor.fetchall()}


async def details(connection: Connection, key: str) -> dict[str, list[dict[str, Any]]]:
    """Lines, shipments, promises, effects, timeline, cases, proposals and returns of an order, each oldest first.

    Of the first five, what `store.orders.order_parts` shows with an order.
    """
    found = {name: await order_parts.window(connection, key, name) for name in order_parts.NAMES}
    found["timeline"].sort(key=lambda event: event["occurred_at"])
    return found | await beside(connection, key)


async def beside(connection: Connection, key: str) -> dict[str, list[dict[str, Any]]]:
    """Reservations, and people's work on an order: cases, proposals and returns, each oldest first."""
    queries = {
        "reserved": promising.RESERVED,
        "cases": f"SELECT {cases.COLUMNS} FROM exception_case WHERE order_key = %s ORDER BY opened_at, id",
        "proposals": f"""
            SELECT {proposals.COLUMNS}
            FROM replan_proposal
            WHERE order_key = %s
            ORDER BY raised_at, id
        """,
        "returns": f"""
            SELECT {returns.COLUMNS}
            FROM return_order
            WHERE order_key = %s
            ORDER BY created_at, rma
        """,
    }
    found = {}
    for name, query in queries.items():
        cursor = await connection.execute(query.encode(), (key,))
        found[name] = await cursor.fetchall()
    return found


async def line_promises(connection: Connection, key: str) -> list[dict[str, Any]]:
    """The day that each line is promised for."""
    cursor = await connection.execute(
        "SELECT line, promised_on FROM order_line_view WHERE order_key = %s ORDER BY line", (key,)
    )
    return await cursor.fetchall()
