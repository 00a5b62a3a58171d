"""Exchanges with a real Karrio: written down without secrets and labels, and played again."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

RECORDED = Path(__file__).parent / "recorded.json"
LABELS = ("label", "invoice", "base64")
"""Fields with a label's PDF: 200 kB each, and nothing that we read."""


@dataclass
class Recorder(httpx.AsyncBaseTransport):
    """Hands requests on, and keeps what was said. Headers are left out: they hold our key."""

    inner: httpx.AsyncBaseTransport
    exchanges: list[dict[str, Any]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        answer = await self.inner.handle_async_request(request)
        content = await answer.aread()
        said = {
            "asked": asked_of(request),
            "status": answer.status_code,
            "answer": _without_labels(json.loads(content)),
        }
        self.exchanges.append(said)
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)

    async def aclose(self) -> None:
        """See httpx."""
        await self.inner.aclose()

    def write(self, file: Path, tender: dict[str, Any]) -> None:
        """Write all of it, and the tender that it is about."""
        said = {"source": "Karrio 2026.1.32", "tender": tender, "exchanges": self.exchanges}
        file.write_text(f"{json.dumps(said, indent=1, ensure_ascii=False)}\n")


@dataclass
class Player(httpx.AsyncBaseTransport):
    """Answers as was recorded, when it is asked the same in the same order."""

    exchanges: list[dict[str, Any]]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        assert self.exchanges, f"nothing was asked after this: {asked_of(request)}"
        said = self.exchanges.pop(0)
        assert asked_of(request) == said["asked"]
        return httpx.Response(said["status"], json=said["answer"])


def asked_of(request: httpx.Request) -> dict[str, Any]:
    """What was asked, without headers."""
    body = json.loads(request.content) if request.content else None
    return {"method": request.method, "path": request.url.path, "query": dict(request.url.params), "body": body}


def recorded() -> dict[str, Any]:
    """What stands in the file."""
    found: dict[str, Any] = json.loads(RECORDED.read_text())
    return found


def _without_labels(said: Any) -> Any:
    if isinstance(said, dict):
        return {
            name: "" if name in LABELS and isinstance(it, str) else _without_labels(it) for name, it in said.items()
        }
    return [_without_labels(it) for it in said] if isinstance(said, list) else said
