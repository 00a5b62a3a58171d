"""POST /v1/orders/{number}/restart, and the action `restart` of a case: for support, and only for what does not run."""

import pytest

from tests.gateway.harness import Gateway
from tests.gateway.messages import release

ASKED = {"id": "r1", "reason": "its workflow was terminated"}


@pytest.mark.parametrize(
    ("path", "body"), [("restart", ASKED), ("act", {**ASKED, "action": "restart"})], ids=["restart", "act"]
)
async def test_support_has_an_order_begun_again(gateway: Gateway, path: str, body: dict[str, str]) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    answer = await gateway.post(f"/v1/orders/PO-1/{path}", "helpdesk", body)
    assert answer.status_code == 200, answer.text
    assert "begun again" in answer.json()["done"]
    assert gateway.handoff.restarted == [("erp-one/PO-1", "helpdesk", ASKED["reason"])]
    assert [row for row in await gateway.inbox() if row["kind"] == "order.act"] == [], "no workflow is asked"


async def test_one_that_runs_is_refused(gateway: Gateway) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    gateway.handoff.refusal = "its workflow runs"
    answer = await gateway.post("/v1/orders/PO-1/restart", "helpdesk", ASKED)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "its workflow runs"


async def test_while_temporal_is_away_nothing_is_begun(gateway: Gateway) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    gateway.handoff.up = False
    answer = await gateway.post("/v1/orders/PO-1/restart", "helpdesk", ASKED)
    assert answer.status_code == 503


async def test_partners_may_not(gateway: Gateway) -> None:
    await gateway.post("/v1/orders", "erp-one", release())
    answer = await gateway.post("/v1/orders/PO-1/restart", "erp-one", ASKED)
    assert answer.status_code == 403
