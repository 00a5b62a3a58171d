"""The channels against real servers: what arrives, what is final, and what no error may say."""

import dataclasses
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr, ValidationError
from standardwebhooks.webhooks import Webhook as StandardWebhook

from activities.letters import write_letter
from connectors.notify.channels import messengers
from connectors.notify.ports import Letter
from connectors.ports import ConnectorError, Refused, Unavailable
from schemas.base import Origin
from schemas.exceptions import Channel
from schemas.notify import Encryption, NotifySettings, SmtpServer, WebhookTarget
from simulators.mailroom import Mailroom
from tests.notify.mailbox import DESK, HOOK, NOON, ROOM, SECRET, SENDER, notice, settings_for

ADDRESS = {Channel.EMAIL: DESK, Channel.CHAT: ROOM, Channel.WEBHOOK: HOOK}


def letter(channel: Channel, **changes: object) -> Letter:
    """An alert over a channel."""
    written = write_letter((notice(channel=channel),), ADDRESS[channel], ZoneInfo("UTC"), NOON)
    return dataclasses.replace(written, **changes)  # type: ignore[arg-type]


async def send(config: NotifySettings, channel: Channel, **changes: object) -> None:
    """Send one letter."""
    async with messengers(config) as ready:
        await ready[channel].send(letter(channel, **changes))


async def failure(config: NotifySettings, channel: Channel, **changes: object) -> ConnectorError:
    """How it fails. No address, secret or text is in the error."""
    with pytest.raises(ConnectorError) as failed:
        await send(config, channel, **changes)
    error = failed.value
    assert error.origin is Origin.NOTIFY
    assert error.__cause__ is None
    said = f"{error} {error!r}"
    assert not [word for word in (DESK, ROOM, HOOK, SECRET, "127.0.0.1", "days late") if word in said]
    return error


async def test_a_mail_arrives_with_both_parts_and_a_recognisable_id(room: Mailroom) -> None:
    for _ in range(2):
        await send(settings_for(room), Channel.EMAIL)
    first, repeat = room.mails
    assert (first.sender, first.recipients) == (SENDER, (DESK,))
    assert first.subject == "Delay: order erp-one/SO-1"
    assert first.message["To"] == DESK
    assert first.message["Auto-Submitted"] == "auto-generated"
    assert first.message["Date"].datetime == NOON
    assert first.message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in first.message.iter_parts()] == ["text/plain", "text/html"]
    assert "S-1 is 3 days late" in first.part("plain")
    assert "<table" in first.part("html")
    assert first.message["Message-ID"] == repeat.message["Message-ID"] == f"<{letter(Channel.EMAIL).id}@example.com>"


async def test_headers_cannot_be_injected(room: Mailroom) -> None:
    subject = "Delay\r\nBcc: thief@example.com\x00 – Grüße"
    await send(settings_for(room), Channel.EMAIL, subject=subject)
    [mail] = room.mails
    assert mail.subject == "DelayBcc: thief@example.com – Grüße"
    assert mail.message["Bcc"] is None
    assert mail.recipients == (DESK,)


@pytest.mark.parametrize(
    "address",
    ["a@b.example,thief@example.com", "a@b.example\r\nBcc: thief@example.com", "A <a@b.example>", "nobody", ""],
)
async def test_what_is_not_one_plain_address_is_refused(room: Mailroom, address: str) -> None:
    assert isinstance(await failure(settings_for(room), Channel.EMAIL, to=address), Refused)
    assert room.mails == []


@pytest.mark.parametrize(("reply", "kind"), [("550 no such user", Refused), ("451 greylisted", Unavailable)])
async def test_a_mail_servers_5xx_is_final_and_its_4xx_is_not(
    room: Mailroom, reply: str, kind: type[ConnectorError]
) -> None:
    room.mail_answers = [reply]
    error = await failure(settings_for(room), Channel.EMAIL)
    assert isinstance(error, kind)
    assert str(error) == f"mail server: {reply[:3]}"
    room.mail_answers, room.recipient_answers = [], [reply]
    assert isinstance(await failure(settings_for(room), Channel.EMAIL), kind)


async def test_a_dead_mail_server_is_waited_for(room: Mailroom) -> None:
    config = settings_for(room, smtp=SmtpServer(host="127.0.0.1", port=1, tls=Encryption.NONE, sender=SENDER))
    assert isinstance(await failure(config, Channel.EMAIL), Unavailable)


@pytest.mark.parametrize("tls", [Encryption.STARTTLS, Encryption.TLS])
async def test_nothing_is_sent_in_the_clear_when_encryption_is_asked_for(room: Mailroom, tls: Encryption) -> None:
    config = settings_for(room, smtp=SmtpServer(host="127.0.0.1", port=room.smtp_port, tls=tls, sender=SENDER))
    assert isinstance(await failure(config, Channel.EMAIL), Unavailable)
    assert room.mails == []


async def test_a_login_that_the_server_does_not_take_is_ours_to_mend(room: Mailroom) -> None:
    smtp = SmtpServer(
        host="127.0.0.1",
        port=room.smtp_port,
        tls=Encryption.NONE,
        sender=SENDER,
        user="u",
        password=SecretStr("hush-hush"),
    )
    error = await failure(settings_for(room, smtp=smtp), Channel.EMAIL)
    assert isinstance(error, Unavailable)
    assert "hush-hush" not in str(error)


async def test_a_chat_message_has_blocks_and_a_text_and_mentions_nobody(room: Mailroom) -> None:
    await send(settings_for(room), Channel.CHAT, subject="Delay <!channel>", text="<!here> " + "x" * 4000)
    [posted] = room.chats
    assert posted.name == ROOM
    content: dict[str, Any] = posted.content
    assert content["text"] == "Delay &lt;!channel&gt;"
    header, section = content["blocks"]
    assert header == {"type": "header", "text": {"type": "plain_text", "text": "Delay <!channel>"}}
    assert section["text"]["type"] == "plain_text"
    assert len(section["text"]["text"]) == 3000


async def test_an_event_is_signed_and_a_repeat_is_the_same_event(room: Mailroom) -> None:
    for minutes in range(2):
        await send(settings_for(room), Channel.WEBHOOK, written_at=NOON + timedelta(minutes=minutes))
    first, repeat = room.events
    verified = StandardWebhook(SECRET).verify(first.body, first.headers)
    assert verified["type"] == "syncline.notice.v1"
    assert verified["specversion"] == "1.0"
    assert verified["data"]["notices"][0]["key"] == "erp-one/SO-1/delay/1/0/webhook"
    assert verified["data"]["notices"][0]["facts"]["carrier"] == "dhl"
    assert first.headers["idempotency-key"] == "erp-one/SO-1/delay/1/0/webhook"
    assert first.headers["content-type"] == "application/cloudevents+json"
    assert first.body == repeat.body
    assert first.headers["webhook-id"] == repeat.headers["webhook-id"] == verified["id"]


async def test_the_receiver_refuses_what_is_signed_with_another_secret(room: Mailroom) -> None:
    other = WebhookTarget(url=SecretStr(f"{room.url}/events/{HOOK}"), secret=SecretStr("whsec_b3RoZXI="))
    assert isinstance(await failure(settings_for(room, webhooks={HOOK: other}), Channel.WEBHOOK), Refused)
    assert room.events == []


@pytest.mark.parametrize("channel", [Channel.CHAT, Channel.WEBHOOK])
@pytest.mark.parametrize(
    ("status", "kind"),
    [*((status, Refused) for status in (302, 400, 401, 404, 410)), *((s, Unavailable) for s in (408, 429, 500, 503))],
)
async def test_a_webhooks_4xx_is_final_and_its_5xx_is_not(
    room: Mailroom, channel: Channel, status: int, kind: type[ConnectorError]
) -> None:
    room.chat_answers, room.event_answers = [status], [status]
    error = await failure(settings_for(room), channel)
    assert isinstance(error, kind)
    assert str(error) == f"webhook: HTTP {status}"
    assert isinstance(error, Refused) or error.retry_after_s == 77  # type: ignore[attr-defined]


async def test_a_dead_webhook_is_waited_for(room: Mailroom) -> None:
    dead = WebhookTarget(url=SecretStr("http://127.0.0.1:1/chat"))
    assert isinstance(await failure(settings_for(room, chat={ROOM: dead}), Channel.CHAT), Unavailable)


@pytest.mark.parametrize(
    ("channel", "says"), [(Channel.EMAIL, "SMTP"), (Channel.CHAT, "CHAT"), (Channel.WEBHOOK, "WEB")]
)
async def test_what_is_not_configured_says_what_to_set(channel: Channel, says: str) -> None:
    error = await failure(NotifySettings(), channel)
    assert isinstance(error, Refused)
    assert f"SYNCLINE_NOTIFY__{says}" in str(error)


async def test_an_event_is_not_sent_unsigned(room: Mailroom) -> None:
    unsigned = WebhookTarget(url=SecretStr(f"{room.url}/events/{HOOK}"))
    assert isinstance(await failure(settings_for(room, webhooks={HOOK: unsigned}), Channel.WEBHOOK), Refused)


@pytest.mark.parametrize("secret", ["plain", "whsec_not base64!"])
def test_a_secret_in_another_notation_is_no_setting_and_is_not_shown(secret: str) -> None:
    with pytest.raises(ValidationError) as refused:
        WebhookTarget(url=SecretStr("https://example.com"), secret=SecretStr(secret))
    assert secret not in str(refused.value)
