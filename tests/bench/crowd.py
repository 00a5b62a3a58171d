"""A hundred callers release orders at once: what is served is served soon, the rest hear when to come back, and do.

`python -m tests.bench.crowd` measures this alone.
"""

import asyncio
import json
import os
import time
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.http.problems import RATE_LIMITED
from stack.layout import StackOptions, local_stack
from store.engine import Database
from tests.bench.product import ACCEPTED, CREATED, ERP, Product, connect
from tests.bench.promising import percentiles_ms

CALLERS, EACH = 100, 3
"""Each releases so many orders, one after the other."""
TRIES = 60
"""A caller that was sent away so often has not got through."""
UNLIMITED = {"SYNCLINE_RATE_PER_SECOND": "1000000"}
"""One partner sends the whole load."""


@dataclass
class Crowd:
    """What callers met: milliseconds of each call that was served, and of each order from its first call until then."""

    product: Product
    served_ms: list[float] = field(default_factory=list)
    through_ms: list[float] = field(default_factory=list)
    refused: int = 0
    tries: int = 0

    async def call(self, first: int) -> None:
        """One caller releases its orders, each as often as it is asked to come back."""
        for n in range(first, first + EACH):
            came, body = time.perf_counter(), self.product.order(n)
            for nth in range(1, TRIES + 1):
                began = time.perf_counter()
                answer = await self.product.clients[ERP].offer("/v1/orders", body)
                now = time.perf_counter()
                if answer.status in (CREATED, ACCEPTED):
                    self.served_ms.append((now - began) * 1000)
                    self.through_ms.append((now - came) * 1000)
                    self.tries = max(self.tries, nth)
                    break
                assert (answer.status, answer.retry_after_s > 0) == (RATE_LIMITED.status, True), answer.body
                self.refused += 1
                await asyncio.sleep(answer.retry_after_s)


async def measure(product: Product) -> dict[str, Any]:
    """How calls were answered, and how long it took until each order was released."""
    crowd = Crowd(replace(product, prefix="CROWD"))
    await crowd.product.silence(CALLERS * EACH)
    began = time.perf_counter()
    await asyncio.gather(*(crowd.call(first) for first in range(0, CALLERS * EACH, EACH)))
    return {
        "crowd_served_ms": percentiles_ms(crowd.served_ms),
        "crowd_through_ms": percentiles_ms(crowd.through_ms),
        "crowd_refused_share": round(crowd.refused / (crowd.refused + len(crowd.served_ms)), 3),
        "crowd_tries": crowd.tries,
        "crowd_through": len(crowd.through_ms),
        "crowd_orders_per_s": round(len(crowd.through_ms) / (time.perf_counter() - began), 1),
    }


async def alone() -> None:
    """Measure this and nothing else, after a few orders that name the items for the first time."""
    os.environ.update(UNLIMITED)
    async with (
        local_stack(StackOptions(ephemeral=True)) as stack,
        Database(stack.postgres.url, 4) as database,
    ):
        product = await connect(stack, database, "FIRST")
        await product.orders_per_s(10)
        print(json.dumps(await measure(product), indent=2))


if __name__ == "__main__":
    asyncio.run(alone())
