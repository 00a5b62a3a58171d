"""Partners and their API keys. A key is stored as its SHA-256 and shown once, when it is made."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from schemas.base import Role
from store.engine import Connection

KEY_BYTES = 32


@dataclass(frozen=True)
class Caller:
    """Who is calling: a partner, its role, and the version of its webhook secret."""

    partner: str
    role: Role
    webhook_version: int = 1


def key_hash(key: str) -> str:
    """SHA-256 of an API key, hex. Keys are 256 random bits: no salt or stretching is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


async def add(connection: Connection, partner: str, role: Role, name: str) -> None:
    """Add a partner, or change its role and name."""
    await connection.execute(
        "INSERT INTO partner (id, role, name, active, webhook_version) VALUES (%s, %s, %s, true, 1) "
        "ON CONFLICT (id) DO UPDATE SET role = excluded.role, name = excluded.name, active = true",
        (partner, role, name),
    )


async def new_key(connection: Connection, partner: str, label: str, expires_at: datetime | None = None) -> str:
    """Make an API key for a partner and return it: it cannot be read again."""
    key = f"sk_{partner}_{secrets.token_urlsafe(KEY_BYTES)}"
    await connection.execute(
        "INSERT INTO api_key (hash, partner, label, expires_at) VALUES (%s, %s, %s, %s)",
        (key_hash(key), partner, label, expires_at),
    )
    return key


async def revoke_keys(connection: Connection, partner: str) -> int:
    """Revoke every key of a partner; returns how many were live."""
    cursor = await connection.execute(
        "UPDATE api_key SET revoked_at = now() WHERE partner = %s AND revoked_at IS NULL", (partner,)
    )
    return cursor.rowcount


async def by_key(connection: Connection, key: str) -> Caller | None:
    """The caller that this key belongs to, or None when it is unknown, revoked, expired, or its partner inactive."""
    cursor = await connection.execute(
        "SELECT p.id, p.role, p.webhook_version FROM api_key k JOIN partner p ON p.id = k.partner "
        "WHERE k.hash = %s AND k.revoked_at IS NULL AND p.active AND (k.expires_at IS NULL OR k.expires_at > now())",
        (key_hash(key),),
    )
    row = await cursor.fetchone()
    return Caller(row["id"], Role(row["role"]), row["webhook_version"]) if row else None


async def by_id(connection: Connection, partner: str) -> Caller | None:
    """An active partner by its id: for webhooks, which are authenticated by signature."""
    cursor = await connection.execute(
        "SELECT id, role, webhook_version FROM partner WHERE id = %s AND active", (partner,)
    )
    row = await cursor.fetchone()
    return Caller(row["id"], Role(row["role"]), row["webhook_version"]) if row else None


async def roles(connection: Connection, partners: list[str]) -> dict[str, Role]:
    """The role of each of these partners; unknown and inactive ones are left out."""
    cursor = await connection.execute("SELECT id, role FROM partner WHERE id = ANY(%s) AND active", (partners,))
    return {row["id"]: Role(row["role"]) for row in await cursor.fetchall()}
