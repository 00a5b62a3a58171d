"""Pages for people: the API reference, made from the OpenAPI document, the start page, and a way in for a browser."""

import re
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from gateway.http.auth import COOKIE, OTHER, AnyCaller, presented_session, sending_page
from gateway.http.limits import read_body
from gateway.http.pages import is_for_people, page
from gateway.http.problems import FORBIDDEN, KINDS, NOT_FOUND, UNAUTHENTICATED, Problem
from gateway.openapi import document
from gateway.services import services_of
from gateway.views.reference import reference_of
from schemas.parsing import refuse
from store.partners.sessions import LASTS_S

router = APIRouter(include_in_schema=False)

MAX_FORM_BYTES = 4096
"""Bytes of a form: a key and an address within the site are some hundred."""
_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
HOME = "/docs"


@router.get("/openapi.json")
async def openapi(request: Request, _caller: AnyCaller) -> Response:
    """The OpenAPI document."""
    return JSONResponse(document(request.app))


@router.get("/docs")
async def reference(request: Request) -> Response:
    """The API reference. A browser without a key is shown the way in."""
    try:
        await services_of(request).gatekeeper.caller(request)
    except Problem as problem:
        if problem.kind is UNAUTHENTICATED and is_for_people(request.scope):
            return RedirectResponse(f"/login?next={quote(HOME)}", 303)
        raise
    return page("reference.html", api=reference_of(document(request.app)), kinds=KINDS)


@router.get("/problems/{slug}")
async def problem_kind(slug: str, _caller: AnyCaller) -> Response:
    """The address of a problem type redirects to its explanation."""
    return RedirectResponse(f"{HOME}#problem-{quote(slug)}", 303)


@router.get("/")
async def front(request: Request) -> Response:
    """The start page: people are led to the control tower."""
    if is_for_people(request.scope):
        return RedirectResponse("/tower", 303)
    raise Problem(
        NOT_FOUND, "There is nothing at this address. The API is under /v1, its description at /openapi.json."
    )


@router.get("/login")
async def login_form(next: str = HOME) -> Response:
    """The way in for a browser: a form. A link may carry the key behind `#`; that part of it is not sent to us."""
    return page("login.html", next=next, refused=False)


@router.post("/login")
async def login(request: Request) -> Response:
    """The key in the form begins a session. A form of another site is refused: it would put people into a foreign
    session."""
    if sending_page(request) == OTHER:
        raise Problem(FORBIDDEN, "Enter from the page of this site.")
    _, raw = await read_body(request, "application/x-www-form-urlencoded")
    if len(raw) > MAX_FORM_BYTES:
        refuse("body", f"a form may have {MAX_FORM_BYTES} bytes")
    form = parse_qs(raw.decode("utf-8", "replace"))
    key, target = form.get("key", [""])[0].strip(), form.get("next", [HOME])[0]
    gatekeeper = services_of(request).gatekeeper
    try:
        session = await gatekeeper.begin_session(request, key)
    except Problem as problem:
        if problem.kind is not UNAUTHENTICATED:
            raise
        return page("login.html", 401, next=target, refused=True)
    if old := request.cookies.get(COOKIE):
        await gatekeeper.end_session(old)
    response = RedirectResponse(target if _LOCAL.fullmatch(target) else HOME, 303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, session, LASTS_S, path="/", secure=secure, httponly=True, samesite="strict")
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session. Another site cannot: a cookie counts only for the site's own pages."""
    if session := presented_session(request):
        await services_of(request).gatekeeper.end_session(session)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response
