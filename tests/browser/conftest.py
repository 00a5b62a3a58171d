"""A gateway that listens, and a real browser. Without Playwright or a Chromium these tests are skipped."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import pytest_asyncio
import uvicorn

from tests.gateway.harness import Gateway, gateway_on

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass
class Site:
    """A gateway that listens on `url`, and a browser; what pages complained of or asked of other sites is kept."""

    gateway: Gateway
    url: str
    browser: "Browser"
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    async def enter(self, partner: str, path: str = "/tower") -> "Page":
        """A page in a browser of its own, on `path` with the partner's key; 1280 × 800."""
        context = await self.browser.new_context(viewport={"width": 1280, "height": 800})
        page = await context.new_page()
        page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda sent: None if sent.url.startswith(self.url) else self.strangers.append(sent.url))
        await page.goto(f"{self.url}/login?next={quote(path)}#{self.gateway.keys[partner]}")
        await page.get_by_role("button", name="Enter").click()
        await page.wait_for_url(lambda url: "/login" not in url)
        return page


@pytest_asyncio.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A fresh gateway and a browser."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the PATH")
    from playwright.async_api import async_playwright

    async with gateway_on(database_url) as gateway, listening(gateway) as url, async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield Site(gateway, url, browser)
        await browser.close()


@asynccontextmanager
async def listening(gateway: Gateway) -> AsyncIterator[str]:
    """Serve the application on a free port while the block runs; gives its address."""
    config = uvicorn.Config(gateway.app, host="127.0.0.1", port=0, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving
