"""Replenishments: what planning proposed, and what became of it, hop by hop."""

from typing import Any

from psycopg.types.json import Jsonb

from schemas.procurement.replenishment import Hop, ReplenishmentProposal, ReplenishmentRecord, ReplenishmentState
from schemas.workflows.steps import WorkflowStep
from store.engine import Connection, Database
from store.messaging import effects, heads

COLUMNS = """
    id, partner, erp, kind, item, site, region, proposal, state, hop, origin, reason, number, answered, trail,
    version, created_at, updated_at
"""


async def open_replenishment(
    connection: Connection, partner: str, proposal: ReplenishmentProposal, digest: str
) -> str | None:
    """Make a proposal known; why not, when its id is known from somebody else or with other content."""
    await connection.execute(
        """
        INSERT INTO replenishment (
            id, partner, erp, kind, item, site, region, proposal, digest, state, hop, trail
        )
        VALUES (
            %(id)s, %(partner)s, %(erp)s, %(kind)s, %(item)s, %(site)s, %(region)s, %(proposal)s, %(digest)s,
            %(state)s, %(hop)s, '[]'
        )
        ON CONFLICT (id) DO NOTHING
        """,
        {
            **proposal.model_dump(include={"id", "erp", "kind", "item", "site", "region"}),
            "partner": partner,
            "proposal": Jsonb(proposal.model_dump(mode="json", exclude_none=True)),
            "digest": digest,
            "state": ReplenishmentState.PROPOSED,
            "hop": Hop.PROPOSAL,
        },
    )
    cursor = await connection.execute(
        """
        SELECT partner, digest
        FROM replenishment
        WHERE id = %s
        """,
        (proposal.id,),
    )
    [known] = await cursor.fetchall()
    same = (known["partner"], known["digest"]) == (partner, digest)
    return None if same else f"proposal {proposal.id} is known with other content"


async def show(connection: Connection, proposal: str, partner: str | None) -> dict[str, Any] | None:
    """A replenishment of a partner (anybody's: None), or None."""
    cursor = await connection.execute(
        f"""
        SELECT {COLUMNS}
        FROM replenishment
        WHERE id = %(id)s AND (%(partner)s::text IS NULL OR %(partner)s IN (partner, erp))
        """.encode(),
        {"id": proposal, "partner": partner},
    )
    return await cursor.fetchone()


async def write(database: Database, step: WorkflowStep[ReplenishmentRecord]) -> None:
    """Write a step. All of it or nothing; safe to repeat; an old record never overwrites a newer one."""
    record = step.record
    async with database.transaction() as connection:
        head = await heads.begin(connection, step)
        if head is None:
            return
        await connection.execute(
            """
            UPDATE replenishment
            SET state = %(state)s, hop = %(hop)s, origin = %(origin)s, reason = %(reason)s,
                number = %(number)s, answered = %(answered)s, trail = %(trail)s, version = %(version)s,
                updated_at = clock_timestamp()
            WHERE id = %(id)s AND version <= %(version)s
            """,
            {
                **record.model_dump(include={"state", "hop", "origin", "reason", "number", "answered", "version"}),
                "trail": Jsonb([entry.model_dump(mode="json", exclude_none=True) for entry in record.trail]),
                "id": record.proposal.id,
            },
        )
        if record.effects:
            await effects.plan(connection, record.effects[0].order, record.effects)
        await heads.finish(connection, head, step)
