"""Data for restarts of workflows: open heads, and their earlier bookings and views."""

from datetime import date
from typing import Any

from schemas.ids import CaseKey
from schemas.workflow_ids import WorkflowId
from store.engine import Connection
from store.messaging import heads
from store.messaging.heads import KeptHead

COLUMNS = "workflow_id, subject, run, version, confirmed, NULL AS snapshot, snapshot_version, ended"


async def open_heads(connection: Connection, after: str, limit: int, kind: str = "") -> list[KeptHead]:
    """Workflows that have not ended, by id, without their snapshots; of one kind, as `order/`, or of all."""
    cursor = await connection.execute(
        f"""
        SELECT {COLUMNS}
        FROM head
        WHERE NOT ended AND workflow_id > %s AND starts_with(workflow_id, %s)
        ORDER BY workflow_id LIMIT %s
        """.encode(),
        (after, kind, limit),
    )
    return [KeptHead.model_validate(row) for row in await cursor.fetchall()]


async def still_open(connection: Connection, workflows: list[str]) -> list[KeptHead]:
    """The open ones of these workflows."""
    cursor = await connection.execute(
        f"SELECT {COLUMNS} FROM head WHERE NOT ended AND workflow_id = ANY(%s) ORDER BY workflow_id".encode(),
        (workflows,),
    )
    return [KeptHead.model_validate(row) for row in await cursor.fetchall()]


async def of_subject(connection: Connection, subject: str) -> list[KeptHead]:
    """The open workflows of an order or purchase order: its own, its returns', its cases'."""
    cursor = await connection.execute(
        f"""
        SELECT {COLUMNS}
        FROM head
        WHERE NOT ended AND subject = %s
        ORDER BY workflow_id
        """.encode(),
        (subject,),
    )
    return [KeptHead.model_validate(row) for row in await cursor.fetchall()]


VIEWS = {
    "order": "UPDATE order_view SET version = %(version)s WHERE key = %(name)s AND version > %(version)s",
    "inbound": """
        UPDATE purchase_order
        SET version = %(version)s
        WHERE key = %(subject)s AND version > %(version)s
    """,
    "return": """
        UPDATE return_order
        SET version = %(version)s
        WHERE order_key || '/' || rma = %(name)s AND version > %(version)s
    """,
}
"""By the kind of a workflow: has what is shown of it follow a run that begins at this version."""


async def follow_from(connection: Connection, kept: KeptHead, version: int) -> None:
    """Set the views of a workflow to its new run, which begins at this version."""
    about = WorkflowId.parse(kept.workflow_id)
    if about.kind in VIEWS:
        values = {"version": version, "name": about.name, "subject": kept.subject}
        await connection.execute(VIEWS[about.kind].encode(), values)


async def count_open(connection: Connection) -> int:
    """The number of open workflows."""
    cursor = await connection.execute("SELECT count(*)::int AS n FROM head WHERE NOT ended")
    [row] = await cursor.fetchall()
    return int(row["n"])


async def waiting(connection: Connection, subjects: list[str]) -> dict[str, int]:
    """The number of unanswered events of each order or purchase order."""
    cursor = await connection.execute(
        """
        SELECT order_key, count(*)::int AS n
        FROM event_order
        WHERE order_key = ANY(%s) AND state = 'pending'
        GROUP BY 1
        """,
        (subjects,),
    )
    return {row["order_key"]: row["n"] for row in await cursor.fetchall()}


async def next_run(connection: Connection, workflow: str, least: int) -> int:
    """Number the next run. Steps of the runs before it are stale from now on, and those beyond its beginning are looked
    for in no history."""
    cursor = await connection.execute(
        """
        UPDATE head
        SET run = greatest(run + 1, %s), run_id = '', task = 0
        WHERE workflow_id = %s
        RETURNING run
        """,
        (least, workflow),
    )
    [row] = await cursor.fetchall()
    return int(row["run"])


async def adopt(connection: Connection, kept: KeptHead) -> list[tuple[str, int]]:
    """Begin a new run from the snapshot: steps up to it are confirmed, later steps and their verdicts are dropped.
    Returns the (event id, message) of the dropped steps, in the order of deciding."""
    cursor = await connection.execute(
        "DELETE FROM outcome WHERE workflow_id = %s AND version > %s RETURNING event_id, inbox_id, version",
        (kept.workflow_id, kept.snapshot_version),
    )
    gone = sorted(await cursor.fetchall(), key=lambda row: (row["version"], row["inbox_id"]))
    await connection.execute(
        "UPDATE head SET confirmed = %s WHERE workflow_id = %s",
        (kept.snapshot_version, kept.workflow_id),
    )
    await heads.settle_steps(connection, kept.workflow_id, kept.snapshot_version)
    return [(row["event_id"], row["inbox_id"]) for row in gone]


async def ledger_of(connection: Connection, subject: str) -> list[dict[str, Any]]:
    """(key, outcome, origin, at) of the effects of an order."""
    cursor = await connection.execute(
        """
        SELECT key, outcome, coalesce(origin, 'platform') AS origin, coalesce(done_at, planned_at) AS at
        FROM effect
        WHERE order_key = %s
        """,
        (subject,),
    )
    return await cursor.fetchall()


async def first_days(connection: Connection, order: str) -> dict[int, date]:
    """The day that each line of an order was promised for at first."""
    cursor = await connection.execute(
        "SELECT line, first_promised_on FROM order_line_view WHERE order_key = %s", (order,)
    )
    return {row["line"]: row["first_promised_on"] for row in await cursor.fetchall()}


async def cases_of(connection: Connection, subject: str) -> list[dict[str, Any]]:
    """(kind, number, open, subjects, reopened) of the newest case of each kind."""
    cursor = await connection.execute(
        """
        SELECT id, kind, closed_at IS NULL AS open,
            ARRAY(SELECT f ->> 'subject' FROM jsonb_array_elements(findings) f) AS subjects, reopened, state
        FROM exception_case
        WHERE order_key = %s
        """,
        (subject,),
    )
    found = sorted(
        ({**row, "number": CaseKey.parse(row["id"]).number} for row in await cursor.fetchall()),
        key=lambda row: (row["kind"], row["number"]),
    )
    return list({row["kind"]: row for row in found}.values())


async def carrier_of(connection: Connection, order: str) -> str:
    """The carrier of an order, as far as it is known."""
    cursor = await connection.execute(
        "SELECT coalesce(carrier, '') AS carrier FROM order_view WHERE key = %s", (order,)
    )
    row = await cursor.fetchone()
    return str(row["carrier"]) if row else ""
