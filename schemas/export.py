"""Write the contracts for those who connect: JSON Schema 2020-12 for each message, OpenAPI 3.1 for what we call.

`python -m schemas.export` writes docs/contracts; with `--check` it only tells, by exit code 1, that they are stale.
"""

import argparse
import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.effects import PlanningDelta
from schemas.envelope import Envelope
from schemas.instructions import (
    Accepted,
    ErpCancellation,
    ErpMilestone,
    ErpPromise,
    PlanningBatch,
    Tender,
    TenderVoid,
    WarehouseCancellation,
    WarehouseInstruction,
)
from schemas.inventory import InventoryMovement
from schemas.milestones import Milestone
from schemas.orders import CancelAnswer, CancelRequest, OrderRelease, Promise, ReleaseAnswer

DIRECTORY = Path(__file__).resolve().parent.parent / "docs" / "contracts"
JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
DIALECT = "dialect.openapi.json"


@dataclass(frozen=True)
class Published:
    """A contract that crosses a boundary. `owner` decides about its meaning; `at_door`: unknown fields are refused."""

    model: type[BaseModel]
    owner: str
    at_door: bool = False

    @property
    def name(self) -> str:
        """The model's name in kebab case: `Envelope[Milestone]` is `envelope-milestone`."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])|\W+", "-", self.model.__name__)
        return words.strip("-").lower()


CONTRACTS = (
    Published(OrderRelease, "erp", at_door=True),
    Published(ReleaseAnswer, "orders"),
    Published(CancelRequest, "erp", at_door=True),
    Published(CancelAnswer, "orders"),
    Published(Promise, "orders"),
    Published(Milestone, "carrier", at_door=True),
    Published(Envelope[Milestone], "carrier", at_door=True),
    Published(InventoryMovement, "wms", at_door=True),
    Published(PlanningDelta, "planning"),
    Published(PlanningBatch, "planning"),
    Published(ErpMilestone, "erp"),
    Published(ErpPromise, "erp"),
    Published(ErpCancellation, "erp"),
    Published(WarehouseInstruction, "wms"),
    Published(WarehouseCancellation, "wms"),
    Published(Tender, "tms"),
    Published(TenderVoid, "tms"),
    Published(Accepted, "orders"),
)


@dataclass(frozen=True)
class Call:
    """One operation that a connected system must implement."""

    system: str
    path: str
    body: type[BaseModel]
    summary: str


CALLS = (
    Call("erp", "/v1/orders/{order}/milestones", ErpMilestone, "A milestone of the order was reached"),
    Call("erp", "/v1/orders/{order}/promise", ErpPromise, "The promise was re-dated"),
    Call("erp", "/v1/orders/{order}/cancellation", ErpCancellation, "The cancellation was carried out in every system"),
    Call("wms", "/v1/instructions", WarehouseInstruction, "Pick, pack and hand over"),
    Call("wms", "/v1/instructions/{order}/cancellation", WarehouseCancellation, "Stop, or put away what was picked"),
    Call("tms", "/v1/tenders", Tender, "Carry this order"),
    Call("tms", "/v1/tenders/{order}/void", TenderVoid, "Do not carry this order"),
    Call("planning", "/v1/deltas", PlanningBatch, "What moved, in bulk; each delta's key makes it count once"),
)

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is short, for machines and free of personal data: it is kept with the failure.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "default": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
    "required": ["title", "status"],
}


def documents() -> dict[str, str]:
    """Every document by its file name."""
    schemas = {f"{contract.name}.v1.json": _schema(contract) for contract in CONTRACTS}
    return {name: _formatted(document) for name, document in {**schemas, DIALECT: _dialect()}.items()}


def stale(directory: Path) -> list[str]:
    """Names of files in a directory that are missing, out of date, or no longer of any contract."""
    wanted = documents()
    found = {path.name: path.read_text(encoding="utf-8") for path in directory.glob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def write(directory: Path) -> None:
    """Bring a directory up to date."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = documents()
    for path in directory.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (directory / name).write_text(text, encoding="utf-8")


def _formatted(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _schema(contract: Published) -> dict[str, Any]:
    schema = contract.model.model_json_schema()
    if contract.at_door:
        for part in (schema, *schema.get("$defs", {}).values()):
            if "properties" in part:
                part["additionalProperties"] = False
    head = {
        "$schema": JSON_SCHEMA,
        "$id": f"urn:syncline:contract:{contract.name}:v1",
        "title": schema.pop("title"),
        "description": inspect.getdoc(contract.model),  # a parametrised generic inherits it, but not in its schema
        "x-owner": contract.owner,
        "x-lifecycle": "active",
    }
    return head | schema


def _dialect() -> dict[str, Any]:
    models = [call.body for call in CALLS] + [Accepted]
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Syncline dialect",
            "version": "1.0.0",
            "description": "What a connected ERP, WMS, TMS or planning system implements. Each system implements the "
            "paths under its own tag. A call is repeated with the same Idempotency-Key until it is answered.",
        },
        "jsonSchemaDialect": JSON_SCHEMA,
        "servers": [{"url": "{base}", "variables": {"base": {"default": "https://system.example"}}}],
        "security": [{"bearer": []}],
        "tags": [{"name": system} for system in dict.fromkeys(call.system for call in CALLS)],
        "paths": {call.path: _path(call) for call in CALLS},
        "components": {
            "schemas": definitions["$defs"] | {"Problem": _PROBLEM},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "parameters": _PARAMETERS,
            "responses": _RESPONSES,
        },
    }


def _path(call: Call) -> dict[str, Any]:
    named = ["Order"] if "{order}" in call.path else []
    operation = {
        "operationId": call.body.__name__[0].lower() + call.body.__name__[1:],
        "tags": [call.system],
        "summary": call.summary,
        "parameters": [
            {"$ref": f"#/components/parameters/{name}"} for name in (*named, "IdempotencyKey", "Traceparent")
        ],
        "requestBody": {"required": True, "content": _content("application/json", call.body.__name__)},
        "responses": {
            status: {"$ref": f"#/components/responses/{name}"}
            for status, name in (
                ("200", "Replayed"),
                ("201", "Accepted"),
                ("429", "Later"),
                ("4XX", "Refused"),
                ("5XX", "Later"),
            )
        },
    }
    return {"post": operation}


def _content(media_type: str, schema: str) -> dict[str, Any]:
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


_PARAMETERS = {
    "Order": {
        "name": "order",
        "in": "path",
        "required": True,
        "description": "The ERP's order number; the same as `order` in the body.",
        "schema": {"type": "string"},
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "A call with a key that was carried out before is answered 200 with the first answer, "
        "and is not carried out again. The same key with another body is refused with 422.",
        "schema": {"type": "string", "minLength": 1},
    },
    "Traceparent": {
        "name": "traceparent",
        "in": "header",
        "required": False,
        "description": "W3C Trace Context.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
    },
}

_RESPONSES = {
    "Accepted": {"description": "Carried out.", "content": _content("application/json", "Accepted")},
    "Replayed": {
        "description": "This key had been carried out before: the first answer again, with `replayed`.",
        "content": _content("application/json", "Accepted"),
    },
    "Refused": {
        "description": "The system's rules refuse the call; it is not repeated.",
        "content": _content("application/problem+json", "Problem"),
    },
    "Later": {
        "description": "Not now; the call is repeated with the same key.",
        "headers": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}},
        "content": _content("application/problem+json", "Problem"),
    },
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m schemas.export", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when the files are stale")
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    options = parser.parse_args()
    if not options.check:
        write(options.directory)
    elif names := stale(options.directory):
        raise SystemExit(f"stale, run `python -m schemas.export`: {', '.join(names)}")


if __name__ == "__main__":
    main()
