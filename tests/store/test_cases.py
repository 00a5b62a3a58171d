"""Cases: each step written once and whole, and read by those who may."""

from datetime import timedelta

import psycopg
import pytest

from schemas.cases.cases import CaseEntry, CaseRecord, CaseState, Finding, Notice
from schemas.cases.exceptions import Action, Channel, ExceptionKind
from schemas.workflows.steps import InputOutcome
from store.cases import cases
from store.engine import Database
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.orders import orders
from tests import written
from tests.store.rows import KEY, NOW, everything, open_order, rows

ID = f"{KEY}/delay/1"
NOTICE = Notice(
    key=f"{ID}/0/email",
    template="case_alert",
    to="transport",
    channel=Channel.EMAIL,
    order=KEY,
    case=ID,
    kind="delay",
    asked_at=NOW,
    facts={"order": "SO-1"},
)
OPENED = CaseRecord(
    id=ID,
    order=KEY,
    kind=ExceptionKind.DELAY,
    version=1,
    state=CaseState.OPEN,
    tier=0,
    queue="transport",
    summary="8 days late",
    findings=(Finding(kind=ExceptionKind.DELAY, subject="DN-1", summary="8 days late"),),
    actions=(Action.RESCHEDULE, Action.NOTIFY_CUSTOMER),
    policy_version=1,
    opened_at=NOW,
    next_at=NOW + timedelta(hours=2),
    history=(CaseEntry(at=NOW, what="opened"),),
    notices=(NOTICE,),
)
CURED = OPENED.model_copy(
    update={"version": 4, "state": CaseState.CURED, "closed_at": NOW, "next_at": None, "findings": (), "notices": ()}
)


async def test_a_step_written_again_changes_nothing(database: Database) -> None:
    await open_order(database)
    await cases.write(database, written.step(OPENED))
    once = await everything(database)
    await cases.write(database, written.step(OPENED))
    assert await everything(database) == once
    assert [row["key"] for row in once["notice"]] == [NOTICE.key]
    [case] = once["exception_case"]
    assert (case["actions"], case["findings"][0]["subject"]) == (["re_date", "notify_customer"], "DN-1")
    assert case["history"] == [{"at": "2026-05-04T12:00:00Z", "what": "opened", "by": "syncline"}]


async def test_an_old_record_never_overwrites_a_newer_one(database: Database) -> None:
    await open_order(database)
    await cases.write(database, written.step(CURED))
    newest = await rows(database, "exception_case")
    await cases.write(database, written.step(OPENED))
    assert await rows(database, "exception_case") == newest


async def test_a_case_that_is_opened_again_is_open_again(database: Database) -> None:
    await open_order(database)
    again = OPENED.model_copy(update={"reopened": 1, "version": 1})
    for record in (OPENED, CURED, again, CURED):
        await cases.write(database, written.step(record))
    [row] = await rows(database, "exception_case")
    assert (row["state"], row["reopened"], row["version"], row["closed_at"]) == ("open", 1, 1, None)


async def test_a_step_settles_the_messages_that_it_answers_for(database: Database) -> None:
    await open_order(database)
    async with database.transaction() as connection:
        [inbox_id] = await inbox.insert(connection, [NewMessage("ops", "api", inbox.ACKNOWLEDGE, "n1", "d", b"{}")])
    said = InputOutcome(event_id="acknowledge n1", inbox_id=inbox_id, version=1, answer={})
    await cases.write(database, written.step(OPENED, outcomes=[said]))
    assert [row["state"] for row in await rows(database, "inbox_message")] == ["received"] * 2, "not confirmed yet"
    await cases.write(database, written.step(CURED, base=1, at=7, kept=1))
    states = {row["id"]: row["state"] for row in await rows(database, "inbox_message")}
    assert states[inbox_id] == "applied"
    assert sorted(states.values()) == ["applied", "received"]


async def test_all_of_a_step_or_nothing(database: Database) -> None:
    await open_order(database)
    before = await everything(database)
    broken = OPENED.model_copy(update={"notices": (NOTICE, NOTICE.model_copy(update={"key": None}))})
    with pytest.raises(psycopg.errors.NotNullViolation):
        await cases.write(database, written.step(broken))
    assert await everything(database) == before


async def test_cases_are_listed_by_what_is_asked_for(database: Database) -> None:
    await open_order(database)
    closed = CURED.model_copy(
        update={"id": f"{KEY}/damage/1", "kind": ExceptionKind.DAMAGE, "opened_at": NOW + timedelta(days=1)}
    )
    for record in (OPENED, closed):
        await cases.write(database, written.step(record))
    async with database.connection() as connection:

        async def ids(**asked: object) -> list[str]:
            return [row["id"] for row in await cases.listing(connection, **asked)]  # type: ignore[arg-type]

        assert await ids() == [ID]
        assert await ids(open_only=False) == [closed.id, ID]
        assert await ids(open_only=False, limit=1) == [closed.id]
        assert await ids(open_only=False, kind="damage") == [closed.id]
        assert (await ids(queue="transport"), await ids(queue="claims")) == ([ID], [])
        assert (await ids(order=KEY), await ids(order="erp-one/SO-2")) == ([ID], [])
        assert (await ids(party="erp-one"), await ids(party="erp-two")) == ([ID], [])
        assert (await cases.show(connection, ID) or {})["order_key"] == KEY
        assert await cases.show(connection, "none") is None
        assert [row["id"] for row in (await orders.details(connection, KEY))["cases"]] == [ID, closed.id]
