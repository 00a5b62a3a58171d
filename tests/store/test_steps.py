"""A step is written once, whole, and never over a newer one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import psycopg
import pytest

from schemas.base import Origin
from schemas.cases.cases import Notice
from schemas.cases.exceptions import Channel
from schemas.messaging.effects import ChangeKind, Operation
from schemas.orders.milestones import ShippedLine
from schemas.orders.release import OrderStatus
from schemas.planning.proposals import Decided, Proposal, ProposalKind
from schemas.workflows.records import StepRecord
from schemas.workflows.steps import InputOutcome
from store.engine import Connection, Database
from store.messaging import effects, events, inbox, quarantine
from store.messaging.inbox import NewMessage
from store.orders import orders, steps
from store.planning import proposals
from store.views import report
from tests import written
from tests.payloads import payload_of
from tests.store.rows import (
    DELTA,
    DUE,
    EFFECT,
    FIRST,
    GONE,
    KEY,
    LATER,
    LINE,
    NOW,
    PICKED,
    SHIPPED,
    everything,
    open_order,
    rows,
    shipped_order,
)

NOTICE = Notice(
    key=f"{KEY}/customer/1", template="customer_delay", to="customer", channel=Channel.EMAIL, order=KEY, asked_at=NOW
)
PROPOSAL = Proposal(
    id=f"{KEY}/1",
    kind=ProposalKind.DELAY,
    subject="DN-1",
    promised_on=DUE,
    proposed_on=LATER,
    lines=(ShippedLine(line=1, quantity=10),),
    summary="8 days later",
    raised_at=NOW,
)


async def test_a_step_written_again_changes_nothing(database: Database) -> None:
    inbox_id = await open_order(database)
    said = InputOutcome(event_id="release", inbox_id=inbox_id, version=1)
    first = written.step(written.but(FIRST, version=1), outcomes=[said])
    for step, state in ((first, "received"), (written.step(SHIPPED, base=1, at=7, kept=1), "applied")):
        await steps.write(database, step)
        once = await everything(database)
        await steps.write(database, step)
        assert await everything(database) == once
        assert [row["state"] for row in once["inbox_message"]] == [state]
        assert [row["inbox_id"] for row in once["outcome"]] == ([inbox_id] if state == "received" else [])
    assert [row["promised_on"] for row in once["promise"]] == [DUE, LATER]
    assert [(row["key"], row["outcome"]) for row in once["effect"]] == [(EFFECT.key, "planned")]


@pytest.mark.parametrize("old", [FIRST, PICKED], ids=["first", "picked"])
async def test_an_old_record_never_overwrites_a_newer_one(database: Database, old: StepRecord) -> None:
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    await steps.write(database, written.step(SHIPPED))
    newest = await everything(database)
    await steps.write(database, written.step(old))
    assert await everything(database) == newest


async def test_all_of_a_step_or_nothing(database: Database) -> None:
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    before = await everything(database)
    broken = written.but(
        SHIPPED, deltas=(DELTA.model_copy(update={"region": None}),), notices=(NOTICE,), proposals=(PROPOSAL,)
    )
    with pytest.raises(psycopg.errors.NotNullViolation):
        await steps.write(database, written.step(broken))
    assert await everything(database) == before


async def test_the_ledger_keeps_what_was_done_whatever_a_late_failure_says(database: Database) -> None:
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    await steps.write(database, written.step(SHIPPED))
    async with database.connection() as connection:
        await effects.failed(connection, EFFECT, Origin.ERP_API, "no answer", final=False)
        assert not await report.settled(connection)
        await effects.done(connection, EFFECT, "REF-1", 1)
        await effects.failed(connection, EFFECT, Origin.ERP_API, "no answer", final=True)
    [row] = (await everything(database))["effect"]
    assert (row["outcome"], row["attempts"], row["reference"]) == ("done", 3, "REF-1")


async def test_messages_get_their_ids_in_the_order_in_which_they_came(database: Database) -> None:
    said = [NewMessage("p", "api", inbox.EVENT, f"x{n}", "d", b"{}", headers={"n": str(n)}) for n in range(300)]
    async with database.transaction() as connection:
        ids = await inbox.insert(connection, said)
    assert ids == sorted(ids)
    async with database.connection() as connection:
        rows = await (await connection.execute("SELECT id, external_id FROM inbox_message")).fetchall()
    assert {row["id"]: row["external_id"] for row in rows} == {i: m.external_id for i, m in zip(ids, said, strict=True)}


@pytest.mark.parametrize("kind", [inbox.CANCEL, inbox.AMEND, inbox.RESOLVE])
async def test_two_orders_may_be_commanded_under_the_same_request_id(database: Database, kind: str) -> None:
    async with database.transaction() as connection:
        wanted, _ = await inbox.insert(
            connection, [NewMessage("erp-one", "api", kind, "c1", digest, b"{}") for digest in ("one", "two")]
        )
        await inbox.insert(connection, [NewMessage("erp-one", "api", kind, "c1", "one", b"{}")])
        inbox_id, received_at, traceparent = await inbox.command(connection, kind, "c1", "one")
        assert (inbox_id, traceparent) == (wanted, "")
        assert received_at.tzinfo is not None
        for unknown in ((kind, "c2", "one"), (kind, "c1", "three"), (inbox.HOLD, "c1", "one")):
            with pytest.raises(LookupError):
                await inbox.command(connection, *unknown)


async def test_commands_are_found_by_their_index(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.execute(
            "EXPLAIN SELECT id FROM inbox_message WHERE kind = 'case.resolve' AND external_id = 'x' AND digest = 'd' "
            "AND kind NOT IN ('event', 'order.release')"
        )
        assert any("inbox_command" in str(row) for row in await plan.fetchall())


class Counting(Database):
    """Counts the statements of its transactions."""

    statements = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction, counted."""
        async with super().transaction() as connection:
            yield cast(Connection, Counted(connection, self))


class Counted:
    """A connection whose statements are counted."""

    def __init__(self, connection: Connection, database: Counting) -> None:
        self._connection = connection
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, *args: Any) -> Any:
        """Execute one more."""
        self._database.statements += 1
        return await self._connection.execute(*args)


async def test_a_plain_step_costs_no_more_than_its_seven_statements_and_one_that_confirms(database: Database) -> None:
    inbox_id = await open_order(database)
    await steps.write(database, written.step(FIRST))
    said = [InputOutcome(event_id="e", inbox_id=inbox_id, version=3)]
    async with Counting(database.url, 2) as counting:
        await steps.write(counting, written.step(SHIPPED, outcomes=said))
        assert counting.statements == 7
        later = written.but(SHIPPED, version=4)
        await steps.write(counting, written.step(later, outcomes=said, at=7, kept=3))
        assert counting.statements == 7 + 8, "one settles what is confirmed"
        more = {"version": 5, "sites": ("NTE",), "notices": (NOTICE,), "proposals": (PROPOSAL,)}
        await steps.write(counting, written.step(written.but(SHIPPED, **more), outcomes=said, at=7, kept=3))
        assert counting.statements > 7 + 2 * 8


async def test_an_amendment_adds_lines_and_replaces_quantities(database: Database) -> None:
    await shipped_order(database)
    less = GONE.model_copy(update={"ordered": 50, "cancelled": 10, "allocated": 40})
    added = LINE.model_copy(update={"line": 2, "item": "B", "ordered": 5})
    await steps.write(database, written.step(written.but(SHIPPED, version=4, lines=(less, added))))
    found = await rows(database, "order_line_view")
    assert [(x["line"], x["item"], x["ordered"], x["cancelled"]) for x in found] == [(1, "A", 50, 10), (2, "B", 5, 0)]
    assert (found[0]["first_promised_on"], found[1]["first_promised_on"]) == (DUE, DUE)
    await steps.write(database, written.step(SHIPPED))
    assert await rows(database, "order_line_view") == found


@pytest.mark.parametrize(
    "bad",
    [
        {"ordered": 39},
        {"cancelled": 41},
        {"cancelled": -1},
        {"picked": 39},
        {"packed": 39},
        {"allocated": 39},
        {"delivered": 41},
    ],
    ids=str,
)
async def test_the_database_refuses_quantities_that_do_not_add_up(database: Database, bad: dict[str, int]) -> None:
    await shipped_order(database)
    before = await everything(database)
    with pytest.raises(psycopg.errors.CheckViolation):
        await steps.write(database, written.step(written.but(SHIPPED, lines=(GONE.model_copy(update=bad),))))
    assert await everything(database) == before


async def test_the_database_refuses_more_back_than_was_shipped(database: Database) -> None:
    await shipped_order(database)
    async with database.connection() as connection:
        with pytest.raises(psycopg.errors.CheckViolation):
            await connection.execute("UPDATE order_line_view SET returned = 41")


async def test_a_site_takes_part_once_and_messages_that_waited_for_it_come_back(database: Database) -> None:
    await open_order(database)
    async with database.transaction() as connection:
        [waiting] = await inbox.insert(connection, [NewMessage("wms-nte", "webhook", inbox.EVENT, "e", "d", b"{}")])
        await quarantine.put(connection, waiting, "not a party", Origin.OWNERSHIP, f"party:wms-nte:{KEY}")
        [about] = await inbox.insert(connection, [NewMessage("wms-nte", "webhook", inbox.EVENT, "f", "d", b"{}")])
        await events.link_shipments(connection, [("DN-9", KEY)])
        await quarantine.put(connection, about, "not a party", Origin.OWNERSHIP, "shipment:DN-9")
    step = written.but(PICKED, sites=("NTE", "NTE"))
    for _ in range(2):
        await steps.write(database, written.step(step))
    [order] = await rows(database, "order_view")
    assert order["parties"] == ["erp-one", "wms-nte"]
    assert order["carrier"] is None
    assert [row["state"] for row in await rows(database, "inbox_message")] == ["received", "received", "received"]


async def test_a_proposal_is_asked_once_and_decided_once(database: Database) -> None:
    await open_order(database)
    asked = written.but(PICKED, proposals=(PROPOSAL,))
    accepted = Decided(id=PROPOSAL.id, state="accepted", by="anna", at=NOW, reason="fine")
    withdrawn = Decided(id=PROPOSAL.id, state="withdrawn", by="syncline", at=NOW, reason="recovered")
    await steps.write(database, written.step(asked))
    async with database.connection() as connection:
        assert [row["state"] for row in await proposals.listing(connection, region="EMEA")] == ["open"]
        assert await proposals.listing(connection, region="APAC") == []
    await steps.write(database, written.step(written.but(PICKED, version=2, decided=(accepted,))))
    await steps.write(database, written.step(written.but(PICKED, version=3, decided=(withdrawn,))))
    await steps.write(database, written.step(asked))
    async with database.connection() as connection:
        found = await proposals.show(connection, PROPOSAL.id)
        assert await proposals.listing(connection) == []
        assert await proposals.listing(connection, open_only=False) == [found]
        assert await proposals.show(connection, "none") is None
    assert found is not None
    assert (found["order_key"], found["region"], found["lines"]) == (KEY, "EMEA", [{"line": 1, "quantity": 10}])
    assert (found["state"], found["decided_by"], found["decision_reason"]) == ("accepted", "anna", "fine")


async def test_a_promise_says_why_it_was_made(database: Database) -> None:
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    payload = payload_of(Operation.REDATE_PROMISE, reason="customer asked")
    redate = EFFECT.model_copy(update={"key": "r", "payload": payload})
    await steps.write(database, written.step(written.but(SHIPPED, effects=(EFFECT, redate))))
    assert [row["reason"] for row in await rows(database, "promise")] == ["as requested", "customer asked"]


async def test_the_ledger_shows_site_and_change(database: Database) -> None:
    await open_order(database)
    payload = payload_of(Operation.REPORT_CHANGE, change=ChangeKind.HELD, site="LYS")
    told = EFFECT.model_copy(update={"payload": payload})
    await steps.write(database, written.step(written.but(PICKED, effects=(told,))))
    async with database.connection() as connection:
        await effects.done(connection, told.model_copy(update={"key": "unplanned"}), "R", 1)
        found = (await orders.details(connection, KEY))["effects"]
    assert [(row["site"], row["change"]) for row in found] == [("LYS", "held")] * 2


@pytest.mark.parametrize(
    ("status", "line", "bucket"),
    [
        (OrderStatus.CLOSED, {"delivered": 40}, "delivered"),
        (OrderStatus.CLOSED, {"ordered": 50, "cancelled": 10, "delivered": 40}, "delivered"),
        (OrderStatus.CANCELLED, {"cancelled": 0}, "cancelled"),
        (OrderStatus.RETURNED, {"returned": 40}, "returned"),
        (OrderStatus.SHIPPED, {}, "open"),
    ],
)
async def test_outcomes_count_every_line_once(
    database: Database, status: OrderStatus, line: dict[str, int], bucket: str
) -> None:
    await open_order(database)
    await steps.write(database, written.step(FIRST))
    ended = {"status": status, "lines": (GONE.model_copy(update=line),), "shipments": ()}
    await steps.write(database, written.step(written.but(SHIPPED, **ended)))
    async with database.connection() as connection:
        found = await report.outcomes(connection)
    assert found["lines"] == {"in": 1, "delivered": 0, "cancelled": 0, "returned": 0, "open": 0} | {bucket: 1}
    assert found["orders"] == {"in": 1, "delivered": 0, "cancelled": 0, "returned": 0, "open": 0} | {bucket: 1}
