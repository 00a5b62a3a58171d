"""A stand-in for any system that speaks the Syncline REST API: it keeps keys, and orders in a list."""

import json
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr

from connectors.connections import ConnectionSettings
from schemas.authentication import BearerToken
from schemas.base import System
from tests.connectors.conformance.bench import SECRET
from tests.connectors.conformance.samples import Sample


@dataclass
class StandardStandIn:
    """Answers a key as it did before."""

    connection: ConnectionSettings = field(
        default_factory=lambda: ConnectionSettings(
            "conformance",
            System.ERP,
            "http://standard.test/{id}",
            authentication=BearerToken(token=SecretStr(SECRET)),
        )
    )
    done: dict[str, str] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)

    def prepare(self, sample: Sample) -> None:
        """It takes calls about any order."""

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """See StandIn."""
        assert request.headers["authorization"] == f"Bearer {SECRET}"
        if request.method == "GET":
            after, limit = request.url.params["after"], int(request.url.params["limit"])
            page = [{"order": it, "status": "open"} for it in self.orders if it > after][:limit]
            return httpx.Response(200, json={"orders": page})
        key, known = request.headers["idempotency-key"], len(self.done)
        replayed = key in self.done
        self.done.setdefault(key, json.dumps(json.loads(request.content, parse_float=str), ensure_ascii=False))
        reference = f"R-{list(self.done).index(key)}"
        return httpx.Response(200 if replayed else 201, json={"reference": reference, "replayed": replayed, "n": known})

    def records(self) -> list[str]:
        """See StandIn."""
        return list(self.done.values())

    def changes(self, request: httpx.Request) -> bool:
        """See StandIn."""
        return request.method == "POST"

    def keep_orders(self, numbers: list[str]) -> None:
        """See StandIn."""
        self.orders = numbers
