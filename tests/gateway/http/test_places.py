"""Places for releases: so many at once, fair between partners, and a refusal that says when to come back."""

import asyncio

import pytest

from gateway.http.places import Places
from gateway.http.problems import Problem
from schemas.orders.release import Promise
from tests.gateway.harness import gateway_on
from tests.gateway.messages import release


class Crowd:
    """People who take a place and keep it until they are told to go; `inside` in the order of entering."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.inside: list[str] = []
        self._go: dict[str, asyncio.Event] = {}

    async def come(self, name: str) -> asyncio.Task[None]:
        """`name` comes, of the partner that is its first letter, and gets as far as it gets at once."""

        async def stay() -> None:
            async with self.places.place(name[0]):
                self.inside.append(name)
                await self._go[name].wait()

        self._go[name] = asyncio.Event()
        task = asyncio.create_task(stay())
        await _settle()
        return task

    async def go(self, name: str) -> None:
        """`name` leaves."""
        self._go[name].set()
        await _settle()


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_place_goes_to_whoever_has_the_fewest() -> None:
    crowd = Crowd(Places(2, wait_s=20))
    tasks = [await crowd.come(name) for name in ("a1", "a2", "a3", "a4", "b1", "b2")]
    assert crowd.inside == ["a1", "a2"]
    for name in ("a1", "a2", "b1", "a3"):
        await crowd.go(name)
    assert crowd.inside == ["a1", "a2", "b1", "a3", "b2", "a4"]
    for name in ("b2", "a4"):
        await crowd.go(name)
    await asyncio.gather(*tasks)


async def test_who_would_wait_too_long_is_refused_at_once_with_the_time_to_come_back() -> None:
    now = [0.0]
    places = Places(1, wait_s=20, clock=lambda: now[0])
    for _ in range(100):  # until what is measured counts
        async with places.place("a"):
            now[0] += 15.0
    crowd = Crowd(places)
    first, second = await crowd.come("a1"), await crowd.come("a2")
    with pytest.raises(Problem) as refused:
        await (await crowd.come("a3"))
    assert refused.value.status_code == 429
    assert refused.value.headers == {"Retry-After": "30"}
    await crowd.go("a1")
    await crowd.go("a2")
    await asyncio.gather(first, second)


async def test_who_waits_in_vain_is_refused_and_takes_no_place() -> None:
    crowd = Crowd(Places(1, wait_s=0.2))
    first = await crowd.come("a1")
    with pytest.raises(Problem):
        await (await crowd.come("b1"))
    await crowd.go("a1")
    await first
    last = await crowd.come("c1")
    assert crowd.inside == ["a1", "c1"]
    await crowd.go("c1")
    await last


async def test_who_goes_away_takes_no_place() -> None:
    crowd = Crowd(Places(1, wait_s=20))
    first = await crowd.come("a1")
    gone = await crowd.come("c1")
    gone.cancel()
    granted = await crowd.come("d1")
    crowd._go["a1"].set()
    await first
    granted.cancel()  # in the moment in which it has its turn
    last = await crowd.come("e1")
    assert crowd.inside == ["a1", "e1"]
    await crowd.go("e1")
    await last


async def test_releases_beyond_what_can_be_served_are_refused_and_not_stored(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway_on(database_url, releases_at_once=2, release_queue_s=0) as gateway:
        handed, go = gateway.handoff.release, asyncio.Event()

        async def slow(key: str, timeout_s: float) -> Promise | None:
            await go.wait()
            return await handed(key, timeout_s)

        monkeypatch.setattr(gateway.handoff, "release", slow)
        asked = [
            asyncio.create_task(gateway.post("/v1/orders", "erp-one", release(f"PO-{number}"))) for number in range(5)
        ]
        while sum(task.done() for task in asked) < 3:
            await asyncio.wait([task for task in asked if not task.done()], return_when=asyncio.FIRST_COMPLETED)
        refused = [task.result() for task in asked if task.done()]
        assert {(answer.status_code, answer.headers["Retry-After"]) for answer in refused} == {(429, "1")}
        go.set()
        assert [answer.status_code for answer in await asyncio.gather(*asked)].count(201) == 2
        assert len(await gateway.inbox()) == 2
        assert (await gateway.post("/v1/orders", "erp-one", release("PO-9"))).status_code == 201
