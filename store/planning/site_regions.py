"""The region of each site whose movements go to planning, and whether Syncline keeps its stock."""

from collections.abc import Collection
from typing import Any

from store.engine import Connection
from store.planning.planning import CHANNEL


async def know_site(connection: Connection, site: str, region: str) -> None:
    """The feed of this region has the site's stock, unless another does."""
    await connection.execute(
        "INSERT INTO planning_site (site, region) VALUES (%s, %s) ON CONFLICT DO NOTHING", (site, region)
    )
    await connection.execute(f"NOTIFY {CHANNEL}")


async def know_owned(connection: Connection, owners: dict[str, str]) -> None:
    """Sites belong to the region that their owner, an ERP, says in its master data, unless another was named first.
    `owners` is by site."""
    if owners:
        await connection.execute(
            """
            INSERT INTO planning_site (site, region)
            SELECT m.id, m.body ->> 'region'
            FROM master_record m
            JOIN unnest(%s::text[], %s::text[]) AS x(id, owner) USING (owner, id)
            WHERE m.kind = 'site' AND m.known AND m.body ->> 'region' <> ''
            ORDER BY 1
            ON CONFLICT DO NOTHING
            """,
            (list(owners), list(owners.values())),
        )


async def sites_without_region(connection: Connection) -> list[dict[str, Any]]:
    """(site, waiting, since) of sites without a region. Planning receives neither their demand nor, where regions
    have planning systems of their own, their stock."""
    cursor = await connection.execute(
        """
        SELECT site, count(*) AS waiting, min(since) AS since
        FROM (
            SELECT site, accepted_at AS since
            FROM planning_delta
            WHERE region = '' AND flush IS NULL
            UNION ALL
            SELECT site, received_at
            FROM demand_signal
            WHERE packs IS DISTINCT FROM told_packs AND refused IS NULL
        ) w
        WHERE NOT EXISTS (SELECT FROM planning_site k WHERE k.site = w.site)
        GROUP BY 1
        ORDER BY 3, 1
        """
    )
    return await cursor.fetchall()


async def region_of(connection: Connection, site: str) -> str | None:
    """The region whose feed has a site."""
    cursor = await connection.execute("SELECT region FROM planning_site WHERE site = %s", (site,))
    row = await cursor.fetchone()
    return row["region"] if row else None


async def regions(connection: Connection, sites: Collection[str]) -> dict[str, str]:
    """The regions of sites, as far as somebody has named them."""
    cursor = await connection.execute(
        """
        SELECT site, region
        FROM planning_site
        WHERE site = ANY(%s)
        """,
        (list(sites),),
    )
    return {row["site"]: row["region"] for row in await cursor.fetchall()}
