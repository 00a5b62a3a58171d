"""Exception cases: what is wrong with which orders, who has it, and taking it on."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from gateway.api.command_handling import asked, carried_out
from gateway.api.commands import described
from gateway.api.orders import Erp
from gateway.http.auth import AnyCaller, SupportCaller
from gateway.http.lookup import party_of, visible_order, visible_purchase
from gateway.http.problems import FORBIDDEN, NOT_FOUND, Problem, answers_of
from gateway.services import answer, services_of
from gateway.views.orders import SUPPORTERS, CaseList, CaseView, case_view
from schemas.base import OrderNumber, Whole
from schemas.cases.exceptions import ExceptionKind
from schemas.ids import CaseKey, SubjectKind
from schemas.workflows.commands import CaseAnswer
from store.cases import cases
from store.engine import Database
from store.partners.partners import Caller

router = APIRouter(tags=["cases"])

CASE_ID = (
    r"^(?:stock/[a-z]{1,32}/[A-Za-z0-9._-]{1,60}|[a-z0-9-]{2,32}/(?:po:)?[A-Za-z0-9._-]{1,40})/[a-z_]{1,40}/[0-9]{1,9}$"
)
CaseId = Annotated[
    str,
    Path(pattern=CASE_ID, description="`<erp>/<number>/<kind>/<n>`; of books `stock/<system>/<target>/<kind>/<n>`."),
]
NOT_YOURS = "You take part in no order with this number."
Limit = Annotated[Whole, Query(ge=1, le=500, description="The most entries of a page.")]


@router.get(
    "/v1/cases",
    summary="List cases",
    response_model=CaseList,
    responses=answers_of(401, 403, 404, 409, 422, 429, 503),
)
async def listed(
    request: Request,
    caller: AnyCaller,
    state: Annotated[Literal["open", "all"], Query(description="Only open ones, or closed ones too.")] = "open",
    kind: Annotated[ExceptionKind | None, Query(description="Of one kind.")] = None,
    queue: Annotated[str | None, Query(max_length=60, description="On one desk; for support.")] = None,
    order: Annotated[OrderNumber | None, Query(description="Of one order, by the ERP's number.")] = None,
    erp: Erp = None,
    after: Annotated[str | None, Query(pattern=CASE_ID, description="The start of the page: from `next`.")] = None,
    limit: Limit = 100,
) -> Response:
    """The newest first, of the orders that the caller takes part in. Support sees all, and on whose desk each is."""
    if queue and caller.role not in SUPPORTERS:
        raise Problem(FORBIDDEN, "Only support sees on whose desk a case is.")
    database = services_of(request).database
    key = (await visible_order(database, caller, order, erp))["key"] if order else None
    async with database.connection() as connection:
        rows = await cases.listing(
            connection,
            open_only=state == "open",
            kind=kind,
            queue=queue,
            order=key,
            party=party_of(caller),
            after=after,
            limit=limit + 1,
        )
    found, more = rows[:limit], len(rows) > limit
    beyond = str(request.url.include_query_params(after=found[-1]["id"]).query) if more else ""
    link = f"/v1/cases?{beyond}" if beyond else None
    return answer(CaseList(cases=tuple(case_view(row, caller.role) for row in found), next=link))


@router.get(
    "/v1/cases/{case:path}",
    summary="Show a case",
    response_model=CaseView,
    responses=answers_of(401, 404, 422, 429, 503),
)
async def show(request: Request, caller: AnyCaller, case: CaseId) -> Response:
    """The case; for support with its desk, findings, what can be done, and its history."""
    return answer(case_view(await _visible(services_of(request).database, caller, case), caller.role))


async def _visible(database: Database, caller: Caller, case: str) -> dict[str, Any]:
    """The case as the store reads it. Raises the 404 `Problem` unless the caller takes part in its order; books are
    support's."""
    named = CaseKey.read(case)
    if named is None:
        raise Problem(NOT_FOUND, NOT_YOURS)
    about = named.subject
    match about.kind:
        case SubjectKind.ORDER:
            await visible_order(database, caller, about.number, about.erp)
        case SubjectKind.PURCHASE_ORDER:
            await visible_purchase(database, caller, about.number, about.erp)
        case _ if caller.role not in SUPPORTERS:
            raise Problem(NOT_FOUND, NOT_YOURS)
    async with database.connection() as connection:
        row: dict[str, Any] | None = await cases.show(connection, case)
    if row is None:
        raise Problem(NOT_FOUND, NOT_YOURS)
    return row


async def _note(request: Request, caller: Caller, verb: str, case: str) -> Response:
    wish = await asked(request, caller, verb)
    row = await _visible(services_of(request).database, caller, case)
    known = {name: row[name] for name in ("state", "tier", "queue", "assignee")}
    return await carried_out(request, wish.about(case), CaseAnswer.model_validate({"case": case, **known}))


@router.post("/v1/cases/{case:path}/acknowledge", summary="Acknowledge a case", **described("NoteRequest", CaseAnswer))
async def acknowledge(request: Request, caller: SupportCaller, case: CaseId) -> Response:
    """Say that somebody has seen it. The same `id` is carried out once."""
    return await _note(request, caller, "acknowledge", case)


@router.post("/v1/cases/{case:path}/assign", summary="Assign a case", **described("NoteRequest", CaseAnswer))
async def assign(request: Request, caller: SupportCaller, case: CaseId) -> Response:
    """Give it to the person or queue in `to`. The same `id` is carried out once."""
    return await _note(request, caller, "assign", case)


@router.post("/v1/cases/{case:path}/resolve", summary="Resolve a case", **described("NoteRequest", CaseAnswer))
async def resolve(request: Request, caller: SupportCaller, case: CaseId) -> Response:
    """Close it with a `reason`. The same `id` is carried out once."""
    return await _note(request, caller, "resolve", case)
