"""Answers without end: no more is read, unpacked or waited for than the caller can bear."""

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import httpx
import pytest

from connectors.http import bounded
from connectors.http.bounded import DEFAULT_BYTES, LIMIT, TooLarge

ROOT = Path(__file__).resolve().parent.parent.parent
MB = 1_048_576
BOMB = gzip.compress(b"\0" * (64 * MB), compresslevel=1)
TEXT = b"Gr\xc3\xbc\xc3\x9fe " * 1000


class Body(httpx.AsyncByteStream):
    """Sends chunks, and counts how many were asked for."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = chunks
        self.sent = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            self.sent += 1
            yield chunk

    async def aclose(self) -> None:
        """Note it."""
        self.closed = True


async def read(body: Body, status: int = 200, packing: str = "", limit: int | None = None) -> bytes:
    """What arrives of an answer."""
    headers = {"Content-Encoding": packing} if packing else {}
    transport = httpx.MockTransport(lambda _: httpx.Response(status, headers=headers, stream=body))
    async with bounded.client(transport) as client:
        extensions = {} if limit is None else {LIMIT: limit}
        return (await client.get("http://system.test", extensions=extensions)).content


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("packing", ["", "identity", "gzip", "x-gzip", "GZIP"])
async def test_an_answer_arrives_as_it_is_however_it_is_cut(packing: str, size: int) -> None:
    packed = gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:]) if "gzip" in packing.lower() else TEXT
    chunks = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert await read(Body(chunks), packing=packing) == TEXT


async def test_an_answer_of_just_the_limit_is_taken() -> None:
    assert await read(Body([b"x" * 10]), limit=10) == b"x" * 10
    with pytest.raises(TooLarge):
        await read(Body([b"x" * 11]), limit=10)


async def test_a_stream_without_end_is_left_at_the_limit() -> None:
    body = Body(iter(lambda: b"x" * 4096, None))
    with pytest.raises(TooLarge):
        await read(body, limit=10 * 4096)
    assert body.sent == 11
    assert body.closed


async def test_nothing_is_read_beyond_a_default_that_nobody_asked_for() -> None:
    body = Body(iter(lambda: b"x" * 4096, None))
    with pytest.raises(TooLarge):
        await read(body)
    assert body.sent == DEFAULT_BYTES // 4096 + 1


async def test_what_is_packed_is_not_unpacked_beyond_the_limit() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            await read(Body([BOMB]), packing="gzip", limit=MB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MB, "64 MB in one packed chunk"


async def test_what_is_packed_into_nothing_counts_as_it_is_on_the_wire() -> None:
    nothing = gzip.compress(b"")
    body = Body(iter(lambda: nothing * 100, None))
    with pytest.raises(TooLarge):
        await read(body, packing="gzip", limit=10_000)
    assert body.sent <= 10_000 // (100 * len(nothing)) + 1


@pytest.mark.parametrize(
    ("packing", "content"),
    [
        ("br", b"x"),
        ("deflate", zlib.compress(b"x")),
        ("gzip, gzip", gzip.compress(gzip.compress(b"x", mtime=0), mtime=0)),
        ("gzip", b"x"),
    ],
)
async def test_what_is_packed_in_another_way_is_no_answer(packing: str, content: bytes) -> None:
    with pytest.raises(httpx.DecodingError):
        await read(Body([content]), packing=packing)


@pytest.mark.parametrize("packing", ["", "gzip", "br"])
async def test_of_a_failure_the_beginning_is_enough(packing: str) -> None:
    chunks = [BOMB] if packing == "gzip" else iter(lambda: b"x" * 4096, None)
    assert len(await read(Body(chunks), 422, packing)) <= DEFAULT_BYTES


def test_every_client_for_systems_and_people_is_a_bounded_one() -> None:
    own = {"connectors/http/bounded.py"}
    rooms = ("connectors", "activities", "gateway", "store", "workflows", "domain")
    files = [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    makers = ("AsyncClient(", "httpx.Client(", "AsyncHTTPTransport(", "urlopen(", "httpx.get(", "httpx.post(")
    unbounded = {str(it.relative_to(ROOT)) for it in files if any(maker in it.read_text() for maker in makers)}
    assert unbounded == own
