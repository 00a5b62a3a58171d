"""Rows that planning refused, over the API: seen by support alone, moved on with a reason, audited."""

import pytest

from schemas.feeds import FeedRun
from store import planning
from tests.gateway.harness import Gateway
from tests.store.test_planning import ItemDelta, buffered

KEY = "EMEA/0/1/1"
REASON = {"keys": [KEY, "EMEA/0/9/9"], "reason": "the item is known now"}


@pytest.fixture
async def parked(gateway: Gateway) -> Gateway:
    """A gateway; planning refused a row, and a movement waits behind it."""
    async with gateway.database.transaction() as connection:
        await buffered(connection, [ItemDelta("A", 40)])
        await planning.freeze(connection, FeedRun(region="EMEA"))
        await planning.park(connection, KEY, "unknown_item")
        await buffered(connection, [ItemDelta("A", 2)])
    return gateway


async def test_support_sees_what_planning_refused_and_why(parked: Gateway) -> None:
    [row] = (await parked.get("/v1/planning/parked", "helpdesk")).json()["rows"]
    assert (row["key"], row["item"], row["site"], row["packs"]) == (KEY, "A", "LYS", 40)
    assert (row["origin"], row["error"], row["waiting"]) == ("planning_api", "unknown_item", 1)


@pytest.mark.parametrize("partner", ["planner", "erp-one", "wms-dc1", "acme"])
async def test_others_neither_see_nor_move_it(parked: Gateway, partner: str) -> None:
    assert (await parked.get("/v1/planning/parked", partner)).status_code == 403
    for verb in ("replay", "drop"):
        assert (await parked.post(f"/v1/planning/{verb}", partner, REASON)).status_code == 403
    assert await parked.rows("SELECT FROM planning_row WHERE state = 'parked'")


@pytest.mark.parametrize(("verb", "state"), [("replay", "pending"), ("drop", "dropped")])
async def test_a_row_is_moved_on_once_and_audited(parked: Gateway, verb: str, state: str) -> None:
    for expected in ([KEY], []):
        answer = await parked.post(f"/v1/planning/{verb}", "helpdesk", REASON)
        assert (answer.status_code, answer.json()) == (200, {"keys": expected})
    assert await parked.rows("SELECT state FROM planning_row") == [{"state": state}]
    entries = await parked.rows("SELECT actor, action, detail FROM audit_entry WHERE subject = 'planning' ORDER BY id")
    assert [(x["actor"], x["detail"]["keys"], x["detail"]["reason"]) for x in entries] == [
        ("helpdesk", keys, REASON["reason"]) for keys in ([KEY], [])
    ]
    assert (await parked.get("/v1/planning/parked", "helpdesk")).json() == {"rows": []}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"reason": ""}, "reason"), ({"reason": None}, "reason"), ({"keys": []}, "keys"), ({"more": 1}, "more")],
)
async def test_a_wish_that_is_not_complete_is_refused(parked: Gateway, wrong: dict[str, object], field: str) -> None:
    answer = await parked.post("/v1/planning/drop", "helpdesk", {**REASON, **wrong})
    assert answer.status_code == 422
    assert [finding["field"] for finding in answer.json()["findings"]] == [field]
    assert await parked.rows("SELECT FROM planning_row WHERE state = 'parked'")
