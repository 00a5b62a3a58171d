"""A mail room, fresh for every test."""

from collections.abc import AsyncIterator

import pytest

from simulators.mail_server import MailServer, mail_server
from tests.notify.mailbox import SECRET


@pytest.fixture
async def room() -> AsyncIterator[MailServer]:
    """A real mail server and receiver."""
    async with mail_server(SECRET) as room:
        yield room
