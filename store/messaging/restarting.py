"""What a workflow that is begun again needs: heads that are open, and the messages that its new run has not seen."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from schemas.workflow_ids import WorkflowId
from store.engine import Connection
from store.messaging import heads, inbox
from store.messaging.heads import KeptHead
from store.messaging.signals import WaitingEvent

LATE = ("the order has ended%", "the return has ended%", "workflow gone%")
"""How reasons begin for which a message of an open order was left out: nothing of that was decided."""
COLUMNS = "workflow_id, subject, run, version, confirmed, NULL AS snapshot, snapshot_version, ended"


async def open_heads(connection: Connection, after: str, limit: int, kind: str = "") -> list[KeptHead]:
    """Workflows that have not ended, by id, without their snapshots; of one kind, as `order/`, or of all."""
    cursor = await connection.execute(
        f"SELECT {COLUMNS} FROM head WHERE NOT ended AND workflow_id > %s AND starts_with(workflow_id, %s) "
        "ORDER BY workflow_id LIMIT %s".encode(),
        (after, kind, limit),
    )
    return [KeptHead.model_validate(row) for row in await cursor.fetchall()]


async def still_open(connection: Connection, workflows: list[str]) -> list[KeptHead]:
    """Those of these workflows that have not ended."""
    cursor = await connection.execute(
        f"SELECT {COLUMNS} FROM head WHERE NOT ended AND workflow_id = ANY(%s) ORDER BY workflow_id".encode(),
        (workflows,),
    )
    return [KeptHead.model_validate(row) for row in await cursor.fetchall()]


async def of_subject(connection: Connection, subject: str) -> list[KeptHead]:
    """The open workflows of an order or purchase order: its own, its returns', its cases'."""
    cursor = await connection.execute(
        f"SELECT {COLUMNS} FROM head WHERE NOT ended AND subject = %s ORDER BY workflow_id".encode(), (subject,)
    )
    return [KeptHead.model_validate(row) for row in await cursor.fetchall()]


VIEWS = {
    "order": "UPDATE order_view SET version = %(version)s WHERE key = %(name)s AND version > %(version)s",
    "inbound": "UPDATE purchase_order SET version = %(version)s WHERE key = %(subject)s AND version > %(version)s",
    "return": "UPDATE return_order SET version = %(version)s WHERE order_key || '/' || rma = %(name)s "
    "AND version > %(version)s",
}
"""By the kind of a workflow: has what is shown of it follow a run that begins at this version."""


async def follow_from(connection: Connection, kept: KeptHead, version: int) -> None:
    """What is shown of a workflow follows its new run, which begins at this version."""
    about = WorkflowId.parse(kept.workflow_id)
    if about.kind in VIEWS:
        values = {"version": version, "name": about.name, "subject": kept.subject}
        await connection.execute(VIEWS[about.kind].encode(), values)


async def count_open(connection: Connection) -> int:
    """How many workflows have not ended."""
    cursor = await connection.execute("SELECT count(*)::int AS n FROM head WHERE NOT ended")
    [row] = await cursor.fetchall()
    return int(row["n"])


async def waiting(connection: Connection, subjects: list[str]) -> dict[str, int]:
    """How many events each order or purchase order has not answered for."""
    cursor = await connection.execute(
        "SELECT order_key, count(*)::int AS n FROM event_order WHERE order_key = ANY(%s) AND state = 'pending' GROUP BY 1",
        (subjects,),
    )
    return {row["order_key"]: row["n"] for row in await cursor.fetchall()}


async def next_run(connection: Connection, workflow: str, least: int) -> int:
    """Number the next run. Steps of the runs before it are stale from now on, and those beyond its beginning are looked
    for in no history."""
    cursor = await connection.execute(
        "UPDATE head SET run = greatest(run + 1, %s), run_id = '', task = 0 WHERE workflow_id = %s RETURNING run",
        (least, workflow),
    )
    [row] = await cursor.fetchall()
    return int(row["run"])


async def adopt(connection: Connection, kept: KeptHead) -> list[tuple[str, int]]:
    """The new run begins with the snapshot: the steps up to it are confirmed, those beyond it count no more, whether they
    were or not; their verdicts are forgotten. The (event id, message) of these, in the order of deciding."""
    cursor = await connection.execute(
        "DELETE FROM outcome WHERE workflow_id = %s AND version > %s RETURNING event_id, inbox_id, version",
        (kept.workflow_id, kept.snapshot_version),
    )
    gone = sorted(await cursor.fetchall(), key=lambda row: (row["version"], row["inbox_id"]))
    await connection.execute(
        "UPDATE head SET confirmed = %s WHERE workflow_id = %s",
        (kept.snapshot_version, kept.workflow_id),
    )
    await heads.settle(connection, kept.workflow_id, kept.snapshot_version)
    return [(row["event_id"], row["inbox_id"]) for row in gone]


@dataclass(frozen=True)
class Past(WaitingEvent):
    """An event of an order, and what became of it there. `late`: it was left out as the order was thought to have
    ended."""

    state: str
    late: bool
    settled_at: datetime | None


async def events_of(connection: Connection, subject: str) -> list[Past]:
    """Every event of an order or purchase order, in the order in which they were settled; those that are not come
    last."""
    cursor = await connection.execute(
        "SELECT o.order_key, o.event_id, e.inbox_id, e.partner, e.received_at, m.traceparent, e.body, "
        "coalesce(o.taken, false) AS taken, o.state, o.settled_at, "
        "o.state = 'superseded' AND coalesce(o.reason, '') LIKE ANY(%s) AS late "
        "FROM event_order o JOIN event e ON e.id = o.event JOIN inbox_message m ON m.id = e.inbox_id "
        "WHERE o.order_key = %s ORDER BY o.settled_at NULLS LAST, e.inbox_id, e.id",
        (list(LATE), subject),
    )
    return [Past(**row) for row in await cursor.fetchall()]


async def bring_back(connection: Connection, subject: str, events: list[str]) -> int:
    """These events wait for their order again, and so do their messages; how many they are."""
    cursor = await connection.execute(
        "UPDATE event_order o SET state = 'pending', reason = NULL, settled_at = NULL, sent_at = clock_timestamp() "
        "FROM event e WHERE o.order_key = %s AND o.event_id = ANY(%s) AND e.id = o.event RETURNING e.inbox_id",
        (subject, events),
    )
    messages = [row["inbox_id"] for row in await cursor.fetchall()]
    await connection.execute(
        "UPDATE inbox_message SET state = 'routed', reason = NULL, settled_at = NULL WHERE id = ANY(%s) "
        "AND state IN ('applied', 'superseded') AND NOT EXISTS (SELECT FROM event e JOIN event_order x ON x.event = e.id "
        "WHERE e.inbox_id = inbox_message.id AND x.state = 'applied')",
        (messages,),
    )
    return len(messages)


@dataclass(frozen=True)
class UndecidedMessage(inbox.Message):
    """A message that is no event, as the relay works on it: a command, or a document. `settled_at`: when its verdict was
    written."""

    state: str = ""
    settled_at: datetime | None = None


ASKED = f"SELECT {', '.join(inbox.COLUMNS)}, state, settled_at FROM inbox_message"


async def commands_of(connection: Connection, subject: str) -> list[UndecidedMessage]:
    """What was asked of an order or purchase order, in the order in which it was settled. The text is compared first, as
    few messages name the order."""
    cursor = await connection.execute(
        f"{ASKED} WHERE kind LIKE 'order.%%' AND kind <> %s AND position(%s::bytea IN raw) > 0 "
        "AND convert_from(raw, 'UTF8')::jsonb ->> 'key' = %s ORDER BY settled_at NULLS LAST, id".encode(),
        (inbox.RELEASE, subject.encode(), subject),
    )
    return [UndecidedMessage(**row) for row in await cursor.fetchall()]


async def asked(connection: Connection, messages: list[int]) -> list[UndecidedMessage]:
    """These messages, by id."""
    cursor = await connection.execute(f"{ASKED} WHERE id = ANY(%s) ORDER BY id".encode(), (messages,))
    return [UndecidedMessage(**row) for row in await cursor.fetchall()]


async def told(connection: Connection, workflow: str) -> list[UndecidedMessage]:
    """What a workflow was told that is no event, and has not answered for."""
    cursor = await connection.execute(
        f"{ASKED} WHERE workflow_id = %s AND state = 'routed' ORDER BY id".encode(), (workflow,)
    )
    return [UndecidedMessage(**row) for row in await cursor.fetchall()]


async def ask_again(connection: Connection, messages: list[int], workflow: str) -> int:
    """These messages wait for their workflow again; how many they are."""
    cursor = await connection.execute(
        "UPDATE inbox_message SET state = 'routed', workflow_id = %s, reason = NULL, settled_at = NULL, answer = NULL, "
        "attempts = 0, not_before = now() WHERE id = ANY(%s) AND state IN ('routed', 'applied')",
        (workflow, messages),
    )
    return cursor.rowcount


async def hold_back(connection: Connection, workflow: str, for_s: float) -> list[int]:
    """Have the relay wait for so many seconds before it tells a workflow anything again: it begins. Its messages that
    are no events and wait."""
    await connection.execute(
        "UPDATE event_order SET sends = 1, sent_at = clock_timestamp(), taken = NULL WHERE state = 'pending' "
        "AND order_key = (SELECT subject FROM head WHERE workflow_id = %s)",
        (workflow,),
    )
    cursor = await connection.execute(
        "UPDATE inbox_message SET attempts = 0, not_before = clock_timestamp() + make_interval(secs => %s) "
        "WHERE workflow_id = %s AND state IN ('received', 'routed') RETURNING id",
        (for_s, workflow),
    )
    return [row["id"] for row in await cursor.fetchall()]


async def let_go(connection: Connection, workflow: str, told: list[int]) -> None:
    """The relay tells a workflow now what waits for it, but for these messages, which it was told."""
    await connection.execute(
        "UPDATE inbox_message SET state = 'received', not_before = now() WHERE workflow_id = %s "
        "AND state IN ('received', 'routed') AND id <> ALL(%s)",
        (workflow, told),
    )
    await connection.execute(f"NOTIFY {inbox.CHANNEL}")


async def ledger_of(connection: Connection, subject: str) -> list[dict[str, Any]]:
    """(key, outcome, origin, at) of the effects of an order."""
    cursor = await connection.execute(
        "SELECT key, outcome, coalesce(origin, 'platform') AS origin, coalesce(done_at, planned_at) AS at FROM effect "
        "WHERE order_key = %s",
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
        "SELECT DISTINCT ON (kind) kind, split_part(id, '/', 4)::int AS number, closed_at IS NULL AS open, "
        "ARRAY(SELECT f ->> 'subject' FROM jsonb_array_elements(findings) f) AS subjects, reopened, state "
        "FROM exception_case WHERE order_key = %s ORDER BY kind, 2 DESC",
        (subject,),
    )
    return await cursor.fetchall()


async def carrier_of(connection: Connection, order: str) -> str:
    """Who carries an order, as far as it is known."""
    cursor = await connection.execute(
        "SELECT coalesce(carrier, '') AS carrier FROM order_view WHERE key = %s", (order,)
    )
    row = await cursor.fetchone()
    return str(row["carrier"]) if row else ""


async def documents_settled(connection: Connection, number: str) -> list[UndecidedMessage]:
    """Documents that were decided on and name a purchase order's number somewhere, by id."""
    cursor = await connection.execute(
        f"{ASKED} WHERE kind = ANY(%s) AND state IN ('applied', 'superseded') AND position(%s::bytea IN raw) > 0 "
        "ORDER BY id".encode(),
        ([inbox.PURCHASE, inbox.PAPER], number.encode()),
    )
    return [UndecidedMessage(**row) for row in await cursor.fetchall()]
