"""Cases over the API: what parties and support see, and taking one on."""

import json

import pytest

from schemas.cases import CaseState
from tests.gateway.harness import Gateway
from tests.gateway.messages import release
from tests.gateway.trouble import AT, CASE, open_case

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
    assert set(shown) == {"id", "order", "kind", "state", "summary", "opened_at"}
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
    assert (await troubled.post(f"/v1/cases/{CASE}/{verb}", "helpdesk", NOTE)).json()["detail"] == "the case is closed"
    troubled.handoff.refusal, troubled.handoff.up = "", False
    later = await troubled.post(f"/v1/cases/{CASE}/{verb}", "helpdesk", {**NOTE, "id": "n-2"})
    assert (later.status_code, later.json()["state"], later.json()["queue"]) == (202, "open", "transport")
    assert (await troubled.post(f"/v1/cases/{CASE[:-1]}7/{verb}", "helpdesk", NOTE)).status_code == 404
