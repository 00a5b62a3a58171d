"""Answers with an end: what a system answers is read piece by piece, and no further than the caller can bear.

The limit counts the bytes on the wire and those unpacked from them. A success beyond it is no answer. Of a failure the
status says enough: what follows the limit is left unread.
"""

import ssl
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import cast

import httpx

LIMIT = "max_bytes"
"""The request extension that says how many bytes of the answer are read."""
DEFAULT_BYTES = 64 * 1024
"""For answers of which only the status counts, or a few words beside it."""
PIECE_BYTES = 64 * 1024
"""The bytes that are unpacked at once: a small piece of a packed answer may hold a thousand times its size."""
SUCCESS = range(200, 300)
GZIP_WBITS = zlib.MAX_WBITS | 16
"""zlib's window bits for the gzip format."""
PACKED = ("gzip", "x-gzip")
"""Names of the one packing that is unpacked here (RFC 9110, 8.4.1.3)."""
PLAIN = ("", "identity")
"""Names of no packing."""


class TooLarge(httpx.DecodingError):
    """The answer goes on beyond the limit."""


def client(
    transport: httpx.AsyncBaseTransport | None = None,
    connections: int = 100,
    tls: ssl.SSLContext | None = None,
    auth: httpx.Auth | None = None,
) -> httpx.AsyncClient:
    """A client for systems or people; there is no other. Its answers are bounded. It follows no redirects and no
    proxies of the environment, and keeps no cookies: a session is a matter of its strategy."""
    if transport is None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        transport = httpx.AsyncHTTPTransport(verify=tls or True, limits=limits, trust_env=False)
    jar = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(
        transport=BoundedTransport(transport),
        follow_redirects=False,
        trust_env=False,
        auth=auth,
        cookies=jar,
        headers={"User-Agent": "syncline", "Accept-Encoding": "gzip"},
    )


class BoundedTransport(httpx.AsyncBaseTransport):
    """Any transport, with the bodies of its answers bounded and unpacked."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer; its body raises TooLarge or DecodingError while it is read."""
        answer = await self._inner.handle_async_request(request)
        packing = answer.headers.get("content-encoding", "").strip().lower()
        limit = int(request.extensions.get(LIMIT, DEFAULT_BYTES))
        body = BoundedBody(answer, packing, limit)
        headers = [(name, value) for name, value in answer.headers.raw if name.lower() != b"content-encoding"]
        return httpx.Response(answer.status_code, headers=headers, stream=body, extensions=answer.extensions)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class BoundedBody(httpx.AsyncByteStream):
    """The body of an answer, unpacked, up to its limit."""

    def __init__(self, answer: httpx.Response, packing: str, limit: int) -> None:
        self._answer = answer
        self._packing = packing
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces():
                yield piece
        except httpx.DecodingError:
            if self._answer.status_code in SUCCESS:
                raise

    async def _pieces(self) -> AsyncIterator[bytes]:
        if self._packing not in (*PACKED, *PLAIN):
            raise httpx.DecodingError("the answer is packed in a way that was not asked for")
        gzip = _Gzip() if self._packing in PACKED else None
        received = unpacked = 0
        async for chunk in cast("AsyncIterable[bytes]", self._answer.stream):
            received += len(chunk)
            for piece in gzip.unpack(chunk) if gzip else (chunk,):
                unpacked += len(piece)
                if unpacked > self._limit:
                    break
                yield piece
            if max(received, unpacked) > self._limit:
                raise TooLarge(f"the answer is longer than {self._limit} bytes")
        if gzip and received and not gzip.ended:
            raise httpx.DecodingError("the answer ends before it is unpacked")

    async def aclose(self) -> None:
        """Let go of the answer; one that was not read to its end takes its connection with it."""
        await self._answer.aclose()


class _Gzip:
    """Unpacks gzip (RFC 1952), also several members in a row."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(GZIP_WBITS)

    @property
    def ended(self) -> bool:
        """Whether a member ended with what came last."""
        return self._member.eof

    def unpack(self, chunk: bytes) -> Iterator[bytes]:
        """Pieces of at most PIECE_BYTES. Raises DecodingError."""
        while chunk:
            if self._member.eof:
                self._member = zlib.decompressobj(GZIP_WBITS)
            try:
                piece = self._member.decompress(chunk, PIECE_BYTES)
            except zlib.error:
                raise httpx.DecodingError("the answer is not packed as it says") from None
            chunk = self._member.unconsumed_tail or self._member.unused_data
            yield piece
