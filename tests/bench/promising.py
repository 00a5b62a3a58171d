"""Promising with 100,000 open rows of supply and demand, and what a projection costs from 1,000 to 1,000,000 rows."""

import time
from datetime import UTC, date, datetime, timedelta
from statistics import quantiles
from typing import Any

from domain.availability import project
from domain.opening import opening
from gateway.promising import first_promise
from schemas.exceptions import OrderPolicy
from schemas.orders import OrderLine, OrderRelease, Party
from store import inbox, orders
from store.engine import Database
from store.inbox import NewMessage

ROWS, ITEMS, RELEASES = 100_000, 1_000, 500
SIZES = (1_000, 10_000, 100_000, 1_000_000)
ERP, SITE = "erp-bench", "LYS"
FILL = (
    "INSERT INTO stock_item SELECT 'P-' || n, 'LYS' FROM generate_series(0, %(items)s - 1) n",
    "INSERT INTO supply (key, item, site, kind, ref, packs, day) SELECT 'bench/' || n, 'P-' || n %% %(items)s, 'LYS', "
    "'purchase', 'PO ' || n, 1000, current_date + (n / %(items)s)::int FROM generate_series(1, %(rows)s / 2) n",
    "INSERT INTO peg (order_key, line, site, supply_key, item, packs, due, day, wanted_on, late, priority) "
    "SELECT %(order)s, n, 'LYS', 'bench/' || n, 'P-' || n %% %(items)s, 990, current_date, current_date, current_date, "
    "false, 3 FROM generate_series(1, %(rows)s / 2) n",
    "ANALYZE supply, peg, stock_item",
)


async def measure(database: Database) -> dict[str, Any]:
    """Milliseconds to promise and reserve an order of two lines, one after the other; and the projection's cost."""
    await _accepted(database, "PROMISE-FILL")
    values = {"items": ITEMS, "rows": ROWS, "order": f"{ERP}/PROMISE-FILL"}
    async with database.connection() as connection:
        for statement in FILL[:-1]:
            await connection.execute(statement.encode(), values)
        await connection.execute(FILL[-1].encode())
    took = []
    for n in range(RELEASES):
        release = await _accepted(database, f"PROMISE-{n}", n)
        async with database.connection() as connection:
            start = opening(await orders.accepted(connection, f"{ERP}/{release.number}"))
        began = time.perf_counter()
        await first_promise(database, start, release, OrderPolicy())
        took.append((time.perf_counter() - began) * 1000)
    cuts = quantiles(took, n=100, method="inclusive")
    costs = {size: _projection_ms(size) for size in SIZES}
    return {
        "promising_ms": {f"p{p}": round(cuts[p - 1], 1) for p in (50, 95, 99)},
        "projection_ms": {str(size): round(ms, 2) for size, ms in costs.items()},
        "projection_cost_ratio": round(costs[SIZES[-1]] / costs[SIZES[0]] / (SIZES[-1] / SIZES[0]), 3),
    }


async def _accepted(database: Database, number: str, n: int = 0) -> OrderRelease:
    now = datetime.now(UTC)
    release = OrderRelease.model_validate(
        {
            "number": number,
            "released_at": now,
            "requested_on": now.date() + timedelta(days=9),
            "variant": "distribution_centre",
            "lines": tuple(OrderLine(line=k, item=f"P-{(n * 7 + k) % ITEMS}", quantity=15) for k in (1, 2)),
            "ship_from": Party(id=SITE, country="FR"),
            "ship_to": Party(id="CUST-1", country="DE"),
            "site": SITE,
            "region": "EMEA",
        }
    )
    async with database.transaction() as connection:
        message = NewMessage(ERP, "bench", inbox.RELEASE, number, number, b"{}", delay_s=1e6)
        [inbox_id] = await inbox.accept(connection, [message])
        await orders.open_order(connection, ERP, release, number, inbox_id, [ERP])
    return release


def _projection_ms(size: int) -> float:
    today = date(2026, 1, 1)
    rows = [(today + timedelta(days=n % 90), 1 + n % 7) for n in range(size // 2)]
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        project(100, rows, rows, (), today, 90)
        best = min(best, (time.perf_counter() - began) * 1000)
    return best
