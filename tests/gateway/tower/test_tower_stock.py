"""The stock pages: what has trouble comes first, one item-site is shown whole, and what is drawn is what is said."""

import html
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from itertools import pairwise

import pytest

from domain.inventory.availability import first_shortages
from gateway.tower import stock
from gateway.tower.chart import draw, nice_step
from gateway.tower.goods_routes import whole
from schemas.inventory.promising import REPLENISHMENT, STOCK, AvailabilityDay
from store.views.stock import DayFlow
from tests.gateway import goods_rows
from tests.gateway.goods_rows import ITEM, LONG, SITE, day
from tests.gateway.harness import Gateway

PUMP = f"/tower/stock/{ITEM}?site={SITE}"
FIRST = date(2026, 3, 2)


@pytest.fixture
async def stocked(gateway: Gateway) -> AsyncIterator[Gateway]:
    await goods_rows.levels(gateway.database)
    yield gateway


async def text(gateway: Gateway, path: str, partner: str = "planner") -> str:
    """A page as it is read: entities resolved, white space in one."""
    page = await gateway.get(path, partner)
    assert page.status_code == 200, page.text
    return " ".join(html.unescape(page.text).split())


def rows(page: str) -> list[str]:
    """The items of the list, in their order."""
    return re.findall(r"data-row>([^<]+)<", page)


def cells(page: str, key: str) -> list[str]:
    """The words of each cell of a row."""
    found = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", page.partition(f'data-key="{key}"')[2].partition("</tr>")[0])
    return [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in found]


def days(*levels: int) -> list[AvailabilityDay]:
    """Days with these projections."""
    return [
        AvailabilityDay(day=FIRST + timedelta(days=n), on_hand=0, supply=0, reserved=0, demand=0, projected=level)
        for n, level in enumerate(levels)
    ]


async def test_the_list_has_what_is_short_first_then_what_most_is_reserved_of(stocked: Gateway) -> None:
    page = await text(stocked, "/tower/stock")
    assert rows(page) == ["SEAL-7", ITEM, "VALVE-3", LONG]
    assert '<b class="bad">2 run short</b>' in page
    assert cells(page, f"SEAL-7 {SITE}") == ["SEAL-7 LYS", "now -15 at its lowest", "10", "–", "25", "-15", "–", "–"]
    short = f"{day(9):%a %-d %b %Y} -56 at its lowest"
    arrival = f"{day(4):%a %-d %b %Y}"
    pump = ["PUMP-200 LYS", short, "114", "–", "100 + 130 of supply", "14", "60 + 200 ordered", arrival]
    assert cells(page, f"{ITEM} {SITE}") == pump
    assert cells(page, "VALVE-3 RDC-EMEA")[1] == "covered"


async def test_the_list_and_the_page_say_the_same_of_a_shortage(stocked: Gateway) -> None:
    listed = cells(await text(stocked, "/tower/stock"), f"{ITEM} {SITE}")[1]
    page = await text(stocked, PUMP)
    assert listed.startswith(f"{day(9):%a %-d %b %Y}")
    assert f"Short from {day(9):%a %-d %b %Y}" in page
    assert "-56 at the lowest" in page
    assert "Short now" in await text(stocked, f"/tower/stock/SEAL-7?site={SITE}")
    assert "Covered" in await text(stocked, "/tower/stock/VALVE-3?site=RDC-EMEA")


async def test_demand_that_nothing_is_reserved_for_makes_an_item_short_too(stocked: Gateway) -> None:
    change = "UPDATE order_view SET {} WHERE number = 'SO-VALVE' RETURNING key"
    await stocked.rows(
        "INSERT INTO order_line_view (order_key, line, item, ordered, shipped, delivered, first_promised_on, "
        f"promised_on) SELECT 'erp-one/SO-VALVE', 9, 'VALVE-3', 9000, 0, 0, '{day(5)}', '{day(5)}' RETURNING line"
    )
    await stocked.rows(change.format("site = 'RDC-EMEA', status = 'promised'"))
    page = await text(stocked, "/tower/stock")
    assert rows(page)[:2] == ["SEAL-7", "VALVE-3"]
    assert cells(page, "VALVE-3 RDC-EMEA")[1] == f"{day(5):%a %-d %b %Y} -6,500 at its lowest"
    await stocked.rows(change.format("closed_at = now(), status = 'closed'"))
    del stocked.app.state.snapshots
    assert rows(await text(stocked, "/tower/stock"))[:2] == ["SEAL-7", ITEM]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("pump", [ITEM]),
        ("rdc-emea", ["VALVE-3", LONG]),
        ("%25", []),
        ("_", []),
        ("%00", ["SEAL-7", ITEM, "VALVE-3", LONG]),
    ],
)
async def test_a_search_is_for_a_part_of_an_item_or_site(stocked: Gateway, asked: str, found: list[str]) -> None:
    page = await text(stocked, f"/tower/stock?q={asked}")
    assert rows(page) == found
    assert ("Nothing found" in page) == (not found)


async def test_pages_follow_each_other_and_end(gateway: Gateway) -> None:
    for n in range(stock.PAGE + 3):
        await goods_rows.receive(gateway.database, f"BOLT-{n:03}", 5)
    first = await text(gateway, "/tower/stock?q=bolt")
    assert (len(rows(first)), 'rel="prev"' in first) == (stock.PAGE, False)
    [onward] = re.findall(r'rel="next" href="([^"]+)"', first)
    second = await text(gateway, onward)
    assert (rows(second), 'rel="next"' in second) == (
        [f"BOLT-{n:03}" for n in range(stock.PAGE, stock.PAGE + 3)],
        False,
    )
    assert rows(await text(gateway, "/tower/stock?q=bolt&page=99")) == rows(second), "after the last comes nothing else"
    for odd in ("0", "-1", "x", "9" * 80, "²"):
        assert rows(await text(gateway, f"/tower/stock?q=bolt&page={odd}"))[0] == "BOLT-000"


async def test_one_item_is_shown_whole(stocked: Gateway) -> None:
    page = await text(stocked, PUMP)
    assert re.search(r"On hand</dt><dd[^>]*>114<.*Available</dt><dd[^>]*>14<.*Blocked</dt><dd[^>]*>6<", page)
    held = re.findall(r'data-key="h-erp-one/(\S+) 1 (\S*)"', page)
    by_turn = [
        ("SO-URGENT", STOCK),
        ("SO-SECOND", STOCK),
        ("SO-SECOND", "po/erp-one/4500017/1/ASN-88"),
        ("SO-THIRD", REPLENISHMENT),
    ]
    assert held == by_turn
    assert cells(page, "h-erp-one/SO-SECOND 1 po/erp-one/4500017/1/ASN-88")[3].startswith("PO 4500017 due")
    assert cells(page, "h-erp-one/SO-SECOND 1 ")[5] == "as reserved", "words of another day are not repeated"
    assert '<a href="/tower/purchases/erp-one/4500017">PO 4500017</a>' in page
    assert cells(page, "u-po/erp-one/4500017/1/ASN-88")[1:3] == ["60", "40"]
    moved = re.findall(r'data-key="(m-[^"]+)"', page)
    assert [cells(page, key)[3:6] for key in moved] == [["-6", "–", "+6"], ["+120", "–", "–"]]
    changes = [cells(page, f"d-{day(n)}") for n in (0, 4, 9, 21)]
    assert [row[1:] for row in changes] == [
        ["–", "100", "14"],
        ["60", "40", "34"],
        ["–", "90", "-56"],
        ["200", "–", "144"],
    ]
    assert len(re.findall(r'data-key="d-', page)) == 4, "only the days on which it changes"


async def test_the_page_shows_what_the_api_answers(stocked: Gateway) -> None:
    await goods_rows.expect(stocked.database, "VALVE-3", "RDC-EMEA", 100, 40)
    await goods_rows.expect(stocked.database, ITEM, SITE, 2, 20)
    for item, site in ((ITEM, SITE), ("SEAL-7", SITE), ("VALVE-3", "RDC-EMEA"), (LONG, "RDC-EMEA")):
        asked = f"item={item}&site={site}&horizon_days={stock.HORIZON_DAYS}"
        [there] = (await stocked.get(f"/v1/availability?{asked}", "planner")).json()["availability"]
        page = await text(stocked, f"/tower/stock/{item}?site={site}")
        said = re.findall(
            r"<title>\w+ (\d+ \w+ \d+): (-?[\d,]+) projected[^<;]*(?:; (-?[\d,]+) if the forecast)?", page
        )
        forecast = any(it["forecast"] for it in there["days"])
        assert said == [
            (
                f"{date.fromisoformat(it['day']):%-d %b %Y}",
                f"{it['projected']:,}",
                f"{it['balance']:,}" if forecast else "",
            )
            for it in there["days"]
        ]
        assert ("left if the forecast comes true" in page) == ('class="balance"' in page) == forecast


async def test_an_item_that_only_the_forecast_exceeds_is_said_to_run_out(stocked: Gateway) -> None:
    await goods_rows.expect(stocked.database, "VALVE-3", "RDC-EMEA", 100, 40)
    page = await text(stocked, "/tower/stock/VALVE-3?site=RDC-EMEA")
    out = f"{day(25):%a %-d %b %Y}"
    assert f"Runs out on {out} as forecast" in page
    assert cells(page, f"d-{day(25)}") == [out, "–", "–", "2,500", "-100"]
    assert cells(await text(stocked, "/tower/stock"), "VALVE-3 RDC-EMEA")[1] == "covered", "the list goes by orders"
    assert "As forecast" not in await text(stocked, PUMP)


async def test_the_horizon_is_one_of_three(stocked: Gateway) -> None:
    assert len(re.findall('class="slot"', await text(stocked, f"{PUMP}&days=14"))) == 14
    assert len(re.findall('class="slot"', await text(stocked, f"{PUMP}&days=84"))) == 84
    for odd in ("", "15", "x", "100000"):
        assert len(re.findall('class="slot"', await text(stocked, f"{PUMP}&days={odd}"))) == stock.HORIZON_DAYS


async def test_an_item_without_a_site_leads_to_the_sites_that_have_it(stocked: Gateway) -> None:
    answer = await stocked.get(f"/tower/stock/{ITEM}", "helpdesk")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/tower/stock?q={ITEM}")


@pytest.mark.parametrize("path", ["PUMP-0?site=LYS", f"{ITEM}?site=XXX", "%00?site=LYS", f"{ITEM}?site=%3Cb%3E"])
async def test_stock_that_was_never_there_is_a_page_that_says_so(stocked: Gateway, path: str) -> None:
    answer = await stocked.get(f"/tower/stock/{path}", "helpdesk")
    assert answer.status_code == 404
    assert "No stock of" in answer.text
    assert "<b>" not in answer.text


async def test_an_item_with_any_sign_in_its_name_has_a_page(gateway: Gateway) -> None:
    odd = "A/B?<i>#&%2F"
    await goods_rows.receive(gateway.database, odd, 5)
    page = (await gateway.get("/tower/stock", "helpdesk")).text
    [link] = re.findall(r'href="([^"]+)" data-row', page)
    assert "<i>#" not in page
    shown = await text(gateway, html.unescape(link))
    assert f"<h1>{odd}" in shown


@pytest.mark.parametrize("path", ["/tower/stock", PUMP])
@pytest.mark.parametrize("partner", ["dhl", "erp-one", "wms-dc1", "tms", "acme"])
async def test_partners_see_no_stock(stocked: Gateway, path: str, partner: str) -> None:
    answer = await stocked.get(path, partner)
    assert answer.status_code == 403
    assert "SEAL-7" not in answer.text
    assert "PO 4500017" not in answer.text


def test_the_first_shortage_is_the_first_day_under_nothing() -> None:
    assert first_shortages(days(3, 0, 5))[0] is None
    assert first_shortages(days(3, -1, 5, -9))[0] == days(3, -1)[1].day
    assert first_shortages([])[0] is None


def test_trouble_is_ranked_by_day_then_depth_then_reservations() -> None:
    def flows(item: str, on_hand: int, *out: tuple[int, int]) -> list[DayFlow]:
        taken = [DayFlow(item, SITE, "reserved", FIRST + timedelta(days=n), packs) for n, packs in out]
        return [DayFlow(item, SITE, "on_hand", None, on_hand), *taken]

    known = {
        "calm": flows("calm", 10),
        "busy": flows("busy", 500, (0, 400)),
        "late": flows("late", 5, (30, 6)),
        "soon": flows("soon", 5, (3, 6)),
        "deep": flows("deep", 5, (3, 60)),
        "beyond": flows("beyond", 5, (stock.HORIZON_DAYS, 6)),
        "now": flows("now", 5, (0, 6)),
    }
    ranked = stock.rank([(item, SITE) for item in known], [x for own in known.values() for x in own], {SITE: FIRST})
    assert [it.item for it in ranked] == ["now", "deep", "soon", "late", "busy", "beyond", "calm"]
    assert (ranked[0].short_on, ranked[0].now, ranked[1].lowest, ranked[4].held) == (FIRST, -1, -55, 400)


def test_the_chart_steps_through_the_days_and_marks_what_is_short() -> None:
    shown = [it.model_copy(update={"supply": 30}) if n == 3 else it for n, it in enumerate(days(10, 10, -20, 10))]
    chart = draw(shown)
    assert {tick.text: tick.at for tick in chart.values}["0"] == chart.zero
    assert chart.line.startswith(f"M0 {chart.marks[0].y}H25.00H50.00V")
    assert chart.short == f"M50.00 {chart.zero}V{_height(chart.line, 2)}H75.00V{chart.zero}Z"
    assert chart.plenty.count("Z") == 3
    assert [(mark.x, mark.packs) for mark in chart.marks] == [(87.5, 30)]
    assert [slot.x for slot in chart.slots] == [0, 25, 50, 75]


def test_the_chart_draws_what_is_left_if_the_forecast_comes_true() -> None:
    shown = [it.model_copy(update={"forecast": 15, "balance": 10 - 15 * n}) for n, it in enumerate(days(10, 10, 10))]
    chart = draw(shown)
    assert chart.balance.partition("H")[0] == chart.line.partition("H")[0], "they begin together"
    assert (chart.line.count("V"), chart.balance.count("V")) == (0, 2)
    assert min(int(tick.text) for tick in chart.values) <= -20, "the scale reaches as far down"
    assert draw(days(10, 10)).balance == ""


def _height(line: str, fall: int) -> str:
    """The height after the first fall of a line."""
    return f"{re.findall(r'V([0-9.]+)H', line)[fall - 2]}"


@pytest.mark.parametrize("levels", [[0], [0, 0], [-5], [7], [1_000_000, -3], [12_345] * 84])
def test_every_chart_has_a_scale_with_a_zero_line(levels: list[int]) -> None:
    chart = draw(days(*levels))
    texts = [tick.text for tick in chart.values]
    assert "0" in texts
    assert 2 <= len(texts) <= 8
    assert all(above.at < below.at for below, above in pairwise(chart.values)), "more is higher"
    assert all(0 <= tick.at <= 100 for tick in (*chart.values, *chart.dates))
    assert len(chart.dates) <= 7


@pytest.mark.parametrize(
    ("span", "step"), [(0, 1), (4, 1), (5, 2), (60, 20), (200, 50), (201, 100), (1_000_003, 500_000)]
)
def test_lines_across_are_at_round_numbers(span: int, step: int) -> None:
    assert nice_step(span) == step


@pytest.mark.parametrize(("said", "number"), [("3", 3), ("0", 1), ("", 1), ("-2", 1), ("5000", 9), ("٣", 1)])
def test_a_page_number_is_kept_within_its_limits(said: str, number: int) -> None:
    assert whole(said, 1, 9) == number
