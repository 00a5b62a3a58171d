"""Rows that planning refused, and sites that it is not told of, over the API: support alone sees and settles them."""

import pytest

from schemas.partners.master_data import MasterKind, MasterName
from schemas.planning.feeds import FeedRun
from schemas.settings import Endpoint, Settings
from store.partners import master_data
from store.planning import planning
from tests.gateway.harness import Gateway, gateway_on
from tests.store.test_planning import ItemDelta, buffered

KEY = "EMEA/0/1/1"
REASON = {"keys": [KEY, "EMEA/0/9/9"], "reason": "the item is known now"}


@pytest.fixture
async def refused(gateway: Gateway) -> Gateway:
    """A gateway; planning refused a row, and a movement waits behind it."""
    async with gateway.database.transaction() as connection:
        await buffered(connection, [ItemDelta("A", 40)])
        await planning.freeze(connection, FeedRun(region="EMEA"))
        await planning.mark_refused(connection, KEY, "unknown_item")
        await buffered(connection, [ItemDelta("A", 2)])
    return gateway


async def test_support_sees_what_planning_refused_and_why(refused: Gateway) -> None:
    [row] = (await refused.get("/v1/planning/refused", "helpdesk")).json()["rows"]
    assert (row["key"], row["item"], row["site"], row["packs"]) == (KEY, "A", "LYS", 40)
    assert (row["origin"], row["error"], row["waiting"]) == ("planning_api", "unknown_item", 1)


@pytest.mark.parametrize("partner", ["planner", "erp-one", "wms-dc1", "acme"])
async def test_others_neither_see_nor_move_it(refused: Gateway, partner: str) -> None:
    assert (await refused.get("/v1/planning/refused", partner)).status_code == 403
    for verb in ("replay", "drop"):
        assert (await refused.post(f"/v1/planning/{verb}", partner, REASON)).status_code == 403
    assert await refused.rows("SELECT FROM planning_row WHERE state = 'parked'")


@pytest.mark.parametrize(("verb", "state"), [("replay", "pending"), ("drop", "dropped")])
async def test_a_row_is_moved_on_once_and_audited(refused: Gateway, verb: str, state: str) -> None:
    for expected in ([KEY], []):
        answer = await refused.post(f"/v1/planning/{verb}", "helpdesk", REASON)
        assert (answer.status_code, answer.json()) == (200, {"keys": expected})
    assert await refused.rows("SELECT state FROM planning_row") == [{"state": state}]
    entries = await refused.rows("SELECT actor, action, detail FROM audit_entry WHERE subject = 'planning' ORDER BY id")
    assert [(x["actor"], x["detail"]["keys"], x["detail"]["reason"]) for x in entries] == [
        ("helpdesk", keys, REASON["reason"]) for keys in ([KEY], [])
    ]
    assert (await refused.get("/v1/planning/refused", "helpdesk")).json() == {"rows": []}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"reason": ""}, "reason"), ({"reason": None}, "reason"), ({"keys": []}, "keys"), ({"more": 1}, "more")],
)
async def test_a_wish_that_is_not_complete_is_refused(refused: Gateway, wrong: dict[str, object], field: str) -> None:
    answer = await refused.post("/v1/planning/drop", "helpdesk", {**REASON, **wrong})
    assert answer.status_code == 422
    assert [finding["field"] for finding in answer.json()["findings"]] == [field]
    assert await refused.rows("SELECT FROM planning_row WHERE state = 'parked'")


AGAIN = {"item": "A", "site": "LYS", "reason": "planning was restored from a backup"}


async def test_open_demand_of_an_item_at_a_site_is_told_again_when_support_asks(refused: Gateway) -> None:
    async with refused.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO order_demand (order_key, item, site, packs, day, told_revision, told_packs) VALUES "
            "('erp-one/1', 'A', 'LYS', 40, '2026-05-20', 1, 40), ('erp-one/2', 'A', 'LYS', 0, '2026-05-20', 1, 0), "
            "('erp-one/1', 'A', 'MAD', 7, '2026-05-20', 1, 7), ('erp-one/1', 'B', 'LYS', 7, '2026-05-20', 1, 7)"
        )
    for partner in ("planner", "erp-one"):
        assert (await refused.post("/v1/planning/demand", partner, AGAIN)).status_code == 403
    answer = await refused.post("/v1/planning/demand", "helpdesk", AGAIN)
    assert (answer.status_code, answer.json()) == (200, {"figures": 2})
    owed = await refused.rows("SELECT order_key, revision FROM order_demand WHERE told_revision < revision ORDER BY 1")
    assert owed == [{"order_key": "erp-one/1", "revision": 2}, {"order_key": "erp-one/2", "revision": 2}]
    [entry] = await refused.rows("SELECT action, detail FROM audit_entry WHERE subject = 'planning'")
    assert (entry["action"], entry["detail"]) == ("planning_demand_again", AGAIN)


HOME = {"site": "DC1", "region": "EMEA", "reason": "as the network plan says"}
FOUND = {"id": "1", "kind": "count", "site": "DC1", "item": "A", "quantity": 7, "occurred_at": "2026-05-04T12:00:00Z"}


async def waiting(refused: Gateway, region: str) -> float | None:
    """Seconds until a region's feed is to send something; None: nothing waits there."""
    async with refused.database.transaction() as connection:
        return await planning.due_in_s(connection, FeedRun(region=region), 1, 0.0)


async def test_stock_of_a_site_of_no_region_is_seen_and_goes_once_somebody_names_it(refused: Gateway) -> None:
    assert (await refused.post("/v1/inventory", "wms-dc1", {"reports": [FOUND]})).status_code == 201
    [site] = (await refused.get("/v1/planning/sites", "helpdesk")).json()["sites"]
    assert (site["site"], site["waiting"]) == ("DC1", 1)
    assert await waiting(refused, "EMEA") is None
    for _ in range(2):
        assert (await refused.post("/v1/planning/sites", "helpdesk", HOME)).status_code == 200
    assert (await refused.get("/v1/planning/sites", "helpdesk")).json() == {"sites": []}
    assert await waiting(refused, "EMEA") == 0
    other = await refused.post("/v1/planning/sites", "helpdesk", {**HOME, "region": "APAC"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/refused")
    entries = await refused.rows("SELECT actor, detail FROM audit_entry WHERE action = 'planning_site'")
    assert [(it["actor"], it["detail"]) for it in entries] == [("helpdesk", HOME)] * 2


@pytest.mark.parametrize("partner", ["planner", "erp-one", "wms-dc1", "acme"])
async def test_others_neither_see_nor_name_them(gateway: Gateway, partner: str) -> None:
    assert (await gateway.get("/v1/planning/sites", partner)).status_code == 403
    assert (await gateway.post("/v1/planning/sites", partner, HOME)).status_code == 403
    assert await gateway.rows("SELECT FROM planning_site") == []


async def test_the_owner_of_a_site_names_its_region(database_url: str) -> None:
    async with gateway_on(database_url, stock_erp={"DC1": "erp-two"}) as gateway:
        for owner, region in (("erp-one", "APAC"), ("erp-two", "EMEA")):
            name = MasterName(owner, MasterKind.SITE, "DC1")
            async with gateway.database.transaction() as connection:
                token = await master_data.claim(connection, name, 60)
                assert token
                await master_data.keep(connection, name, token, {"id": "DC1", "region": region}, 60)
        assert (await gateway.post("/v1/inventory", "wms-dc1", {"reports": [FOUND]})).status_code == 201
        assert await gateway.rows("SELECT site, region FROM planning_site") == [{"site": "DC1", "region": "EMEA"}]
        assert await waiting(gateway, "EMEA") == 0


def test_each_planning_system_has_a_feed() -> None:
    """Regions without a system of their own share one, and what is of no known region goes with them where all do."""
    one, own = Endpoint(url="http://127.0.0.1:1"), Endpoint(url="http://127.0.0.1:2")
    assert Settings(planning={"*": one}).planning_feeds == (FeedRun(),)
    assert Settings(planning={"*": one, "AFR": own}).planning_feeds == (FeedRun(region="AFR"), FeedRun(others=("AFR",)))
    assert [run.workflow_id for run in Settings(planning={"*": one, "AFR": own}).planning_feeds] == [
        "planning/AFR/0",
        "planning/all/0",
    ]
