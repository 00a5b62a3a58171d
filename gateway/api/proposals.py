"""Re-plan proposals: what planners are asked, and their decisions."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from gateway.api.cases import Limit
from gateway.api.command_handling import asked, carried_out, committed_before
from gateway.api.commands import UNDECIDED, described
from gateway.http.auth import PlanningCaller
from gateway.http.problems import NOT_FOUND, REFUSED, Problem, answers_of
from gateway.services import Services, answer, services_of
from gateway.views.orders import ProposalList, proposal_view
from schemas.base import Region
from schemas.ids import StockProposalKey
from schemas.parsing import refuse
from schemas.workflows.commands import CommandAnswer, ReplanDecision, Verb, Verdict
from store.audit import audit_trail
from store.orders import orders
from store.partners.partners import Caller
from store.planning import governor, proposals

router = APIRouter(tags=["planning"])

DECIDED = {Verdict.ACCEPT: "accepted", Verdict.REJECT: "rejected", Verdict.OVERRIDE: "overridden"}
NOW_WHAT = "If the change lasts, another proposal asks about the item and site as they are now."
ProposalId = Annotated[str, Path(max_length=200, pattern=r"^[\x21-\x7e]+$", description="As it is listed.")]


@router.get(
    "/v1/proposals",
    summary="List re-plan proposals",
    response_model=ProposalList,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def listed(
    request: Request,
    _caller: PlanningCaller,
    state: Annotated[Literal["open", "all"], Query(description="Only open ones, or decided ones too.")] = "open",
    region: Annotated[Region | None, Query(description="Of one region.")] = None,
    limit: Limit = 100,
) -> Response:
    """The newest first."""
    async with services_of(request).database.connection() as connection:
        rows = await proposals.listing(connection, open_only=state == "open", region=region, limit=limit)
        stock = await governor.listing(connection, open_only=state == "open", region=region, limit=limit)
        weeks = await governor.precision(connection, region)
    found = tuple(proposal_view(row) for row in rows)
    return answer(ProposalList(proposals=found, stock=tuple(stock) or None, precision=tuple(weeks) or None))


@router.post("/v1/proposals/{proposal:path}/decision", summary="Decide on a proposal", **described("ReplanDecision"))
async def decide(request: Request, caller: PlanningCaller, proposal: ProposalId) -> Response:
    """Accept, reject or override. The order and every system follow; who decided, when and why is kept."""
    wish = await asked(request, caller, Verb.REPLAN)
    if wish.request.proposal != proposal:
        refuse("proposal", "must be the proposal that the address names")
    gateway = services_of(request)
    if about := StockProposalKey.read(proposal):
        return await _of_stock(gateway, caller, about.number, wish.request)
    if wish.request.packs is not None:
        refuse("packs", "is for items at sites: of an order, name lines and the site that sends them")
    async with gateway.database.connection() as connection:
        row = await proposals.show(connection, proposal)
        if row is None:
            raise Problem(NOT_FOUND, "There is no proposal with this id.")
        status = await orders.status_of(connection, row["order_key"])
    record = wish.about(row["order_key"])
    if row["state"] != "open" and not await committed_before(gateway, record):
        raise Problem(
            REFUSED, f"The proposal is {row['state']}: ask support to re-date or re-source the order instead."
        )
    return await carried_out(request, record, CommandAnswer(order=row["order_key"], status=status, done=UNDECIDED))


async def _of_stock(gateway: Services, caller: Caller, number: int, wish: ReplanDecision) -> Response:
    """A decision about an item at a site concerns no order: it is written down, and the governor sends it to
    planning."""
    for field in ("site", "carrier", "expedite", "substitutes"):
        if getattr(wish, field):
            refuse(field, "is for orders: an override of an item at a site names `promised_on`, `packs` or both")
    async with gateway.database.transaction() as connection:
        try:
            view = await governor.decide(
                connection, number, DECIDED[wish.verdict], caller.partner, wish.reason, wish.promised_on, wish.packs
            )
        except ValueError as decided:
            raise Problem(REFUSED, f"The proposal is {decided}. {NOW_WHAT}") from None
        if view is None:
            raise Problem(NOT_FOUND, "There is no proposal with this id.")
        detail = {"verdict": wish.verdict, "id": wish.id}
        await audit_trail.add_entry(connection, caller.partner, "stock_proposal_decided", view.id, **detail)
    return answer(view)
