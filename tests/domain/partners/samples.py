"""Partners as they are written in files."""

from typing import Any

from schemas.parsing import check
from schemas.partners.registry import PartnerDefinition

HTTP = {"http": "https://erp.example.com/api"}
BEARER = {"scheme": "bearer", "secrets": {"token": "env:NORTH_TOKEN"}}
API = {"name": "api", "adapter": "standard", "channel": HTTP, "credentials": BEARER, "state": "live"}
NORTH: dict[str, Any] = {
    "partner": "north-3pl",
    "name": "North Logistics",
    "roles": ["wms", "carrier"],
    "region": "EMEA",
    "time_zone": "Europe/Berlin",
    "calendar": "DE-BE",
    "identifiers": {"scac": "NRTH", "gln": "4012345000009", "isa": "ZZ:NORTHLOG"},
    "sites": ["RDC-EMEA"],
    "units": {"CT": 12, "PL": 480},
    "item_units": {"A/1": {"CT": 6}},
    "people": [{"name": "Desk", "email": "desk@north.example", "about": ["outages"]}],
    "limits": {"per_second": 5, "concurrent": 4, "per_day": 20000},
    "service_levels": {"milestone": "15m", "acknowledgement": "4h"},
    "connections": [
        API,
        {
            "name": "instructions",
            "out": ["warehouse.instruction"],
            "format": "x12/940",
            "channel": {"sftp": "north-sftp", "path": "/in"},
            "acknowledge": {"by": "997", "within": "4h"},
        },
        {
            "name": "reports",
            "in": ["x12/945", "x12/997"],
            "codes": "north-codes",
            "channel": {"sftp": "north-sftp", "path": "/out", "every": "60s", "then": "archive"},
        },
        {
            "name": "tracking",
            "in": ["webhook"],
            "mapping": "north-tracking",
            "channel": {"webhook": {"scheme": "hmac-sha256", "header": "X-North-Signature"}},
        },
    ],
}


def partner(**changes: Any) -> PartnerDefinition:
    """North Logistics, with these fields changed; None takes one away."""
    said = {**NORTH, **changes}
    return check(PartnerDefinition, {name: value for name, value in said.items() if value is not None})


def system(kind: str, name: str, state: str = "live", **connection: Any) -> PartnerDefinition:
    """A system of one kind with one connection."""
    said = {"name": "api", "adapter": "standard", "channel": HTTP, "state": state, **connection}
    return check(PartnerDefinition, {"partner": name, "name": name, "roles": [kind], "connections": [said]})
