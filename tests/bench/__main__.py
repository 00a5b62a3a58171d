"""`make bench`: one run, one server, figures into bench.json and docs/performance.md."""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.client import Client

from connectors.connections import EnvironmentConnections
from connectors.http.client import SystemClient
from schemas.base import System
from stack.cost import measure
from stack.layout import LocalStack, StackOptions, local_stack
from store.engine import Database
from store.views import report
from tests.bench import accepts, bare, crowd, edi, promising
from tests.bench.cpu import cpu_s
from tests.bench.page import page
from tests.bench.product import ERP, Product, connect
from tests.bench.steps import step_cpu_ms
from workflows.runtime.payloads import CONVERTER

WARM_UP = 30
PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"


async def main(orders: int, rounds: int, output: Path) -> None:
    """Run every measurement and write the figures."""
    os.environ.update(crowd.UNLIMITED)
    async with (
        local_stack(StackOptions(ephemeral=True)) as stack,
        Database(stack.postgres.url, 4) as database,  # as its owner: it makes a table, and has tables analysed
    ):
        figures = {**await measurements(stack, database, orders, rounds), "machine": machine()}
    figures["edi"] = await asyncio.to_thread(edi.measure)
    text = json.dumps(figures, indent=2)
    await asyncio.to_thread(output.write_text, text + "\n")
    await asyncio.to_thread(PERFORMANCE.write_text, page(figures))
    print(text)


async def measurements(stack: LocalStack, database: Database, orders: int, rounds: int) -> dict[str, Any]:
    """Baseline and product in turn, several rounds; medians of each."""
    client = await Client.connect(stack.settings.main_temporal.address, data_converter=CONVERTER)
    product = await connect(stack, database, "B")
    found, cpu_ms = await in_turn(client, product, stack, orders, rounds)
    await replace(product, prefix="COST").orders_per_s(1)
    cost = await measure(client, f"order/{ERP}/COST-0")
    half = statistics.median(found["product"]) / 2
    latency = await half_load(database, product, half)
    crowded = await crowd.measure(product)
    raw_one = await accepts.raw_commits_per_s(stack, product, 1)
    raw_eight = await accepts.raw_commits_per_s(stack, product, 8)
    relaying = await accepts.accepts_per_s(product, "RELAYED")
    with accepts.paused(stack.pid("worker")):
        gateway = await accepts.accepts_per_s(product, "PAUSED")
    promised = await promising.measure(product)
    bare_rate, product_rate = statistics.median(found["bare"]), statistics.median(found["product"])
    return {
        "bare_orders_per_s": round(bare_rate, 2),
        "bare_without_calls_orders_per_s": round(statistics.median(found["bare_without_calls"]), 2),
        "orders_per_s": round(product_rate, 2),
        "ratio": round(product_rate / bare_rate, 3),
        "rounds": {name: [round(rate, 2) for rate in rates] for name, rates in found.items()},
        "cpu_ms_per_order": {name: round(statistics.median(ms)) for name, ms in cpu_ms.items()},
        "history_events": cost.events,
        "history_bytes": cost.size_bytes,
        "billable_actions": cost.actions,
        "gateway_accepts_per_s": round(gateway),
        "gateway_accepts_per_s_while_relaying": round(relaying),
        "raw_commits_per_s": round(raw_one),
        "raw_commits_per_s_8_connections": round(raw_eight),
        "gateway_ratio": round(gateway / raw_one, 3),
        "milestone_to_erp_ms": latency["erp"],
        "milestone_to_planning_ms": latency["planning"],
        **crowded,
        **promised,
        "step_cpu_ms": step_cpu_ms(),
        "half_load_orders_per_s": round(half, 2),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


async def in_turn(
    client: Client, product: Product, stack: LocalStack, orders: int, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Baseline and product in turn. Of each: orders/s in every round, and the CPU that an order cost in ms."""
    found: dict[str, list[float]] = {"bare": [], "bare_without_calls": [], "product": []}
    cpu_ms: dict[str, list[float]] = {"bare": [], "product": []}
    async with SystemClient(EnvironmentConnections.of_settings(stack.settings).of(System.ERP, "bare")) as erp:
        await bare.orders_per_s(client, erp, WARM_UP, "post")
        await replace(product, prefix="WARM").orders_per_s(WARM_UP)
        async with product.database.connection() as connection:
            await connection.execute("ANALYZE")
        for at in range(rounds):
            began = cpu_s()
            found["bare"].append(await bare.orders_per_s(client, erp, orders, "post"))
            between = cpu_s()
            found["product"].append(await replace(product, prefix=f"R{at}").orders_per_s(orders))
            cpu_ms["bare"].append((between - began) / orders * 1000)
            cpu_ms["product"].append((cpu_s() - between) / orders * 1000)
            found["bare_without_calls"].append(await bare.orders_per_s(client, erp, orders, "nothing"))
            rates = ", ".join(f"{name} {values[-1]:.2f}" for name, values in found.items())
            print(f"round {at + 1} of {rounds}, orders/s: {rates}", file=sys.stderr)
    return found, cpu_ms


async def half_load(database: Database, product: Product, rate_per_s: float) -> dict[str, dict[str, float]]:
    """Latencies while messages come at half of what the product can carry."""
    await asyncio.sleep(1)
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT clock_timestamp() AS now")
        row = await cursor.fetchone()
    assert row
    await replace(product, prefix="HALF").steadily(rate_per_s, 20)
    await asyncio.sleep(2)
    async with database.connection() as connection:
        return await report.latencies_ms(connection, row["now"])


def machine() -> str:
    """What this was measured on."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {system}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--orders", type=int, default=150, help="orders a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    asyncio.run(main(options.orders, options.rounds, options.output))
