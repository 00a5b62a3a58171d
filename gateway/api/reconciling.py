"""Differences with other systems, drifts of our own books, and their repair."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from gateway.api.command_handling import JSON
from gateway.http.auth import SupportCaller
from gateway.http.limits import read_body
from gateway.http.problems import answers_of
from gateway.openapi import Body, takes
from gateway.repairing import repair_drift
from gateway.services import answer, services_of
from schemas.finance.self_audit import DifferenceList, RepairAnswer, RepairRequest
from schemas.parsing import parse_strict
from store.finance import reconciliation

router = APIRouter(tags=["books"])

Id = Annotated[int, Path(ge=1, le=2**63 - 1, description="The number of the difference.")]


@router.get(
    "/v1/differences",
    summary="List differences",
    response_model=DifferenceList,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def listed(
    request: Request,
    caller: SupportCaller,
    state: Annotated[str, Query(pattern="^(open|all)$", description="The present differences, or all.")] = "open",
    limit: Annotated[int, Query(ge=1, le=500, description="The most entries of the answer.")] = 100,
) -> Response:
    """Differences between Syncline and other systems, and drifts of our own books (`about` is `book`)."""
    async with services_of(request).database.connection() as connection:
        found = await reconciliation.listing(connection, open_only=state == "open", limit=limit)
    return answer(DifferenceList(differences=tuple(found)))


@router.post(
    "/v1/differences/{id}/repair",
    summary="Mend a drift of our own books",
    response_model=RepairAnswer,
    responses=answers_of(401, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "RepairRequest")),
)
async def repair(request: Request, caller: SupportCaller, id: Id) -> Response:
    """Check the drift again and repair it as its `proposal` says; the next audit closes the case.

    409 when nothing is wrong by now, when our books do not give the figure, or when the difference is another system's.
    """
    services = services_of(request)
    _, raw = await read_body(request, JSON)
    wish = parse_strict(RepairRequest, raw)
    return answer(await repair_drift(services.database, services.settings.stock_owner, caller.partner, id, wish))
