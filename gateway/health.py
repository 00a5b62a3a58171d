"""A one-line health answer for processes that serve nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\nConnection: close\r\n\r\n"
    + b'{"status":"up"}'
)


@asynccontextmanager
async def serve_health(port: int) -> AsyncIterator[None]:
    """Answer every request on a loopback port with 200 while the block runs. Port 0: do not listen."""
    if not port:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(2048)
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server:
        yield
