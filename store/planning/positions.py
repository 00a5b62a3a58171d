"""Stock for planning: every booked movement of a place that planning holds becomes a movement in the planning buffer.

Planning adds them up to our ledger's balances. On hand, allocated, returns and blocked are by site. In transit is by
the order's site and the day of arrival; a new day moves the packs to it.
"""

from schemas.inventory.stock import Bucket
from store.engine import Connection

HELD = (Bucket.ON_HAND, Bucket.ALLOCATED, Bucket.RETURNS, Bucket.BLOCKED, Bucket.TRANSIT)
"""The places that planning holds."""
ARRIVAL = """
    coalesce(
        (
            SELECT day_in(max(s.eta), (SELECT v.time_zone FROM order_view v WHERE v.key = {ref}))
            FROM shipment_order s
            WHERE (s.shipment, s.order_key) = ({shipment}, {ref})
        ),
        (
            SELECT site_day(max(i.eta), (SELECT q.site FROM purchase_order q WHERE q.key = {ref}))
            FROM inbound_shipment i
            WHERE (i.shipment, i.order_key) = ({shipment}, {ref})
        ),
        (SELECT o.promised_on FROM order_view o WHERE o.key = {ref}),
        (SELECT max(coalesce(l.expected_on, l.due_on)) FROM purchase_line l WHERE l.order_key = {ref}),
        {otherwise}
    )
"""
"""SQL: the day on which what a shipment carries for an order is to arrive: by its ETA, else as promised. It is a day of whom
it goes to: the customer, or the site of a purchase order."""
_AT = """
    SELECT split_part(x.place, ':', 1) AS bucket, coalesce(o.site, b.site, '') AS home,
        CASE WHEN x.place LIKE 'transit:%%' THEN split_part(x.place, ':', 2) ELSE '' END AS shipment
"""
_HELD_ON = """
    (
        SELECT h.day
        FROM planning_delta h
        WHERE (h.order_key, h.shipment, h.item) = (known.ref, a.shipment, x.item) AND h.shipment <> ''
        GROUP BY h.day
        HAVING sum(h.packs) > 0
        ORDER BY max(h.id) DESC LIMIT 1
    )
"""
_DAY = "site_day(known.occurred_at, t.site)"
TELL = f"""
    INSERT INTO planning_delta (
        key, region, order_key, item, site, day, kind, packs, shipment, promised_on, accepted_at
    )
    SELECT known.key || '#' || x.place, coalesce(k.region, o.region, b.region, ''), known.ref, x.item, t.site,
        CASE
            WHEN a.shipment = '' THEN {_DAY}
            ELSE coalesce(
                {_HELD_ON}, {ARRIVAL.format(shipment="a.shipment", ref="known.ref", otherwise=_DAY)}
            )
        END,
        'stock:' || CASE WHEN a.shipment = '' THEN a.bucket ELSE 'in_transit' END, x.packs, a.shipment,
        o.promised_on, clock_timestamp()
    FROM known
    CROSS JOIN sides x
    LEFT JOIN order_view o ON o.key = known.ref
    LEFT JOIN purchase_order b ON b.key = known.ref
    CROSS JOIN LATERAL ({_AT}) a
    CROSS JOIN LATERAL (
        SELECT CASE WHEN a.shipment = '' THEN split_part(x.place, ':', 2) ELSE a.home END AS site
    ) t
    LEFT JOIN planning_site k ON k.site = t.site
    WHERE a.bucket IN ({", ".join(repr(str(bucket)) for bucket in HELD)})
    ON CONFLICT DO NOTHING
"""
"""SQL: buffer the `sides` (place, item, packs) of a movement that has just become `known` (key, ref, occurred_at)."""


async def reschedule(connection: Connection, key: str, ref: str) -> None:
    """Move what is in transit for an order to the day on which it is to arrive now, where that has changed."""
    await connection.execute(
        f"""
        INSERT INTO planning_delta (
            key, region, order_key, item, site, day, kind, packs, shipment, promised_on, accepted_at
        )
        SELECT concat(%(key)s::text, '#transit:', h.shipment, '@', h.day, '/', x.day), h.region, %(ref)s,
            h.item, h.site, x.day, h.kind, x.packs, h.shipment, h.promised_on, clock_timestamp()
        FROM (
            SELECT region, item, site, day, kind, shipment, sum(packs) AS packs,
                min(promised_on) AS promised_on
            FROM planning_delta
            WHERE order_key = %(ref)s AND shipment <> ''
            GROUP BY 1, 2, 3, 4, 5, 6
            HAVING sum(packs) <> 0
        ) h
        CROSS JOIN LATERAL (
            SELECT {ARRIVAL.format(shipment="h.shipment", ref="%(ref)s", otherwise="h.day")} AS day
        ) now
        CROSS JOIN LATERAL (VALUES (h.day, -h.packs), (now.day, h.packs)) AS x(day, packs)
        WHERE now.day <> h.day
        ORDER BY x.packs
        ON CONFLICT DO NOTHING
        """.encode(),
        {"key": key, "ref": ref},
    )
