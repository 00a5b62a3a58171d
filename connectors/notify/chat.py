"""Chat over incoming webhooks in Slack's format: blocks, and a text for notifications and for other chats.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

import json

from connectors.notify.http import Webhooks
from connectors.notify.ports import OutgoingMessage

MAX_HEADER = 150
"""Characters of a header block, by Slack's limit."""
MAX_SECTION = 3000
"""Limits of Slack's header and section blocks, in characters."""


class ChatRooms:
    """Chat rooms by name."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def send(self, message: OutgoingMessage) -> None:
        """Post the message to its room. Raises Refused or Unavailable."""
        target = self._webhooks.named(message.to)
        body = json.dumps(payload(message)).encode()
        await self._webhooks.post(target, body, {"Content-Type": "application/json"})


def payload(message: OutgoingMessage) -> dict[str, object]:
    """The message as Slack's JSON. Blocks are plain text, so that nothing in a message can mention or link."""
    return {
        "text": _escaped(message.subject),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": message.subject[:MAX_HEADER]}},
            {"type": "section", "text": {"type": "plain_text", "text": message.text[:MAX_SECTION]}},
        ],
    }


def _escaped(text: str) -> str:
    """Slack's three control characters, which make links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
