"""Pages that are not of the control tower: the way in, the API reference, and what is said when something is wrong."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import Headers
from starlette.types import Scope

OWN_FORMS = {"Referrer-Policy": "same-origin"}
"""Without this a browser hides from us that a form comes from our own page."""
_TEMPLATES = Path(__file__).parent / "templates"
_STYLE = (_TEMPLATES / "pages.css").read_text()
_PAGES = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; script-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""No content from elsewhere; the style is inline and named by its hash."""


def page(template: str, status: int = 200, **context: Any) -> Response:
    """A page as an answer; everything in `context` is escaped."""
    content = _PAGES.get_template(template).render(style=_STYLE, **context)
    return HTMLResponse(content, status, {"Content-Security-Policy": _POLICY, **OWN_FORMS})


def is_for_people(scope: Scope) -> bool:
    """Whether a browser asks for a page: programs do not name HTML among what they take."""
    return scope["method"] in ("GET", "HEAD") and "text/html" in Headers(scope=scope).get("accept", "")
