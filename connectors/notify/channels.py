"""All channels, as the settings describe them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from connectors.http import bounded
from connectors.notify.chat import ChatRooms
from connectors.notify.email import Email
from connectors.notify.http import Webhooks
from connectors.notify.ports import Sender
from connectors.notify.webhook import Webhook
from schemas.cases.exceptions import Channel
from schemas.cases.notifications import NotifySettings
from schemas.settings import variable


@asynccontextmanager
async def messengers(config: NotifySettings) -> AsyncIterator[Mapping[Channel, Sender]]:
    """A messenger for each channel. One that is not configured refuses its messages and says what to set."""
    async with bounded.client() as http:
        yield {
            Channel.EMAIL: Email(config.smtp),
            Channel.CHAT: ChatRooms(Webhooks(http, config.chat, variable("notify", "chat"))),
            Channel.WEBHOOK: Webhook(Webhooks(http, config.webhooks, variable("notify", "webhooks"))),
        }
