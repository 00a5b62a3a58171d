"""The parties of an order: partners and the warehouse systems of its sites."""

from schemas.orders.changes import SitesJoined
from store.changes import StepScope
from store.engine import Connection
from store.messaging import quarantine


async def add_party(connection: Connection, key: str, partner: str) -> None:
    """A partner takes part in an order from now on."""
    cursor = await connection.execute(
        """
        UPDATE order_view
        SET parties = parties || %s::text, carrier = coalesce(carrier, %s)
        WHERE key = %s AND NOT %s = ANY(parties)
        """,
        (partner, partner, key, partner),
    )
    await _awaken(connection, key, [partner], new=cursor.rowcount > 0)


async def add_sites(connection: Connection, key: str, sites: tuple[str, ...]) -> None:
    """The warehouse systems of these sites take part in an order from now on."""
    partners = [f"wms-{site.lower()}" for site in sites]
    cursor = await connection.execute(
        """
        UPDATE order_view
        SET parties = parties || ARRAY(SELECT DISTINCT p FROM unnest(%s::text[]) p WHERE NOT p = ANY(parties))
        WHERE key = %s AND NOT parties @> %s::text[]
        RETURNING key
        """,
        (partners, key, partners),
    )
    await _awaken(connection, key, partners, new=bool(await cursor.fetchall()))  # a pipeline does not count rows


async def write(connection: Connection, scope: StepScope, change: SitesJoined) -> None:
    """The sites of a step take part."""
    await add_sites(connection, scope.order, change.sites)


async def _awaken(connection: Connection, key: str, partners: list[str], *, new: bool) -> None:
    """Bring back what these partners said of an order, or of its shipments, before they took part in it."""
    names = [f"party:{partner}:{key}" for partner in partners]
    if new:
        cursor = await connection.execute("SELECT shipment FROM shipment_order WHERE order_key = %s", (key,))
        names += [f"shipment:{row['shipment']}" for row in await cursor.fetchall()]
    await quarantine.awaken(connection, names)
