"""Rendering of the control tower: templates, formats, assets, and a policy that blocks all other sources."""

import hashlib
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.http.pages import OWN_FORMS
from gateway.http.problems import NOT_FOUND, Problem
from schemas.ids import Subject, SubjectKind, SupplyKey

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SYSTEMS = {
    "erp": "ERP",
    "wms": "WMS",
    "tms": "TMS",
    "planning": "Planning",
    "inbox": "Inbox",
    "books": "Syncline",
    "outages": "connected",
}
FOR_EVER = "public, max-age=31536000, immutable"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
MS_PER_S = 1000
"""Milliseconds of a second."""
SHORT_MS = 1000
"""From here on latencies are shown in seconds."""

_HERE = Path(__file__).parent
_ASSETS = MappingProxyType({f.name: f.read_bytes() for f in (_HERE / "static").iterdir() if f.suffix in MEDIA_TYPES})
_VERSION = hashlib.sha256(b"".join(_ASSETS[name] for name in sorted(_ASSETS))).hexdigest()[:12]


def asset(name: str) -> Response:
    """A file that pages need; its address changes with its content. Raises the 404 problem."""
    if name not in _ASSETS:
        raise Problem(NOT_FOUND, "There is no such file.")
    media_type = MEDIA_TYPES[Path(name).suffix]
    return Response(_ASSETS[name], media_type=media_type, headers={"Cache-Control": FOR_EVER})


def render(template: str, **context: Any) -> str:
    """A page's text; everything in `context` is escaped."""
    return _PAGES.get_template(template).render(**context)


def html(text: str, status: int = 200) -> Response:
    """A page as an answer."""
    return HTMLResponse(text, status, {"Content-Security-Policy": POLICY, **OWN_FORMS})


def order_url(key: str) -> str:
    """The page of the order `<erp>/<number>`."""
    return f"/tower/orders/{quote(key)}"


def case_url(case_id: str) -> str:
    """The page of the case `<erp>/<number>/<kind>/<n>`."""
    return f"/tower/cases/{quote(case_id)}"


def item_url(item: str, site: str) -> str:
    """The page of an item at a site."""
    return f"/tower/stock/{quote(item, safe='')}?site={quote(site, safe='')}"


def purchase_url(erp: str, number: str) -> str:
    """The page of a purchase order."""
    return f"/tower/purchases/{quote(erp, safe='')}/{quote(number, safe='')}"


def supply_url(key: str) -> str:
    """The page of the purchase order that a supply comes from; empty for a reservation of no supply with a key."""
    try:
        supply = SupplyKey.parse(key)
    except ValueError:
        return ""
    return purchase_url(supply.erp, supply.number)


def ref_url(key: str) -> str:
    """The page of an order or purchase order by its key; the books for `stock/<system>/<target>`, else the cases."""
    about = Subject.parse(key)
    if not about.is_ordered:
        return "/tower/books" if about.kind is SubjectKind.BOOKS else "/tower/cases"
    return purchase_url(about.erp, about.number) if about.is_purchase else order_url(key)


def ref_name(key: str) -> str:
    """The name that people use for an order, a purchase order, the books of a compared system, or a workflow."""
    about = Subject.parse(key)
    if about.kind is SubjectKind.WORKFLOW:
        return key
    if about.kind is SubjectKind.BOOKS:
        return f"Books of {SYSTEMS.get(about.owner, about.owner)} {about.number}"
    return f"PO {about.number}" if about.is_purchase else about.number


def span(length: timedelta) -> str:
    """A length of time in its two largest units."""
    minutes, seconds = divmod(max(0, int(length.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((i for i, (count, _) in enumerate(parts) if count), len(parts) - 1)
    shown = parts[first : first + (1 if first >= len(parts) - 2 else 2)]
    return " ".join(f"{count} {unit}" for count, unit in shown if count or len(shown) == 1)


def _latency(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "–"
    return f"{milliseconds:.0f} ms" if milliseconds < SHORT_MS else f"{milliseconds / MS_PER_S:.1f} s"


def _took(effect: Any) -> str:
    if effect.done_at is None:
        return "–"
    return _latency((effect.done_at - effect.accepted_at).total_seconds() * MS_PER_S)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _label(name: str) -> str:
    return _words(name).capitalize()


def _moment(moment: datetime | None) -> str:
    return f"{moment:%-d %b %Y %H:%M}" if moment else "–"


def _instant(moment: datetime) -> str:
    return f"{moment:%-d %b %Y %H:%M:%S}"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}"


def _date(day: date) -> str:
    return f"{day:%-d %b %Y}"


def _day(day: date | None) -> str:
    return f"{day:%a %-d %b %Y}" if day else "–"


def _packs(quantity: int) -> str:
    return _number(quantity) if quantity else "–"


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _mood(difference: Any) -> str:
    return {"open": "s3", "waiting": "s2"}.get(difference.state, "s1")


def _signed(number: int) -> str:
    return f"{number:+,}"


def _number(number: float) -> str:
    return f"{number:,.0f}"


_PAGES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_PAGES.globals.update(version=_VERSION, system_names=SYSTEMS)
_PAGES.filters.update(
    latency=_latency,
    took=_took,
    words=_words,
    label=_label,
    moment=_moment,
    instant=_instant,
    clock=_clock,
    date=_date,
    day=_day,
    number=_number,
    packs=_packs,
    signed=_signed,
    money=_money,
    mood=_mood,
    order_url=order_url,
    case_url=case_url,
    span=span,
    item_url=item_url,
    supply_url=supply_url,
    ref_url=ref_url,
    ref_name=ref_name,
)
