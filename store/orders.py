"""Orders as people and systems read them: the view, its lines, its shipments, its promises, its timeline."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from schemas.base import Variant
from schemas.lifecycle import AcceptedRelease
from schemas.orders import OrderRelease, OrderStatus, Promise
from store import cases, inbox, ledger, proposals, returns
from store.engine import Connection

CENT_OF_A_CENT = Decimal("0.0001")


def order_key(erp: str, number: str) -> str:
    """`<erp>/<number>`: the key of an order everywhere inside Syncline."""
    return f"{erp}/{number}"


@dataclass(frozen=True)
class Birth:
    """What became of a release at the door: is this order new, and with what content do we know it."""

    key: str
    new: bool
    digest: str


async def open_order(
    connection: Connection, erp: str, release: OrderRelease, digest: str, inbox_id: int, parties: list[str]
) -> Birth:
    """Write a released order, once. A repeat changes nothing and answers with the digest that came first."""
    key = order_key(erp, release.number)
    site = release.site if release.variant is Variant.DISTRIBUTION_CENTRE else release.supplier
    cursor = await connection.execute(
        "INSERT INTO order_view (key, erp, number, variant, status, region, site, carrier, priority, parties, digest, "
        "release, inbox_id, released_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
        "ON CONFLICT DO NOTHING RETURNING digest",
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
        "SELECT m.raw FROM order_view o JOIN inbox_message m ON m.id = o.inbox_id WHERE o.key = %s", (key,)
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    return OrderRelease.model_validate_json(row["raw"])


async def accepted(connection: Connection, key: str) -> AcceptedRelease:
    """The release and the message that brought it. Raises LookupError when the order is unknown."""
    cursor = await connection.execute(
        "SELECT o.erp, o.release, o.digest, o.inbox_id, m.received_at, m.traceparent FROM order_view o "
        "JOIN inbox_message m ON m.id = o.inbox_id WHERE o.key = %s",
        (key,),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(key)
    return AcceptedRelease.model_validate(row)


async def status_of(connection: Connection, key: str) -> OrderStatus:
    """Where the order is. Raises LookupError when it is unknown."""
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
        "UPDATE order_view SET status = %s, first_promised_on = %s, promised_on = %s, promise_reason = %s, version = %s, "
        "updated_at = clock_timestamp() WHERE key = %s AND status = 'released'",
        (OrderStatus.PROMISED, promise.promised_on, promise.promised_on, promise.reason, version, key),
    )
    days = {line.line: line.promised_on for line in promise.lines}
    await connection.execute(
        "INSERT INTO order_line_view (order_key, line, item, ordered, shipped, delivered, first_promised_on, promised_on) "
        "SELECT %s, l, i, q, 0, 0, d, d FROM unnest(%s::int[], %s::text[], %s::int[], %s::date[]) AS x(l, i, q, d) "
        "ON CONFLICT DO NOTHING",
        (
            key,
            [x.line for x in release.lines],
            [x.item for x in release.lines],
            [x.quantity for x in release.lines],
            [days[x.line] for x in release.lines],
        ),
    )
    await ledger.set_values(connection, key, release.currency, _values(release))
    await add_promise(connection, key, promise.promised_on, promise.reason, version)
    await inbox.awaken(connection, [f"order:{key}", f"number:{release.number}"])


def _values(release: OrderRelease) -> dict[str, Decimal]:
    """What a pack of each item is worth: an item on several lines at their mean. Nothing for items without a value."""
    worth: dict[str, Decimal] = {}
    packs: dict[str, int] = {}
    for line in release.lines:
        if line.value is not None:
            worth[line.item] = worth.get(line.item, Decimal(0)) + Decimal(str(line.value))
            packs[line.item] = packs.get(line.item, 0) + line.quantity
    return {item: (total / packs[item]).quantize(CENT_OF_A_CENT) for item, total in worth.items()}


async def add_promise(connection: Connection, key: str, promised_on: date, reason: str, version: int) -> None:
    """Remember a promise and what it rests on, unless it is the one already in force, or the order has gone on to a newer
    version."""
    await connection.execute(
        "WITH fresh AS (INSERT INTO promise (order_key, promised_on, reason) SELECT %(key)s::text, %(day)s::date, %(reason)s::text "
        "WHERE %(day)s::date IS DISTINCT FROM (SELECT promised_on FROM promise WHERE order_key = %(key)s::text ORDER BY id DESC LIMIT 1) "
        "AND (SELECT version FROM order_view WHERE key = %(key)s::text) <= %(version)s RETURNING order_key) "
        "UPDATE order_view SET promise_reason = %(reason)s::text FROM fresh WHERE key = order_key",
        {"key": key, "day": promised_on, "reason": reason, "version": version},
    )


async def find(connection: Connection, number: str, party: str | None, erp: str | None = None) -> list[dict[str, Any]]:
    """Orders with this number that `party` takes part in; every one when `party` is None (support, admin)."""
    cursor = await connection.execute(
        "SELECT key, erp, number, variant, status, conditions, region, site, carrier, priority, first_promised_on, "
        "promised_on, promise_reason, eta, reason, digest, released_at, created_at, updated_at, closed_at FROM order_view "
        "WHERE number = %(number)s AND (%(party)s::text IS NULL OR %(party)s = ANY(parties)) "
        "AND (%(erp)s::text IS NULL OR erp = %(erp)s) ORDER BY key",
        {"number": number, "party": party, "erp": erp},
    )
    return await cursor.fetchall()


async def details(connection: Connection, key: str) -> dict[str, list[dict[str, Any]]]:
    """Lines, shipments, promises, effects, timeline, cases, proposals and returns of an order, each oldest first."""
    queries = {
        "lines": "SELECT line, item, ordered, cancelled, allocated, picked, packed, shipped, delivered, returned, "
        "first_promised_on, promised_on, delivered_at FROM order_line_view WHERE order_key = %s ORDER BY line",
        "shipments": "SELECT shipment, status, eta, shipped_at, delivered_at FROM shipment_order WHERE order_key = %s "
        "ORDER BY shipment",
        "promises": "SELECT promised_on, reason, made_at FROM promise WHERE order_key = %s ORDER BY id",
        "effects": "SELECT key, system, operation, shipment, milestone, site, change, outcome, attempts, origin, error, "
        "reference, trace_id, accepted_at, planned_at, done_at FROM effect WHERE order_key = %s ORDER BY planned_at, key",
        "timeline": "SELECT e.kind, e.shipment, e.partner, e.occurred_at, e.received_at, o.state, o.reason, "
        "o.settled_at FROM event_order o JOIN event e ON e.id = o.event WHERE o.order_key = %s ORDER BY e.occurred_at, e.id",
        "cases": f"SELECT {cases.COLUMNS} FROM exception_case WHERE order_key = %s ORDER BY opened_at, id",
        "proposals": f"SELECT {proposals.COLUMNS} FROM replan_proposal WHERE order_key = %s ORDER BY raised_at, id",
        "returns": f"SELECT {returns.COLUMNS} FROM return_order WHERE order_key = %s ORDER BY created_at, rma",
    }
    found = {}
    for name, query in queries.items():
        cursor = await connection.execute(query.encode(), (key,))
        found[name] = await cursor.fetchall()
    return found


async def add_party(connection: Connection, key: str, partner: str) -> None:
    """A partner takes part in an order from now on."""
    await connection.execute(
        "UPDATE order_view SET parties = parties || %s::text, carrier = coalesce(carrier, %s) "
        "WHERE key = %s AND NOT %s = ANY(parties)",
        (partner, partner, key, partner),
    )
    await inbox.awaken(connection, [f"party:{partner}:{key}"])


async def add_sites(connection: Connection, key: str, sites: tuple[str, ...]) -> None:
    """The warehouse systems of these sites take part in an order from now on."""
    partners = [f"wms-{site.lower()}" for site in sites]
    await connection.execute(
        "UPDATE order_view SET parties = parties || ARRAY(SELECT DISTINCT p FROM unnest(%s::text[]) p "
        "WHERE NOT p = ANY(parties)) WHERE key = %s",
        (partners, key),
    )
    await inbox.awaken(connection, [f"party:{partner}:{key}" for partner in partners])
