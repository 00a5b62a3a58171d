"""Gateway accepts a second, against raw single-row commits of the same PostgreSQL (pgbench)."""

import asyncio
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.layout import LocalStack
from stack.postgres import binaries
from tests.bench.product import CARRIER, Product, event

CONNECTIONS = 32
SECONDS = 6
ROW = "INSERT INTO bench_raw (partner, raw) VALUES ('carrier', convert_to(repeat('x', 450), 'UTF8'));\n"


async def raw_commits_per_s(stack: LocalStack, product: Product, connections: int) -> float:
    """Single-row inserts of a message's size, each its own commit."""
    async with product.database.connection() as connection:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS bench_raw (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, partner text, "
            "raw bytea, received_at timestamptz DEFAULT now())"
        )
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "insert.sql"
        script.write_text(ROW)
        process = await asyncio.create_subprocess_exec(
            str(binaries() / "pgbench"),
            *("-n", "-c", str(connections), "-j", "1", "-T", str(SECONDS), "-f", str(script)),
            stack.postgres.url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await process.communicate()
    found = re.search(rb"tps = ([0-9.]+)", output)
    assert found, output
    return float(found[1])


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """Stop a process for a while, so that the gateway has the machine as the raw commits had it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def accepts_per_s(product: Product, name: str) -> float:
    """Distinct valid events over kept-alive connections; every 202 is a durable message."""
    client = product.clients[CARRIER]
    until = time.monotonic() + SECONDS
    accepted = 0

    async def connection(which: int) -> None:
        nonlocal accepted
        n = 0
        while time.monotonic() < until:
            status, body = await client.post("/v1/events", event(f"{name}-{which}", "in_transit", CARRIER, n))
            assert status == 202, body
            accepted += 1
            n += 1

    began = time.monotonic()
    await asyncio.gather(*(connection(which) for which in range(CONNECTIONS)))
    return accepted / (time.monotonic() - began)
