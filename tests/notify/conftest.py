"""A mail room, fresh for every test."""

from collections.abc import AsyncIterator

import pytest

from simulators.mailroom import Mailroom, mailroom
from tests.notify.mailbox import SECRET


@pytest.fixture
async def room() -> AsyncIterator[Mailroom]:
    """A real mail server and receiver."""
    async with mailroom(SECRET) as room:
        yield room
