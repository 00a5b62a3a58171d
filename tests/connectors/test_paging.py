"""Lists in pages: whole, each row once, and an end also for a list that turns in a circle."""

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

import httpx
import pytest

from connectors.connections import ConnectionSettings
from connectors.http import paging
from connectors.http.vendor import VendorAnswer, VendorClient
from connectors.ports import Call, Unavailable
from schemas.base import System

CALL = Call("LYS", "")
Row = TypeVar("Row")


async def whole(rows: AsyncIterator[Row]) -> list[Row]:
    """All of them."""
    return [it async for it in rows]


def next_link(answer: VendorAnswer) -> str | None:
    """As OData names it."""
    found: str | None = answer.json().get("@odata.nextLink")
    return found


async def by_link(links: dict[str, str | None]) -> list[str]:
    """Read pages that name each other; each says its own path."""

    def answer(request: httpx.Request) -> httpx.Response:
        at = request.url.raw_path.decode()
        return httpx.Response(200, json={"at": at, "@odata.nextLink": links[at]})

    connection = ConnectionSettings("wms/LYS", System.WMS, "http://wms.test")
    async with VendorClient(connection, httpx.MockTransport(answer)) as client:
        return [it.json()["at"] async for it in paging.by_link(client, "/a", CALL, next_link, params={"top": "2"})]


async def test_links_are_followed_to_the_last_page() -> None:
    links = {"/a?top=2": "/a?skip=2", "/a?skip=2": "http://wms.test/a?skip=4", "/a?skip=4": None}
    assert await by_link(links) == ["/a?top=2", "/a?skip=2", "/a?skip=4"]


@pytest.mark.parametrize(
    ("links", "said"),
    [
        ({"/a?top=2": "/a?skip=2", "/a?skip=2": "/a?skip=2"}, "its list does not end"),
        ({"/a?top=2": "https://evil.test/a"}, "leads to another system"),
    ],
)
async def test_a_link_in_a_circle_or_elsewhere_ends_the_list(links: dict[str, str | None], said: str) -> None:
    with pytest.raises(Unavailable, match=said):
        await by_link(links)


async def test_by_key_nothing_is_lost_while_rows_come_and_go() -> None:
    rows = {"b", "d", "f", "h"}

    async def page(after: str) -> Sequence[str]:
        found = sorted(it for it in rows if it > after)[:2]
        rows.discard("b")
        rows.add("a" if after else "e")
        return found

    assert await whole(paging.by_key(System.WMS, page, str)) == ["b", "d", "e", "f", "h"]


async def test_a_page_that_does_not_go_on_ends_the_list() -> None:
    async def page(after: str) -> Sequence[str]:
        return ["a", "b"]

    with pytest.raises(Unavailable, match="its list does not end"):
        await whole(paging.by_key(System.WMS, page, str))


@pytest.mark.parametrize("count", [0, 1, 3, 6, 7])
async def test_by_number_a_short_page_is_the_last(count: int) -> None:
    asked: list[int] = []

    async def page(at: int) -> Sequence[int]:
        asked.append(at)
        return list(range(count))[at : at + 3]

    assert await whole(paging.by_number(System.WMS, page, 3)) == list(range(count))
    assert asked == list(range(0, count + 1, 3))
