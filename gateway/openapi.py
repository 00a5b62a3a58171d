"""The OpenAPI 3.1 document. Handlers read raw bytes, so the bodies are described here, from the same contracts."""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from dispatch.events.admission import MilestoneEnvelope
from dispatch.requests import ReplayRequest
from gateway.http.auth import COOKIE
from gateway.http.problems import ProblemDetail
from gateway.views.notices import RetryRequest
from gateway.views.partners import PartnersRequest, PauseRequest
from gateway.views.refused_rows import DemandAgain, RefusedRowsRequest, SiteRegion
from schemas.cases.policies import PolicyRule
from schemas.finance.self_audit import RepairRequest
from schemas.finance.valuation import FreightInvoice
from schemas.inventory.promising import PromiseQuestion
from schemas.inventory.reports import SentBatch
from schemas.messaging.envelope import Envelope
from schemas.orders.release import CancelRequest, ReleaseRequest
from schemas.partners.master_data import MasterChange
from schemas.partners.registry import PartnerDefinition
from schemas.planning.demand import DemandBatch
from schemas.planning.forecast import ForecastBatch
from schemas.procurement.replenishment import ReplenishmentProposal
from schemas.procurement.sent_documents import SENT, SentOrder
from schemas.workflows.commands import (
    ActionRequest,
    AmendRequest,
    HoldRequest,
    NoteRequest,
    ReplanDecision,
    ResumeRequest,
    SentReturn,
)

API_VERSION = "1"
DESCRIPTION = """Syncline keeps ERP, warehouse, transport and planning systems in step.

A 2xx answer means that the message is committed. Every other answer is a problem (RFC 9457) whose findings name the
field and the rule, never the value. Messages are read strictly: an unknown field or a repeated name is refused.
"""
BODIES: tuple[type[BaseModel], ...] = (
    ReleaseRequest,
    AmendRequest,
    CancelRequest,
    HoldRequest,
    ResumeRequest,
    ActionRequest,
    SentReturn,
    NoteRequest,
    RepairRequest,
    RetryRequest,
    ReplanDecision,
    PolicyRule,
    FreightInvoice,
    PromiseQuestion,
    SentBatch,
    ForecastBatch,
    DemandBatch,
    MasterChange,
    PartnerDefinition,
    PartnersRequest,
    PauseRequest,
    SentOrder,
    *(Envelope[document] for document in SENT.values()),  # type: ignore[valid-type]
    ReplenishmentProposal,
    MilestoneEnvelope,
    ReplayRequest,
    DemandAgain,
    RefusedRowsRequest,
    SiteRegion,
    ProblemDetail,
)
"""The contracts that the API takes."""
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer sk_…`."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "browser": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "A session, begun at `/login`."},
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
            [(model, "validation") for model in BODIES], ref_template="#/components/schemas/{model}"
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        made["components"]["schemas"] = {**definitions["$defs"], **schemas}
        made["components"]["securitySchemes"] = _SECURITY_SCHEMES
        made["security"] = [{name: []} for name in _SECURITY_SCHEMES]
        app.openapi_schema = made
    return app.openapi_schema
