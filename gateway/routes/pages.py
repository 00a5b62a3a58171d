"""Pages for people: the API reference, made from the OpenAPI document, and a way in for a browser.

No script, no content from elsewhere; the style is inline and named by its hash in the content security policy.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.auth import COOKIE, AnyCaller, presented_key
from gateway.limits import read_body
from gateway.openapi import document
from gateway.problems import KINDS, UNAUTHENTICATED, Problem
from gateway.reference import reference_of
from gateway.services import services_of
from schemas.door import refuse

router = APIRouter(include_in_schema=False)

SESSION_S = 12 * 3600
MAX_FORM_BYTES = 4096
_TEMPLATES = Path(__file__).parents[1] / "templates"
_STYLE = (_TEMPLATES / "pages.css").read_text()
_PAGES = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
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
        await services_of(request).gatekeeper.key_holder(request, presented_key(request))
    except Problem as problem:
        if problem.kind is UNAUTHENTICATED and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"/login?next={quote(HOME)}", 303)
        raise
    return _page("reference.html", api=reference_of(document(request.app)), kinds=KINDS)


@router.get("/problems/{slug}")
async def problem_kind(slug: str, _caller: AnyCaller) -> Response:
    """Where a problem's type leads: to its explanation."""
    return RedirectResponse(f"{HOME}#problem-{quote(slug)}", 303)


@router.get("/login")
async def login_form(request: Request, key: str = "", next: str = HOME) -> Response:
    """The way in for a browser: a form, or straight through with `?key=`."""
    return await _enter(request, key, next) if key else _page("login.html", next=next, refused=False)


@router.post("/login")
async def login(request: Request) -> Response:
    """What the form sends."""
    _, raw = await read_body(request, "application/x-www-form-urlencoded")
    if len(raw) > MAX_FORM_BYTES:
        refuse("body", f"a form may have {MAX_FORM_BYTES} bytes")
    form = parse_qs(raw.decode("utf-8", "replace"))
    return await _enter(request, form.get("key", [""])[0].strip(), form.get("next", [HOME])[0])


async def _enter(request: Request, key: str, target: str) -> Response:
    try:
        await services_of(request).gatekeeper.key_holder(request, key)
    except Problem as problem:
        if problem.kind is not UNAUTHENTICATED:
            raise
        return _page("login.html", 401, next=target, refused=True)
    response = RedirectResponse(target if _LOCAL.fullmatch(target) else HOME, 303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, key, SESSION_S, path="/", secure=secure, httponly=True, samesite="strict")
    return response


def _page(template: str, status: int = 200, **context: Any) -> Response:
    content = _PAGES.get_template(template).render(style=_STYLE, **context)
    return HTMLResponse(content, status, {"Content-Security-Policy": _POLICY})
