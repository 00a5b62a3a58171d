"""Demand signals over HTTP: each row for itself, the newest revision holds, and planning is told what changed, once."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from activities.planning.notifier import PlanningNotifier
from connectors.connections import of_endpoint
from connectors.http.client import SystemClient
from connectors.standard.replanning import StandardReplanning
from schemas.base import System
from schemas.planning.demand import MAX_SIGNALS
from schemas.settings import Endpoint
from store.planning import site_regions
from tests.gateway.harness import Gateway
from tests.simulators.network import TOKEN, Systems, systems

PATH = "/v1/demand-signals"


def signal(packs: int = 10, **more: Any) -> dict[str, Any]:
    """What customer C-1 sold of item A on a day."""
    row = {"kind": "sell_out", "customer": "C-1", "item": "A", "site": "LYS", "day": "2026-03-02", "packs": packs}
    return row | more


async def send(gateway: Gateway, *rows: dict[str, Any]) -> dict[str, Any]:
    """Send rows; how many came to what."""
    answer = await gateway.post(PATH, "erp-one", {"id": "b-1", "rows": list(rows)})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return {name: it for name, it in found.items() if it and name not in ("id", "findings")}


@pytest.fixture
async def sims() -> AsyncIterator[Systems]:
    """The stand-in systems."""
    async with systems("http://127.0.0.1:9") as sims:
        yield sims


async def tell(gateway: Gateway, sims: Systems, region: str = "EMEA") -> int:
    """Tell planning what is owed."""
    endpoint = Endpoint(url=str(sims.client.base_url).rstrip("/") + "/planning", token=TOKEN)
    async with SystemClient(of_endpoint(System.PLANNING, endpoint)) as client:
        return await PlanningNotifier(gateway.database, StandardReplanning(client)).notify(region, lambda: None)


async def known(gateway: Gateway, site: str = "LYS") -> None:
    """The region of a site is known."""
    async with gateway.database.connection() as connection:
        await site_regions.know_site(connection, site, "EMEA")


async def heard(sims: Systems, item: str = "A") -> list[tuple[str, str, int, int]]:
    """What planning holds of an item: kind, customer, packs, revision."""
    answer = await sims.client.get(f"/planning/v1/demand-signals/{item}")
    rows = answer.json()["rows"] if answer.is_success else []
    return sorted((it["kind"], it["customer"], it["packs"], it["revision"]) for it in rows)


async def test_only_what_changes_something_is_passed_on_once(gateway: Gateway, sims: Systems) -> None:
    await known(gateway)
    stock = signal(40, kind="customer_stock")
    assert await send(gateway, signal(), stock) == {"changed": 2}
    assert await tell(gateway, sims) == 2
    assert await send(gateway, signal(), stock, signal()) == {"unchanged": 3}
    assert await send(gateway, signal(10, revision=2)) == {"unchanged": 1}
    assert await tell(gateway, sims) == 0
    assert await send(gateway, signal(12, revision=3)) == {"changed": 1}
    assert await send(gateway, signal(11, revision=2)) == {"superseded": 1}
    assert [await tell(gateway, sims) for _ in range(2)] == [1, 0]
    assert await heard(sims) == [("customer_stock", "C-1", 40, 1), ("sell_out", "C-1", 12, 3)]
    assert {row["state"] for row in await gateway.inbox()} == {"applied", "superseded"}


async def test_what_is_corrected_before_it_is_told_is_told_once_or_not_at_all(gateway: Gateway, sims: Systems) -> None:
    await known(gateway)
    await send(gateway, signal(10))
    await send(gateway, signal(12, revision=2))
    assert await tell(gateway, sims) == 1
    await send(gateway, signal(15, revision=3))
    await send(gateway, signal(12, revision=4))
    assert await tell(gateway, sims) == 0, "planning knows it"


async def test_whichever_order_revisions_come_in_the_newest_holds(gateway: Gateway, sims: Systems) -> None:
    await known(gateway)
    rows = [signal(10 * n, revision=n) for n in (2, 3, 1)]
    assert await send(gateway, *rows) == {"changed": 1, "superseded": 2}
    assert await send(gateway, signal(20, revision=2)) == {"superseded": 1}
    await tell(gateway, sims)
    assert await heard(sims) == [("sell_out", "C-1", 30, 3)]


async def test_a_row_that_breaks_a_rule_is_named_and_the_others_are_taken(gateway: Gateway) -> None:
    await send(gateway, signal(10))
    bad = [
        signal(-1),
        signal(5, kind="guess"),
        signal(11),
        signal(7, customer="C-2"),
        signal(8, customer="C-2"),
        signal(1, extra=1),
    ]
    body = {"id": "b-1", "rows": [*bad, signal(9, customer="C-3")]}
    answer = await gateway.post(PATH, "erp-one", body)
    assert (answer.status_code, answer.json()["changed"], answer.json()["refused"]) == (201, 2, 5)
    named = [(it["row"], it["field"]) for it in answer.json()["findings"]]
    assert named == [(0, "packs"), (1, "kind"), (2, "packs"), (4, "packs"), (5, "extra")]
    assert "higher" in answer.json()["findings"][2]["rule"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"id": "b-1", "rows": []}, "rows"),
        ({"id": "b-1", "rows": [signal(-1)]}, "rows[0].packs"),
        ({"id": "b-1", "rows": [signal()] * (MAX_SIGNALS + 1)}, "rows"),
        ({"rows": [signal()]}, "id"),
        ({"id": "b-1", "rows": [signal()], "more": 1}, "more"),
        ([], "body"),
    ],
)
async def test_what_is_no_batch_is_refused_whole(gateway: Gateway, body: Any, field: str) -> None:
    answer = await gateway.post(PATH, "erp-one", body)
    assert answer.status_code == 422
    assert field in [it["field"] for it in answer.json()["findings"]]
    assert await gateway.inbox() == [], "nothing of what is refused is kept"


async def test_senders_do_not_overwrite_each_other_and_only_erps_send(gateway: Gateway, sims: Systems) -> None:
    await known(gateway)
    await send(gateway, signal(10))
    answer = await gateway.post(PATH, "erp-two", {"id": "b-1", "rows": [signal(20)]})
    assert answer.json()["changed"] == 1
    assert await tell(gateway, sims) == 2
    assert [packs for *_, packs, _ in await heard(sims)] == [10, 20]
    for caller in ("planner", "wms-dc1", "acme", "dhl", "helpdesk"):
        assert (await gateway.post(PATH, caller, {"id": "b", "rows": [signal()]})).status_code == 403


async def test_bulk_goes_in_bulk_and_planning_counts_each_once(gateway: Gateway, sims: Systems) -> None:
    await known(gateway)
    rows = [signal(n, customer=f"C-{n}") for n in range(MAX_SIGNALS)]
    assert await send(gateway, *rows) == {"changed": MAX_SIGNALS}
    await sims.client.put("/planning/faults", json={"partial": 0.3, "hold_s": 0.02})
    for _ in range(200):
        await tell(gateway, sims)
        if not await gateway.rows("SELECT FROM demand_signal WHERE packs IS DISTINCT FROM told_packs LIMIT 1"):
            break
    ledger = await sims.ledger("planning")
    assert (ledger["executions"], ledger["duplicates"]) == (MAX_SIGNALS, 0)
    assert sum(packs for *_, packs, _ in await heard(sims)) == sum(range(MAX_SIGNALS))


async def test_what_planning_refuses_is_kept_with_the_rule_until_it_is_corrected(
    gateway: Gateway, sims: Systems
) -> None:
    await known(gateway)
    await sims.client.put("/planning/unknown-items", json={"items": ["B"]})
    await send(gateway, signal(1), signal(2, item="B"))
    assert [await tell(gateway, sims) for _ in range(2)] == [2, 0]
    [refused] = await gateway.rows("SELECT item, refused FROM demand_signal WHERE refused IS NOT NULL")
    assert (refused["item"], refused["refused"]) == ("B", "unknown_item")
    await sims.client.put("/planning/unknown-items", json={"items": []})
    await send(gateway, signal(3, item="B", revision=2))
    assert await tell(gateway, sims) == 1
    assert await heard(sims, "B") == [("sell_out", "C-1", 3, 2)]


async def test_what_is_corrected_back_after_a_lost_answer_is_told_again(gateway: Gateway, sims: Systems) -> None:
    """Planning took the figure in between, and nobody heard that it did."""
    await known(gateway)
    await send(gateway, signal(10))
    assert await tell(gateway, sims) == 1
    await send(gateway, signal(99, revision=2))
    await sims.faults("planning", partial=1, hold_s=0.05)
    assert await tell(gateway, sims) == 0
    await sims.client.delete("/planning/faults")
    assert await heard(sims) == [("sell_out", "C-1", 99, 2)]
    await send(gateway, signal(10, revision=3))
    assert await tell(gateway, sims) == 1
    assert await heard(sims) == [("sell_out", "C-1", 10, 3)]


async def test_a_site_in_no_region_waits_and_is_seen(gateway: Gateway, sims: Systems) -> None:
    await send(gateway, signal())
    assert await tell(gateway, sims) == 0
    [site] = (await gateway.get("/v1/planning/sites", "helpdesk")).json()["sites"]
    assert (site["site"], site["waiting"]) == ("LYS", 1)
    await known(gateway)
    assert (await gateway.get("/v1/planning/sites", "helpdesk")).json() == {"sites": []}
    assert await tell(gateway, sims, "AMER") == 0
    assert await tell(gateway, sims) == 1
