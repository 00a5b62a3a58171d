"""Amendments: what was asked, as the inbox keeps it, worked into the release with names and addresses."""

from typing import Any

from psycopg.types.json import Jsonb

from schemas.base import Contract
from schemas.copying import made_of
from schemas.orders.changes import ReleaseAmended
from schemas.orders.release import OrderLine, OrderRelease, Party
from schemas.workflows.commands import AmendRequest, LineAmendment
from store.changes import StepScope
from store.engine import Connection


class _Kept(Contract):
    """An amendment as the gateway commits it to the inbox."""

    request: AmendRequest


async def write(connection: Connection, scope: StepScope, change: ReleaseAmended) -> None:
    """Work a step's amendments and substitutions into the order's release, once.

    Raises LookupError when order or message are unknown, pydantic's ValidationError when no release is left.
    """
    cursor = await connection.execute(
        "SELECT release, amended_in FROM order_view WHERE key = %s FOR UPDATE", (scope.order,)
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(scope.order)
    if row["amended_in"] >= scope.version:
        return
    release = OrderRelease.model_validate(row["release"])
    for inbox_id in change.messages:
        release = amended(release, await _asked(connection, inbox_id))
    release = substituted(release, change.items)
    await connection.execute(
        "UPDATE order_view SET release = %s, amended_in = %s WHERE key = %s",
        (Jsonb(release.model_dump(mode="json", exclude_none=True)), scope.version, scope.order),
    )


async def address(connection: Connection, inbox_id: int) -> Party | None:
    """The address that an amendment asks for. Raises LookupError when the message is unknown."""
    return (await _asked(connection, inbox_id)).ship_to


async def _asked(connection: Connection, inbox_id: int) -> AmendRequest:
    cursor = await connection.execute("SELECT raw FROM inbox_message WHERE id = %s", (inbox_id,))
    row = await cursor.fetchone()
    if row is None:
        raise LookupError(f"message {inbox_id}")
    return _Kept.model_validate_json(row["raw"]).request


def substituted(release: OrderRelease, items: dict[int, str]) -> OrderRelease:
    """The release with other items on some lines. What described the old item goes with it."""
    gone = {"gtin": None, "description": None}
    lines = [
        line.model_copy(update={"item": items[line.line], **gone}) if line.line in items else line
        for line in release.lines
    ]
    return release.model_copy(update={"lines": tuple(lines)})


def amended(release: OrderRelease, wish: AmendRequest) -> OrderRelease:
    """The release as it is after an amendment. A new day for the order replaces those of lines that ask for none.

    Raises pydantic's ValidationError when it is no release any more, such as one without lines.
    """
    asked = {line.line: line for line in wish.lines}
    known = {line.line: line for line in release.lines}
    lines = [_line(known.get(n), asked.get(n), wish) for n in [*known, *(n for n in asked if n not in known)]]
    changes: dict[str, Any] = {"lines": [line for line in lines if line["quantity"]]}
    if wish.requested_on:
        changes["requested_on"] = wish.requested_on
    if wish.ship_to:
        changes["ship_to"] = wish.ship_to
    return made_of(OrderRelease, release, **changes)


def _line(known: OrderLine | None, asked: LineAmendment | None, wish: AmendRequest) -> dict[str, Any]:
    line = known.model_dump() if known else {}
    if wish.requested_on:
        line["requested_on"] = None
    return line | (asked.model_dump(exclude_none=True) if asked else {})
