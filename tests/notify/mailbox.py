"""What the tests of notices share: a real mail room, settings that lead to it, and notices."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from schemas.cases.cases import Notice
from schemas.cases.exceptions import Channel
from schemas.cases.notifications import Encryption, NotifySettings, SmtpServer, WebhookTarget
from simulators.mail_server import MailServer

SECRET = "whsec_" + b64encode(b"thirty-two bytes, known to two..").decode()
SENDER = "syncline@example.com"
DESK = "transport@example.com"
ROOM = "transport-room"
HOOK = "control-tower"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def settings_for(room: MailServer, **changes: Any) -> NotifySettings:
    """Every channel leads to the mail room."""
    fields: dict[str, Any] = {
        "smtp": SmtpServer(host="127.0.0.1", port=room.smtp_port, tls=Encryption.NONE, sender=SENDER),
        "chat": {ROOM: WebhookTarget(url=SecretStr(f"{room.url}/chat/{ROOM}"))},
        "webhooks": {HOOK: WebhookTarget(url=SecretStr(f"{room.url}/events/{HOOK}"), secret=SecretStr(SECRET))},
    }
    return NotifySettings(**{**fields, **changes})


def notice(number: int = 1, **changes: Any) -> Notice:
    """An alert of a delay case to its owner."""
    case = f"erp-one/SO-{number}/delay/1"
    channel = changes.get("channel", Channel.EMAIL)
    fields: dict[str, Any] = {
        "key": f"{case}/{changes.get('tier', 0)}/{channel}",
        "template": "case_alert",
        "to": "transport",
        "channel": channel,
        "order": f"erp-one/SO-{number}",
        "case": case,
        "kind": "delay",
        "asked_at": NOON,
        "facts": {"summary": f"the ETA of shipment S-{number} is 3 days late", "carrier": "dhl"},
    }
    return Notice(**{**fields, **changes})
