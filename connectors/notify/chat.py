"""Chat over incoming webhooks in Slack's format: blocks, and a text for notifications and for other chats.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

import json

from connectors.notify.http import Webhooks
from connectors.notify.ports import OutgoingMessage

MAX_HEADER = 150
MAX_SECTION = 3000
"""Limits of Slack's header and section blocks, in characters."""


class ChatRooms:
    """Chat rooms by name."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    async def send(self, letter: OutgoingMessage) -> None:
        """Post the letter to its room. Raises Refused or Unavailable."""
        target = self._webhooks.named(letter.to)
        body = json.dumps(message(letter)).encode()
        await self._webhooks.post(target, body, {"Content-Type": "application/json"})


def message(letter: OutgoingMessage) -> dict[str, object]:
    """The letter as Slack's JSON. Blocks are plain text, so that nothing in a letter can mention or link."""
    return {
        "text": _escaped(letter.subject),
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": letter.subject[:MAX_HEADER]}},
            {"type": "section", "text": {"type": "plain_text", "text": letter.text[:MAX_SECTION]}},
        ],
    }


def _escaped(text: str) -> str:
    """Slack's three control characters, which make links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
