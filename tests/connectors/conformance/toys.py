"""Small connectors for the kit's own tests: of a system without keys, and such as forget what a connector must do."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.adapters import Adapter
from connectors.connections import ConnectionSettings
from connectors.http.client import SystemClient
from connectors.http.vendor import MAX_ANSWER_BYTES, VendorAnswer, VendorClient
from connectors.once import written_once
from connectors.ports import BulkErpPort, Call, ConnectorError, OnceKind, Refused, StockPort, Unavailable, WmsPort
from connectors.registry import ADAPTERS
from connectors.standard.bulk import StandardBulkErp
from connectors.standard.clients import StandardWms
from connectors.standard.stock import StandardStock
from schemas.authentication import ApiKeyHeader
from schemas.base import Origin, System
from schemas.finance.erp_feed import ErpFreightBatch
from schemas.finance.reconciliation import OrdersReport
from schemas.messaging.instructions import Accepted, WarehouseCancellation
from tests.connectors.conformance.bench import SECRET
from tests.connectors.conformance.samples import Sample

WITHOUT = frozenset({f"WmsPort.{name}" for name in ("instruct", "amend", "hold", "expect_return")})


@dataclass(frozen=True)
class ToyWms:
    """A warehouse whose records have a field for our reference, and which takes no keys."""

    client: VendorClient
    by_reference: bool

    async def cancel(self, message: WarehouseCancellation, call: Call) -> Accepted:
        """See WmsPort."""
        if not self.by_reference:
            return await self._write(message, call)
        return await written_once(call, lambda: self._look(call), lambda: self._write(message, call), 0.5)

    async def _look(self, call: Call) -> Accepted | None:
        found = (await self.client.send("GET", "/stops", call, params={"ref": call.key})).json()
        return _accepted(found[0]) if found else None

    async def _write(self, message: WarehouseCancellation, call: Call) -> Accepted:
        said = {"order": message.order, "why": message.reason, "ref": call.key}
        answer = await self.client.send("POST", "/stops", call, json=said)
        try:
            return _accepted(answer.json())
        except (KeyError, TypeError, ValueError):
            raise answer.unavailable("the answer is not of the contract") from None


def _accepted(stop: dict[str, Any]) -> Accepted:
    return Accepted(reference=f"{stop['id']}")


def toy(once: OnceKind) -> Adapter:
    """The connector of such a warehouse."""
    return Adapter(
        name="toy",
        title="Toy",
        systems=frozenset({System.WMS}),
        ports={WmsPort: lambda it: ToyWms(it.client, once is OnceKind.NATURAL_KEY)},
        without=WITHOUT,
        once=once,
        client=VendorClient,
        list_lag_s=0.5,
    )


@dataclass
class ToyStandIn:
    """Makes a record of every POST, also of a repeat."""

    connection: ConnectionSettings = field(
        default_factory=lambda: ConnectionSettings(
            "toy", System.WMS, "http://toy.test", "toy", ApiKeyHeader(key=SecretStr(SECRET))
        )
    )
    stops: list[dict[str, Any]] = field(default_factory=list)

    def prepare(self, sample: Sample) -> None:
        """It stops any order."""

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """See StandIn."""
        if request.method == "GET":
            return httpx.Response(200, json=[it for it in self.stops if it["ref"] == request.url.params["ref"]])
        self.stops.append({"id": len(self.stops), **json.loads(request.content)})
        return httpx.Response(201, json=self.stops[-1])

    def records(self) -> list[str]:
        """See StandIn."""
        return [json.dumps(it, ensure_ascii=False) for it in self.stops]

    def changes(self, request: httpx.Request) -> bool:
        """See StandIn."""
        return request.method == "POST"

    def keep_orders(self, numbers: list[str]) -> None:
        """It has no list of orders."""


class ForgetfulClient(SystemClient):
    """Forgets one thing of what a client must do, by name."""

    def __init__(self, connection: ConnectionSettings, transport: httpx.AsyncBaseTransport | None, what: str) -> None:
        super().__init__(replace(connection, concurrent=None) if what == "limits" else connection, transport)
        self.what = what

    async def send(self, method: str, path: str, call: Call, **sent: Any) -> VendorAnswer:
        """Send, and forget."""
        if self.what == "slow":
            call = replace(call, timeout_s=2.0)
        if self.what == "huge":
            sent["max_bytes"] = 4 * MAX_ANSWER_BYTES
        if self.what == "content" and "content" in sent:
            sent["content"] = sent["content"].encode("ascii", "ignore").decode()
        if self.what == "moments" and "content" in sent:
            sent["content"] = sent["content"].replace('Z"', '"')
        if self.what == "once":
            sent["headers"] = {**sent.get("headers", {}), "Idempotency-Key": f"{id(sent)}"}
        return await self._failing(await self._sent(method, path, call, **sent))

    async def _sent(self, method: str, path: str, call: Call, **sent: Any) -> VendorAnswer:
        try:
            return await super().send(method, path, call, **sent)
        except Unavailable as error:
            raise self._forgetting(error) from None

    def _forgetting(self, error: Unavailable) -> ConnectorError:
        origin, said, wait_s, undone = error.origin, str(error), error.retry_after_s, error.undone
        if self.what == "refusals":
            return Refused(origin, said)
        changed = {
            "failures_by_origin": Unavailable(Origin.PLATFORM, said, wait_s, undone=undone),
            "retry_after": Unavailable(origin, said, undone=undone),
            "lost_answer": Unavailable(origin, said, wait_s, undone=True),
            "not_reached": Unavailable(origin, said, wait_s),
            "clock_skew": Unavailable(origin, said, 9 * 3600.0, undone=undone),
            "secrets": Unavailable(origin, f"{said} {SECRET}", wait_s, undone=undone),
        }
        return changed.get(self.what, error)

    async def _failing(self, answer: VendorAnswer) -> VendorAnswer:
        if self.what == "garbage" and not answer.content.startswith(b'{"ref'):
            return replace(answer, content=b'{"reference": "fine"}')
        return answer


@dataclass(frozen=True)
class FloatingBulk(StandardBulkErp):
    """Takes amounts for binary fractions."""

    async def post_freight(self, message: ErpFreightBatch, call: Call) -> Accepted:
        """See BulkErpPort."""
        said = json.loads(message.model_dump_json(exclude_none=True))
        for row in said["rows"]:
            row |= {name: float(value) for name, value in row.items() if name.startswith("freight_")}
        headers = {"Idempotency-Key": call.key}
        return _accepted({"id": (await self.client.send("POST", "/v1/f", call, json=said, headers=headers)).status})


@dataclass(frozen=True)
class SkippingStock(StandardStock):
    """Leaves out the last entry of each page."""

    async def orders(self, after: str, limit: int, call: Call, since: str = "") -> OrdersReport | None:
        """See StockPort."""
        page = await super().orders(after, limit + 1, call, since)
        return page and page.model_copy(update={"orders": page.orders[1:]})


def forgetful(what: str) -> Adapter:
    """The standard connector, but for one thing."""
    ports: dict[type, Callable[[Any], Any]] = {
        WmsPort: lambda it: StandardWms(it.client),
        BulkErpPort: lambda it: FloatingBulk(it.client),
        StockPort: lambda it: SkippingStock(it.client),
    }
    return replace(
        ADAPTERS["standard"],
        ports=ports,
        client=lambda connection, transport: ForgetfulClient(connection, transport, what),
    )
