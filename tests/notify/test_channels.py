"""The channels against real servers: what arrives, what is final, and what no error may say."""

import asyncio
import dataclasses
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr, ValidationError
from standardwebhooks.webhooks import Webhook as StandardWebhook
from standardwebhooks.webhooks import WebhookVerificationError

from activities.cases.messages import write_message
from connectors.notify.channels import messengers
from connectors.notify.ports import OutgoingMessage
from connectors.ports import ConnectorError, Refused, Unavailable
from schemas.base import Origin
from schemas.cases.exceptions import Channel
from schemas.cases.notifications import DatedSecret, Encryption, NotifySettings, SmtpServer, WebhookTarget
from simulators.mail_server import MailServer
from tests.notify.mailbox import DESK, HOOK, NOON, ROOM, SECRET, SENDER, notice, settings_for

OTHER = "whsec_" + b64encode(b"another secret of thirty-two b..").decode()
ADDRESS = {Channel.EMAIL: DESK, Channel.CHAT: ROOM, Channel.WEBHOOK: HOOK}


def message(channel: Channel, **changes: object) -> OutgoingMessage:
    """An alert over a channel."""
    written = write_message((notice(channel=channel),), ADDRESS[channel], ZoneInfo("UTC"), NOON)
    return dataclasses.replace(written, **changes)  # type: ignore[arg-type]


async def send(config: NotifySettings, channel: Channel, **changes: object) -> None:
    """Send one message."""
    async with messengers(config) as ready:
        await ready[channel].send(message(channel, **changes))


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


async def test_a_mail_arrives_with_both_parts_and_a_recognisable_id(room: MailServer) -> None:
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
    assert first.message["Message-ID"] == repeat.message["Message-ID"] == f"<{message(Channel.EMAIL).id}@example.com>"


async def test_headers_cannot_be_injected(room: MailServer) -> None:
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
async def test_what_is_not_one_plain_address_is_refused(room: MailServer, address: str) -> None:
    assert isinstance(await failure(settings_for(room), Channel.EMAIL, to=address), Refused)
    assert room.mails == []


@pytest.mark.parametrize(("reply", "kind"), [("550 no such user", Refused), ("451 greylisted", Unavailable)])
async def test_a_mail_servers_5xx_is_final_and_its_4xx_is_not(
    room: MailServer, reply: str, kind: type[ConnectorError]
) -> None:
    room.mail_answers = [reply]
    error = await failure(settings_for(room), Channel.EMAIL)
    assert isinstance(error, kind)
    assert str(error) == f"mail server: {reply[:3]}"
    room.mail_answers, room.recipient_answers = [], [reply]
    assert isinstance(await failure(settings_for(room), Channel.EMAIL), kind)


async def test_a_dead_mail_server_is_waited_for(room: MailServer) -> None:
    config = settings_for(room, smtp=SmtpServer(host="127.0.0.1", port=1, tls=Encryption.NONE, sender=SENDER))
    assert isinstance(await failure(config, Channel.EMAIL), Unavailable)


@pytest.mark.parametrize("tls", [Encryption.STARTTLS, Encryption.TLS])
async def test_nothing_is_sent_in_the_clear_when_encryption_is_asked_for(room: MailServer, tls: Encryption) -> None:
    config = settings_for(room, smtp=SmtpServer(host="127.0.0.1", port=room.smtp_port, tls=tls, sender=SENDER))
    assert isinstance(await failure(config, Channel.EMAIL), Unavailable)
    assert room.mails == []


async def test_a_login_that_the_server_does_not_take_is_ours_to_mend(room: MailServer) -> None:
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


async def test_a_chat_message_has_blocks_and_a_text_and_mentions_nobody(room: MailServer) -> None:
    await send(settings_for(room), Channel.CHAT, subject="Delay <!channel>", text="<!here> " + "x" * 4000)
    [posted] = room.chats
    assert posted.name == ROOM
    content: dict[str, Any] = posted.content
    assert content["text"] == "Delay &lt;!channel&gt;"
    header, section = content["blocks"]
    assert header == {"type": "header", "text": {"type": "plain_text", "text": "Delay <!channel>"}}
    assert section["text"]["type"] == "plain_text"
    assert len(section["text"]["text"]) == 3000


async def test_an_event_is_signed_and_a_repeat_is_the_same_event(room: MailServer) -> None:
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


async def test_the_receiver_refuses_what_is_signed_with_another_secret(room: MailServer) -> None:
    other = WebhookTarget(url=SecretStr(f"{room.url}/events/{HOOK}"), secret=SecretStr(OTHER))
    assert isinstance(await failure(settings_for(room, webhooks={HOOK: other}), Channel.WEBHOOK), Unavailable)
    assert room.events == []


@pytest.mark.parametrize("channel", [Channel.CHAT, Channel.WEBHOOK])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Refused) for status in (400, 410, 413, 422)),
        *((status, Unavailable) for status in (302, 401, 403, 404, 408, 429, 500, 503)),
    ],
)
async def test_only_who_wants_no_message_is_given_up(
    room: MailServer, channel: Channel, status: int, kind: type[ConnectorError]
) -> None:
    room.chat_answers, room.event_answers = [status], [status]
    error = await failure(settings_for(room), channel)
    assert isinstance(error, kind)
    assert str(error) == f"webhook: HTTP {status}"
    assert isinstance(error, Refused) or error.retry_after_s == 77  # type: ignore[attr-defined]


@asynccontextmanager
async def talking(first: bytes, then: bytes) -> AsyncIterator[tuple[int, Callable[[], int]]]:
    """A server that answers so and never ends; its port, and how many bytes it has got rid of."""
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with suppress(ConnectionError):
            if first.startswith(b"HTTP"):
                await reader.readuntil(b"\r\n\r\n")
            writer.write(first)
            while True:
                writer.write(then)
                await writer.drain()
                sent += len(then)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], lambda: sent


async def test_of_a_webhooks_answer_only_the_status_is_read(room: MailServer) -> None:
    """The message has arrived: it must not be sent again because the receiver has much to say."""
    head = b"HTTP/1.1 %d OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    for status, kind in ((200, None), (410, Refused), (503, Unavailable)):
        async with talking(head % status, chunk) as (port, sent):
            target = WebhookTarget(url=SecretStr(f"http://127.0.0.1:{port}/"), secret=SecretStr(SECRET))
            config = settings_for(room, webhooks={HOOK: target})
            if kind:
                assert isinstance(await failure(config, Channel.WEBHOOK), kind)
            else:
                await send(config, Channel.WEBHOOK)
            assert sent() < 64 * 1_048_576, "what the network has taken in between is not for ever"


async def test_a_mail_server_that_never_ends_its_answer_has_given_none(room: MailServer) -> None:
    async with talking(b"", b"220-" + b"x" * 1000 + b"\r\n") as (port, _):
        config = settings_for(room, smtp=SmtpServer(host="127.0.0.1", port=port, tls=Encryption.NONE, sender=SENDER))
        assert isinstance(await failure(config, Channel.EMAIL), Unavailable)


async def test_a_dead_webhook_is_waited_for(room: MailServer) -> None:
    dead = WebhookTarget(url=SecretStr("http://127.0.0.1:1/chat"))
    assert isinstance(await failure(settings_for(room, chat={ROOM: dead}), Channel.CHAT), Unavailable)


@pytest.mark.parametrize(
    ("channel", "says"), [(Channel.EMAIL, "SMTP"), (Channel.CHAT, "CHAT"), (Channel.WEBHOOK, "WEB")]
)
async def test_what_is_not_configured_says_what_to_set(channel: Channel, says: str) -> None:
    error = await failure(NotifySettings(), channel)
    assert isinstance(error, Refused)
    assert f"SYNCLINE_NOTIFY__{says}" in str(error)


async def test_an_event_is_not_sent_unsigned(room: MailServer) -> None:
    url = SecretStr(f"{room.url}/events/{HOOK}")
    with pytest.raises(ValidationError, match=f"{HOOK}: an event is signed, so its webhook needs a secret"):
        NotifySettings(webhooks={HOOK: WebhookTarget(url=url)})
    later = DatedSecret(secret=SecretStr(SECRET), valid_from=datetime.now(UTC) + timedelta(hours=1))
    config = settings_for(room, webhooks={HOOK: WebhookTarget(url=url, secrets=(later,))})
    assert isinstance(await failure(config, Channel.WEBHOOK), Unavailable)
    assert room.events == []


@pytest.mark.parametrize(("hours", "known"), [(1, {SECRET, OTHER}), (-1, {OTHER})])
async def test_while_a_secret_is_replaced_both_sign(room: MailServer, hours: int, known: set[str]) -> None:
    old = DatedSecret(secret=SecretStr(SECRET), valid_until=datetime.now(UTC) + timedelta(hours=hours))
    target = WebhookTarget(url=SecretStr(f"{room.url}/events/{HOOK}"), secret=SecretStr(OTHER), secrets=(old,))
    room.secret = OTHER
    await send(settings_for(room, webhooks={HOOK: target}), Channel.WEBHOOK)
    [posted] = room.events
    for secret in (SECRET, OTHER):
        if secret in known:
            assert StandardWebhook(secret).verify(posted.body, posted.headers)
        else:
            with pytest.raises(WebhookVerificationError):
                StandardWebhook(secret).verify(posted.body, posted.headers)


@pytest.mark.parametrize(
    "secret",
    [
        "plain",
        "whsec_not base64!",
        "whsec_",
        "whsec_b3RoZXI=",
        f"{SECRET}\n",
        SECRET.removeprefix("whsec_"),
        "whsec_" + "-_" * 16,
    ],
)
def test_a_secret_in_another_notation_is_no_setting_and_is_not_shown(secret: str) -> None:
    with pytest.raises(ValidationError) as refused:
        WebhookTarget(url=SecretStr("https://example.com"), secret=SecretStr(secret))
    assert secret not in str(refused.value)
