"""Promising with 100,000 open rows of supply and demand, and availability with 1,000 to 1,000,000 of them.

A tenth of all reservations are of one item, and the others fall off as they do in a catalogue: promises of the hot item
wait for each other. All through the callers' turns a supply of it trembles, so that the promising workflow is at work.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from statistics import quantiles
from typing import Any

from dispatch.orders.promising import first_promise
from domain.inventory.availability import project
from domain.orders.opening import opening
from schemas.cases.exceptions import OrderPolicy
from schemas.inventory.supply import Supply, SupplyKind
from schemas.orders.release import OrderLine, OrderRelease, Party
from store.engine import Database
from store.inventory import supply
from store.messaging import inbox
from store.messaging.inbox import NewMessage
from store.orders import orders
from tests.bench.product import ACCEPTED, CREATED, ERP, Product

SIZES = (1_000, 10_000, 100_000, 1_000_000)
PROMISED_AT = 100_000
ITEMS, SITE, HOT, COLD = 1_000, "LYS", 0, 499
RELEASES, ASKED, CALLERS = 300, 60, 8
HOT_EVERY = 4
"""Every so manieth order over HTTP has a line of the hot item."""
FILL = (
    "INSERT INTO master_record (owner, kind, id, known, body, fetched_at, expires_at) "
    "SELECT %(erp)s, kind, id, true, jsonb_build_object('id', id), now(), now() + interval '1 hour' "
    "FROM (SELECT 'item' AS kind, 'P-' || n AS id "
    "FROM generate_series(0, %(items)s - 1) n UNION ALL VALUES ('site', 'LYS'), ('customer', 'CUST-1')) x "
    "ON CONFLICT (owner, kind, id) DO UPDATE SET known = true, body = excluded.body, fetched_at = now(), "
    "expires_at = excluded.expires_at",
    "INSERT INTO stock_item SELECT 'P-' || n, 'LYS' FROM generate_series(0, %(items)s - 1) n ON CONFLICT DO NOTHING",
    "INSERT INTO supply (key, item, site, kind, ref, packs, day) "
    "SELECT 'bench/' || n %% %(items)s || '/' || n / %(items)s, 'P-' || n %% %(items)s, 'LYS', 'purchase', 'PO ' || n, "
    "1000, current_date + (n / %(items)s %% 90)::int "
    "FROM generate_series(%(had)s / 2, %(rows)s / 2 - 1) n",
    "INSERT INTO order_view (key, erp, number, variant, status, region, site, priority, parties, digest, release, "
    "inbox_id, released_at) SELECT 'filled/' || n, 'filled', n, 'distribution_centre', 'promised', 'EMEA', 'LYS', "
    "1 + n %% 5, '{}', '', '{}', 0, now() FROM generate_series(0, %(rows)s / 1000) n ON CONFLICT DO NOTHING",
    'INSERT INTO order_promise (order_key, given, terms, told) SELECT key, \'{"promise": {"lines": []}}\', '
    "jsonb_build_object('site', 'LYS', 'released_on', current_date, 'lead_days', 4, 'replenish_days', 7, "
    "'priority', priority), '{}' FROM order_view WHERE erp = 'filled' ON CONFLICT DO NOTHING",
    "INSERT INTO peg (order_key, line, site, supply_key, item, packs, due, day, wanted_on, late, priority) SELECT "
    "'filled/' || n / 500, n, 'LYS', 'bench/' || i || '/' || n %% greatest(1, %(rows)s / 2 / %(items)s), 'P-' || i, 5, "
    "current_date, current_date + 100, current_date + 100, false, 3 FROM (SELECT n, "
    "floor(%(items)s * ((n::bigint * 7919 %% 100003) / 100003.0) ^ 3)::int AS i "
    "FROM generate_series(%(had)s / 2, %(rows)s / 2 - 1) n) x",
)


async def measure(product: Product) -> dict[str, Any]:
    """Milliseconds, as percentiles: to promise and reserve; until the ERP has its answer; until availability is shown.
    And what the bare projection costs."""
    database, had = product.database, 0
    found: dict[str, Any] = {"availability_ms": {}, "availability_hot_ms": {}}
    for size in SIZES:
        await _fill(database, had, size)
        had = size
        for name, item in (("availability_ms", COLD), ("availability_hot_ms", HOT)):
            path = f"/v1/availability?item=P-{item}&site={SITE}&horizon_days=90"
            found[name][str(size)] = await _timed(ASKED, partial(_shown, product, path))
        if size == PROMISED_AT:
            found.update(await _promising(product))
    costs = {size: _projection_ms(size) for size in SIZES}
    return {
        **found,
        "projection_ms": {str(size): round(ms, 2) for size, ms in costs.items()},
        "projection_cost_ratio": round(costs[SIZES[-1]] / costs[SIZES[0]] / (SIZES[-1] / SIZES[0]), 3),
    }


async def _fill(database: Database, had: int, rows: int) -> None:
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL statement_timeout = 0")
        for statement in FILL:
            await connection.execute(statement.encode(), {"erp": ERP, "items": ITEMS, "rows": rows, "had": had})
    async with database.connection() as connection:
        await connection.execute("VACUUM ANALYZE supply, peg, stock_item, order_promise, order_view")


async def _promising(product: Product) -> dict[str, Any]:
    for name in ("ONE", "MANY"):  # nothing happens to these orders by itself
        await replace(product, prefix=f"PROMISE-{name}").silence(RELEASES)
    async with _trembling(product.database):
        one = await _timed(RELEASES, lambda n: _released(product, "ONE", n))
        at_once = await _timed(RELEASES, lambda n: _released(product, "MANY", n), CALLERS)
    return {
        "promising_ms": await _bare(product.database, "EVEN", lambda n: 1 + (n * 7) % (ITEMS - 2)),
        "promising_hot_ms": await _bare(product.database, "HOT", lambda _: HOT),
        "release_ms": one,
        "release_at_once_ms": at_once,
    }


async def _timed(times: int, act: Callable[[int], Awaitable[None]], callers: int = 1) -> dict[str, float]:
    """Percentiles of what an act takes, while so many callers take turns."""
    took, numbers = list[float](), iter(range(times))

    async def caller() -> None:
        for n in numbers:
            began = time.perf_counter()
            await act(n)
            took.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return percentiles_ms(took)


def percentiles_ms(took: list[float]) -> dict[str, float]:
    """The middle and the slow ends of milliseconds."""
    cuts = quantiles(took, n=100, method="inclusive")
    return {f"p{p}": round(cuts[p - 1], 1) for p in (50, 95, 99)}


async def _shown(product: Product, path: str, _: int) -> None:
    status, body = await product.clients[ERP].get(path)
    assert status == 200, body


async def _released(product: Product, name: str, n: int) -> None:
    first = HOT if n % HOT_EVERY == 0 else 1 + n % (ITEMS - 2)
    body = _release(f"{name}-{n}", first, 1 + (n * 7) % (ITEMS - 2)).model_dump_json(exclude_none=True)
    status, said = await product.clients[ERP].post("/v1/orders", body.encode())
    assert status in (CREATED, ACCEPTED), said
    promise = json.loads(said).get("promise")  # one that was not given in time has taken all the time there is
    assert promise is None or " from " in promise["reason"], said


async def _bare(database: Database, name: str, item: Callable[[int], int]) -> dict[str, float]:
    """The promise alone, without the message, HTTP and the workflow."""
    took = []
    for n in range(RELEASES):
        release = _release(f"{name}-{n}", item(n), 1 + (n * 13) % (ITEMS - 2))
        async with database.transaction() as connection:
            message = NewMessage(ERP, "bench", inbox.RELEASE, release.number, release.number, b"{}", delay_s=1e6)
            [inbox_id] = await inbox.insert(connection, [message])
            birth = await orders.open_order(connection, ERP, release, release.number, inbox_id, [ERP])
            start = opening(await orders.accepted(connection, birth.key))
        began = time.perf_counter()
        await first_promise(database, start, release, OrderPolicy(), datetime.now(UTC))
        took.append((time.perf_counter() - began) * 1000)
    return percentiles_ms(took)


def _release(number: str, *items: int) -> OrderRelease:
    now = datetime.now(UTC)
    return OrderRelease(
        number=f"PROMISE-{number}",
        released_at=now,
        requested_on=now.date() + timedelta(days=9),
        variant="distribution_centre",
        lines=tuple(OrderLine(line=n, item=f"P-{item}", quantity=2) for n, item in enumerate(items, 1)),
        ship_from=Party(id=SITE, country="FR"),
        ship_to=Party(id="CUST-1", country="DE"),
        site=SITE,
        region="EMEA",
    )


@asynccontextmanager
async def _trembling(database: Database) -> AsyncIterator[None]:
    """A supply of the hot item comes a day later, and a day sooner, again and again."""
    known = {
        "key": f"bench/{HOT}/1",
        "item": f"P-{HOT}",
        "site": SITE,
        "kind": SupplyKind.PURCHASE,
        "ref": "PO trembling",
    }

    async def tremble() -> None:
        n = 0
        while True:
            n += 1
            day = datetime.now(UTC).date() + timedelta(days=1 + n % 2)
            async with database.transaction() as connection:
                await supply.set_supplies(connection, [Supply(**known, packs=1000, day=day)])
            await asyncio.sleep(0.25)

    task = asyncio.create_task(tremble())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _projection_ms(size: int) -> float:
    today = date(2026, 1, 1)
    rows = [(today + timedelta(days=n % 90), 1 + n % 7) for n in range(size // 2)]
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        project(100, rows, rows, (), today, 90)
        best = min(best, (time.perf_counter() - began) * 1000)
    return best
