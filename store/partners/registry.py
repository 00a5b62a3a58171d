"""The versions of what describes partners. What they mean, and which rules they keep, is decided by `domain.partners`.

A change announces itself on `CHANNEL` when it commits. `id` of a version counts all changes, in the order of commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from store.engine import Connection
from store.partners import partners

CHANNEL = "syncline_partners"
NEWEST = """
    SELECT DISTINCT ON (partner) partner, version, definition, applied_at, applied_by, reason
    FROM partner_version
    ORDER BY partner, version DESC
"""


@dataclass(frozen=True)
class KeptVersion:
    """A version of a partner: what it was from then on, by whom and why."""

    partner: str
    version: int
    definition: dict[str, Any]
    applied_at: datetime
    applied_by: str
    reason: str


@dataclass(frozen=True)
class KeptPartner:
    """A partner that may call us, and what describes it, if anything does: then version is above 0.

    `keys`: API keys that work; `secrets`: the versions of its webhook secrets that count now.
    """

    partner: str
    name: str
    roles: list[str]
    keys: int
    secrets: str | None
    version: int
    definition: dict[str, Any] | None
    applied_at: datetime | None


async def lock(connection: Connection) -> None:
    """Keep others from changing the registry until the transaction ends. Readers do not wait."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('partners'))")


async def newest(connection: Connection) -> dict[str, KeptVersion]:
    """What is in force, by partner."""
    async with connection.cursor(row_factory=class_row(KeptVersion)) as cursor:
        await cursor.execute(NEWEST)
        return {it.partner: it for it in await cursor.fetchall()}


async def changes(connection: Connection) -> int:
    """How many changes there have been: it rises with each."""
    cursor = await connection.execute("SELECT coalesce(max(id), 0) AS id FROM partner_version")
    [row] = await cursor.fetchall()
    return int(row["id"])


async def put(
    connection: Connection,
    definition: dict[str, Any],
    roles: Sequence[str],
    by: str,
    reason: str,
) -> int:
    """Put a new version of a partner in force, and return it. A new partner may call us, once it is given a key.

    Needs a transaction that holds `lock`.
    """
    name = definition["partner"]
    await connection.execute(
        """
        INSERT INTO partner (id, role, roles, name, active)
        VALUES (%(id)s, %(role)s, %(roles)s, %(name)s, true)
        ON CONFLICT (id) DO UPDATE
        SET role = excluded.role, roles = excluded.roles, name = excluded.name
        """,
        {"id": name, "role": roles[0], "roles": list(roles), "name": definition["name"]},
    )
    await partners.give_secret(connection, name)
    cursor = await connection.execute(
        """
        INSERT INTO partner_version (partner, version, definition, applied_by, reason)
        SELECT %(partner)s::text, coalesce(max(version), 0) + 1, %(definition)s, %(by)s, %(reason)s
        FROM partner_version
        WHERE partner = %(partner)s::text
        RETURNING version
        """,
        {"partner": name, "definition": Jsonb(definition), "by": by, "reason": reason},
    )
    [row] = await cursor.fetchall()
    await connection.execute(f"NOTIFY {CHANNEL}")
    return int(row["version"])


async def listing(connection: Connection) -> list[KeptPartner]:
    """Every active partner, described or not, by name."""
    async with connection.cursor(row_factory=class_row(KeptPartner)) as cursor:
        await cursor.execute(
            f"""
            SELECT p.id AS partner, p.name, coalesce(v.version, 0) AS version, v.definition, v.applied_at,
                CASE WHEN p.roles = '{{}}' THEN ARRAY[p.role::text] ELSE p.roles END AS roles,
                (
                    SELECT count(*)
                    FROM api_key k
                    WHERE k.partner = p.id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
                ) AS keys,
                (
                    SELECT string_agg(
                        s.version || coalesce(
                            ' until ' || to_char(valid_until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), ''
                        ),
                        ', ' ORDER BY s.version
                    )
                    FROM webhook_secret s
                    WHERE s.partner = p.id
                        AND valid_from <= now()
                        AND (valid_until IS NULL OR valid_until > now())
                ) AS secrets
            FROM partner p
            LEFT JOIN ({NEWEST}) v ON v.partner = p.id
            WHERE p.active
            ORDER BY p.id
            """.encode()
        )
        return await cursor.fetchall()


async def history(connection: Connection, partner: str) -> list[KeptVersion]:
    """Every version of a partner, the newest first."""
    async with connection.cursor(row_factory=class_row(KeptVersion)) as cursor:
        await cursor.execute(
            """
            SELECT partner, version, definition, applied_at, applied_by, reason
            FROM partner_version
            WHERE partner = %s
            ORDER BY version DESC
            """,
            (partner,),
        )
        return await cursor.fetchall()
