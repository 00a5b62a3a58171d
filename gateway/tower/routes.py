"""The addresses of the control page. A page refreshes itself by asking for its own address again."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from gateway.auth import presented_key
from gateway.problems import UNAUTHENTICATED, Problem
from gateway.services import Services, services_of
from gateway.tower import board, pages, track
from gateway.tower.snapshots import Made, Snapshots
from gateway.views import order_view
from schemas.base import Role
from store import orders, tower
from store.engine import Connection

VIEWERS = frozenset({Role.SUPPORT, Role.ADMIN, Role.PLANNING})
PROBE_TIMEOUT_S = 1.0
MAX_NUMBER = 40
"""An order number has no more characters."""


class ViewerRoute(APIRoute):
    """A route for the roles that may watch. Others get a page that says so; a browser without a key, the way in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the check."""
        handler = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            return await _turned_away(request) or await handler(request)

        return admitted


router = APIRouter(prefix="/tower", include_in_schema=False, route_class=ViewerRoute)


@router.get("")
async def overview(request: Request) -> Response:
    """Figures, health, flow, what needs attention, what just happened."""
    services = services_of(request)

    async def make() -> Made:
        (shown, reading_s), temporal_up = await asyncio.gather(_read(services, board.read), _temporal_up(services))
        temporal_url = track.namespace_url(services.settings)
        page = pages.render("overview.html", board=shown, temporal_up=temporal_up, temporal_url=temporal_url)
        return Made(page, reading_s)

    return pages.html(await _snapshots(request).get("overview", make))


@router.get("/orders")
async def search(request: Request, number: str = "") -> Response:
    """The order with this number; a choice when several ERPs use it."""
    wanted = "".join(filter(str.isprintable, number)).strip()[:MAX_NUMBER]
    async with services_of(request).database.connection() as connection:
        found = await orders.find(connection, wanted, None)
    if len(found) == 1:
        return RedirectResponse(pages.order_url(found[0]["key"]), 303)
    return pages.html(pages.render("orders.html", number=wanted, found=found), 200 if found else 404)


@router.get("/orders/{erp}/{number}")
async def order(request: Request, erp: str, number: str) -> Response:
    """One order: milestones, lines, effects, timeline."""
    services = services_of(request)
    key = orders.order_key(erp, number)

    async def read(connection: Connection) -> str:
        found = await orders.find(connection, number, None, erp) if key.isprintable() else []
        if not found:
            return ""
        view = order_view(found[0], await orders.details(connection, key), Role.ADMIN)
        return pages.render(
            "order.html",
            order=view,
            tracks=track.tracks(view),
            timeline=track.timeline(view),
            workflow_url=track.workflow_url(services.settings, key),
        )

    page = await _snapshots(request).get(key, lambda: _made(services, read))
    return pages.html(page) if page else pages.html(pages.render("orders.html", number=number, found=[]), 404)


@router.get("/quarantine")
async def quarantine(request: Request) -> Response:
    """Messages that could not be placed, and why."""

    async def read(connection: Connection) -> str:
        return pages.render(
            "quarantine.html", totals=await tower.totals(connection), messages=await tower.parked(connection)
        )

    services = services_of(request)
    return pages.html(await _snapshots(request).get("quarantine", lambda: _made(services, read)))


async def static(name: str) -> Response:
    """A style sheet, script, font or picture of these pages. They tell nothing, so they are open to all."""
    return pages.asset(name)


router.add_api_route("/static/{name}", static, route_class_override=APIRoute)


async def _turned_away(request: Request) -> Response | None:
    try:
        caller = await services_of(request).gatekeeper.key_holder(request, presented_key(request))
    except Problem as problem:
        if problem.kind is UNAUTHENTICATED and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
        raise
    return None if caller.role in VIEWERS else pages.html(pages.render("forbidden.html", role=caller.role.value), 403)


def _snapshots(request: Request) -> Snapshots:
    """The pages that this application has made."""
    state = request.app.state
    if not hasattr(state, "snapshots"):
        state.snapshots = Snapshots()
    snapshots: Snapshots = state.snapshots
    return snapshots


async def _read(services: Services, read: Callable[[Connection], Awaitable[Any]]) -> tuple[Any, float]:
    async with services.database.connection() as connection:
        began = time.monotonic()
        found = await read(connection)
        return found, time.monotonic() - began


async def _made(services: Services, read: Callable[[Connection], Awaitable[str]]) -> Made:
    return Made(*await _read(services, read))


async def _temporal_up(services: Services) -> bool:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await services.handoff.healthy()
    except TimeoutError:
        return False
