"""The addresses of the pages on goods: stock, purchases and the books."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gateway.services import services_of
from gateway.tower import books, pages, purchases, serving, stock, track
from gateway.tower.snapshots import Made, Snapshots
from gateway.tower.viewers import ViewerRoute
from schemas.ids import purchase_key
from schemas.procurement.purchase_orders import PurchaseStatus
from schemas.workflow_ids import workflow_of
from store.views import books as tower_books
from store.views.books import LedgerValues

MAX_TEXT = 60
"""An item has no more characters, nor a site."""
MAX_PAGE = 1_000
"""Pages of a list: far beyond what people turn."""
LEDGER_REST_S = 3.0
"""Counted as the time that the ledger took to read, at least: so it is read at most once a minute."""

router = APIRouter(prefix="/tower", include_in_schema=False, route_class=ViewerRoute)


@router.get("/stock")
async def stock_list(request: Request, q: str = "", page: str = "") -> Response:
    """Item-sites, those with trouble first; of those whose item or site contains `q`."""
    services, text, number = services_of(request), serving.printable(q, MAX_TEXT), whole(page, 1, MAX_PAGE)

    async def make() -> Made[str]:
        found, reading_s = await serving.read(services, lambda c: stock.read_list(c, text, number))
        return Made(pages.render("stock.html", stock=found), reading_s)

    return await serving.shown(request, f"stock {number} {text}", make)


@router.get("/stock/{item:path}")
async def stock_item(request: Request, item: str, site: str = "", days: str = "") -> Response:
    """One item at one site: its projection, what comes, who holds it, how it moved."""
    services = services_of(request)
    wanted, at = serving.printable(item, MAX_TEXT), serving.printable(site, MAX_TEXT)
    if not at:
        return RedirectResponse(stock.search_url(wanted), 303)
    horizon = next((it for it in stock.HORIZONS if str(it) == days), stock.HORIZON_DAYS)

    async def make() -> Made[str]:
        found, reading_s = await serving.read(services, lambda c: stock.read_item(c, wanted, at, horizon))
        return Made(pages.render("stockitem.html", stock=found) if found else "", reading_s)

    return await serving.shown(
        request, f"stock item {horizon} {at} {wanted}", make, pages.render("nostock.html", item=wanted, site=at)
    )


@router.get("/purchases")
async def purchase_list(request: Request, state: str = "") -> Response:
    """Purchase orders in a state, or open ones; proposals that failed."""
    services = services_of(request)
    chosen = state if state in list(PurchaseStatus) else ""

    async def make() -> Made[str]:
        found, reading_s = await serving.read(services, lambda c: purchases.read_list(c, chosen))
        return Made(pages.render("purchases.html", shown=found), reading_s)

    return await serving.shown(request, purchases.list_url(chosen), make)


@router.get("/purchases/{erp}/{number}")
async def purchase(request: Request, erp: str, number: str) -> Response:
    """One purchase order: lines, shipments, invoices, cases, messages to the ERP."""
    services = services_of(request)

    async def make() -> Made[str]:
        found, reading_s = await serving.read(services, lambda c: purchases.read_one(c, erp, number))
        if found is None:
            return Made("", reading_s)
        workflow_url = track.workflow_url(services.settings, workflow_of(purchase_key(erp, number)))
        return Made(pages.render("purchase.html", shown=found, workflow_url=workflow_url), reading_s)

    missing = pages.render("nopurchase.html", number=number)
    return await serving.shown(request, f"purchases/{erp}/{number}", make, missing)


@router.get("/books")
async def books_page(request: Request) -> Response:
    """Stock as each system has it, what differs, and what the ledger is worth."""
    services = services_of(request)
    ledgers: Snapshots[LedgerValues | None] = serving.kept(request, "ledgers")

    async def add_up() -> Made[LedgerValues | None]:
        ledger, reading_s = await serving.read(services, lambda c: tower_books.ledger(c, books.DAYS))
        return Made(ledger, max(LEDGER_REST_S, reading_s))

    async def make() -> Made[str]:
        found, reading_s = await serving.read(services, lambda c: books.read(c, ledger))
        return Made(pages.render("books.html", books=found), reading_s)

    ledger = await ledgers.get("ledger", add_up)
    return await serving.shown(request, "books", make)


def whole(text: str, least: int, most: int) -> int:
    """A number from an address, within its limits; the least when it is none."""
    return min(max(int(text), least), most) if text.isascii() and text.isdigit() and len(text) < MAX_TEXT else least
