"""The data of one item at one site: expected supply, reservations, movements. Read-only.

Open business is read by its indexes, the ledger from its newest end: the page does not walk through what is over.
"""

from dataclasses import dataclass
from datetime import date, datetime

from schemas.inventory.promising import REPLENISHMENT, STOCK
from schemas.inventory.stock import place
from store.engine import Connection
from store.inventory.stock import AT_SITE
from store.rows import rows

SUPPLIES, HOLDERS, MOVEMENTS = 100, 100, 40
"""At most this many entries in each list."""
NEWEST = 200
"""The newest ledger entries of each place that are read for its latest movements."""


@dataclass(frozen=True)
class ReservedSupply:
    """Supply that is still to come, and how much of it is reserved."""

    key: str
    kind: str
    ref: str
    shipment: str
    packs: int
    held: int
    day: date


@dataclass(frozen=True)
class Holder:
    """Packs of a line that are reserved from stock, a supply or replenishment. `reason`: of a promised day that
    promising has not set."""

    order_key: str
    number: str
    line: int
    priority: int
    packs: int
    supply_key: str
    ref: str | None
    due: date
    day: date
    wanted_on: date
    late: bool
    reason: str | None

    @property
    def source(self) -> str:
        """The source of the packs, in words."""
        if self.supply_key == STOCK:
            return "stock"
        return "replenishment" if self.supply_key == REPLENISHMENT else self.ref or self.supply_key


@dataclass(frozen=True)
class SiteMovement:
    """One movement at a site: packs by bucket that it brought or took."""

    key: str
    kind: str
    source: str
    ref: str
    booked_at: datetime
    sides: dict[str, int]


async def expected(connection: Connection, item: str, site: str) -> list[ReservedSupply]:
    """Expected arrivals at an item-site, the next first."""
    return await rows(
        connection,
        ReservedSupply,
        """
        SELECT key, kind, ref, shipment, packs,
            coalesce(
                (
                    SELECT sum(p.packs)
                    FROM peg p
                    WHERE (p.item, p.site, p.supply_key) = (u.item, u.site, u.key)
                ),
                0
            )::bigint AS held,
            day
        FROM supply u
        WHERE (item, site) = (%(item)s, %(site)s) AND packs > 0
        ORDER BY day, key LIMIT %(limit)s
        """,
        {"item": item, "site": site, "limit": SUPPLIES},
    )


async def holders(connection: Connection, item: str, site: str) -> list[Holder]:
    """Reservations of an item-site, in the order of allocation in a shortage."""
    return await rows(
        connection,
        Holder,
        """
        SELECT p.order_key, p.line, p.priority, p.packs, p.supply_key, p.due, p.day, p.wanted_on, p.late,
            o.number, u.ref,
            (
                SELECT reason
                FROM (
                    SELECT reason
                    FROM promise r
                    WHERE r.order_key = p.order_key
                    ORDER BY r.id DESC LIMIT 1
                ) r
                WHERE NOT EXISTS (
                    SELECT
                    FROM order_promise g
                    WHERE g.order_key = p.order_key AND r.reason = ANY(g.said)
                )
            ) AS reason
        FROM (
            SELECT p.order_key, p.line, p.priority, p.packs, p.supply_key, p.due, p.day, p.wanted_on, p.late,
                coalesce(l.first_promised_on, p.wanted_on) AS not_before
            FROM peg p
            LEFT JOIN order_line_view l USING (order_key, line)
            WHERE (p.item, p.site) = (%(item)s, %(site)s)
            ORDER BY p.priority, not_before, p.order_key, p.line, p.due LIMIT %(limit)s
        ) p
        JOIN order_view o ON o.key = p.order_key
        LEFT JOIN supply u ON u.key = p.supply_key
        ORDER BY p.priority, p.not_before, p.order_key, p.line, p.due
        """,
        {"item": item, "site": site, "limit": HOLDERS},
    )


async def movements(connection: Connection, item: str, site: str) -> list[SiteMovement]:
    """The latest movements of an item at a site, the newest first.

    Entries are append-only: those of one item and place lie in the index as they were written, so it is read backwards.
    Written as ranges, because the planner drops an order by columns that are held equal.
    """
    return await rows(
        connection,
        SiteMovement,
        """
        SELECT m.key, m.kind, m.source, m.ref, m.booked_at,
            jsonb_object_agg(split_part(e.place, ':', 1), e.packs) AS sides
        FROM unnest(%(places)s::text[]) AS x(place)
        CROSS JOIN LATERAL (
            SELECT move_key, e.place, packs
            FROM stock_entry e
            WHERE (e.item, e.place) >= (%(item)s, x.place) AND (e.item, e.place) <= (%(item)s, x.place)
            ORDER BY e.item DESC, e.place DESC LIMIT %(newest)s
        ) e
        CROSS JOIN LATERAL (SELECT * FROM stock_move WHERE key = e.move_key LIMIT 1) m
        GROUP BY 1, 2, 3, 4, 5, m.occurred_at
        ORDER BY m.booked_at DESC, m.occurred_at DESC, m.key DESC LIMIT %(limit)s
        """,
        {"item": item, "places": [place(bucket, site) for bucket in AT_SITE], "newest": NEWEST, "limit": MOVEMENTS},
    )
