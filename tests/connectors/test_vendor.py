"""The base of clients: pace, requests to slow down, a vendor's own errors, and links that stay at home."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import httpx
import pytest

from connectors.connections import ConnectionSettings
from connectors.http.vendor import Explain, VendorAnswer, VendorClient
from connectors.ports import Call, ConnectorError, Refused, Unavailable
from schemas.base import Origin, System

CALL = Call("LYS", "key", timeout_s=1.0)
CONNECTION = ConnectionSettings("wms/LYS", System.WMS, "http://wms.test/{id}")


class Vendor:
    """Answers with these, one after the other; the last stays."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers) or [httpx.Response(200, json={})]
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def client(vendor: Vendor, connection: ConnectionSettings = CONNECTION, explain: Explain | None = None) -> VendorClient:
    """A client of it."""
    return VendorClient(connection, httpx.MockTransport(vendor), explain)


async def failure(of: VendorClient, call: Call = CALL) -> ConnectorError:
    """How a call fails."""
    with pytest.raises(ConnectorError) as failed:
        await of.send("GET", "/", call)
    return failed.value


async def test_who_asks_us_to_wait_is_not_asked_until_then() -> None:
    vendor = Vendor(httpx.Response(429, headers={"Retry-After": "7"}))
    async with client(vendor) as asking:
        first, second = await failure(asking), await failure(asking)
    assert (first.origin, str(first)) == (Origin.WMS_API, "wms: HTTP 429")
    assert (second.origin, str(second)) == (Origin.PLATFORM, "wms/LYS asked us to wait")
    assert isinstance(second, Unavailable)
    assert second.retry_after_s is not None
    assert 6 < second.retry_after_s <= 7
    assert vendor.asked == 1


async def test_without_a_time_the_next_call_is_made() -> None:
    vendor = Vendor(httpx.Response(429), httpx.Response(200))
    async with client(vendor) as asking:
        await failure(asking)
        assert (await asking.send("GET", "/", CALL)).status == 200


async def test_no_more_calls_a_second_than_the_system_takes() -> None:
    vendor = Vendor()
    async with client(vendor, replace(CONNECTION, per_second=20.0)) as asking:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(asking.send("GET", "/", CALL) for _ in range(5)))
        assert asyncio.get_running_loop().time() - began >= 4 / 20
        error = await failure(asking, replace(CALL, timeout_s=0.01))
    assert (error.origin, str(error)) == (Origin.PLATFORM, "wms/LYS takes 20 calls a second")
    assert vendor.asked == 5


async def test_no_more_calls_at_once_than_the_system_takes() -> None:
    under_way, most = 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return httpx.Response(200)

    async with VendorClient(replace(CONNECTION, concurrent=3), httpx.MockTransport(answer)) as asking:
        await asyncio.gather(*(asking.send("GET", "/", CALL) for _ in range(12)))
    assert most == 3


async def test_a_vendor_says_what_its_failures_mean() -> None:
    def explain(answer: VendorAnswer) -> ConnectorError | None:
        if answer.status == 409 and answer.json()["state"] == "shipped":
            return answer.refused("already_shipped")
        return None

    vendor = Vendor(httpx.Response(409, json={"state": "shipped"}), httpx.Response(503), httpx.Response(422))
    async with client(vendor, explain=explain) as asking:
        refused, away, plain = [await failure(asking) for _ in range(3)]
    assert (type(refused), str(refused)) == (Refused, "wms: already_shipped")
    assert (type(away), str(away)) == (Unavailable, "wms: HTTP 503")
    assert (type(plain), str(plain)) == (Refused, "wms: HTTP 422")


async def test_numbers_are_exact_and_garbage_is_no_answer() -> None:
    vendor = Vendor(httpx.Response(200, text='{"price": 0.1000000000000000055}'), httpx.Response(200, text="<html>"))
    async with client(vendor) as asking:
        assert (await asking.send("GET", "/", CALL)).json() == {"price": Decimal("0.1000000000000000055")}
        with pytest.raises(Unavailable, match="wms: the answer is no JSON"):
            (await asking.send("GET", "/", CALL)).json()


async def test_a_link_stays_with_its_system() -> None:
    async with client(Vendor()) as asking:
        assert asking.link("items?after=3", CALL) == "http://wms.test/LYS/items?after=3"
        assert asking.link("/LYS/items?after=3", CALL) == "http://wms.test/LYS/items?after=3"
        for elsewhere in ("http://evil.test/", "https://wms.test/", "//evil.test/", "http://wms.test:81/"):
            with pytest.raises(Unavailable, match="leads to another system"):
                asking.link(elsewhere, CALL)
