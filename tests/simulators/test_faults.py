"""Each fault does what it says, befalls only what it should, and repeats under its seed."""

import asyncio

import httpx
import pytest

from schemas.base import System
from simulators.faults import PRESETS, Fault, Faults, FaultStream
from tests.simulators.network import Gateway, Systems, delta, milestone, systems, until

PATH = "/erp/erp-main/v1/orders/PO-1/milestones"


async def call(sims: Systems, key: str = "k1") -> httpx.Response:
    """One milestone told to the ERP."""
    return await sims.post(PATH, milestone(), key)


@pytest.mark.parametrize(
    ("fault", "status"), [({"error_500": 1}, 500), ({"throttle_429": 1}, 429), ({"outage": True}, 503)]
)
async def test_an_error_does_nothing(sims: Systems, fault: dict[str, float], status: int) -> None:
    await sims.faults("erp", **fault)
    response = await call(sims)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers.get("retry-after") == ("1" if status == 429 else None)
    assert (await sims.ledger("erp"))["executions"] == 0
    assert (await sims.client.delete("/erp/faults")).json() == Faults().model_dump()
    assert (await call(sims)).status_code == 201


@pytest.mark.parametrize("fault", [{"reset": 1}, {"timeout": 1, "hold_s": 0.02}])
async def test_a_cut_call_gets_no_answer_and_does_nothing(sims: Systems, fault: dict[str, float]) -> None:
    await sims.faults("erp", **fault)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await call(sims)
    assert (await sims.ledger("erp"))["executions"] == 0


async def test_a_caller_that_gives_up_frees_the_held_connection(sims: Systems) -> None:
    await sims.faults("erp", timeout=1, hold_s=60)
    idle = len(asyncio.all_tasks())
    with pytest.raises(httpx.ReadTimeout):
        await sims.client.post(PATH, json=milestone(), headers={"idempotency-key": "k1"}, timeout=0.05)

    async def freed() -> bool:
        return len(asyncio.all_tasks()) <= idle

    await until(freed)


async def test_slow_answers_all_the_same(sims: Systems) -> None:
    await sims.faults("erp", slow=1, slow_s=0.01)
    assert (await call(sims)).status_code == 201


async def test_partial_success_executes_once(sims: Systems) -> None:
    await sims.faults("erp", partial=1, hold_s=0.01)
    heard = set()
    for _ in range(12):
        try:
            heard.add((await call(sims)).status_code)
        except httpx.TransportError:
            heard.add(0)
    assert heard == {500, 0}
    await sims.client.delete("/erp/faults")
    healed = await call(sims)
    assert (healed.status_code, healed.json()["replayed"]) == (200, True)
    (entry,) = (await sims.ledger("erp"))["entries"]
    assert (entry["executions"], entry["attempts"]) == (1, 13)


async def test_partial_success_of_a_batch_counts_each_movement_once(sims: Systems) -> None:
    await sims.faults("planning", partial=1, hold_s=0.01)
    body = {"region": "AFR", "rows": [delta("d1"), delta("d2", kind="picked")]}
    for _ in range(3):
        with pytest.raises((AssertionError, httpx.TransportError)):
            assert (await sims.post("/planning/v1/rows", body, "b1")).status_code < 300
    assert (await sims.client.get("/planning/v1/items/ITEM-1")).json()["packs"] == {"shipped": 5, "picked": 5}


async def test_faults_of_one_system_leave_the_others_alone(sims: Systems) -> None:
    await sims.faults("erp", outage=True)
    assert (await sims.tender()).status_code == 201
    assert (await call(sims)).status_code == 503


@pytest.mark.parametrize("wrong", [{"error_500": 0.6, "reset": 0.6}, {"error": 0.1}, {"late": 1.5}])
async def test_impossible_faults_are_refused(sims: Systems, wrong: dict[str, float]) -> None:
    refused = await sims.client.put("/erp/faults", json=wrong)
    assert (refused.status_code, refused.json()["code"]) == (422, "faults_invalid")
    assert (await sims.client.get("/erp/faults")).json() == Faults().model_dump()


async def test_presets_can_be_put(sims: Systems) -> None:
    for preset in PRESETS.values():
        assert (await sims.client.put("/tms/faults", json=preset.model_dump())).json() == preset.model_dump()


async def test_the_same_seed_meets_the_same_faults(gateway: Gateway) -> None:
    async def run(seed: int) -> list[int]:
        async with systems(gateway.url, seed=seed) as sims:
            await sims.faults("erp", error_500=0.3, throttle_429=0.3)
            return [(await call(sims, f"k{number}")).status_code for number in range(40)]

    first = await run(3)
    assert await run(3) == first
    assert await run(4) != first


def test_healing_does_not_shift_the_stream() -> None:
    def stream(healed: range) -> list[Fault | None]:
        drawn = FaultStream(5, System.ERP)
        met = []
        for number in range(60):
            drawn.faults = PRESETS["none" if number in healed else "heavy"]
            met.append(drawn.next_call())
        return met

    assert stream(range(20))[20:] == stream(range(0))[20:]
    assert set(stream(range(20))[:20]) == {None}


def test_probabilities_are_met() -> None:
    stream = FaultStream(1, System.WMS)
    stream.faults = PRESETS["light"]
    met = [stream.next_call() for _ in range(20_000)]
    for fault, chance in stream.faults.chances():
        assert abs(met.count(fault) / len(met) - chance) < 0.005, fault
