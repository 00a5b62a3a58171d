"""Owners' answers on master data, for as long as they may be kept; claims to ask; and messages quarantined until an
owner knows.

A claim to ask lasts until `asked_until`, which is also its token: an answer is kept only while the claim holds. The
owner's announcement of a change ends it, so that an answer from before the change is thrown away.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from schemas.base import Origin
from schemas.partners.master_data import Calendar, MasterKind, MasterName
from store.batches import RowBatch
from store.engine import Connection
from store.messaging import inbox, quarantine

KEPT_AT_MOST = "7 days"
"""Longer than a stale record may be used; see `schemas.settings.MasterSettings`."""
NAMED = RowBatch[MasterName](owner="text", kind="text", id="text")
KEY = "(owner, kind, id) = (%(owner)s, %(kind)s, %(id)s)"


@dataclass(frozen=True)
class KeptRecord:
    """A cached record. `age_s`: since it was fetched; None: the owner has not answered yet."""

    known: bool
    body: dict[str, Any] | None
    fetched_at: datetime | None
    expires_at: datetime
    fresh: bool
    down: bool
    age_s: float | None

    def usable(self, stale_s: float) -> bool:
        """Whether the record may be used: fresh, or not older than `stale_s` while the owner does not answer."""
        return self.known and (self.fresh or (self.down and self.age_s is not None and self.age_s <= stale_s))


async def fresh(connection: Connection, names: Collection[MasterName]) -> set[MasterName]:
    """The names that their owner knows, as far as the cache can say."""
    cursor = await connection.execute(
        f"""
        SELECT owner, kind, id
        FROM master_record
        JOIN {NAMED.rows} USING (owner, kind, id)
        WHERE known AND expires_at > clock_timestamp()
        """.encode(),
        NAMED.arrays(names),
    )
    return {MasterName(row["owner"], MasterKind(row["kind"]), row["id"]) for row in await cursor.fetchall()}


async def item_classes(connection: Connection, names: Collection[MasterName], stale_s: float) -> dict[MasterName, str]:
    """The classes of items by their owners, as far as fetched within so many seconds."""
    cursor = await connection.execute(
        f"""
        SELECT owner, kind, id, body ->> 'item_class' AS class
        FROM master_record
        JOIN {NAMED.rows} USING (owner, kind, id)
        WHERE known
            AND body ->> 'item_class' IS NOT NULL
            AND fetched_at > clock_timestamp() - make_interval(secs => %(stale_s)s)
        """.encode(),
        {**NAMED.arrays(names), "stale_s": stale_s},
    )
    return {
        MasterName(row["owner"], MasterKind(row["kind"]), row["id"]): row["class"] for row in await cursor.fetchall()
    }


@dataclass(frozen=True)
class DaysKept:
    """Cached days of a place: its zone and its calendar."""

    time_zone: str | None
    calendar: Calendar | None


async def days_of(connection: Connection, names: Collection[MasterName]) -> dict[MasterName, DaysKept]:
    """The days of these places, fresh or not: they change seldom, and nobody waits for them here."""
    cursor = await connection.execute(
        f"""
        SELECT m.owner, m.kind, m.id, m.body ->> 'time_zone' AS time_zone, c.body AS calendar
        FROM master_record m
        JOIN {NAMED.rows} USING (owner, kind, id)
        LEFT JOIN master_record c ON (c.owner, c.kind, c.id) = (m.owner, %(calendar)s, m.body ->> 'calendar')
            AND c.known
        WHERE m.known
        """.encode(),
        {**NAMED.arrays(names), "calendar": MasterKind.CALENDAR},
    )
    return {
        MasterName(row["owner"], MasterKind(row["kind"]), row["id"]): DaysKept(
            row["time_zone"], Calendar.model_validate(row["calendar"]) if row["calendar"] else None
        )
        for row in await cursor.fetchall()
    }


async def owners_of_sites(connection: Connection, sites: Collection[str]) -> dict[str, str]:
    """The ERP that has said what each of these sites is; the first by name when several have."""
    cursor = await connection.execute(
        """
        SELECT id, min(owner) AS owner
        FROM master_record
        WHERE kind = %s AND id = ANY(%s) AND known
        GROUP BY id
        """,
        (MasterKind.SITE, list(sites)),
    )
    return {row["id"]: row["owner"] for row in await cursor.fetchall()}


async def unasked_calendars(connection: Connection, names: Collection[MasterName]) -> set[MasterName]:
    """The calendars that these name of which their owner has not lately said what they are, or that there are none."""
    cursor = await connection.execute(
        f"""
        SELECT DISTINCT m.owner, m.body ->> 'calendar' AS id
        FROM master_record m
        JOIN {NAMED.rows} USING (owner, kind, id)
        LEFT JOIN master_record c ON (c.owner, c.kind, c.id) = (m.owner, %(calendar)s, m.body ->> 'calendar')
        WHERE m.known
            AND m.body ->> 'calendar' IS NOT NULL
            AND (c.fetched_at IS NULL OR c.expires_at <= clock_timestamp())
        """.encode(),
        {**NAMED.arrays(names), "calendar": MasterKind.CALENDAR},
    )
    return {MasterName(row["owner"], MasterKind.CALENDAR, row["id"]) for row in await cursor.fetchall()}


async def bodies(connection: Connection, names: Collection[MasterName]) -> dict[MasterName, dict[str, Any]]:
    """The owners' cached records of these names."""
    cursor = await connection.execute(
        f"""
        SELECT owner, kind, id, body
        FROM master_record
        JOIN {NAMED.rows} USING (owner, kind, id)
        WHERE known
        """.encode(),
        NAMED.arrays(names),
    )
    return {
        MasterName(row["owner"], MasterKind(row["kind"]), row["id"]): row["body"] for row in await cursor.fetchall()
    }


async def find(connection: Connection, name: MasterName) -> KeptRecord | None:
    """A cached record."""
    cursor = await connection.execute(
        f"""
        SELECT known, body, fetched_at, expires_at,
            fetched_at IS NOT NULL AND expires_at > clock_timestamp() AS fresh,
            down AND asked_until > clock_timestamp() AS down,
            extract(epoch FROM clock_timestamp() - fetched_at)::float8 AS age_s
        FROM master_record
        WHERE {KEY}
        """,
        name._asdict(),
    )
    row = await cursor.fetchone()
    return KeptRecord(**{**row, "down": bool(row["down"])}) if row else None


async def claim(connection: Connection, name: MasterName, lease_s: float) -> datetime | None:
    """Be the one who asks the owner, and the token of that; None: what is kept is fresh, or nobody is to ask now."""
    cursor = await connection.execute(
        """
        INSERT INTO master_record (owner, kind, id, asked_until)
        VALUES (%(owner)s, %(kind)s, %(id)s, clock_timestamp() + make_interval(secs => %(lease_s)s))
        ON CONFLICT (owner, kind, id) DO UPDATE
        SET asked_until = excluded.asked_until, down = false
        WHERE (master_record.fetched_at IS NULL OR master_record.expires_at <= clock_timestamp())
            AND (master_record.asked_until IS NULL OR master_record.asked_until <= clock_timestamp())
        RETURNING asked_until
        """,
        {**name._asdict(), "lease_s": lease_s},
    )
    row = await cursor.fetchone()
    return row["asked_until"] if row else None


async def keep(
    connection: Connection, name: MasterName, token: datetime, body: dict[str, Any] | None, keep_s: float
) -> None:
    """Keep the owner's answer (no body: it knows none) for so long. Messages that waited for the record are brought
    back."""
    cursor = await connection.execute(
        f"""
        UPDATE master_record
        SET known = %(known)s, body = %(body)s, fetched_at = clock_timestamp(),
            expires_at = clock_timestamp() + make_interval(secs => %(keep_s)s), asked_until = NULL,
            down = false, wanted = false
        WHERE {KEY} AND asked_until = %(token)s
        """,
        {
            **name._asdict(),
            "known": body is not None,
            "body": None if body is None else Jsonb(body),
            "keep_s": keep_s,
            "token": token,
        },
    )
    if cursor.rowcount and body is not None:
        await quarantine.awaken(connection, [name.waiting_for, name.waiting_for_units])


async def unanswered(connection: Connection, name: MasterName, token: datetime, pause_s: float) -> None:
    """The owner did not answer: nobody asks it for a while, and what is kept may be used although it is stale."""
    await connection.execute(
        f"""
        UPDATE master_record
        SET down = true, wanted = false, asked_until = clock_timestamp() + make_interval(secs => %(pause_s)s)
        WHERE {KEY} AND asked_until = %(token)s
        """,
        {**name._asdict(), "token": token, "pause_s": pause_s},
    )


async def forget(connection: Connection, names: Collection[MasterName]) -> int:
    """Keep nothing of these any more: their owner has changed them. Returns how many messages are brought back."""
    for name in sorted(names):
        await connection.execute(
            """
            INSERT INTO master_record (owner, kind, id)
            VALUES (%(owner)s, %(kind)s, %(id)s)
            ON CONFLICT (owner, kind, id) DO UPDATE
            SET known = false, body = NULL, fetched_at = NULL, expires_at = now(), asked_until = NULL,
                down = false
            """,
            name._asdict(),
        )
    return await quarantine.awaken(
        connection, [it for name in names for it in (name.waiting_for, name.waiting_for_units)]
    )


async def quarantine_until_known(connection: Connection, message: int, name: MasterName) -> None:
    """Quarantine a message until the owner knows this. A word of the owner that comes at this very moment is not missed: the
    message is then left to be tried again."""
    cursor = await connection.execute(
        f"""
        SELECT
        FROM master_record
        WHERE {KEY} AND NOT known AND fetched_at IS NOT NULL
        FOR SHARE
        """,
        name._asdict(),
    )
    if await cursor.fetchone() is not None:
        reason = f"unknown_{name.kind}: {name.owner} knows no {name.kind} {name.id}"
        await quarantine.put(connection, message, reason, Origin.PARTNER_MESSAGE, name.waiting_for)


async def want(connection: Connection, name: MasterName) -> None:
    """Have the owner asked by a worker, unless what is kept is fresh."""
    await connection.execute(
        """
        INSERT INTO master_record (owner, kind, id, wanted)
        VALUES (%(owner)s, %(kind)s, %(id)s, true)
        ON CONFLICT (owner, kind, id) DO UPDATE
        SET wanted = true
        WHERE master_record.fetched_at IS NULL OR master_record.expires_at <= clock_timestamp()
        """,
        name._asdict(),
    )
    await connection.execute(f"NOTIFY {inbox.CHANNEL}")


async def wanted(connection: Connection, limit: int) -> list[MasterName]:
    """The records that somebody waits for, and of which nobody is asking."""
    cursor = await connection.execute(
        """
        SELECT owner, kind, id
        FROM master_record
        WHERE wanted AND (asked_until IS NULL OR asked_until <= now())
        LIMIT %s
        """,
        (limit,),
    )
    return [MasterName(row["owner"], MasterKind(row["kind"]), row["id"]) for row in await cursor.fetchall()]


async def prune(connection: Connection) -> None:
    """Drop what has been of no use for long."""
    await connection.execute(
        f"""
        DELETE FROM master_record
        WHERE expires_at < now() - interval '{KEPT_AT_MOST}'
        """
    )
