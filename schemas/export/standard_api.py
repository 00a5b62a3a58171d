"""The Syncline REST API as OpenAPI 3.1: what a connected ERP, WMS, TMS or planning system must implement."""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.export.standard_reads import READ, content, reads
from schemas.finance.erp_feed import ErpForecastBatch, ErpFreightBatch, ErpStockBatch
from schemas.messaging.instructions import (
    Accepted,
    ErpCancellation,
    ErpChange,
    ErpMilestone,
    ErpPromise,
    Interception,
    PlanningAnswer,
    PlanningBatch,
    ReturnCollection,
    ReturnNotice,
    Tender,
    TenderAmendment,
    TenderHold,
    TenderVoid,
    WarehouseAmendment,
    WarehouseCancellation,
    WarehouseHold,
    WarehouseInstruction,
)
from schemas.planning.demand import PlanningSignals
from schemas.planning.governor import PlanDecision
from schemas.procurement.postings import (
    ConfirmationReport,
    DecisionReport,
    InvoiceSettlement,
    IssuePosting,
    ReceiptPosting,
    TransferInstruction,
)
from schemas.procurement.replenishment import ReplenishmentRequest, ReplenishmentResult

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class SystemOperation:
    """One operation that a connected system must implement."""

    system: str
    path: str
    body: type[BaseModel]
    summary: str
    answer: type[Accepted] = Accepted


CALLS = (
    SystemOperation("erp", "/v1/orders/{order}/milestones", ErpMilestone, "A milestone of the order was reached"),
    SystemOperation("erp", "/v1/orders/{order}/promise", ErpPromise, "The promise was re-dated"),
    SystemOperation(
        "erp", "/v1/orders/{order}/changes", ErpChange, "Something else happened that the books must follow"
    ),
    SystemOperation(
        "erp", "/v1/orders/{order}/cancellation", ErpCancellation, "The cancellation was carried out in every system"
    ),
    SystemOperation("erp", "/v1/purchase-orders/{po}/confirmations", ConfirmationReport, "The supplier has confirmed"),
    SystemOperation("erp", "/v1/purchase-orders/{po}/receipts", ReceiptPosting, "Goods were received"),
    SystemOperation("erp", "/v1/purchase-orders/{po}/invoices", InvoiceSettlement, "Pay an invoice, or hold it"),
    SystemOperation(
        "erp", "/v1/purchase-orders/{po}/decisions", DecisionReport, "Pass on to the supplier what was decided"
    ),
    SystemOperation("erp", "/v1/purchase-orders/{po}/issues", IssuePosting, "A transfer has left its site"),
    SystemOperation(
        "erp", "/v1/replenishments", ReplenishmentRequest, "Validate, and order; `reference` is the order's number"
    ),
    SystemOperation(
        "erp", "/v1/stock-movements", ErpStockBatch, "Stock moved beside orders, in bulk; each row's key counts once"
    ),
    SystemOperation(
        "erp", "/v1/forecasts", ErpForecastBatch, "Forecasts that changed, in bulk; each row's key counts once"
    ),
    SystemOperation("erp", "/v1/freight-postings", ErpFreightBatch, "Freight accrued, reversed or settled, in bulk"),
    SystemOperation("planning", "/v1/replenishments/{id}/result", ReplenishmentResult, "What came of a proposal"),
    SystemOperation("planning", "/v1/replans", PlanDecision, "A planner has decided about an item at a site"),
    SystemOperation(
        "planning",
        "/v1/demand-signals",
        PlanningSignals,
        "Demand signals that changed, in bulk; each row's key makes it count once",
        PlanningAnswer,
    ),
    SystemOperation("wms", "/v1/instructions", WarehouseInstruction, "Pick, pack and hand over"),
    SystemOperation(
        "wms", "/v1/instructions/{order}/amendments", WarehouseAmendment, "So much more or less; new day, new address"
    ),
    SystemOperation("wms", "/v1/instructions/{order}/hold", WarehouseHold, "Stop work, or go on with it"),
    SystemOperation(
        "wms", "/v1/instructions/{order}/cancellation", WarehouseCancellation, "Stop, or put away what was picked"
    ),
    SystemOperation("wms", "/v1/returns", ReturnNotice, "Receive and inspect what comes back"),
    SystemOperation("wms", "/v1/transfers/{po}", TransferInstruction, "Pick and send this to another site"),
    SystemOperation("tms", "/v1/tenders", Tender, "Carry this order"),
    SystemOperation(
        "tms", "/v1/tenders/{order}/amendments", TenderAmendment, "So much more or less; new day, new address"
    ),
    SystemOperation("tms", "/v1/tenders/{order}/hold", TenderHold, "Do not pick up, or do"),
    SystemOperation("tms", "/v1/tenders/{order}/void", TenderVoid, "Do not carry this order"),
    SystemOperation("tms", "/v1/shipments/{shipment}/interception", Interception, "Stop a shipment and bring it back"),
    SystemOperation("tms", "/v1/collections", ReturnCollection, "Collect at the customer what comes back"),
    SystemOperation(
        "planning",
        "/v1/rows",
        PlanningBatch,
        "What moved, netted and in bulk; each row's key makes it count once",
        PlanningAnswer,
    ),
    # one operation a line: `make step` writes above this one
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


def standard() -> dict[str, Any]:
    """The OpenAPI document."""
    models = [*(call.body for call in CALLS), *READ, *dict.fromkeys(call.answer for call in CALLS)]
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Syncline standard API",
            "version": "1.0.0",
            "description": "What a connected ERP, WMS, TMS or planning system implements. Each system implements the "
            "paths under its own tag. A call is repeated with the same Idempotency-Key until it is answered. An answer "
            "has at most 1 MiB, a page of a list 16 MiB, unpacked; beyond that it counts as none.",
        },
        "jsonSchemaDialect": JSON_SCHEMA,
        "servers": [{"url": "{base}", "variables": {"base": {"default": "https://system.example"}}}],
        "security": [{"bearer": []}],
        "tags": [{"name": system} for system in dict.fromkeys(call.system for call in CALLS)],
        "paths": {call.path: _path(call) for call in CALLS} | reads(),
        "components": {
            "schemas": definitions["$defs"] | {"Problem": _PROBLEM},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "parameters": _PARAMETERS,
            "responses": _RESPONSES,
        },
    }


def _path(call: SystemOperation) -> dict[str, Any]:
    named = [name.capitalize() for name in re.findall(r"{(\w+)}", call.path)]
    operation: dict[str, Any] = {
        "operationId": call.body.__name__[0].lower() + call.body.__name__[1:],
        "tags": [call.system],
        "summary": call.summary,
        "parameters": [
            {"$ref": f"#/components/parameters/{name}"} for name in (*named, "IdempotencyKey", "Traceparent")
        ],
        "requestBody": {"required": True, "content": content("application/json", call.body.__name__)},
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
    if call.answer is not Accepted:
        body = content("application/json", call.answer.__name__)
        operation["responses"] |= {
            status: {"description": _RESPONSES[name]["description"], "content": body}
            for status, name in (("200", "Replayed"), ("201", "Accepted"))
        }
    return {"post": operation}


_PARAMETERS = {
    "Order": {
        "name": "order",
        "in": "path",
        "required": True,
        "description": "The ERP's order number; the same as `order` in the body.",
        "schema": {"type": "string"},
    },
    "Po": {
        "name": "po",
        "in": "path",
        "required": True,
        "description": "The ERP's purchase order number; the same as `po` in the body.",
        "schema": {"type": "string"},
    },
    "Id": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The proposal's id; the same as `id` in the body.",
        "schema": {"type": "string"},
    },
    "Shipment": {
        "name": "shipment",
        "in": "path",
        "required": True,
        "description": "The shipment's number; the same as `shipment` in the body.",
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

_RESPONSES: dict[str, dict[str, Any]] = {
    "Accepted": {"description": "Carried out.", "content": content("application/json", "Accepted")},
    "Replayed": {
        "description": "This key had been carried out before: the first answer again, with `replayed`.",
        "content": content("application/json", "Accepted"),
    },
    "Refused": {
        "description": "The system's rules refuse the call; it is not repeated.",
        "content": content("application/problem+json", "Problem"),
    },
    "Later": {
        "description": "Not now; the call is repeated with the same key.",
        "headers": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}},
        "content": content("application/problem+json", "Problem"),
    },
}
