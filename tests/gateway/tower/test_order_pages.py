"""An order with long lists costs its readers no more than another: it is read page by page."""

import re

import pytest

from tests.gateway import tower_rows
from tests.gateway.harness import Gateway

ORDER, KEY = "/v1/orders/SO-LONG", "erp-one/SO-LONG"
PAGE = "/tower/orders/erp-one/SO-LONG"
EVENTS, EFFECTS, SHIPMENTS, LINES, PROMISES = 1500, 300, 120, 150, 90


@pytest.fixture
async def long(gateway: Gateway) -> Gateway:
    """An order of which much was reported, and told."""
    await tower_rows.release(gateway.database, "SO-LONG")
    async with gateway.database.transaction() as connection:
        for statement in (
            f"INSERT INTO event (source, event_id, kind, shipment, partner, inbox_id, occurred_at, received_at, body) "
            f"SELECT '/partners/dhl', 'e-' || n, 'delayed', 'S-' || n % {SHIPMENTS}, 'dhl', 1, "
            f"timestamptz '2026-03-03' - n * interval '1 s', timestamptz '2026-03-03' + n * interval '1 s', '{{}}' "
            f"FROM generate_series(1, {EVENTS}) n",
            "INSERT INTO event_order (order_key, event_id, event, state, reason) "
            f"SELECT '{KEY}', event_id, id, 'applied', 'report ' || id || '.' FROM event",
            "INSERT INTO effect "
            "(key, order_key, system, operation, shipment, outcome, attempts, accepted_at, planned_at) "
            f"SELECT 'k-' || n, '{KEY}', 'tms', 'tender_transport', '', 'planned', 2, now(), now() "
            f"FROM generate_series(1, {EFFECTS}) n",
            "INSERT INTO shipment_order (order_key, shipment, status) "
            f"SELECT '{KEY}', 'S-' || n, 'shipped' FROM generate_series(0, {SHIPMENTS - 1}) n",
            "INSERT INTO order_line_view "
            "(order_key, line, item, ordered, shipped, delivered, first_promised_on, promised_on) "
            f"SELECT '{KEY}', n, 'ITEM-' || n, 5, 0, 0, '2026-03-09', '2026-03-09' FROM generate_series(1, {LINES}) n",
            f"INSERT INTO promise (order_key, promised_on, reason, made_at) "
            f"SELECT '{KEY}', '2026-03-09', 'stock', timestamptz '2026-03-03' + n * interval '10 s' - interval '1 s' "
            f"FROM generate_series(1, {PROMISES}) n",
        ):
            await connection.execute(statement.encode())
    return gateway


async def test_an_order_of_many_reports_is_as_small_as_others(long: Gateway) -> None:
    answer = await long.get(ORDER, "erp-one")
    order = answer.json()
    assert len(answer.content) < 100_000
    assert [len(order[name]) for name in ("lines", "shipments", "promises", "effects", "timeline")] == [
        100,
        100,
        90,
        100,
        100,
    ]
    assert order["more"] == {"lines": 50, "shipments": 20, "effects": 200, "timeline": 1400}
    assert {report["received_at"] for report in order["timeline"]} >= {"2026-03-03T00:25:00Z", "2026-03-03T00:23:21Z"}
    assert "effects" not in (await long.get(ORDER, "planner")).json()["more"]
    for asked in (PAGE, f"{PAGE}?timeline=3&effects=2&shipments=12&lines=3", f"{PAGE}?timeline=1000"):
        page = await long.get(asked, "helpdesk")
        assert page.status_code == 200
        assert len(page.content) < 100_000


async def test_page_by_page_everything_is_read_once(long: Gateway) -> None:
    for part, name, entries in (
        ("timeline", "received_at", EVENTS),
        ("effects", "key", EFFECTS),
        ("shipments", "shipment", SHIPMENTS),
        ("lines", "line", LINES),
        ("promises", "made_at", PROMISES),
    ):
        found, pages = [], 0
        link: str | None = f"{ORDER}/pages/{part}?limit={(entries + 2) // 3}"
        while link:
            page = (await long.get(link, "erp-one")).json()
            found += [entry[name] for entry in page[part]]
            link, pages = page.get("next"), pages + 1
        assert pages == 3, part
        assert len(found) == len(set(found)) == entries, part


async def test_the_page_leads_through_the_whole_story_once(long: Gateway) -> None:
    story: list[str] = []
    seen = 0
    link: str | None = PAGE
    while link:
        page = (await long.get(link, "helpdesk")).text
        timeline = page.partition('<ol class="timeline">')[2]
        story += re.findall(r"report \d+\.", timeline)
        seen += timeline.count("<strong>Promise")
        found = re.search(r'rel="next" href="([^"#]*timeline=[^"#]*)', timeline)
        link = found[1].replace("&amp;", "&") if found else None
    assert len(story) == len(set(story)) == EVENTS
    assert seen == PROMISES


async def test_a_page_begins_only_where_another_ended_and_is_for_who_may_see_it(long: Gateway) -> None:
    for cursor in ("x", "W10=", "WyJhIl0=", "WyJhXHUwMDAwIl0=", "WzFd", "e30=", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OSJd"):
        answer = await long.get(f"{ORDER}/pages/timeline?after={cursor}", "erp-one")
        assert answer.status_code == 422, cursor
        assert answer.json()["findings"] == [{"field": "query.after", "rule": "must be taken from `next`"}]
    assert (await long.get(f"{ORDER}/pages/effects", "planner")).status_code == 403
    assert (await long.get(f"{ORDER}/pages/nothing", "planner")).status_code == 422
    assert (await long.get(f"{ORDER}/pages/lines", "acme")).status_code == 404
