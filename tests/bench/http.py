"""A lean HTTP/1.1 client: the load generator must not cost more than what it measures."""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple


class Answer(NamedTuple):
    """What came back. `retry_after_s`: 0 when it does not say when to come back."""

    status: int
    body: bytes
    retry_after_s: int


@dataclass
class LeanClient:
    """Keep-alive connections to one address, opened as needed."""

    host: str
    port: int
    headers: str
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def get(self, path: str) -> tuple[int, bytes]:
        """GET and return status and body."""
        return (await self._ask("GET", path, b""))[:2]

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """POST and return status and body."""
        return (await self.offer(path, body))[:2]

    async def offer(self, path: str, body: bytes) -> Answer:
        """POST what may be refused for now."""
        return await self._ask("POST", path, body)

    async def _ask(self, method: str, path: str, body: bytes) -> Answer:
        while self._idle and self._idle[-1][0].at_eof():  # the server closes what idles too long
            self._idle.pop()[1].close()
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(self.host, self.port)
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{self.headers}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(b":") for line in lines[1:])}
        answer = await reader.readexactly(int(headers[b"content-length"]))
        self._idle.append((reader, writer))
        return Answer(int(lines[0].split()[1]), answer, int(headers.get(b"retry-after", 0)))

    async def close(self) -> None:
        """Close every connection."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()
