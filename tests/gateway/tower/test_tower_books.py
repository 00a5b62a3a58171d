"""The pages on purchases and on the books: what differs is seen, each currency apart, each figure with its time."""

import html
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from psycopg.errors import QueryCanceled

from gateway.tower import books, purchases
from gateway.tower.snapshots import Snapshots
from gateway.views.purchases import PurchaseLineView
from schemas.finance.valuation import InTransitDay
from store.finance import valuation
from store.views import books as tower_books
from tests.gateway import goods_rows
from tests.gateway.goods_rows import day
from tests.gateway.harness import Gateway
from tests.gateway.tower.test_tower_stock import cells, rows, text

HELD = "/tower/purchases/erp-one/4500009"
CASE = "stock/wms/LYS/stock_difference/1"


@pytest.fixture
async def bought(gateway: Gateway) -> AsyncIterator[Gateway]:
    await goods_rows.purchases(gateway.database)
    await goods_rows.refused(gateway.database)
    yield gateway


@pytest.fixture
async def kept(gateway: Gateway) -> AsyncIterator[Gateway]:
    await goods_rows.books(gateway.database)
    yield gateway


async def test_open_purchase_orders_with_trouble_first(bought: Gateway) -> None:
    page = await text(bought, "/tower/purchases")
    assert rows(page) == ["4500009", "4500017", "4500021"]
    assert cells(page, "erp-one/po:4500009")[4:8] == ["60 of 60", "nothing to come", "1 case 4 damaged", "1 held"]
    late = f"{day(7):%a %-d %b %Y} 3 days late"
    assert cells(page, "erp-one/po:4500017")[4:8] == ["0 of 60", late, "1 line otherwise", "none yet"]
    assert cells(page, "erp-one/po:4500021")[5:] == [f"{day(4):%a %-d %b %Y}", "none", "none yet", "3,040 EUR"]
    counts = dict(re.findall(r"<span>(\w+)</span><b>(\d+)</b>", page))
    assert counts == {"Open": "3", "Ordered": "1", "Shipped": "1", "Received": "1", "Settled": "1"}


@pytest.mark.parametrize(
    ("state", "found"),
    [("settled", ["4500002"]), ("shipped", ["4500017"]), ("cancelled", []), ("x", ["4500009", "4500017", "4500021"])],
)
async def test_purchase_orders_of_a_state(bought: Gateway, state: str, found: list[str]) -> None:
    page = await text(bought, f"/tower/purchases?state={state}")
    assert rows(page) == found
    assert ("Nothing here" in page) == (not found)


async def test_a_proposal_that_failed_says_at_which_hop_and_why(bought: Gateway) -> None:
    page = await text(bought, "/tower/purchases")
    told = [
        "RP-1 purchase",
        "PUMP-200",
        "LYS",
        "Refused",
        "ERP",
        "erp rule",
        "the budget of EMEA for this month is used up",
    ]
    assert cells(page, "f-RP-1")[:7] == told
    assert cells(page, "f-RP-2")[4:7] == ["Transformation", "transformation", "units_per_pack is missing: 90 EA"]


async def test_a_purchase_order_tells_its_story(bought: Gateway) -> None:
    page = await text(bought, HELD)
    assert "Line 1: 4 packs came damaged" in page or "line 1: 4 packs came damaged" in page
    assert cells(page, "l-1")[1:9] == ["PUMP-200", "60", "60", "60", "60", "4", "60", "48.50 EUR"]
    assert cells(page, "i-INV-901")[1:4] == ["Held", "three way", "3,120.00 EUR"]
    assert "line 1: 52.00 invoiced, 48.50 ordered per pack" in page
    assert 'href="/tower/cases/erp-one/po%3A4500009/invoice_mismatch/1"' in page
    assert "/workflows/inbound%2Ferp-one%2F4500009" in page
    other = await text(bought, "/tower/purchases/erp-one/4500017")
    assert "line 1: 45 of 60 packs confirmed" in other
    assert "line 1: expected 3 days after it is due" in other
    assert cells(other, "s-ASN-88")[:2] == ["ASN-88 dhl SSCC 376130321109103420", "Departed"]


@pytest.mark.parametrize("path", ["erp-one/1", "erp-two/4500009", "erp-one/%00"])
async def test_an_unknown_purchase_order_is_a_page_that_says_so(bought: Gateway, path: str) -> None:
    answer = await bought.get(f"/tower/purchases/{path}", "helpdesk")
    assert answer.status_code == 404
    assert "No purchase order" in answer.text


def test_what_is_otherwise_than_ordered_is_said() -> None:
    line = PurchaseLineView(line=2, item="A", ordered=10, advised=0, received=0, damaged=0, due_on=date(2026, 3, 2))
    assert purchases.differences(line) == []
    assert purchases.differences(line.model_copy(update={"confirmed": 10, "expected_on": line.due_on})) == []
    later = {"confirmed": 0, "expected_on": date(2026, 3, 3), "damaged": 1, "received": 12}
    assert purchases.differences(line.model_copy(update=later)) == [
        "line 2: 0 of 10 packs confirmed",
        "line 2: expected 1 day after it is due",
        "line 2: 1 pack came damaged",
        "line 2: 2 packs more came than were ordered",
    ]


async def test_differences_are_shown_with_class_correction_and_case(kept: Gateway) -> None:
    page = await text(kept, "/tower/books")
    found = re.findall(r'data-key="(x-\d+)"', page)
    real, passing = (cells(page, key) for key in found)
    assert real[:6] == ["Quantity to correct", "PUMP-200 at LYS", "WMS LYS", "120", "117", "nothing yet"]
    assert real[6:8] == ["count PUMP-200 at LYS and report what is there owner: WMS", "Case 1"]
    assert passing[0] == "Timing waits for another look"
    assert passing[5:8:2] == ["message 17 (received)", "none"]
    assert f'href="/tower/cases/{CASE}"' in page


async def test_the_balance_has_each_system_beside_our_ledger(kept: Gateway) -> None:
    page = await text(kept, "/tower/books")
    assert cells(page, "b-LYS") == ["LYS", "620", "620", "657 +37", "–", "2", "4,960.00 USD"]
    assert cells(page, "b-") == ["On the way", "80", "80", "–", "–", "–", "640.00 USD"]
    total = re.findall(r"<tfoot>(.*?)</tfoot>", page)[0]
    assert re.findall(r"<b?[^>]*>([\d,.]+)", total)[:3] == ["700", "700", "657"], "planning was not compared"
    assert cells(page, "r-wms LYS")[:3] == ["WMS LYS", "40", "2 1 explained"]
    assert cells(page, "r-planning EMEA")[0] == "Planning EMEA planning gave no answer in 10 s"


async def test_finance_keeps_currencies_apart_and_says_of_when_its_figures_are(kept: Gateway) -> None:
    page = await text(kept, "/tower/books")
    euro, dollar = page.partition('data-key="c-EUR"')[2].split('data-key="c-USD"')
    assert cells(euro, "goods_in_transit") == ["Goods in transit", "500.00", "40"]
    assert cells(euro, "freight_accrued") == ["Freight accrued", "-25.00", "–"]
    assert cells(dollar, "goods_in_transit") == ["Goods in transit", "320.00", "40"]
    assert re.search(r'figures of <time datetime="[^"]+">\d+ \w+ \d{4} \d\d:\d\d:\d\d</time> UTC', page)
    assert f'{day(0):%-d %b %Y} 500.00"' in euro, "the picture says its figures"
    assert cells(page, "a-erp-one/SO-EUR DN-SO-EUR EUR")[:2] == ["SO-EUR DN-SO-EUR", "25.00 EUR"]


async def test_the_ledger_is_walked_through_once_a_minute_whoever_looks(
    kept: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks, now = 0, 0.0
    ledger = tower_books.ledger

    async def counted(*asked: object) -> object:
        nonlocal walks
        walks += 1
        return await ledger(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(tower_books, "ledger", counted)
    kept.app.state.snapshots = Snapshots(lambda: now)
    kept.app.state.ledgers = Snapshots(lambda: now)
    for _ in range(5):
        await text(kept, "/tower/books")
        now += 10
    assert walks == 1
    now += 10
    await text(kept, "/tower/books")
    assert walks == 2


async def test_a_ledger_that_is_too_long_to_add_up_leaves_the_rest_of_the_page(
    kept: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_long(*_: object) -> list[object]:
        raise QueryCanceled

    monkeypatch.setattr(valuation, "accounts", too_long)
    page = await text(kept, "/tower/books")
    assert "too long to be added up" in page
    assert cells(page, "b-LYS")[:2] == ["LYS", "620"]


async def test_empty_pages_say_what_will_be_there(gateway: Gateway) -> None:
    assert "No stock is known yet" in await text(gateway, "/tower/stock")
    assert "No purchase order is open." in await text(gateway, "/tower/purchases")
    page = await text(gateway, "/tower/books")
    assert "Nothing was compared yet" in page
    assert "The ledger holds nothing of value yet." in page


async def test_cases_of_books_and_of_purchase_orders_are_on_the_desk_and_open(kept: Gateway) -> None:
    await goods_rows.purchases(kept.database)
    page = await text(kept, "/tower/cases", "helpdesk")
    assert sorted(rows(page)) == ["Invoice mismatch", "Stock difference"]
    assert '<a href="/tower/purchases/erp-one/4500009">PO 4500009</a>' in page
    assert '<a href="/tower/books">Books of WMS LYS</a>' in page
    shown = await text(kept, f"/tower/cases/{CASE}", "helpdesk")
    assert "Acknowledge" in shown
    assert "1 difference with the warehouse of LYS" in shown
    assert "PO 4500009" in await text(kept, "/tower/cases/erp-one/po:4500009/invoice_mismatch/1", "helpdesk")


@pytest.mark.parametrize("path", ["/tower/purchases", HELD, "/tower/books"])
@pytest.mark.parametrize("partner", ["dhl", "erp-one", "wms-dc1", "tms", "acme"])
async def test_partners_see_neither_purchases_nor_books(bought: Gateway, path: str, partner: str) -> None:
    answer = await bought.get(path, partner)
    assert answer.status_code == 403
    assert "INV-901" not in answer.text
    assert "RP-1" not in answer.text


async def test_markup_in_what_partners_said_is_text(bought: Gateway) -> None:
    attack = "<script>alert(1)</script>"
    await bought.rows(f"UPDATE replenishment SET reason = '{attack}' RETURNING id")
    await bought.rows(f"UPDATE invoice SET reasons = ARRAY['{attack}'] RETURNING number")
    for path in ("/tower/purchases", HELD):
        page = (await bought.get(path, "root")).text
        assert "<script>alert" not in page
        assert html.escape(attack) in page


def test_goods_in_transit_are_shown_for_every_day_up_to_the_last() -> None:
    last = date(2026, 3, 14)
    some = [
        InTransitDay(day=last - timedelta(days=n), currency="EUR", amount=Decimal(amount), packs=1)
        for n, amount in ((2, 50), (0, 200))
    ]
    found = books.bars(some, last)
    assert [it.day for it in found] == [last - timedelta(days=n) for n in range(books.DAYS - 1, -1, -1)]
    assert [it.height for it in found[-3:]] == [25.0, 0.0, 100.0]
    assert books.bars([], last) == []
