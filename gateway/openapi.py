"""The OpenAPI 3.1 document. Handlers read raw bytes, so the bodies are described here, from the same contracts."""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.admission import MilestoneEnvelope
from gateway.auth import COOKIE
from gateway.parked import ParkedRequest, SiteRegion
from gateway.problems import ProblemDetail
from gateway.requests import ReplayRequest
from schemas.commands import (
    ActionRequest,
    AmendRequest,
    HoldRequest,
    NoteRequest,
    ReplanDecision,
    ResumeRequest,
    ReturnRequest,
)
from schemas.demand import DemandBatch
from schemas.envelope import Envelope
from schemas.finance import FreightInvoice
from schemas.forecast import ForecastBatch
from schemas.inventory import InventoryBatch
from schemas.master import MasterChange
from schemas.orders import CancelRequest, OrderRelease
from schemas.policies import PolicyRule
from schemas.procurement import PAPERS, PurchaseOrder
from schemas.promising import PromiseQuestion
from schemas.replenishment import ReplenishmentProposal

API_VERSION = "1"
DESCRIPTION = """Syncline keeps ERP, warehouse, transport and planning systems in step.

A 2xx answer means that the message is committed. Every other answer is a problem (RFC 9457) whose findings name the
field and the rule, never the value. Messages are read strictly: an unknown field or a repeated name is refused.
"""
_BODIES: tuple[type[BaseModel], ...] = (
    OrderRelease,
    AmendRequest,
    CancelRequest,
    HoldRequest,
    ResumeRequest,
    ActionRequest,
    ReturnRequest,
    NoteRequest,
    ReplanDecision,
    PolicyRule,
    FreightInvoice,
    PromiseQuestion,
    InventoryBatch,
    ForecastBatch,
    DemandBatch,
    MasterChange,
    PurchaseOrder,
    *(Envelope[paper] for paper in PAPERS.values()),  # type: ignore[valid-type]
    ReplenishmentProposal,
    MilestoneEnvelope,
    ReplayRequest,
    ParkedRequest,
    SiteRegion,
    ProblemDetail,
)
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer sk_…`."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "browser": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Set by `/login`, for people."},
}


@dataclass(frozen=True)
class Body:
    """A media type that an operation takes, and the name of its schema."""

    media_type: str
    schema: str
    array: bool = False


def takes(*bodies: Body) -> dict[str, Any]:
    """The request body of an operation, as FastAPI's `openapi_extra` wants it."""
    content = {}
    for body in bodies:
        schema: dict[str, Any] = {"$ref": f"#/components/schemas/{body.schema}"}
        content[body.media_type] = {"schema": {"type": "array", "items": schema} if body.array else schema}
    return {"requestBody": {"required": True, "content": content}}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the application; made once."""
    if app.openapi_schema is None:
        made = get_openapi(title="Syncline", version=API_VERSION, description=DESCRIPTION, routes=app.routes)
        _, definitions = models_json_schema(
            [(model, "validation") for model in _BODIES], ref_template="#/components/schemas/{model}"
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        made["components"]["schemas"] = {**definitions["$defs"], **schemas}
        made["components"]["securitySchemes"] = _SECURITY_SCHEMES
        made["security"] = [{name: []} for name in _SECURITY_SCHEMES]
        app.openapi_schema = made
    return app.openapi_schema
