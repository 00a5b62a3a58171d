"""Exchanges with a real system, without secrets: recorded once, and replayed in the same order."""

import json
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import httpx

RECORDED = Path(__file__).with_name("recorded.json")
JSON = "application/json"


def request_of(request: httpx.Request) -> dict[str, Any]:
    """A request as it is kept: queries and context readable, without the host and the login."""
    query = [[name, _decoded(value) if name in "do" else value] for name, value in request.url.params.multi_items()]
    context = _decoded(request.headers["x-tryton-context"])
    body = json.loads(request.content) if request.content else None
    path = request.url.path.partition("/rest/")[2]
    return {"method": request.method, "path": path, "query": query, "context": context, "body": body}


def _decoded(value: str) -> Any:
    return json.loads(urlsafe_b64decode(value))


class Recorder(httpx.AsyncBaseTransport):
    """Asks the real system, and keeps what was said."""

    def __init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport(trust_env=False)
        self.exchanges: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        answer = await self._inner.handle_async_request(request)
        content = await answer.aread()
        kind = answer.headers.get("content-type", "")
        said = json.loads(content) if kind.startswith(JSON) else content.decode()
        self.exchanges.append({"request": request_of(request), "status": answer.status_code, "said": said})
        return httpx.Response(answer.status_code, headers={"content-type": kind}, content=content)

    async def aclose(self) -> None:
        """See httpx."""
        await self._inner.aclose()


class Player(httpx.AsyncBaseTransport):
    """Answers as the real system did. The requests must be those that were recorded, one after the other."""

    def __init__(self, exchanges: list[dict[str, Any]]) -> None:
        self.left = list(exchanges)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        assert self.left, f"one request too many: {request.method} {request.url.path}"
        exchange = self.left.pop(0)
        assert request_of(request) == exchange["request"]
        said = exchange["said"]
        if isinstance(said, str):
            return httpx.Response(exchange["status"], html=said)
        return httpx.Response(exchange["status"], json=said)
