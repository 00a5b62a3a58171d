"""How both sides are loaded: in overlapping waves; a step is sent when the step before is done for the whole wave."""

import asyncio
import time
from collections.abc import Awaitable, Callable

STAGES = ("picked", "packed", "shipped", "in_transit", "out_for_delivery", "delivered")
WAVE = 25
WAVES_AT_ONCE = 4
SENT_AT_ONCE = 16
LOOK_EVERY_S = 0.05


async def in_waves(
    orders: int,
    start: Callable[[int], Awaitable[None]],
    signal: Callable[[int, str], Awaitable[None]],
    reached: Callable[[str, range], Awaitable[bool]],
) -> float:
    """Release and carry `orders` orders; returns the seconds it took. `reached(step, members)` looks at one wave.

    A milestone of an order is only sent after its order has finished the step before: nothing is batched by haste.
    """
    began = time.monotonic()
    places = asyncio.Semaphore(SENT_AT_ONCE)
    turn = {step: asyncio.Lock() for step in ("release", *STAGES)}

    async def sent(work: Awaitable[None]) -> None:
        async with places:
            await work

    async def wave(first: int) -> None:
        members = range(first, min(first + WAVE, orders))
        for step, lock in turn.items():
            async with lock:
                jobs = [start(n) if step == "release" else signal(n, step) for n in members]
                await asyncio.gather(*(sent(job) for job in jobs))
                while not await reached(step, members):
                    await asyncio.sleep(LOOK_EVERY_S)

    running = asyncio.Semaphore(WAVES_AT_ONCE)

    async def queued(first: int) -> None:
        async with running:
            await wave(first)

    await asyncio.gather(*(queued(first) for first in range(0, orders, WAVE)))
    return time.monotonic() - began
