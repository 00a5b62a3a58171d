"""Cases over the API: what parties and support see, and taking one on."""

import json
from datetime import timedelta
from itertools import combinations, product
from typing import Any
from urllib.parse import urlencode

import pytest

from schemas.cases.cases import CaseState
from schemas.cases.exceptions import ExceptionKind as Kind
from tests.gateway.harness import Gateway
from tests.gateway.messages import release
from tests.gateway.trouble import AT, CASE, open_case

PAGE = 4
NOTE = {"id": "n-1", "reason": "on it", "to": "ann"}


@pytest.fixture
async def troubled(gateway: Gateway) -> Gateway:
    """A gateway with one order, PO-1 of erp-one, that has an open case; and the same number of another ERP."""
    for erp in ("erp-one", "erp-two"):
        await gateway.post("/v1/orders", erp, release(carrier=None) if erp == "erp-two" else release())
    await open_case(gateway.database)
    return gateway


async def test_support_sees_everything_of_a_case(troubled: Gateway) -> None:
    case = (await troubled.get(f"/v1/cases/{CASE}", "helpdesk")).json()
    assert (case["queue"], case["tier"], case["actions"]) == ("transport", 0, ["re_tender"])
    assert case["findings"][0]["summary"] == "ups declined"
    assert [entry["what"] for entry in case["history"]] == ["opened"]


@pytest.mark.parametrize("partner", ["erp-one", "dhl", "wms-dc1", "tms", "planner"])
async def test_parties_see_what_is_wrong_and_no_more(troubled: Gateway, partner: str) -> None:
    [listed] = (await troubled.get("/v1/cases", partner)).json()["cases"]
    shown = (await troubled.get(f"/v1/cases/{CASE}", partner)).json()
    assert shown == listed
    assert set(shown) == {"id", "about", "order", "kind", "state", "summary", "opened_at"}
    [of_the_order] = (await troubled.get("/v1/orders/PO-1?erp=erp-one", partner)).json()["cases"]
    assert of_the_order == shown


@pytest.mark.parametrize("partner", ["erp-two", "ups", "acme"])
async def test_strangers_see_nothing_and_cannot_tell_it_from_absence(troubled: Gateway, partner: str) -> None:
    assert (await troubled.get("/v1/cases", partner)).json() == {"cases": []}
    hidden, absent = [await troubled.get(f"/v1/cases/{case}", partner) for case in (CASE, CASE.replace("PO-1", "PO-9"))]
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json()["detail"] == absent.json()["detail"]
    assert (await troubled.get("/v1/cases?order=PO-1&erp=erp-one", partner)).status_code == 404


async def test_cases_are_found_by_state_kind_queue_and_order(troubled: Gateway) -> None:
    async def found(query: str) -> int:
        return len((await troubled.get(f"/v1/cases?{query}", "helpdesk")).json()["cases"])

    assert await found("kind=tender_reject&queue=transport&order=PO-1&erp=erp-one") == 1
    assert [await found(q) for q in ("kind=delay", "queue=claims", "order=PO-1&erp=erp-two")] == [0, 0, 0]
    await open_case(troubled.database, version=2, state=CaseState.CURED, closed_at=AT)
    assert (await found("state=open"), await found("state=all")) == (0, 1)


async def test_every_pair_of_filters_gives_page_by_page_what_the_table_has(troubled: Gateway) -> None:
    """Against a plain filter over all rows: the same cases, each once, the newest first, however small the pages."""
    kinds, work_lists = (Kind.DELAY, Kind.CUSTOMS, Kind.TENDER_REJECT), ("transport", "claims")
    await troubled.post("/v1/orders", "erp-one", release(number="PO-2"))
    for n in range(24):
        order, kind = f"erp-{('one', 'two')[n % 5 == 0]}/PO-{1 if n % 5 == 0 else 1 + n % 2}", kinds[n % 3]
        ended = {"state": CaseState.CURED, "closed_at": AT} if n % 4 == 0 else {}
        opened = {"opened_at": AT + timedelta(hours=n // 3), "queue": work_lists[n % 2]}  # several at the same moment
        await open_case(troubled.database, id=f"{order}/{kind}/{n + 2}", order=order, kind=kind, **opened, **ended)
    rows = await troubled.rows("SELECT *, order_key LIKE 'erp-one/%' AS ours FROM exception_case")
    rows.sort(key=lambda row: (-row["opened_at"].timestamp(), row["id"]))
    filters: dict[str, list[str]] = {
        "state": ["open", "all"],
        "kind": [*kinds],
        "queue": [*work_lists, "nobody"],
        "order": ["PO-1", "PO-2"],
    }
    for one, other in combinations(filters, 2):
        for wish in ({one: a, other: b} for a, b in product(filters[one], filters[other])):
            for caller in ("helpdesk", "erp-one"):
                if caller == "erp-one" and "queue" in wish:
                    continue
                expected = [row["id"] for row in rows if fits(row, wish) and (caller == "helpdesk" or row["ours"])]
                query = urlencode(
                    {"state": "all", "limit": PAGE, **wish, **({"erp": "erp-one"} if "order" in wish else {})}
                )
                assert await paged(troubled, caller, f"/v1/cases?{query}") == expected, (query, caller)


def fits(row: dict[str, Any], wish: dict[str, str]) -> bool:
    """Whether a row is what a list was asked for."""
    wanted = {
        "state": row["closed_at"] is None or wish.get("state") != "open",
        "kind": row["kind"] == wish.get("kind"),
        "queue": row["queue"] == wish.get("queue"),
        "order": row["order_key"] == f"erp-one/{wish.get('order')}",
    }
    return all(wanted[name] for name in wish)


async def paged(gateway: Gateway, caller: str, address: str | None) -> list[str]:
    """The cases of all pages, each page no longer than it may be."""
    found: list[str] = []
    while address:
        page = (await gateway.get(address, caller)).json()
        assert len(page["cases"]) <= PAGE
        found += [it["id"] for it in page["cases"]]
        address = page.get("next")
    return found


async def test_only_support_asks_by_desk(troubled: Gateway) -> None:
    assert (await troubled.get("/v1/cases?queue=transport", "erp-one")).status_code == 403


@pytest.mark.parametrize("case", ["x", "erp-one/PO-1/delay", "erp-one/PO-1/delay/1/2", "a%00b/1/delay/1", CASE + "x"])
async def test_what_cannot_be_a_case_is_refused(troubled: Gateway, case: str) -> None:
    assert (await troubled.get(f"/v1/cases/{case}", "helpdesk")).status_code == 422


@pytest.mark.parametrize("verb", ["acknowledge", "assign", "resolve"])
async def test_support_takes_a_case_on(troubled: Gateway, verb: str) -> None:
    answer = await troubled.post(f"/v1/cases/{CASE}/{verb}", "helpdesk", NOTE)
    assert answer.status_code == 200, answer.text
    assert answer.json()["case"] == CASE
    [record] = troubled.handoff.commands
    assert (record.key, record.kind, record.request.to) == (CASE, f"case.{verb}", "ann")
    message = (await troubled.inbox())[-1]
    assert (message["kind"], json.loads(message["raw"])["key"]) == (f"case.{verb}", CASE)

    troubled.handoff.refusal = "the case is closed"
    refused = await troubled.post(f"/v1/cases/{CASE}/{verb}", "helpdesk", {**NOTE, "id": "n-2"})
    assert refused.json()["detail"] == "the case is closed"
    troubled.handoff.refusal, troubled.handoff.up = "", False
    later = await troubled.post(f"/v1/cases/{CASE}/{verb}", "helpdesk", {**NOTE, "id": "n-3"})
    assert (later.status_code, later.json()["state"], later.json()["queue"]) == (202, "open", "transport")
    assert (await troubled.post(f"/v1/cases/{CASE[:-1]}7/{verb}", "helpdesk", NOTE)).status_code == 404
