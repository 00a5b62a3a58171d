"""The addresses of the control tower. A page refreshes itself by asking for its own address again."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from gateway.services import Services, services_of
from gateway.tower import board, forms, order_page, pages, serving, track, work_lists
from gateway.tower.snapshots import Made, Snapshots
from gateway.tower.viewers import ViewerRoute, is_support
from gateway.views.orders import order_view
from schemas.base import Role
from schemas.ids import order_key
from schemas.workflow_ids import WorkflowId, workflow_of
from schemas.workflows.lifecycle import StatusAnswer
from store.engine import Connection
from store.orders import orders
from store.views import overview as tower
from store.views import unsettled

PROBE_TIMEOUT_S = 1.0
"""Seconds for Temporal to answer; a page does not wait longer to show that it is away."""
STATUS_TIMEOUT_S = 0.5
"""Seconds for an order's workflow to say what it waits for; after that its page is shown without."""
MAX_NUMBER = 40
"""An order number has no more characters."""
MAX_CHOICE = 60
"""Nor has the name of a desk, kind or region."""

router = APIRouter(prefix="/tower", include_in_schema=False, route_class=ViewerRoute)


@router.get("")
async def overview(request: Request) -> Response:
    """Figures, health, flow, what needs attention, what just happened."""
    services = services_of(request)

    async def make() -> Made[str]:
        (shown, reading_s), temporal_up = await asyncio.gather(
            serving.read(services, board.read), _temporal_up(services)
        )
        temporal_url = track.namespace_url(services.settings)
        page = pages.render("overview.html", board=shown, temporal_up=temporal_up, temporal_url=temporal_url)
        return Made(page, reading_s)

    return await serving.shown(request, "overview", make)


@router.get("/orders")
async def search(request: Request, number: str = "") -> Response:
    """The order with this number; a choice when several ERPs use it."""
    wanted = serving.printable(number, MAX_NUMBER)
    async with services_of(request).database.connection() as connection:
        found = await orders.find(connection, wanted, None)
    if len(found) == 1:
        return RedirectResponse(pages.order_url(found[0]["key"]), 303)
    return pages.html(pages.render("orders.html", number=wanted, found=found), 200 if found else 404)


PageNumber = Annotated[int, Query(ge=1, le=order_page.MAX_PAGE)]


@router.get("/orders/{erp}/{number}")
async def order(
    request: Request,
    erp: str,
    number: str,
    lines: PageNumber = 1,
    shipments: PageNumber = 1,
    effects: PageNumber = 1,
    timeline: PageNumber = 1,
) -> Response:
    """One order: milestones, lines, cases, effects, timeline, and what it waits for; long lists in pages."""
    services = services_of(request)
    support = is_support(request)
    key = order_key(erp, number)
    asked = {"lines": lines, "shipments": shipments, "effects": effects, "timeline": timeline}

    async def make() -> Made[str]:
        found, reading_s = await serving.read(services, lambda c: order_page.read(c, erp, number, asked))
        if found is None:
            return Made("", reading_s)
        waiting = await _waiting(request, key) if found.row["closed_at"] is None else None
        view = order_view(found.row, found.details, Role.ADMIN, waiting, found.counts)
        page = pages.render(
            "order.html",
            order=view,
            pagers=found.pagers,
            tracks=track.tracks(view, found.reached),
            timeline=track.timeline(view, found.newer, found.last),
            forms=forms.of_order(view, support=support),
            now=datetime.now(UTC),
            workflow_url=track.workflow_url(services.settings, workflow_of(key)),
        )
        return Made(page, reading_s)

    missing = pages.render("orders.html", number=number, found=[])
    return await serving.shown(request, f"orders/{key} {support} {asked}", make, missing)


@router.get("/cases")
async def cases(request: Request, queue: str = "", kind: str = "") -> Response:
    """Open cases as a work list, of one desk or kind if it is named."""
    services = services_of(request)
    queue, kind = serving.printable(queue, MAX_CHOICE), serving.printable(kind, MAX_CHOICE)

    async def make() -> Made[str]:
        work, reading_s = await serving.read(
            services, lambda connection: work_lists.read_cases(connection, queue, kind)
        )
        return Made(pages.render("cases.html", work=work), reading_s)

    return await serving.shown(request, work_lists.cases_url(queue, kind), make)


@router.get("/cases/{case_id:path}")
async def case(request: Request, case_id: str) -> Response:
    """One case: what is wrong, what happened, what can be done."""
    services = services_of(request)
    support = is_support(request)
    wanted = case_id if case_id.isprintable() else ""

    async def make() -> Made[str]:
        shown, reading_s = await serving.read(services, lambda c: work_lists.read_case(c, wanted, support=support))
        if shown is None:
            return Made("", reading_s)
        workflow_url = track.workflow_url(services.settings, str(WorkflowId.of_case(wanted)))
        return Made(pages.render("case.html", shown=shown, support=support, workflow_url=workflow_url), reading_s)

    return await serving.shown(request, f"cases/{wanted} {support}", make, pages.render("nocase.html"))


@router.get("/planner")
async def planner(request: Request, region: str = "") -> Response:
    """Re-plan proposals: those that wait for a decision, and those that were decided."""
    services = services_of(request)
    region = serving.printable(region, MAX_CHOICE)

    async def make() -> Made[str]:
        rules = services.settings.governor
        shown, reading_s = await serving.read(
            services, lambda connection: work_lists.read_planner(connection, region, rules)
        )
        return Made(pages.render("planner.html", shown=shown, forms=forms), reading_s)

    return await serving.shown(request, work_lists.planner_url(region), make)


@router.get("/quarantine")
async def quarantine(request: Request) -> Response:
    """Messages that could not be placed, undelivered messages, and why."""
    services = services_of(request)

    async def read(connection: Connection) -> str:
        return pages.render(
            "quarantine.html",
            totals=await tower.totals(connection),
            messages=await unsettled.quarantined(connection),
            undelivered=await unsettled.unsent(connection),
        )

    async def make() -> Made[str]:
        return Made(*await serving.read(services, read))

    return await serving.shown(request, "quarantine", make)


async def static(name: str) -> Response:
    """A style sheet, script, font or picture of these pages. They hold no data, so they are open to all."""
    return pages.asset(name)


router.add_api_route("/static/{name}", static, route_class_override=APIRoute)


async def _waiting(request: Request, key: str) -> StatusAnswer | None:
    """The awaited step of the order's workflow; asked the less often, the longer it takes to answer."""
    answers: Snapshots[StatusAnswer | None] = serving.kept(request, "answers")

    async def make() -> Made[StatusAnswer | None]:
        began = time.monotonic()
        waiting = None
        with suppress(TimeoutError):
            async with asyncio.timeout(STATUS_TIMEOUT_S):
                waiting = await services_of(request).handoff.status(key, STATUS_TIMEOUT_S)
        return Made(waiting, time.monotonic() - began)

    return await answers.get(key, make)


async def _temporal_up(services: Services) -> bool:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await services.handoff.healthy()
    except TimeoutError:
        return False
