"""One message that several orders decide on, or one order by several events, is applied when any of them applied it."""

from schemas.workflows.records import StepRecord
from schemas.workflows.steps import InputOutcome
from store.engine import Database
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.orders import steps
from tests import written
from tests.store.rows import KEY, PICKED, SHIPPED, open_order, rows


async def test_applied_by_one_order_is_not_hidden_by_the_refusal_of_another(database: Database) -> None:
    await open_order(database)
    for n, refusals in enumerate(((None, "why"), ("why", None))):
        async with database.transaction() as connection:
            [inbox_id] = await inbox.insert(connection, [NewMessage("p", "api", inbox.EVENT, f"e{n}", "d", b"{}")])
        said = [InputOutcome(event_id="e", inbox_id=inbox_id, version=3, superseded=why) for why in refusals]
        orders_of_it = [written.but(PICKED, order=f"{KEY}-{n}{it}", version=3) for it in range(2)]
        for record, verdict in zip(orders_of_it, said, strict=True):
            await steps.write(database, written.step(_bare(record), outcomes=[verdict]))
        assert await _state_of(database, inbox_id) == "received"
        states = []
        for record in orders_of_it:
            later = written.but(_bare(record), version=4)
            await steps.write(database, written.step(later, at=7, kept=3))
            states.append(await _state_of(database, inbox_id))
        assert states == ["superseded" if refusals[0] else "applied", "applied"]


async def test_applied_for_one_event_is_not_hidden_by_the_refusal_of_another_in_the_same_message(
    database: Database,
) -> None:
    inbox_id = await open_order(database)
    said = [InputOutcome(event_id=f"{n}", inbox_id=inbox_id, version=3, superseded=n) for n in (None, "why")]
    await steps.write(database, written.step(SHIPPED, outcomes=said))
    await steps.write(database, written.step(written.but(SHIPPED, version=4), at=7, kept=3))
    assert await _state_of(database, inbox_id) == "applied"


def _bare(record: StepRecord) -> StepRecord:
    """The step of an order that has no lines in the database."""
    return written.but(record, lines=(), shipments=(), effects=(), deltas=())


async def _state_of(database: Database, inbox_id: int) -> str:
    """The state of a message."""
    return str({row["id"]: row["state"] for row in await rows(database, "inbox_message")}[inbox_id])
