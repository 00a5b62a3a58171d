"""The checks. Each takes a bench, and raises AssertionError for a connector that does not conform."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx

from connectors.http.answers import MAX_RETRY_AFTER_S
from connectors.http.vendor import API_ORIGIN, MAX_ANSWER_BYTES
from connectors.ports import Call, OnceKind, Refused, StockPort, Unavailable
from tests.connectors.conformance.bench import Bench, Forever, WireFault

Check = Callable[[Bench], Awaitable[None]]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
GARBAGE = (
    b"",
    b"OK",
    b"<html>login</html>",
    b"[]",
    b"null",
    b"{",
    b"{}",
    b"[" * 100_000,
    b"\xff\xfe",
    b'{"reference": "a\\u0000b"}',
)
AWAY = (500, 502, 503, 504, 401)
"""Answers of a system that is ill, or does not know us: tried again, and never taken for a refusal."""
AT_ONCE = 8


async def once(bench: Bench) -> None:
    """The same call twice is one record, and the second answer is that of the first."""
    async with bench.router() as router:
        first = await bench.ask(router)
        second = await bench.ask(router, bench.call(repeated=bench.adapter.once is not OnceKind.KEY))
    if bench.adapter.once is OnceKind.NEITHER:
        return  # the executor makes no second call
    assert len(bench.stand_in.records()) == 1, "a repeat counted"
    assert second.reference == first.reference, "a repeat has another answer"
    assert second.replayed, "a repeat does not say so"


async def lost_answer(bench: Bench) -> None:
    """An answer that is lost after the commit: the next attempt finds what was done."""
    bench.transport.fault = WireFault.LOST_ANSWER
    async with bench.router() as router:
        if bench.adapter.once is OnceKind.NATURAL_KEY:
            assert (await bench.ask(router)).reference, "the record could have been looked for"
        else:
            error = await bench.failure(router)
            assert isinstance(error, Unavailable), "a lost answer is no refusal"
            assert not error.undone, "the system may have done it"
        bench.transport.fault = None
        if bench.adapter.once is not OnceKind.NEITHER:
            assert (await bench.ask(router, bench.call(repeated=True))).reference
    assert len(bench.stand_in.records()) == 1, "done twice"


async def not_reached(bench: Bench) -> None:
    """Who is not reached has done nothing, and that is said."""
    bench.transport.fault, bench.transport.always = WireFault.NOT_REACHED, True
    async with bench.router() as router:
        error = await bench.failure(router)
    assert isinstance(error, Unavailable)
    assert error.undone, "a system with no key could go on at once"
    assert bench.stand_in.records() == []


async def failures_by_origin(bench: Bench) -> None:
    """A system that is ill is away, by its own origin, and asks for patience where it says so."""
    for status in AWAY:
        bench.transport.instead = lambda _, status=status: httpx.Response(status, text="<html>sorry</html>")
        async with bench.router() as router:
            error = await bench.failure(router)
        assert isinstance(error, Unavailable), f"HTTP {status} is no refusal"
        assert error.origin is API_ORIGIN[bench.sample.system], f"HTTP {status} has the origin {error.origin}"
    bench.transport.instead = lambda _: httpx.Response(429, headers={"Retry-After": "7"})
    async with bench.router() as router:
        error = await bench.failure(router)
    assert isinstance(error, Unavailable)
    assert error.retry_after_s == 7, "it said when to come back"


async def clock_skew(bench: Bench) -> None:
    """A system whose clock is hours off is waited for within reason."""
    ahead = format_datetime(datetime.now(UTC) + timedelta(hours=9), usegmt=True)
    behind = format_datetime(datetime.now(UTC) - timedelta(hours=9), usegmt=True)
    for said in (ahead, behind):
        headers = {"Retry-After": said, "Date": said}
        bench.transport.instead = lambda _, headers=headers: httpx.Response(503, headers=headers)
        async with bench.router() as router:
            error = await bench.failure(router)
        assert isinstance(error, Unavailable)
        assert (error.retry_after_s or 0.0) <= MAX_RETRY_AFTER_S, "it would be waited for for hours"


async def garbage(bench: Bench) -> None:
    """A success that is no answer is none, whatever it holds."""
    for content in GARBAGE:
        bench.transport.instead = lambda _, content=content: httpx.Response(200, content=content)
        async with bench.router() as router:
            error = await bench.failure(router)
        assert not isinstance(error, Refused), f"{content[:20]!r} is no refusal"


async def huge(bench: Bench) -> None:
    """Of an answer without an end a bounded part is read."""
    body = Forever(b" " * 65_536, 0.0)
    bench.transport.instead = lambda _: httpx.Response(200, stream=body)
    async with bench.router() as router:
        assert isinstance(await bench.failure(router), Unavailable)
    assert body.sent <= MAX_ANSWER_BYTES + 2 * len(body.chunk), f"{body.sent} bytes were read"


async def slow(bench: Bench) -> None:
    """A call ends with its time, also when each byte of the answer is in time."""
    bench.transport.fault, loop = WireFault.DRIP, asyncio.get_running_loop()
    async with bench.router() as router:
        began = loop.time()
        async with asyncio.timeout(5.0):
            try:
                await bench.ask(router, bench.call(timeout_s=0.1))
                assert bench.adapter.once is OnceKind.NATURAL_KEY, "only a look can tell what came of it"
            except Unavailable:
                pass
        assert loop.time() - began < 1.0, "it waited longer than the call may take"


async def content(bench: Bench) -> None:
    """Scripts, decimals and moments arrive as they were said."""
    async with bench.router() as router:
        await bench.ask(router)
    [record] = bench.stand_in.records()
    for text in bench.sample.says:
        assert text in record, f"{text} is not in {record}"
    said = MOMENT.findall(record)
    assert all(it[-1] == "Z" or it[-6] in "+-" or it[-5] in "+-" for it in said), f"a moment without its offset: {said}"
    if bench.sample.at:
        assert bench.sample.at in {datetime.fromisoformat(it) for it in said}, f"another moment: {said}"


async def limits(bench: Bench) -> None:
    """No more calls are under way than the connection may make."""
    bench.stand_in.connection = replace(bench.stand_in.connection, concurrent=2)
    bench.transport.delay_s = 0.01
    async with bench.router() as router:
        calls = [bench.call(f"erp-one/SO-1/{n}", timeout_s=10.0) for n in range(AT_ONCE)]
        done = await asyncio.gather(*(bench.ask(router, call) for call in calls), return_exceptions=True)
    for it in done:  # two changes of one record at once: a system may have one of them wait
        assert not isinstance(it, BaseException) or isinstance(it, Unavailable), f"{it!r}"
    assert not all(isinstance(it, BaseException) for it in done), "none was done"
    assert bench.transport.most <= 2, f"{bench.transport.most} calls at once"


async def paging(bench: Bench) -> None:
    """A list is read whole, each entry once, also when entries come while it is read."""
    numbers = [f"SO-{n:03}" for n in range(0, 20, 2)]
    bench.stand_in.keep_orders(numbers)
    seen: list[str] = []
    async with bench.router() as router:
        port, after = router.port(StockPort, bench.sample.system), ""
        while page := await port.orders(after, 3, Call(bench.sample.target, "")):
            if not page.orders:
                break
            assert len(page.orders) <= 3, "a page is longer than it was asked for"
            seen += [it.order for it in page.orders]
            after = seen[-1]
            bench.stand_in.keep_orders(sorted({*numbers, "SO-001", "SO-003"}))
    assert not (lost := set(numbers) - set(seen)), f"lost: {lost}"
    assert len(set(seen)) == len(seen), "read twice"


CHECKS: tuple[Check, ...] = (
    *(once, lost_answer, not_reached, failures_by_origin, clock_skew),
    *(garbage, huge, slow, content, limits),
)
"""Of each call that changes something; `paging` is of lists."""
