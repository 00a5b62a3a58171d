"""Cases, proposals and orders are worked on in a real browser, without a mouse; a refusal says why."""

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

pytest.importorskip("playwright.async_api", reason="Playwright is not installed: pip install playwright")

from playwright.async_api import Page, Route, expect

from schemas.base import Role
from schemas.cases.cases import CaseState
from schemas.cases.exceptions import Action, ExceptionKind
from schemas.planning.governor import Cause, StockReplan
from schemas.workflows.commands import Verdict
from store.planning import governor
from tests.browser.conftest import Site
from tests.gateway import tower_rows

pytestmark = pytest.mark.browser

PATIENCE_MS = 20_000
CASE = "/tower/cases/erp-one/SO-CASE/delay/1"
ORDER = "/tower/orders/erp-one/SO-CASE"
REFUSAL = "the goods have left: intercept them by cancelling"
expect.set_options(timeout=PATIENCE_MS)


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until the button or field with this name has the focus."""
    wanted = page.get_by_role("button", name=name).or_(page.get_by_label(name)).filter(visible=True).first
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")


def asked(site: Site) -> Any:
    """The one command that a page has sent."""
    [command] = site.gateway.handoff.commands
    return command


async def test_a_case_is_found_and_acknowledged_by_keyboard(site: Site) -> None:
    await tower_rows.trouble(site.gateway.database)
    page = await site.enter("helpdesk", "/tower/cases")
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="Tender reject", exact=True)).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="Delay", exact=True)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Delay")
    await tab_to(page, "Acknowledge")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="Acknowledged")).to_be_visible()
    assert (asked(site).verb, asked(site).key, asked(site).by) == ("acknowledge", "erp-one/SO-CASE/delay/1", "helpdesk")
    await tower_rows.case(
        site.gateway.database, "SO-CASE", ExceptionKind.DELAY, "transport", version=2, state=CaseState.ACKNOWLEDGED
    )
    await expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    await expect(page.locator("h1 .badge").first).to_have_text("Acknowledged")
    await expect(page.locator("main")).to_be_focused()
    assert (site.complaints, site.strangers) == ([], [])


async def test_focus_stays_in_the_list_when_a_case_is_cured(site: Site) -> None:
    await tower_rows.trouble(site.gateway.database)
    page = await site.enter("helpdesk", "/tower/cases")
    await page.keyboard.press("j")
    cured = {"version": 2, "state": CaseState.CURED, "closed_at": tower_rows.RELEASED}
    await tower_rows.case(
        site.gateway.database, "SO-TAKEN", ExceptionKind.TENDER_REJECT, "transport", **{"reopened": 2, **cured}
    )
    await expect(page.get_by_role("link", name="Tender reject", exact=True)).to_have_count(0)
    await expect(page.get_by_role("link", name="Delay", exact=True)).to_be_focused()


async def test_a_case_is_assigned_and_its_order_acts_by_keyboard(site: Site) -> None:
    await tower_rows.trouble(site.gateway.database)
    page = await site.enter("helpdesk", CASE)
    await tab_to(page, "Assign")
    await page.keyboard.press("Enter")
    await page.keyboard.type("m.okafor")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="Assigned")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_role("button", name="Assign")).to_be_focused()
    assert asked(site).request.to == "m.okafor"
    site.gateway.handoff.commands.clear()
    await tab_to(page, "Re-date")
    await page.keyboard.press("Enter")
    await page.get_by_label("Promise for").fill("2026-03-20")
    await tab_to(page, "Why")
    await page.keyboard.type("agreed with the customer")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="act done")).to_be_visible()
    wish = asked(site).request
    assert (asked(site).key, wish.action, f"{wish.promised_on}") == ("erp-one/SO-CASE", Action.RESCHEDULE, "2026-03-20")
    assert (wish.case, wish.reason) == ("erp-one/SO-CASE/delay/1", "agreed with the customer")
    assert site.complaints == []


async def test_a_refusal_says_why_and_keeps_what_was_typed(site: Site) -> None:
    await tower_rows.trouble(site.gateway.database)
    site.gateway.handoff.refusal = REFUSAL
    page = await site.enter("helpdesk", CASE)
    await page.get_by_role("button", name="Notify customer").press("Enter")
    dialog = page.get_by_role("dialog", name="Notify customer")
    await dialog.get_by_label("Why").fill("two days late")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_have_text(REFUSAL)
    await expect(page.locator(".live")).to_have_text("Live")
    await tower_rows.case(
        site.gateway.database, "SO-CASE", ExceptionKind.DELAY, "transport", version=2, assignee="m.okafor"
    )
    await expect(page.locator(".facts").first).to_contain_text("m.okafor")
    await expect(dialog.get_by_role("alert")).to_have_text(REFUSAL)
    await expect(dialog.get_by_label("Why")).to_have_value("two days late")
    site.gateway.handoff.refusal = ""
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="act done")).to_be_visible()
    await expect(dialog).to_have_count(0)


async def test_a_broken_rule_names_its_field(site: Site) -> None:
    await tower_rows.trouble(site.gateway.database)
    page = await site.enter("helpdesk", "/tower/planner")
    await page.get_by_role("button", name="Override").press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Why").fill("nothing better")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("an override names a date, site, carrier")
    assert site.gateway.handoff.commands == []


@pytest.mark.parametrize(("button", "verdict"), [("Accept", Verdict.ACCEPT), ("Reject", Verdict.REJECT)])
async def test_a_proposal_is_decided_by_keyboard(site: Site, button: str, verdict: Verdict) -> None:
    await tower_rows.trouble(site.gateway.database)
    page = await site.enter("planner", "/tower/planner")
    await tab_to(page, "Why")
    await page.keyboard.type("no stock elsewhere")
    await tab_to(page, button)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="replan done")).to_be_visible()
    decision = asked(site).request
    assert (decision.proposal, decision.verdict) == ("erp-one/SO-CASE/delay/2", verdict)
    assert (decision.reason, asked(site).by, asked(site).role) == ("no stock elsewhere", "planner", Role.PLANNING)
    await tower_rows.decided(site.gateway.database, "SO-CASE", 3, decision.proposal, f"{verdict}ed", decision.reason)
    await expect(page.get_by_text("Nothing to decide")).to_be_visible()
    await expect(page.locator("#decided + div")).to_contain_text("no stock elsewhere")
    assert (site.complaints, site.strangers) == ([], [])


async def test_a_planner_decides_something_else(site: Site) -> None:
    await tower_rows.trouble(site.gateway.database)
    page = await site.enter("planner", "/tower/planner")
    await page.get_by_role("button", name="Override").press("Enter")
    dialog = page.get_by_role("dialog", name="Override")
    await dialog.get_by_label("Promise for").fill("2026-03-11")
    await dialog.get_by_label("Carrier").fill("dhl-express")
    await dialog.get_by_label("Expedite").press("Space")
    await dialog.get_by_label("Why").fill("the customer waits")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="replan done")).to_be_visible()
    decision = asked(site).request
    assert (decision.verdict, f"{decision.promised_on}", decision.carrier) == ("override", "2026-03-11", "dhl-express")
    assert (decision.expedite, decision.site) == (True, None)


async def test_an_order_is_held_with_a_reason(site: Site) -> None:
    await tower_rows.trouble(site.gateway.database)
    page = await site.enter("planner", ORDER)
    await page.get_by_role("button", name="Hold").press("Enter")
    await expect(page.get_by_role("dialog", name="Hold").get_by_label("Why")).to_be_focused()
    await page.keyboard.press("Enter")
    assert site.gateway.handoff.commands == [], "nothing is sent without a reason"
    await page.keyboard.type("credit check")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="hold done")).to_be_visible()
    assert (asked(site).verb, asked(site).key, asked(site).request.reason) == (
        "hold",
        "erp-one/SO-CASE",
        "credit check",
    )
    await expect(page.get_by_role("button", name="Cancel order")).to_have_count(0)


async def test_packs_of_lines_are_sent_as_numbers(site: Site) -> None:
    await tower_rows.trouble(site.gateway.database)
    await tower_rows.case(site.gateway.database, "SO-CASE", ExceptionKind.DAMAGE, "claims", actions=(Action.SPLIT,))
    page = await site.enter("helpdesk", "/tower/cases/erp-one/SO-CASE/damage/1")
    await page.get_by_role("button", name="Split").press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Site").fill("RDC-EMEA")
    await dialog.get_by_label("ABC-1").fill("4")
    await dialog.get_by_label("Why").fill("a part is there")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="act done")).to_be_visible()
    assert [(line.line, line.quantity) for line in asked(site).request.lines] == [(1, 4)]


async def test_a_command_whose_answer_was_lost_is_sent_again_under_its_id(site: Site) -> None:
    await tower_rows.trouble(site.gateway.database)
    page = await site.enter("helpdesk", ORDER)

    async def lose_the_answer(route: Route) -> None:
        await route.fetch(headers={**await route.request.all_headers(), "sec-fetch-site": "same-origin"})
        await route.abort()

    await page.route("**/v1/orders/**", lose_the_answer)
    await page.get_by_role("button", name="Cancel order").press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Why").fill("ordered twice")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("Send it again")
    await page.unroute("**/v1/orders/**")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="cancel done")).to_be_visible()
    [first] = site.gateway.handoff.commands
    await page.get_by_role("button", name="Cancel order").press("Enter")
    await dialog.get_by_label("Why").fill("ordered twice")
    await page.keyboard.press("Enter")
    await expect(dialog).to_have_count(0)
    assert site.gateway.handoff.commands[1].request.id != first.request.id, "what was answered is not a repeat"


async def test_markup_in_a_refusal_stays_text(site: Site) -> None:
    await tower_rows.trouble(site.gateway.database)
    site.gateway.handoff.refusal = '<img src=x onerror="window.attacked=1">'
    page = await site.enter("helpdesk", CASE)
    await page.get_by_role("button", name="Acknowledge").press("Enter")
    await expect(page.get_by_role("alert")).to_have_text(site.gateway.handoff.refusal)
    assert await page.evaluate("window.attacked") is None


async def raised(site: Site) -> None:
    """Planners are asked about an item at a site."""
    causes = (
        Cause(source="PO 4500 line 1", packs=-40, days=4, to_packs=60, to_day=date(2026, 5, 24)),
        Cause(source="counts", packs=-12, days=0, to_packs=-12, to_day=date(2026, 5, 4)),
    )
    replan = StockReplan(
        item="ABC-1",
        site="LYS",
        packs=-52,
        day=date(2026, 5, 24),
        slipped_days=4,
        causes=causes,
        summary="ABC-1 at LYS",
        item_class="A",
    )
    async with site.gateway.database.transaction() as connection:
        await governor.propose(connection, "EMEA", [replan], datetime.now(UTC), 5400.0)


async def stock_decisions(site: Site) -> list[tuple[Any, ...]]:
    """What became of the proposals about items at sites."""
    async with site.gateway.database.connection() as connection:
        found = await governor.listing(connection, open_only=False)
    return [(it.state, it.decided_by, it.decision_reason, it.override_packs, it.override_day) for it in found]


async def test_a_proposal_about_an_item_at_a_site_says_why_and_is_decided_by_keyboard(site: Site) -> None:
    await raised(site)
    page = await site.enter("planner", "/tower/planner")
    proposal = page.get_by_role("listitem").filter(has_text="ABC-1 at LYS")
    for told in ("PO 4500 line 1: -40 packs, +4 days", "counts: -12 packs", "-52 packs", "class A, tolerates 1 pack"):
        await expect(proposal).to_contain_text(told)
    await expect(proposal).to_contain_text(re.compile(r"expires in 1 h 2\d min"))
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="ABC-1 at LYS")).to_be_focused()
    await tab_to(page, "Why")
    await page.keyboard.type("the supplier is right")
    await tab_to(page, "Accept")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Nothing to decide")).to_be_visible()
    assert await stock_decisions(site) == [("accepted", "planner", "the supplier is right", None, None)]
    await expect(page.locator("#stock-over + div")).to_contain_text("waits")
    await expect(page.locator("#precision + div")).to_contain_text("100 %")
    assert (site.complaints, site.strangers) == ([], [])


async def test_a_planner_plans_other_packs_for_another_day(site: Site) -> None:
    await raised(site)
    page = await site.enter("planner", "/tower/planner")
    await page.get_by_role("button", name="Override").press("Enter")
    dialog = page.get_by_role("dialog", name="Override")
    await dialog.get_by_label("Plan for").fill("2026-06-01")
    await dialog.get_by_label("Packs more").fill("-30")
    await dialog.get_by_label("Why").fill("half comes by air")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Nothing to decide")).to_be_visible()
    assert await stock_decisions(site) == [("overridden", "planner", "half comes by air", -30, date(2026, 6, 1))]
    await expect(page.locator("#stock-over + div")).to_contain_text("-30 packs")
