"""A small Karrio: its shipments are those that a real one has answered, filled with what it is asked."""

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr

from connectors.connections import ConnectionSettings
from schemas.authentication import BearerToken
from schemas.base import System
from tests.connectors.conformance.bench import SECRET
from tests.connectors.karrio.recording import recorded

KNOWN = "shp_known"
"""A shipment that was bought before: amendments and voids are about it."""
SETTINGS = {
    "pack_weight_kg": "2.5",
    "sites": {"LYS": {"name": "Lyon", "address_line1": "1 quai", "city": "Lyon", "country_code": "FR"}},
}


def made() -> ConnectionSettings:
    """How it is reached."""
    login = BearerToken(token=SecretStr(SECRET), word="Token")
    return ConnectionSettings("karrio", System.TMS, "http://karrio.test", "karrio", login, SETTINGS)


def _answered(method: str, ends: str, status: int) -> dict[str, Any]:
    """The first answer of a real one to such a request."""
    every = recorded()["exchanges"]
    found = (it for it in every if it["asked"]["method"] == method and it["status"] == status)
    body: dict[str, Any] = next(it["answer"] for it in found if it["asked"]["path"].endswith(ends))
    return body


@dataclass
class KarrioStandIn:
    """See StandIn. `shipments` by id, as REST shows them."""

    connection: ConnectionSettings = field(default_factory=made)
    shipments: dict[str, dict[str, Any]] = field(default_factory=dict)
    draft: dict[str, Any] = field(default_factory=lambda: _answered("POST", "/v1/shipments", 201))
    bought: dict[str, Any] = field(default_factory=lambda: _answered("POST", "/purchase", 200))

    def __post_init__(self) -> None:
        """Somebody has bought one before."""
        known = deepcopy(self.bought)
        known |= {"id": KNOWN, "reference": "erp-one/SO-1", "created_at": "2026-05-20 08:00:00.000000+00:00"}
        known["metadata"] = {"syncline_key": "erp-one/SO-1/before", "syncline_revision": "0", "syncline_packs": "42"}
        self.shipments[KNOWN] = known

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """See StandIn."""
        assert request.headers["authorization"] == f"Token {SECRET}"
        body = json.loads(request.content) if request.content else {}
        if request.method == "GET":
            return self._shown(request)
        match request.url.path.strip("/").split("/"):
            case ["v1", "shipments"]:
                return self._create(body)
            case ["v1", "shipments", id, "purchase"]:
                return self._buy(self.shipments[id], body)
            case ["v1", "shipments", id, "cancel"]:
                return self._cancel(self.shipments[id])
        return self._note(body["variables"]["said"])

    def _shown(self, request: httpx.Request) -> httpx.Response:
        id = request.url.path.removeprefix("/v1/shipments").strip("/")
        return httpx.Response(200, json=self.shipments[id]) if id else self._list(request.url.params)

    def _list(self, asked: httpx.QueryParams) -> httpx.Response:
        start, limit = int(asked["offset"]), int(asked["limit"])
        found = [it for it in self.shipments.values() if asked["reference"] in it["reference"]][::-1]
        return httpx.Response(200, json={"count": len(found), "results": found[start : start + limit]})

    def _create(self, body: dict[str, Any]) -> httpx.Response:
        number = len(self.shipments)
        made = deepcopy(self.draft) | body
        made |= {"id": f"shp_{number}", "created_at": f"2026-05-20 09:{number:02}:00.000000+00:00"}
        self.shipments[made["id"]] = made
        return httpx.Response(201, json=made)

    def _buy(self, shipment: dict[str, Any], body: dict[str, Any]) -> httpx.Response:
        if shipment["status"] != "draft":
            return _failed(409, "state_error", f"The shipment is '{shipment['status']}' and cannot be purchased again")
        rate = next(it for it in shipment["rates"] if it["id"] == body["selected_rate_id"])
        gained = ("status", "tracking_number", "carrier_name", "tracking_url")
        shipment |= {name: self.bought[name] for name in gained}
        shipment |= {"selected_rate": rate, "carrier_id": rate["carrier_id"]}
        return httpx.Response(200, json=shipment)

    def _cancel(self, shipment: dict[str, Any]) -> httpx.Response:
        if shipment["status"] == "cancelled":
            return httpx.Response(202, json=shipment)
        if shipment["status"] not in ("draft", "created"):
            said = f"The shipment is '{shipment['status']}' and can not be cancelled anymore..."
            return _failed(409, "state_error", said)
        shipment["status"] = "cancelled"
        return httpx.Response(200, json=shipment)

    def _note(self, said: dict[str, Any]) -> httpx.Response:
        shipment = self.shipments[said["id"]]
        shipment["metadata"] = {**shipment["metadata"], **said["added_values"]}
        return httpx.Response(200, json={"data": {"mutate_metadata": {"id": said["id"], "errors": None}}})

    def records(self) -> list[str]:
        """See StandIn: what was bought since, and what was voided."""
        voided = [it for it in self.shipments.values() if "syncline_void" in it["metadata"]]
        bought = [it for it in self.shipments.values() if it["status"] == "created" and it["id"] != KNOWN]
        shown = ("reference", "metadata", "shipper", "recipient", "parcels", "is_return")
        return [json.dumps({name: it.get(name) for name in shown}, ensure_ascii=False) for it in voided + bought]

    def changes(self, request: httpx.Request) -> bool:
        """See StandIn."""
        return request.method == "POST"

    def keep_orders(self, numbers: list[str]) -> None:
        """It has no list of orders."""


def _failed(status: int, code: str, message: str) -> httpx.Response:
    return httpx.Response(status, json={"errors": [{"code": code, "level": "error", "message": message}]})
