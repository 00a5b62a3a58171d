"""Lists that come in pages: by link, by key, by number. A list that turns in a circle ends with an error.

Rows may change while a list is read. By key nothing is lost or read twice. By number a row that leaves shifts the
others, so complete lists are read by key where the system can do it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from connectors.http.vendor import API_ORIGIN, MAX_PAGE_BYTES, VendorAnswer, VendorClient
from connectors.ports import Call, Unavailable
from schemas.base import System

Row = TypeVar("Row")
MAX_PAGES = 10_000
"""Of one list: a million rows in pages of a hundred. A list beyond that is asked for in parts."""


async def by_link(
    client: VendorClient, path: str, call: Call, next_link: Callable[[VendorAnswer], str | None], **sent: Any
) -> AsyncIterator[VendorAnswer]:
    """Pages that say where the next one is (OData's `@odata.nextLink`, `Link: rel=next`).

    Args: `next_link`: the link in a page; None in the last. `sent`: of the first request, as for `send`.
    Raises: what `send` does; Unavailable for a link that was followed before, or leads to another system.
    """
    seen: set[str] = set()
    while path not in seen and len(seen) < MAX_PAGES:
        seen.add(path)
        answer = await client.send("GET", path, call, max_bytes=MAX_PAGE_BYTES, **sent)
        yield answer
        link = next_link(answer)
        if not link:
            return
        path, sent = client.link(link, call), {name: it for name, it in sent.items() if name != "params"}
    raise _circle(client.system)


async def by_key(
    system: System, page: Callable[[str], Awaitable[Sequence[Row]]], key_of: Callable[[Row], str], first: str = ""
) -> AsyncIterator[Row]:
    """Rows in the order of a key that never changes, asked for behind the last one.

    Args: `page`: rows behind a key, none at the end. Raises: what `page` does; Unavailable when a page does not go on.
    """
    after = first
    for _ in range(MAX_PAGES):
        rows = await page(after)
        if not rows:
            return
        for row in rows:
            if key_of(row) <= after:
                raise _circle(system)
            after = key_of(row)
            yield row
    raise _circle(system)


async def by_number(system: System, page: Callable[[int], Awaitable[Sequence[Row]]], limit: int) -> AsyncIterator[Row]:
    """Rows by their place, `limit` at a time.

    Args: `page`: rows from a place on, counted from 0. Raises: what `page` does; Unavailable beyond MAX_PAGES.
    """
    for number in range(MAX_PAGES):
        rows = await page(number * limit)
        for row in rows:
            yield row
        if len(rows) < limit:
            return
    raise _circle(system)


def _circle(system: System) -> Unavailable:
    return Unavailable(API_ORIGIN[system], f"{system}: its list does not end")
