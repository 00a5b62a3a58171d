"""Serving of control tower pages: each is made at most once a second, on one connection, for all viewers."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request, Response

from gateway.services import Services
from gateway.tower import pages
from gateway.tower.snapshots import Made, Snapshots
from store.engine import Connection

Found = TypeVar("Found")


async def shown(request: Request, name: str, make: Callable[[], Awaitable[Made[str]]], missing: str = "") -> Response:
    """The page under this name; `missing` with 404 when there is nothing to make it of."""
    snapshots: Snapshots[str] = kept(request, "snapshots")
    page = await snapshots.get(name, make)
    return pages.html(page) if page else pages.html(missing, 404)


async def read(services: Services, reading: Callable[[Connection], Awaitable[Found]]) -> tuple[Found, float]:
    """The result of a reading, and the seconds it took."""
    async with services.database.connection() as connection:
        began = time.monotonic()
        found = await reading(connection)
        return found, time.monotonic() - began


def kept(request: Request, name: str) -> Snapshots[Any]:
    """The snapshots of this application."""
    state = request.app.state
    if not hasattr(state, name):
        setattr(state, name, Snapshots())
    found: Snapshots[Any] = getattr(state, name)
    return found


def printable(text: str, length: int) -> str:
    """The printable part of a search text, cut to its limit."""
    return "".join(filter(str.isprintable, text)).strip()[:length]
