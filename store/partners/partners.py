"""Partners, their API keys, and the validity of their webhook secrets.

A key is stored as its SHA-256 and shown once, when it is made. Of a secret only its version is stored, from which it is
derived.
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from schemas.base import Role, is_system_id
from store.engine import Connection

KEY_BYTES = 32
"""Random bytes of an API key: 256 bits cannot be guessed."""


class Secret(NamedTuple):
    """A version of a partner's webhook secret, and from when until when it counts; None: until it is replaced."""

    version: int
    valid_from: datetime
    valid_until: datetime | None

    def counts(self, at: datetime) -> bool:
        """Whether what is signed with it is genuine at that moment."""
        return self.valid_from <= at and (self.valid_until is None or at < self.valid_until)


@dataclass(frozen=True)
class Caller:
    """The caller: a partner, the role in which it acts, all its roles, and its webhook secrets where these
    authenticate it."""

    partner: str
    role: Role
    secrets: tuple[Secret, ...] = ()
    roles: tuple[Role, ...] = ()

    def acting(self, roles: Collection[Role]) -> "Caller | None":
        """The same in the first of its roles that is among these; None when it has none of them."""
        able = (role for role in (self.role, *self.roles) if role in roles)
        role = next(able, None)
        return replace(self, role=role) if role else None


def key_hash(key: str) -> str:
    """SHA-256 of an API key, hex. Keys are 256 random bits: no salt or stretching is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


async def add(connection: Connection, partner: str, role: Role, name: str) -> None:
    """Add a partner, or change its role and name. Those of a partner that the registry describes stay as they are. It
    has a webhook secret afterwards. Raises ValueError for an id that breaks the rule."""
    if not is_system_id(partner):
        raise ValueError(
            f"{partner}: an id has 2 to 32 lower case letters, digits and hyphens, and begins with no hyphen"
        )
    await connection.execute(
        """
        INSERT INTO partner (id, role, roles, name, active)
        VALUES (%(id)s, %(role)s::text, ARRAY[%(role)s::text], %(name)s, true)
        ON CONFLICT (id) DO UPDATE
        SET role = excluded.role, roles = excluded.roles, name = excluded.name, active = true
        WHERE NOT EXISTS (SELECT FROM partner_version v WHERE v.partner = excluded.id)
        """,
        {"id": partner, "role": role, "name": name},
    )
    await give_secret(connection, partner)


async def give_secret(connection: Connection, partner: str) -> None:
    """See to it that a partner has a webhook secret."""
    if not any(it.valid_until is None for it in await secrets_of(connection, partner)):
        await _new_secret(connection, partner, None)


async def known(connection: Connection, partner: str) -> tuple[Role, str] | None:
    """Role and name of a partner, be it active or not."""
    cursor = await connection.execute("SELECT role, name FROM partner WHERE id = %s FOR UPDATE", (partner,))
    row = await cursor.fetchone()
    return (Role(row["role"]), row["name"]) if row else None


async def secrets_of(connection: Connection, partner: str) -> tuple[Secret, ...]:
    """The webhook secrets of a partner that count now, or will; the oldest first."""
    cursor = await connection.execute(
        """
        SELECT version, valid_from, valid_until
        FROM webhook_secret
        WHERE partner = %s AND (valid_until IS NULL OR valid_until > clock_timestamp())
        ORDER BY version
        """,
        (partner,),
    )
    return tuple(Secret(**row) for row in await cursor.fetchall())


async def rotate(
    connection: Connection, partner: str, valid_from: datetime | None, overlap: timedelta
) -> tuple[Secret, ...]:
    """Give a partner a new webhook secret, which counts from then on (None: at once); those before it for the overlap
    longer. All that count now or later. Raises LookupError for an unknown partner."""
    if await known(connection, partner) is None:
        raise LookupError(partner)
    new = await _new_secret(connection, partner, valid_from)
    await connection.execute(
        """
        UPDATE webhook_secret
        SET valid_until = least(valid_until, %s)
        WHERE partner = %s AND version < %s AND (valid_until IS NULL OR valid_until > clock_timestamp())
        """,
        (new.valid_from + overlap, partner, new.version),
    )
    return await secrets_of(connection, partner)


async def _new_secret(connection: Connection, partner: str, valid_from: datetime | None) -> Secret:
    cursor = await connection.execute(
        """
        INSERT INTO webhook_secret (partner, version, valid_from)
        SELECT %(partner)s::text, coalesce(max(version), 0) + 1, coalesce(%(from)s, clock_timestamp())
        FROM webhook_secret
        WHERE partner = %(partner)s::text
        RETURNING version, valid_from, valid_until
        """,
        {"partner": partner, "from": valid_from},
    )
    [row] = await cursor.fetchall()
    return Secret(**row)


async def end_secrets(connection: Connection, partner: str) -> int:
    """End every webhook secret of a partner; returns how many counted, or would have."""
    cursor = await connection.execute(
        """
        UPDATE webhook_secret
        SET valid_until = clock_timestamp()
        WHERE partner = %s AND (valid_until IS NULL OR valid_until > clock_timestamp())
        """,
        (partner,),
    )
    return cursor.rowcount


async def new_key(connection: Connection, partner: str, label: str, expires_at: datetime | None = None) -> str:
    """Make an API key for a partner and return it: it cannot be read again."""
    key = f"sk_{partner}_{secrets.token_urlsafe(KEY_BYTES)}"
    await connection.execute(
        "INSERT INTO api_key (hash, partner, label, expires_at) VALUES (%s, %s, %s, %s)",
        (key_hash(key), partner, label, expires_at),
    )
    return key


async def rotate_key(connection: Connection, partner: str, overlap: timedelta) -> tuple[str, datetime]:
    """Make a new API key for a partner; those before it work for the overlap longer. The key, and until when they do.

    Raises LookupError for an unknown partner.
    """
    if await known(connection, partner) is None:
        raise LookupError(partner)
    cursor = await connection.execute(
        """
        WITH until AS (SELECT clock_timestamp() + %(overlap)s AS at),
        ended AS (
            UPDATE api_key
            SET expires_at = least(expires_at, until.at)
            FROM until
            WHERE partner = %(partner)s AND revoked_at IS NULL
        )
        SELECT at
        FROM until
        """,
        {"partner": partner, "overlap": overlap},
    )
    [row] = await cursor.fetchall()
    return await new_key(connection, partner, "rotated"), row["at"]


async def revoke_keys(connection: Connection, partner: str) -> int:
    """Revoke every key of a partner; returns how many were live."""
    cursor = await connection.execute(
        "UPDATE api_key SET revoked_at = now() WHERE partner = %s AND revoked_at IS NULL", (partner,)
    )
    return cursor.rowcount


async def by_key(connection: Connection, key: str) -> Caller | None:
    """The caller that this key belongs to, or None when it is unknown, revoked, expired, or its partner inactive."""
    cursor = await connection.execute(
        """
        SELECT p.id, p.role, p.roles
        FROM api_key k
        JOIN partner p ON p.id = k.partner
        WHERE k.hash = %s
            AND k.revoked_at IS NULL
            AND p.active
            AND (k.expires_at IS NULL OR k.expires_at > now())
        """,
        (key_hash(key),),
    )
    row = await cursor.fetchone()
    return caller_of(row) if row else None


def caller_of(row: dict[str, Any], secrets: tuple[Secret, ...] = ()) -> Caller:
    """The caller of a row of `partner`, acting in its usual role."""
    return Caller(row["id"], Role(row["role"]), secrets, tuple(map(Role, row["roles"])))


async def by_id(connection: Connection, partner: str) -> Caller | None:
    """An active partner by its id, with its secrets: for webhooks, which are authenticated by signature."""
    cursor = await connection.execute(
        """
        SELECT id, role, roles
        FROM partner
        WHERE id = %s AND active
        """,
        (partner,),
    )
    row = await cursor.fetchone()
    return caller_of(row, await secrets_of(connection, partner)) if row else None


async def roles(connection: Connection, partners: list[str]) -> dict[str, tuple[Role, ...]]:
    """The roles of each of these partners, the usual one first; unknown and inactive ones are left out."""
    cursor = await connection.execute(
        """
        -- a partner that an older process has added has no roles yet, but the usual one
        SELECT id, CASE WHEN roles = '{}' THEN ARRAY[role::text] ELSE roles END AS roles
        FROM partner
        WHERE id = ANY(%s) AND active
        """,
        (partners,),
    )
    return {row["id"]: tuple(map(Role, row["roles"])) for row in await cursor.fetchall()}
