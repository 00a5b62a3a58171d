"""Stock, purchases and books in a real browser: by keyboard, in the dark and in the light, on a narrow screen."""

import pytest

pytest.importorskip("playwright.async_api", reason="Playwright is not installed: pip install playwright")

from playwright.async_api import Page, expect

from tests.browser.conftest import Site
from tests.gateway import goods_rows
from tests.gateway.goods_rows import ITEM, LONG, SITE

pytestmark = pytest.mark.browser

PUMP = f"/tower/stock/{ITEM}?site={SITE}"
VALVE = "/tower/stock/VALVE-3?site=RDC-EMEA"
LONGEST = f"/tower/stock/{LONG}?site=RDC-EMEA"
HELD = "/tower/purchases/erp-one/4500009"
CASE = "/tower/cases/stock/wms/LYS/stock_difference/1"
PAGES = (
    "/tower/stock",
    PUMP,
    VALVE,
    LONGEST,
    "/tower/purchases",
    HELD,
    "/tower/books",
    "/tower/planner",
    "/docs",
    CASE,
)
expect.set_options(timeout=20_000)

FAINT = """() => {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (color) => {
    probe.clearRect(0, 0, 1, 1); probe.fillStyle = color; probe.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data;
    const part = (x) => (x /= 255) <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
    return { alpha: a, value: 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b) };
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = light(getComputedStyle(at).backgroundColor);
      if (found.alpha === 255) return found.value;
    }
    return light("Canvas").value;
  };
  return [...document.querySelectorAll("main *")].filter((element) => {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.closest("svg, .unseen, [popover]") || !element.checkVisibility()) return false;
    const [a, b] = [light(getComputedStyle(element).color).value, behind(element)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05) < 4.5;
  }).map((element) => element.outerHTML.slice(0, 90));
}"""
"""Elements of the page whose text stands out less from what is behind it than WCAG AA asks for."""

UNNAMED = "[...document.querySelectorAll('section, nav, th')].filter((it) => !it.textContent.trim()).length"
STUCK = """[...document.querySelectorAll('.wide')]
  .filter((it) => it.scrollWidth > it.clientWidth && it.tabIndex < 0).length"""


async def goods(site: Site, path: str, partner: str = "planner") -> Page:
    """A page with everything on it."""
    await goods_rows.everything(site.gateway.database)
    return await site.enter(partner, path)


async def test_from_the_overview_to_an_item_and_its_purchase_order_by_keyboard(site: Site) -> None:
    page = await goods(site, "/tower")
    await page.get_by_role("link", name="Stock", exact=True).focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Stock")
    await expect(page.get_by_role("link", name="Stock", exact=True)).to_have_attribute("aria-current", "page")
    await page.keyboard.press("/")
    await expect(page.get_by_role("searchbox", name="Item or site")).to_be_focused()
    await page.keyboard.type("pump")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-row]")).to_have_text([ITEM])
    await expect(page.get_by_role("searchbox", name="Item or site")).to_have_value("pump")
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name=ITEM)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text(ITEM)
    await expect(page.get_by_role("img", name="Projected availability of PUMP-200 at LYS")).to_be_visible()
    await page.get_by_role("region", name="Supply").get_by_role("link", name="PO 4500017").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("PO 4500017")
    assert (site.complaints, site.strangers) == ([], [])


async def test_an_item_follows_what_is_booked(site: Site) -> None:
    page = await goods(site, PUMP)
    await expect(page.locator("h1 .badge")).to_contain_text("Short from")
    await expect(page.locator(".chart circle")).to_have_count(2)
    await goods_rows.coming(site.gateway.database, "4500030", 300, 6)
    await expect(page.locator("h1 .badge")).to_have_text("Covered")
    await expect(page.locator(".chart circle")).to_have_count(3)
    await expect(page.locator(".chart .short")).to_have_attribute("d", "")
    await page.get_by_role("link", name="2 weeks", exact=True).press("Enter")
    await expect(page.locator(".chart .slot")).to_have_count(14)
    assert (site.complaints, site.strangers) == ([], [])


async def test_what_is_forecast_is_a_line_of_its_own(site: Site) -> None:
    page = await goods(site, VALVE)
    await expect(page.locator("h1 .badge")).to_contain_text("Runs out on")
    await expect(page.locator(".chart path.balance")).to_have_count(1)
    await page.goto(f"{site.url}{PUMP}")
    await expect(page.locator(".chart path.line")).to_have_count(1)
    await expect(page.locator(".chart path.balance")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_pages_fit_are_readable_and_ask_for_nothing_elsewhere(site: Site, scheme: str, width: int) -> None:
    page = await goods(site, "/tower/stock")
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.set_viewport_size({"width": width, "height": 844})
    for path in PAGES:
        await page.goto(f"{site.url}{path}")
        await expect(page.get_by_role("heading", level=1)).to_have_count(1)
        await expect(page.locator("main")).to_have_count(1)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert await page.evaluate(FAINT) == [], path
        assert await page.evaluate(UNNAMED) == 0, path
    assert (site.complaints, site.strangers) == ([], [])


async def test_every_region_that_scrolls_is_reached_by_keyboard(site: Site) -> None:
    page = await goods(site, "/tower/books")
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in PAGES[:-1]:
        await page.goto(f"{site.url}{path}")
        assert await page.evaluate(STUCK) == 0, path


async def test_a_difference_leads_to_its_case(site: Site) -> None:
    page = await goods(site, "/tower/books", "helpdesk")
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="Case 1")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Stock difference")
    await page.get_by_role("link", name="Books of WMS LYS").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Books")
    assert (site.complaints, site.strangers) == ([], [])


async def test_a_carrier_sees_no_stock(site: Site) -> None:
    page = await goods(site, PUMP, "dhl")
    await expect(page.get_by_role("heading", level=1)).to_have_text("This page is not for the role carrier")
