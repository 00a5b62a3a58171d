"""The control tower: who sees it, what it counts, and that watching stays cheap."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.tower.snapshots import KEPT_S, REST, Made, Snapshots
from schemas.orders.release import OrderStatus
from store.views import overview
from tests.gateway import tower_rows
from tests.gateway.harness import Gateway

CASE = "/tower/cases/erp-one/SO-CASE/delay/1"
PAGES = (
    "/tower",
    "/tower/quarantine",
    "/tower/orders?number=SO-ONTIME",
    "/tower/orders/erp-one/SO-ONTIME",
    "/tower/orders/erp-one/SO-CASE",
    "/tower/cases",
    CASE,
    "/tower/planner",
    "/tower/stock",
    "/tower/purchases",
    "/tower/books",
)


@pytest.fixture
async def busy(gateway: Gateway) -> AsyncIterator[Gateway]:
    await tower_rows.everything(gateway.database)
    yield gateway


@pytest.fixture
async def troubled(busy: Gateway) -> AsyncIterator[Gateway]:
    await tower_rows.trouble(busy.database)
    yield busy


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("partner", ["helpdesk", "root", "planner"])
async def test_support_admin_and_planning_may_watch(troubled: Gateway, path: str, partner: str) -> None:
    assert (await troubled.get(path, partner)).status_code in (200, 303)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("partner", ["dhl", "erp-one", "wms-dc1", "tms", "acme"])
async def test_partners_are_told_that_it_is_not_for_them(troubled: Gateway, path: str, partner: str) -> None:
    page = await troubled.get(path, partner)
    assert page.status_code == 403
    assert "is not for the role" in page.text
    assert "SO-" not in page.text.replace(path, "")


@pytest.mark.parametrize("path", PAGES)
async def test_without_a_key_a_browser_is_shown_the_way_in_and_a_program_is_refused(
    gateway: Gateway, path: str
) -> None:
    browser = await gateway.client.get(path, headers={"Accept": "text/html"})
    assert (browser.status_code, browser.headers["Location"]) == (303, f"/login?next={path.partition('?')[0]}")
    assert (await gateway.client.get(path)).status_code == 401


async def test_the_figures_are_those_of_the_rows(busy: Gateway) -> None:
    async with busy.database.connection() as connection:
        totals = await overview.totals(connection)
        health = {system.system: system for system in await overview.health(connection)}
        flow = {step.status: (step.orders, step.off_track) for step in await overview.flow(connection)}
    assert (totals.orders, totals.in_flight, totals.delivered, totals.on_time, totals.late) == (5, 3, 2, 1, 1)
    assert (totals.delayed, totals.at_risk, totals.quarantined, totals.waiting) == (1, 1, 2, 1)
    assert (totals.owed, totals.refused, totals.punctuality) == (1, 1, 50.0)
    assert list(health) == ["erp", "wms", "tms", "planning"]
    assert (health["erp"].done, health["erp"].failing) == (1, 0)
    assert (health["wms"].done, health["wms"].failing, health["wms"].median_ms) == (0, 1, None)
    assert flow == {"closed": (2, 1), "shipped": (1, 1), "packed": (1, 0), "promised": (1, 0)}


async def test_the_worst_comes_first(busy: Gateway) -> None:
    page = (await busy.get("/tower", "helpdesk")).text
    subjects = re.findall(r'class="subject">([^<]+)<', page)
    assert [s.split(" ")[0] for s in subjects] == ["SO-REFUSED", "Message", "SO-RETRIED", "SO-DELAYED", "Message"]
    assert "Refused for good: posting period is closed" in page
    assert "Delayed by 3 days" in page
    assert "the code X9 is not mapped" in page


async def test_throughput_counts_messages_and_closed_orders(busy: Gateway) -> None:
    await busy.rows(
        "UPDATE inbox_message SET received_at = now() - interval '30 seconds' RETURNING id",
    )
    await busy.rows(
        "UPDATE order_view SET closed_at = now() - interval '30 seconds' WHERE closed_at < now() RETURNING key"
    )
    async with busy.database.connection() as connection:
        buckets = await overview.throughput(connection)
    assert len(buckets) == overview.BUCKETS
    assert (sum(b.messages for b in buckets), sum(b.closed for b in buckets)) == (7, 2)


@pytest.mark.parametrize("path", PAGES)
async def test_names_and_addresses_are_not_shown(troubled: Gateway, path: str) -> None:
    page = await troubled.client.get(path, headers=troubled.auth("root"), follow_redirects=True)
    assert page.status_code == 200
    assert tower_rows.CUSTOMER not in page.text
    assert "St James" not in page.text


@pytest.mark.parametrize("path", PAGES)
async def test_pages_need_nothing_from_elsewhere_and_nothing_inline(troubled: Gateway, path: str) -> None:
    page = await troubled.client.get(path, headers=troubled.auth("root"), follow_redirects=True)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r'<style|style="|<script>|\son\w+="', page.text)
    for address in re.findall(r'(?:src|href)="(/tower/static/[^"]+)"', page.text):
        asset = await troubled.client.get(address)
        assert asset.status_code == 200
        assert "immutable" in asset.headers["Cache-Control"]


async def test_an_order_page_tells_its_story(busy: Gateway) -> None:
    page = (await busy.get("/tower/orders/erp-one/SO-LATE", "helpdesk")).text
    assert "Promised for 9 Mar 2026" in page
    assert '<dd class="moved">Thu 12 Mar 2026</dd>' in page
    assert "DN-SO-LATE" in page
    assert "/namespaces/default/workflows/order%2Ferp-one%2FSO-LATE" in page
    assert page.count('class="passed"') + page.count('class="done"') == 9, "every step of a delivered shipment"
    other = (await busy.get("/tower/orders/erp-one/SO-DELAYED", "helpdesk")).text
    assert '<li class="next" aria-current="step"><i aria-hidden="true"></i><span>In transit</span>' in other


async def test_search_leads_to_the_order_or_to_a_choice(busy: Gateway) -> None:
    answer = await busy.get("/tower/orders?number=%20SO-LATE", "planner")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tower/orders/erp-one/SO-LATE")
    await tower_rows.release(busy.database, "SO-LATE", "erp-two")
    choice = await busy.get("/tower/orders?number=SO-LATE", "planner")
    assert choice.status_code == 200
    assert "/tower/orders/erp-two/SO-LATE" in choice.text


@pytest.mark.parametrize("path", ["orders?number=SO-0", "orders/erp-one/SO-0", "orders?number=%00", "orders/erp%00/x"])
async def test_an_unknown_order_is_a_page_that_says_so(gateway: Gateway, path: str) -> None:
    answer = await gateway.get(f"/tower/{path}", "helpdesk")
    assert answer.status_code == 404
    assert "No order" in answer.text


@pytest.mark.parametrize("name", ["tower.html", "..%2Froutes.py", "inter-LICENSE.txt"])
async def test_only_assets_are_served(gateway: Gateway, name: str) -> None:
    assert (await gateway.client.get(f"/tower/static/{name}")).status_code == 404


async def test_markup_in_a_message_is_text(gateway: Gateway) -> None:
    await tower_rows.quarantine_message(gateway.database, "m", "<script>alert(1)</script>")
    for path in ("/tower", "/tower/quarantine", "/tower/orders?number=<script>alert(1)</script>"):
        page = await gateway.get(path, "root")
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text


async def test_the_page_shows_that_temporal_is_down(gateway: Gateway) -> None:
    gateway.handoff.up = False
    page = await gateway.get("/tower", "root")
    assert re.search(r'class="chip bad"[^>]*>.*Temporal <b>down</b>', page.text)


async def test_many_viewers_share_one_page() -> None:
    now, made = 100.0, 0

    async def make() -> Made[str]:
        nonlocal made
        await asyncio.sleep(0)
        made += 1
        return Made("page", 0.0)

    snapshots = Snapshots[str](lambda: now)
    assert await asyncio.gather(*(snapshots.get("overview", make) for _ in range(50))) == ["page"] * 50
    assert made == 1
    now += KEPT_S
    await snapshots.get("overview", make)
    assert made == 2


async def test_a_page_that_is_dear_to_make_is_kept_longer() -> None:
    now, made = 0.0, 0

    async def make() -> Made[str]:
        nonlocal made
        made += 1
        return Made(str(made), 2.0)

    snapshots = Snapshots[str](lambda: now)
    await snapshots.get("overview", make)
    now = 2.0 * REST - 0.1
    assert await snapshots.get("overview", make) == "1"
    now = 2.0 * REST
    assert await snapshots.get("overview", make) == "2"


async def test_a_page_changes_with_the_rows(gateway: Gateway) -> None:
    clock = 0.0
    gateway.app.state.snapshots = Snapshots(lambda: clock)

    async def page() -> httpx.Response:
        return await gateway.get("/tower", "planner")

    assert "No order has ended yet" in (await page()).text
    await tower_rows.release(gateway.database, "SO-1")
    await tower_rows.step(gateway.database, "SO-1", OrderStatus.CLOSED)
    assert "No order has ended yet" in (await page()).text, "within the second the page is the one that was made"
    clock = 1e6
    assert "<b>1</b> closed" in (await page()).text
