"""All channels, as the settings describe them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx

from connectors.notify.chat import Chat
from connectors.notify.email import Email
from connectors.notify.http import Webhooks
from connectors.notify.ports import Messenger
from connectors.notify.webhook import Webhook
from schemas.exceptions import Channel
from schemas.notify import NotifySettings


@asynccontextmanager
async def messengers(config: NotifySettings) -> AsyncIterator[Mapping[Channel, Messenger]]:
    """A messenger for each channel. One that is not configured refuses its letters and says what to set."""
    async with httpx.AsyncClient(follow_redirects=False, trust_env=False, headers={"User-Agent": "syncline"}) as http:
        yield {
            Channel.EMAIL: Email(config.smtp),
            Channel.CHAT: Chat(Webhooks(http, config.chat, "SYNCLINE_NOTIFY__CHAT")),
            Channel.WEBHOOK: Webhook(Webhooks(http, config.webhooks, "SYNCLINE_NOTIFY__WEBHOOKS")),
        }
