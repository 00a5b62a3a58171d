"""The database steps of workflows, as activities."""

from temporalio import activity
from temporalio.testing import ActivityEnvironment

from activities.records.records import RecordActivities
from domain.cases.escalation_policies import CASE_POLICIES
from schemas.base import Origin
from schemas.cases.cases import CaseHistory, CaseName, CaseQuery
from schemas.cases.exceptions import ExceptionKind
from schemas.cases.policies import PolicyRule, Scope
from schemas.workflows.records import Replay, StepWritten
from store.audit import audit_trail
from store.cases import policies
from store.engine import Database
from store.messaging import inbox, quarantine
from store.messaging.inbox import NewMessage
from store.seals import Trail
from tests import written
from tests.seals import SEALS
from tests.store.rows import FIRST, KEY, open_order, rows
from tests.store.test_cases import OPENED


def test_every_database_step_is_offered_under_its_name(database: Database) -> None:
    found = {activity._Definition.must_from_callable(it).name for it in RecordActivities(database).all()}
    assert found == {
        f"records.{name}"
        for name in (
            "write_step",
            "case_policy",
            "case_history",
            "write_case",
            "authorise_return",
            "write_return",
            "replay",
        )
    }


async def test_a_new_case_gets_the_policy_of_its_customer(database: Database) -> None:
    await open_order(database)
    query = CaseQuery(kind=ExceptionKind.DELAY, order=KEY)
    steps = RecordActivities(database)
    assert await ActivityEnvironment().run(steps.case_policy, query) == CASE_POLICIES[ExceptionKind.DELAY]
    rule = PolicyRule(id="for-c", about="case", scope=Scope(customer="C"), body={"tell_customer": False})
    async with database.transaction() as connection:
        await policies.put(connection, rule)
        await policies.put(connection, rule.model_copy(update={"id": "for-d", "scope": Scope(customer="D")}))
    found = await ActivityEnvironment().run(steps.case_policy, query)
    assert (CASE_POLICIES[ExceptionKind.DELAY].tell_customer, found.tell_customer) == (True, False)


async def test_messages_are_brought_back_once_and_that_is_audited(database: Database) -> None:
    await open_order(database)
    async with database.transaction() as connection:
        messages = [NewMessage("dhl", "webhook", inbox.EVENT, name, "d", b"{}") for name in "ab"]
        quarantined, other = await inbox.insert(connection, messages)
        await quarantine.put(connection, quarantined, "unknown code", Origin.TRANSFORMATION)
    steps = RecordActivities(database)
    for brought in (1, 0):
        done = await ActivityEnvironment().run(steps.replay, Replay(order=KEY, ids=(quarantined, other)))
        assert done == StepWritten(version=brought)
    assert {row["state"] for row in await rows(database, "inbox_message")} == {"received"}
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT actor, detail FROM audit_entry")
        assert [row["actor"] for row in await cursor.fetchall()] == [f"order/{KEY}"]
        assert await audit_trail.verify(connection, Trail(SEALS)) is None


async def test_a_step_answers_with_its_version(database: Database) -> None:
    await open_order(database)
    assert await ActivityEnvironment().run(RecordActivities(database).write_step, written.step(FIRST)) == StepWritten(
        version=0
    )


async def test_a_case_that_is_opened_again_learns_what_happened_before(database: Database) -> None:
    await open_order(database)
    steps = RecordActivities(database)
    assert await ActivityEnvironment().run(steps.case_history, CaseName(id=OPENED.id)) == CaseHistory()
    await ActivityEnvironment().run(steps.write_case, written.step(OPENED))
    found = await ActivityEnvironment().run(steps.case_history, CaseName(id=OPENED.id))
    assert found.entries == OPENED.history
