# ruff: noqa: F811 - fixtures of another file
"""Lists that grow with history are compared by windows: at the same cost however long it is, and all of it in turn."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.testing import ActivityEnvironment

from activities.finance import reconciling_listed
from schemas.base import System
from schemas.finance.reconciliation import About, ReconcileRun
from schemas.finance.windows import Mark
from store.finance import reconciliation, windows
from tests.reconciliation.test_runs import ERP, Desk, desk  # noqa: F401 - fixtures

OLD = datetime.now(UTC) - timedelta(days=30)
TMS = ReconcileRun(system="tms", target="EMEA")
HISTORY = (
    "INSERT INTO order_view SELECT (jsonb_populate_record(o, jsonb_build_object('key', 'erp-one/H-' || n, 'number', "
    "'H-' || n, 'status', 'closed', 'created_at', %(old)s, 'closed_at', %(old)s))).* FROM order_view o, "
    "generate_series(%(first)s::int, %(last)s::int) n WHERE o.number = 'SO-1'",
    "INSERT INTO effect SELECT (jsonb_populate_record(e, jsonb_build_object('key', 'erp-one/H-' || n || '/done', "
    "'order_key', 'erp-one/H-' || n, 'outcome', 'done', 'done_at', %(old)s, 'planned_at', %(old)s))).* FROM effect e, "
    "generate_series(%(first)s::int, %(last)s::int) n WHERE e.order_key = 'erp-one/SO-1'",
    "INSERT INTO stock_move (key, kind, source, ref, occurred_at, booked_at) SELECT 'h/' || n, 'step', 'order', "
    "'erp-one/H-' || n, %(old)s, %(old)s FROM generate_series(%(first)s::int, %(last)s::int) n",
    "INSERT INTO stock_entry (move_key, place, item, packs, occurred_at) SELECT 'h/' || n, p, 'A', q, %(old)s "
    "FROM generate_series(%(first)s::int, %(last)s::int) n, (VALUES ('customer:a', -1), ('customer:b', 1)) x(p, q)",
)
"""Orders that ended long ago, each with an effect and a movement; their numbers sort before the open order's."""


async def passed(desk: Desk, first: int, last: int) -> None:
    """There were these orders, and the ERP knows them."""
    async with desk.database.transaction() as connection:
        await connection.execute("SET LOCAL statement_timeout = 0")
        for statement in HISTORY:
            await connection.execute(statement.encode(), {"old": OLD, "first": first, "last": last})
    async with desk.database.connection() as connection:
        await connection.execute("ANALYZE")
    numbers = [f"H-{n}" for n in range(first, last + 1)]
    desk.erp.orders = (desk.erp.orders or {}) | dict.fromkeys(numbers, "closed")
    desk.erp.effects = (desk.erp.effects or []) + [f"erp-one/{number}/done" for number in numbers]
    desk.erp.changed = (desk.erp.changed or {}) | dict.fromkeys([*desk.erp.orders, *desk.erp.effects], OLD)


@pytest.fixture
async def erp(desk: Desk) -> Desk:
    """An ERP that knows `changed_since`, with 60 orders of the past; a slice has 4 entries. Nothing has just moved."""
    async with desk.database.connection() as connection:
        await connection.execute("UPDATE effect SET outcome = 'done', done_at = %s, order_status = 'shipped'", (OLD,))
        await connection.execute("UPDATE order_view SET updated_at = %s, created_at = %s", (OLD, OLD))
    desk.erp.orders, desk.erp.effects, desk.erp.accounts = {"SO-1": "shipped"}, ["erp-one/SO-1/DN-1/shipped"], {}
    desk.limit(page=2, pages=2)
    await passed(desk, 10, 69)
    return desk


async def behind(desk: Desk, about: About = About.EFFECT, run: ReconcileRun = ERP) -> Mark:
    """How far a list was compared."""
    async with desk.database.connection() as connection:
        return (await windows.marks(connection, run))[about]


async def differing(desk: Desk) -> set[str]:
    """What differs now."""
    async with desk.database.connection() as connection:
        return {x.subject for x in await reconciliation.listing(connection)}


async def cost(desk: Desk) -> tuple[dict[str, int], int]:
    """Rows of ours that a pass reads, by table, and entries that the system tells."""
    activities, told = desk.activities, desk.erp.told
    lists = reconciling_listed.lists(activities.ports[System.ERP], activities._call(ERP), activities.limits)
    async with desk.database.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")  # thousands of rows are few: it would read them all
        plans = await reconciling_listed.planned(connection, ERP, activities.limits)
        found = await ActivityEnvironment().run(reconciling_listed.read, lists, ERP, plans)
        now = datetime.now(UTC)
        await reconciling_listed.compared(connection, ERP, found, activities.limits, activities.patience, now)
        cursor = await connection.execute(
            "SELECT relname, (seq_tup_read + coalesce(idx_tup_fetch, 0))::int AS rows FROM pg_stat_xact_user_tables"
        )
        rows = {row["relname"]: row["rows"] for row in await cursor.fetchall() if row["rows"]}
    return rows, desk.erp.told - told


async def test_a_pass_reads_as_much_of_a_long_history_as_of_a_short_one(erp: Desk) -> None:
    await passed(erp, 1000, 1499)
    erp.limit(page=20, pages=2)
    await cost(erp)
    short = await cost(erp)
    await passed(erp, 2000, 7999)
    long = await cost(erp)
    assert long[1] <= short[1] + 4, (short, long)
    assert all(rows <= 1.5 * short[0].get(table, 0) + 100 for table, rows in long[0].items()), (short, long)


async def test_a_difference_in_old_history_is_found_within_a_round(erp: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await erp.run(ERP)
    assert await differing(erp) == set()
    assert erp.erp.effects and erp.erp.orders
    erp.erp.effects.remove("erp-one/H-42/done")
    erp.erp.orders["H-61"] = "cancelled"
    first = await behind(erp)
    for _ in range(61 // 2 + 1):  # a full page may end amidst entries of one name: it is good for one of its two
        await erp.run(ERP)
    assert await differing(erp) == {"effect erp-one/H-42/done", "order H-61"}
    while (await behind(erp)).swept_at is None:
        await erp.run(ERP)
    assert (await behind(erp)).swept_at == first.round_began_at, "that is how long ago everything was compared"
    monkeypatch.setattr("activities.finance.reading.LOOKUPS", 0)
    for _ in range(3):
        await erp.run(ERP)
    assert await differing(erp) == {"effect erp-one/H-42/done", "order H-61"}, "what is not looked at stays as it was"


@pytest.mark.parametrize("knows", [True, False], ids=["a system that lists what changed", "one that does not"])
async def test_what_changed_is_compared_at_once(erp: Desk, knows: bool) -> None:
    assert erp.erp.effects and erp.erp.orders
    changed, erp.erp.changed = erp.erp.changed, erp.erp.changed if knows else None
    await erp.run(ERP)
    erp.erp.effects.append("zz-alien")
    erp.erp.orders["H-69"] = "open"
    if knows and changed:
        del changed["H-69"]  # just now
    async with erp.database.connection() as connection:
        await connection.execute("UPDATE effect SET key = 'erp-one/H-68/lost', done_at = now() WHERE key LIKE '%H-68%'")
    erp.erp.effects.remove("erp-one/H-68/done")
    await erp.run(ERP)
    ours, theirs = {"effect erp-one/H-68/lost"}, {"effect zz-alien", "order H-69"}
    assert await differing(erp) == (ours | theirs if knows else ours)
    asked = [path for path in erp.erp.asked if "changed_since" in path]
    assert bool(asked) == knows, "who does not say as_of is not asked for what changed"
    for _ in range(32):
        await erp.run(ERP)
    assert await differing(erp) == ours | theirs, "the slices find what only the system knows"


async def test_a_system_that_ignores_since_when_is_compared_right(erp: Desk) -> None:
    erp.erp.changed = {}  # it says as_of, and lists everything as if it had changed
    for _ in range(3):
        await erp.run(ERP)
    assert await differing(erp) == set()


async def test_editions_and_second_bookings_may_stand_on_both_sides_of_the_end_of_a_slice(erp: Desk) -> None:
    async with erp.database.connection() as connection:
        await connection.execute(
            "INSERT INTO effect SELECT (jsonb_populate_record(e, jsonb_build_object('key', k, 'system', 'tms', "
            "'operation', 'tender_transport', 'edition', n))).* FROM effect e, (VALUES ('t-1', 3), ('t-1-b', 1), "
            "('t-1/a', 1), ('t-2', 1)) x(k, n) WHERE e.key LIKE '%SO-1%'"
        )
    listed = ["t-1", "t-1-b", "t-1/a", "t-1/e2", "t-1/e3", "t-2", "t-2"]
    for size in (1, 2, 3):
        erp.limit(page=size, pages=1)
        for keys, found in ((listed, {"effect t-2"}), (listed[:4] + listed[5:6], {"effect t-1/e3"})):
            erp.tms.effects = keys
            for _ in range(9):
                await erp.run(TMS)
                assert await differing(erp) <= {"effect t-1/e3", "effect t-2"}
            assert await differing(erp) == (found if size > 1 or "effect t-2" not in found else set()), (size, found)


async def test_a_pass_that_fails_moves_no_watermark(erp: Desk) -> None:
    await erp.run(ERP)
    before = await behind(erp)
    erp.erp.down = True
    with pytest.raises(WorkflowFailureError):
        await erp.run(ERP)
    erp.erp.down = False
    assert await behind(erp) == before
    await erp.run(ERP)
    after = await behind(erp)
    assert after.seen_at > before.seen_at
    assert after.behind > before.behind


async def test_what_was_booked_before_the_watermark_and_seen_after_it_is_compared(erp: Desk) -> None:
    """A transaction that took long, or a clock that is late: on our side and on theirs."""
    await erp.run(ERP)
    late = (await behind(erp)).seen_at - timedelta(minutes=10)
    async with erp.database.connection() as connection:
        await connection.execute(
            "UPDATE effect SET key = 'erp-one/H-68/late', done_at = %s WHERE key LIKE '%%H-68%%'", (late,)
        )
    assert erp.erp.changed and erp.erp.effects
    erp.erp.effects[:] = [*(key for key in erp.erp.effects if "H-68" not in key), "zz-late"]
    erp.erp.changed["zz-late"] = late
    await erp.run(ERP)
    assert await differing(erp) == {"effect erp-one/H-68/late", "effect zz-late"}


async def test_a_list_in_another_order_is_an_error_and_no_difference(
    erp: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = type(erp.erp).page
    turned = {"orders": lambda rows: rows[::-1]}

    def backwards(books: object, *asked: object) -> object:
        found = page(books, *asked)  # type: ignore[arg-type]
        return {name: turned.get(name, list)(rows) if name != "as_of" else rows for name, rows in (found or {}).items()}

    monkeypatch.setattr(type(erp.erp), "page", backwards)
    with pytest.raises(WorkflowFailureError):
        await erp.run(ERP)
    assert await erp.states() == {}
