"""Replenishments: planning proposes, and everybody concerned sees what became of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from gateway.api.procurement import DocumentAccepted
from gateway.http.auth import AnyCaller, ProposingCaller
from gateway.http.limits import read_body
from gateway.http.lookup import party_of
from gateway.http.problems import NOT_FOUND, Problem, answers_of
from gateway.http.request_context import request_context_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from gateway.views.purchases import ReplenishmentView
from schemas.parsing import parse_strict
from schemas.procurement.replenishment import ProposalId, ReplenishmentProposal
from store.messaging import inbox
from store.procurement import replenishments

router = APIRouter(tags=["procurement"])

JSON = "application/json"


@router.post(
    "/v1/replenishments",
    summary="Propose a replenishment",
    status_code=202,
    response_model=DocumentAccepted,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "ReplenishmentProposal")),
)
async def propose(request: Request, caller: ProposingCaller) -> Response:
    """Have the ERP validate and order what planning proposes. The same `id` is carried out once."""
    gateway, context = services_of(request), request_context_of(request.scope)
    _, raw = await read_body(request, JSON)
    proposal = parse_strict(ReplenishmentProposal, raw)
    message = context.message(caller.partner, inbox.PROPOSAL, proposal.id, raw)
    [message_id] = await gateway.inbox_writer.commit([message])
    gateway.metrics.accepted(inbox.PROPOSAL)
    links = {"self": f"/v1/replenishments/{proposal.id}"}
    return answer(DocumentAccepted(id=message_id, links=links), 202, {"Location": links["self"]})


@router.get(
    "/v1/replenishments/{proposal}",
    summary="Show a replenishment",
    response_model=ReplenishmentView,
    responses=answers_of(401, 404, 422, 429, 503),
)
async def show(request: Request, caller: AnyCaller, proposal: Annotated[ProposalId, Path()]) -> Response:
    """The order that came of a proposal, or which hop failed, whose failure it is, and why."""
    async with services_of(request).database.connection() as connection:
        row = await replenishments.show(connection, proposal, party_of(caller))
    if row is None:
        raise Problem(NOT_FOUND, "You take part in no replenishment with this id.")
    return answer(ReplenishmentView.model_validate(row))
