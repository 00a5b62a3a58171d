"""Proposals and policies over the API."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from schemas.planning.governor import StockReplan
from store.planning import governor
from tests.gateway.harness import Gateway
from tests.gateway.messages import release
from tests.gateway.trouble import PROPOSAL, propose

DECISION = f"/v1/proposals/{PROPOSAL}/decision"
ACCEPT = {"id": "d-1", "proposal": PROPOSAL, "verdict": "accept", "reason": "no way around it"}
RULE: dict[str, Any] = {
    "id": "slow-tms",
    "about": "order",
    "scope": {"region": "EMEA"},
    "body": {"times": {"tender_answer_s": 600.0}},
}


@pytest.fixture
async def planned(gateway: Gateway) -> Gateway:
    """A gateway with an order that has a proposal."""
    await gateway.post("/v1/orders", "erp-one", release())
    await propose(gateway.database)
    return gateway


async def test_planners_see_proposals_and_others_do_not(planned: Gateway) -> None:
    [proposal] = (await planned.get("/v1/proposals", "planner")).json()["proposals"]
    assert (proposal["id"], proposal["order"], proposal["state"]) == (PROPOSAL, "erp-one/PO-1", "open")
    assert (proposal["promised_on"], proposal["proposed_on"]) == ("2026-03-09", "2026-03-14")
    assert (await planned.get("/v1/proposals?region=APAC", "planner")).json() == {"proposals": []}
    assert "proposals" not in (await planned.get("/v1/orders/PO-1", "erp-one")).json()
    assert len((await planned.get("/v1/orders/PO-1", "planner")).json()["proposals"]) == 1


async def test_a_decision_goes_to_the_order(planned: Gateway) -> None:
    answer = await planned.post(DECISION, "planner", ACCEPT)
    assert (answer.status_code, answer.json()["done"]) == (200, "replan done")
    [record] = planned.handoff.commands
    assert (record.key, record.kind, record.by, record.request.verdict) == (
        "erp-one/PO-1",
        "order.replan",
        "planner",
        "accept",
    )


async def test_a_decision_on_what_is_decided_is_refused_unless_it_is_the_same(planned: Gateway) -> None:
    await planned.post(DECISION, "planner", ACCEPT)
    await planned.rows("UPDATE replan_proposal SET state = 'accepted' RETURNING 1")
    other = await planned.post(DECISION, "planner", {**ACCEPT, "id": "d-2", "verdict": "reject"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/refused")
    assert "is accepted" in other.json()["detail"]
    assert (await planned.post(DECISION, "planner", ACCEPT)).status_code == 200


async def test_a_decision_names_its_proposal_and_makes_sense(planned: Gateway) -> None:
    nowhere = {**ACCEPT, "proposal": "nowhere/1"}
    assert (await planned.post("/v1/proposals/nowhere/1/decision", "planner", nowhere)).status_code == 404
    for wrong in (
        {**ACCEPT, "proposal": "another"},
        {**ACCEPT, "verdict": "override"},
        {**ACCEPT, "promised_on": "2026-03-20"},
    ):
        assert (await planned.post(DECISION, "planner", wrong)).status_code == 422, wrong
    assert planned.handoff.commands == []


async def _put(gateway: Gateway, partner: str, rule: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = await gateway.client.put("/v1/policies", json=rule, headers=gateway.auth(partner))
    return answer.status_code, answer.json()


async def test_a_rule_is_put_and_its_version_rises(gateway: Gateway) -> None:
    assert await _put(gateway, "root", RULE) == (200, {**RULE, "version": 1})
    assert (await _put(gateway, "root", {**RULE, "body": {"tender_limit": 2}}))[1]["version"] == 2
    [rule] = (await gateway.get("/v1/policies", "root")).json()["rules"]
    assert (rule["id"], rule["version"], rule["body"]) == ("slow-tms", 2, {"tender_limit": 2})
    assert (await gateway.get("/v1/policies?about=case", "root")).json() == {"rules": []}
    actions = await gateway.rows("SELECT actor, action, subject, detail FROM audit_entry ORDER BY id")
    assert actions[-1] == {
        "actor": "root",
        "action": "policy_put",
        "subject": "slow-tms",
        "detail": {"version": 2, "about": "order"},
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"body": {"colour": "red"}}, "body.colour"),
        ({"body": {"tender_limit": 0}}, "body.tender_limit"),
        ({"body": {}}, "body"),
        ({"scope": {"kind": "delay"}}, "scope.kind"),
        ({"about": "weather"}, "about"),
        ({"extra": 1}, "extra"),
    ],
)
async def test_a_rule_that_means_nothing_is_refused(gateway: Gateway, change: dict[str, Any], field: str) -> None:
    status, problem = await _put(gateway, "root", {**RULE, **change})
    assert status == 422
    assert field in [finding["field"] for finding in problem["findings"]]
    assert (await gateway.get("/v1/policies", "root")).json() == {"rules": []}


async def raised(gateway: Gateway) -> str:
    """An item at a site that planners are asked about."""
    replan = StockReplan(
        item="A", site="DC1", packs=-12, day=date(2026, 3, 14), slipped_days=5, causes=(), summary="late"
    )
    async with gateway.database.connection() as connection:
        await governor.propose(connection, "EMEA", [replan], datetime.now(UTC), 3600.0)
    [proposal] = (await gateway.get("/v1/proposals", "planner")).json()["stock"]
    assert (proposal["item"], proposal["site"], proposal["packs"], proposal["state"]) == ("A", "DC1", -12, "open")
    return str(proposal["id"])


async def test_planners_decide_about_items_at_sites_and_their_precision_is_shown(gateway: Gateway) -> None:
    answers = []
    for verdict, more in (
        ("accept", {}),
        ("reject", {}),
        ("override", {"promised_on": "2026-03-20", "packs": -5}),
    ):
        name = await raised(gateway)
        wish = {"id": f"d-{verdict}", "proposal": name, "verdict": verdict, "reason": "as it is", **more}
        for _ in range(2):
            answers.append(await gateway.post(f"/v1/proposals/{name}/decision", "planner", wish))
        other = {**wish, "verdict": "accept" if verdict == "reject" else "reject"}
        other.pop("promised_on", None)
        other.pop("packs", None)
        assert (await gateway.post(f"/v1/proposals/{name}/decision", "planner", other)).status_code == 409
        assert (await gateway.post(f"/v1/proposals/{name}/decision", "dhl", wish)).status_code == 403
    assert {answer.status_code for answer in answers} == {200}
    told = (await gateway.get("/v1/proposals?state=all", "planner")).json()
    assert [x["state"] for x in told["stock"]] == ["overridden", "rejected", "accepted"]
    [week] = told["precision"]
    assert (week["accepted"], week["decided"], round(week["precision"], 2)) == (1, 3, 0.33)
    assert (told["stock"][0]["override_day"], told["stock"][0]["override_packs"]) == ("2026-03-20", -5)
    for_order = {
        "id": "d-8",
        "proposal": told["stock"][0]["id"],
        "verdict": "override",
        "reason": "x",
        "carrier": "dhl",
    }
    refused = await gateway.post(f"/v1/proposals/{for_order['proposal']}/decision", "planner", for_order)
    assert (refused.status_code, refused.json()["findings"][0]["field"]) == (422, "carrier")
    nowhere = {"id": "d-9", "proposal": "stock/99", "verdict": "accept", "reason": "x"}
    assert (await gateway.post("/v1/proposals/stock/99/decision", "planner", nowhere)).status_code == 404
