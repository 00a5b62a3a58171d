"""Access to the control tower: its routes admit support, admin and planning, and know the viewer's role."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from gateway.http.pages import is_for_people
from gateway.http.problems import UNAUTHENTICATED, Problem
from gateway.services import services_of
from gateway.tower import pages
from gateway.views.orders import SUPPORTERS
from schemas.base import Role

VIEWERS = frozenset({Role.SUPPORT, Role.ADMIN, Role.PLANNING})


class ViewerRoute(APIRoute):
    """A route for the roles that may watch. Others get a page that says so; a browser without a key, the way in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the check."""
        handler = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            return await _turned_away(request) or await handler(request)

        return admitted


def is_support(request: Request) -> bool:
    """Whether the viewer may work on cases and cancel orders; planners watch those."""
    return request.state.role in SUPPORTERS


async def _turned_away(request: Request) -> Response | None:
    try:
        caller = await services_of(request).gatekeeper.caller(request)
    except Problem as problem:
        if problem.kind is UNAUTHENTICATED and is_for_people(request.scope):
            return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
        raise
    acting = caller.acting(VIEWERS)
    request.state.role = (acting or caller).role
    return None if acting else pages.html(pages.render("forbidden.html", role=caller.role.value), 403)
