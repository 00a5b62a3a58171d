"""What a connection may take of the server, over real sockets: bytes, headers, time, places."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from gateway.http.connections import Bounds, ConnectionLimits, _network, bounded_server
from tests.simulators.network import serving, until

SHORT = Bounds(
    first_byte_s=0.3, head_s=0.3, body_s=0.3, idle_s=0.3, taking_s=0.3, unwanted_s=0.3, unwanted_bytes=1 << 20
)
LARGE = 1 << 23
"""Bytes that nobody may send, and that no socket keeps."""
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


@dataclass
class Site:
    """A server on a port. Its application reads the body and answers with its length; `/refuse` answers unread,
    `/large` with more than a socket keeps, `/wait` when `go` is set."""

    port: int
    door: ConnectionLimits
    why: Counter[str]
    asked: list[str] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        body, more = b"", scope["path"] != "/refuse"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        if scope["path"] == "/wait":
            await self.go.wait()
        answer = b"x" * LARGE if scope["path"] == "/large" else str(len(body)).encode()
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": answer})

    async def ask(self, *parts: bytes) -> bytes:
        """Send on a connection of its own; what comes until the server closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            with suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
            return await _read(reader)
        finally:
            writer.close()

    async def left(self) -> None:
        """Wait until no connection is left."""

        async def empty() -> bool:
            return not self.door.inside

        await until(empty)


@asynccontextmanager
async def _site(bounds: Bounds) -> AsyncIterator[Site]:
    why: Counter[str] = Counter()
    door = ConnectionLimits(bounds, lambda reason: why.update([reason]))
    site = Site(0, door, why)
    config = uvicorn.Config(site.app, interface="asgi3", port=0, lifespan="off", log_level="error")
    async with serving(bounded_server(config, door)) as url:
        site.port = int(url.rsplit(":", 1)[1])
        yield site


async def _read(reader: asyncio.StreamReader) -> bytes:
    found = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(20):
            while piece := await reader.read(1 << 20):
                found += piece
    return found


ENDLESS = {
    "a header": (GET, b"X-A: ", *[b"a" * 65536] * 128),
    "a request line": (b"GET /", *[b"a" * 65536] * 128),
    "empty lines": (*[b"\r\n" * 32768] * 128,),
    "small headers": (GET, *[b"a:b\r\n" * 13107] * 128),
    "a trailer": (POST, b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-A: ", *[b"a" * 65536] * 128),
    "small trailers": (POST, b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", *[b"a:b\r\n" * 13107] * 128),
    "a chunk's extension": (POST, b"Transfer-Encoding: chunked\r\n\r\n1;", *[b"a" * 65536] * 128),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_what_has_no_end_is_refused(what: str) -> None:
    async with _site(Bounds()) as site:
        answer = await site.ask(*ENDLESS[what])
        assert answer.startswith(b"HTTP/1.1 431 ") or not answer, "unless the reset overtakes it"
        assert site.why == {"head-too-large": 1}
        await site.left()


async def test_headers_are_counted() -> None:
    async with _site(Bounds(headers=5, idle_s=0.1)) as site:
        assert b"HTTP/1.1 200" in await site.ask(GET, b"a: b\r\n" * 4, b"\r\n")
        refused = await site.ask(GET, b"a: b\r\n" * 5, b"\r\n")
        assert refused.startswith(b"HTTP/1.1 431 ")
        assert b"application/problem+json" in refused
        assert site.asked == ["/"]


async def test_whoever_keeps_others_waiting_is_sent_away() -> None:
    async with _site(SHORT) as site:
        silent, half_head, half_body, idle, refused = await asyncio.gather(
            site.ask(),
            site.ask(b"GET / HT"),
            site.ask(POST, b"Content-Length: 10\r\n\r\nhalf"),
            site.ask(GET, b"\r\n"),
            site.ask(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"),
        )
        assert silent == b""
        assert half_head.startswith(b"HTTP/1.1 408 ")
        assert half_body.startswith(b"HTTP/1.1 408 ")
        assert idle.startswith(b"HTTP/1.1 200 ")
        assert refused.startswith(b"HTTP/1.1 200 ")
        assert site.why == {"too-slow": 2}
        await site.left()


async def test_a_drop_now_and_then_is_no_reason_to_wait_longer() -> None:
    async with _site(SHORT) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(GET)
        ended = asyncio.create_task(_read(reader))
        while not ended.done():
            writer.write(b"a")
            await asyncio.wait([ended], timeout=0.05)
        assert (await ended).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_an_answer_that_nobody_takes_is_dropped() -> None:
    async with _site(SHORT) as site:
        _, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=1)
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await until(lambda: _true(bool(site.asked)))
        await site.left()
        assert site.why == {"not_taken": 1}
        writer.close()


async def _true(condition: bool) -> bool:
    return condition


async def test_a_body_without_end_that_is_refused_already_is_not_read_for_ever() -> None:
    async with _site(replace(SHORT, unwanted_s=60)) as site:
        head = b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n"
        await site.ask(head, *[b"a" * 65536] * 128)
        await site.left()
        assert site.why == {"unwanted": 1}


async def test_an_address_has_so_many_places() -> None:
    async with _site(Bounds(per_address=2)) as site:
        held = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(2)]
        await until(lambda: _true(site.door.inside.total() == 2))
        refused = await site.ask()
        assert refused.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after: 10" in refused
        held[0][1].close()
        await until(lambda: _true(site.door.inside.total() == 1))
        assert b"200 OK" in await site.ask(GET, b"Connection: close\r\n\r\n")
        held[1][1].close()
        await site.left()


async def test_the_server_has_so_many_places() -> None:
    async with _site(Bounds(connections=1)) as site:
        _, held = await asyncio.open_connection("127.0.0.1", site.port)
        await until(lambda: _true(site.door.inside.total() == 1))
        assert (await site.ask()).startswith(b"HTTP/1.1 503 ")
        held.close()


def test_addresses_of_one_network_share_its_places() -> None:
    assert _network("2001:db8::1") == _network("2001:db8::ffff:2") != _network("2001:db8:0:1::1")
    assert _network("10.0.0.1") != _network("10.0.0.2")


async def test_requests_do_not_queue_without_end() -> None:
    async with _site(Bounds()) as site:
        waiting = b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = await site.ask(waiting * 1000)
        assert (answer, site.why) == (b"", {"pipelined": 1})
        site.go.set()


async def test_what_is_within_bounds_is_served() -> None:
    async with _site(Bounds()) as site:
        chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;x=y\r\na\r\n" * 5000 + b"0\r\nX-T: 1\r\n\r\n"
        plain = POST + b"Content-Length: 1048576\r\n\r\n" + b"a" * 1048576
        last = GET + b"X-A: " + b"a" * 30000 + b"\r\nConnection: close\r\n\r\n"
        answer = await site.ask(chunked + plain, last)
        assert [line.rpartition(b"\r\n")[2] for line in answer.split(b"HTTP/1.1 200 OK")[1:]] == [
            b"5000",
            b"1048576",
            b"0",
        ]
        assert not site.why
