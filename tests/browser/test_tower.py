"""The control tower in a real browser: it is live, quiet, inert to markup, and usable by keyboard."""

import pytest

pytest.importorskip("playwright.async_api", reason="Playwright is not installed: pip install playwright")

from playwright.async_api import Page, expect

from schemas.orders.release import OrderStatus
from tests.browser.conftest import Site
from tests.gateway import tower_rows

pytestmark = pytest.mark.browser

PATIENCE_MS = 20_000
"""For a page to show what changed: it asks every second."""
CASE = "/tower/cases/erp-one/SO-CASE/delay/1"
ATTACK = '<img src=x onerror="window.attacked=1"><script>window.attacked=1</script>'
expect.set_options(timeout=PATIENCE_MS)


def figure(page: Page, name: str) -> str:
    """Selector of a key figure."""
    return f".tile:has(.name:text-is('{name}')) strong"


async def test_figures_are_shown_and_follow_the_rows(site: Site) -> None:
    await tower_rows.everything(site.gateway.database)
    page = await site.enter("helpdesk")
    await expect(page.locator(figure(page, "In flight"))).to_have_text("3")
    await expect(page.locator(figure(page, "Quarantined"))).to_have_text("2")
    await expect(page.locator(".chip", has_text="WMS")).to_contain_text("1 failing")
    await expect(page.locator(".live")).to_have_text("Live")
    await tower_rows.release(site.gateway.database, "SO-NEW")
    await expect(page.locator(figure(page, "In flight"))).to_have_text("4")
    await tower_rows.step(site.gateway.database, "SO-NEW", OrderStatus.CLOSED)
    await expect(page.locator(figure(page, "Delivered"))).to_have_text("3")
    await expect(page.locator(".ended")).to_have_text("3 closed")
    assert (site.complaints, site.strangers) == ([], [])


async def test_an_order_page_follows_its_order(site: Site) -> None:
    await tower_rows.everything(site.gateway.database)
    page = await site.enter("planner", "/tower/orders/erp-one/SO-DELAYED")
    await expect(page.locator(".stops [aria-current=step]")).to_contain_text("In transit")
    await tower_rows.step(site.gateway.database, "SO-DELAYED", OrderStatus.OUT_FOR_DELIVERY, version=2)
    await expect(page.locator(".stops [aria-current=step]")).to_contain_text("Delivered")
    await expect(page.locator("h1 .badge").first).to_have_text("Out for delivery")
    assert (site.complaints, site.strangers) == ([], [])


@pytest.mark.parametrize("path", ["/tower", "/tower/quarantine"])
async def test_markup_in_a_reason_stays_text(site: Site, path: str) -> None:
    await tower_rows.quarantine_message(site.gateway.database, "first", ATTACK)
    page = await site.enter("root", path)
    await expect(page.get_by_text(ATTACK)).to_be_visible()
    await tower_rows.quarantine_message(site.gateway.database, "second", f"{ATTACK} again")
    await expect(page.get_by_text(f"{ATTACK} again")).to_be_visible()
    assert await page.evaluate("window.attacked") is None
    assert await page.locator("main img, main script").count() == 0
    assert (site.complaints, site.strangers) == ([], [])


async def test_by_keyboard_from_the_overview_to_an_order(site: Site) -> None:
    await tower_rows.everything(site.gateway.database)
    page = await site.enter("helpdesk")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox", name="Order number")).to_be_focused()
    await page.keyboard.type("SO-LATE")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("SO-LATE")
    assert page.url == f"{site.url}/tower/orders/erp-one/SO-LATE"


async def test_focus_and_typing_survive_a_refresh(site: Site) -> None:
    await tower_rows.everything(site.gateway.database)
    page = await site.enter("helpdesk")
    concern = page.locator(".concern", has_text="SO-DELAYED")
    await page.get_by_role("searchbox").fill("SO-")
    await concern.focus()
    await tower_rows.quarantine_message(site.gateway.database, "new", "a reason that comes above it")
    await expect(page.get_by_text("a reason that comes above it")).to_be_visible()
    await expect(concern).to_be_focused()
    await expect(page.get_by_role("searchbox")).to_have_value("SO-")


@pytest.mark.parametrize(
    "path",
    [
        "/tower",
        "/tower/quarantine",
        "/tower/orders/erp-one/SO-CASE",
        "/tower/cases",
        CASE,
        "/tower/planner",
        "/tower/partners",
    ],
)
async def test_nothing_scrolls_sideways_at_1280_pixels(site: Site, path: str) -> None:
    await tower_rows.everything(site.gateway.database)
    await tower_rows.trouble(site.gateway.database)
    page = await site.enter("root", path)
    await expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("path", ["/tower", "/tower/cases"])
async def test_who_wants_to_leave_finds_the_way_at_the_end_of_the_first_row(site: Site, path: str) -> None:
    page = await site.enter("root", path)
    out = await page.locator("header .out").bounding_box()
    brand = await page.locator("header .brand").bounding_box()
    header = await page.locator("header").bounding_box()
    assert out
    assert brand
    assert header
    assert out["y"] < brand["y"] + brand["height"]
    assert out["x"] + out["width"] > header["x"] + header["width"] - 1


async def test_a_gateway_that_is_gone_is_said_so_and_waited_for(site: Site) -> None:
    page = await site.enter("root")
    await page.route("**/tower", lambda route: route.abort())
    await expect(page.locator(".live")).to_have_text("Connection lost, trying again")
    await page.unroute("**/tower")
    await expect(page.locator(".live")).to_have_text("Live")


async def test_a_carrier_is_refused(site: Site) -> None:
    page = await site.enter("dhl")
    await expect(page.get_by_role("heading", level=1)).to_have_text("This page is not for the role carrier")
    answer = await page.request.get(f"{site.url}/tower")
    assert answer.status == 403
