"""Stand-in receivers: a mail server, and a receiver of chat messages and signed webhooks, which keep everything.

`async with mail_server(secret) as room:` listens on free ports. What came is in `room`, and at `GET /received` for
others. `python -m simulators.mail_server` runs it as a process of its own.
"""

import argparse
import asyncio
import hmac
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from schemas.cases.notifications import signing_secret
from schemas.messaging.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign, webhook_secret_text
from schemas.settings import MASTER_SECRET

NAME = "mail_server"
"""The receiver of events: the secret that signs them is derived from the master secret under this name."""
HOST = "127.0.0.1"
TOLERANCE_S = 300
"""Seconds by which a signature may be old or early."""
MAX_KEPT = 10_000
"""E-mails, chat messages and events kept of each kind; later ones are refused."""
ACCEPTED = "250 OK"
RETRY_AFTER_S = "77"


@dataclass(frozen=True)
class ReceivedMail:
    """An e-mail as the mail server got it."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message["Subject"])

    def part(self, subtype: str) -> str:
        """The body of a kind: `plain` or `html`. Raises KeyError when there is none."""
        for part in self.message.walk():
            if part.get_content_type() == f"text/{subtype}":
                return str(part.get_content())
        raise KeyError(subtype)


@dataclass(frozen=True)
class ReceivedPost:
    """A chat message or an event as the receiver got it."""

    name: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> dict[str, Any]:
        """The body's JSON."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass
class MailServer:
    """Received messages, and answers to the next. `secret` is the one that events must be signed with.

    Answers are used up one a call, then all is accepted again. They are SMTP replies such as `451 try later` to
    recipients and e-mails, and HTTP statuses to chat messages and events.
    """

    secret: str
    smtp_port: int = 0
    url: str = ""
    mails: list[ReceivedMail] = field(default_factory=list)
    chats: list[ReceivedPost] = field(default_factory=list)
    events: list[ReceivedPost] = field(default_factory=list)
    recipient_answers: list[str] = field(default_factory=list)
    mail_answers: list[str] = field(default_factory=list)
    chat_answers: list[int] = field(default_factory=list)
    event_answers: list[int] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """An e-mail is announced."""
        if self.recipient_answers:
            return self.recipient_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return ACCEPTED

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd
        """An e-mail came."""
        if self.mail_answers:
            return self.mail_answers.pop(0)
        if len(self.mails) >= MAX_KEPT:
            return "452 full"
        content = envelope.content
        assert isinstance(content, bytes), "the server decodes nothing"
        message = message_from_bytes(content, policy=default)
        self.mails.append(ReceivedMail(envelope.mail_from or "", tuple(envelope.rcpt_tos), message))
        return ACCEPTED

    async def chat(self, request: Request) -> Response:
        """A chat message came."""
        return await self._keep(request, self.chats, self.chat_answers)

    async def event(self, request: Request) -> Response:
        """An event came; 401 when its signature is not right."""
        body = await request.body()
        if not self.is_signed(dict(request.headers), body):
            return Response(status_code=401)
        return await self._keep(request, self.events, self.event_answers)

    def is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        """Whether the body has a fresh and right signature per Standard Webhooks."""
        offered, timestamp = headers.get(SIGNATURE_HEADER, ""), headers.get(TIMESTAMP_HEADER, "")
        if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE_S:
            return False
        expected = sign(signing_secret(self.secret), headers.get(ID_HEADER, ""), int(timestamp), body)
        return any(hmac.compare_digest(each.encode(), expected.encode()) for each in offered.split())

    async def received(self, _: Request) -> Response:
        """All that came, for whoever is another process."""
        mails = [
            {
                "to": mail.recipients,
                "subject": mail.subject,
                "id": mail.message["Message-ID"],
                "text": mail.part("plain"),
            }
            for mail in self.mails
        ]
        chats = [{"room": posted.name, "message": posted.content} for posted in self.chats]
        events = [{"name": posted.name, "event": posted.content} for posted in self.events]
        return JSONResponse({"mails": mails, "chats": chats, "events": events})

    @staticmethod
    async def _keep(request: Request, kept: list[ReceivedPost], answers: list[int]) -> Response:
        if answers:
            return Response(status_code=answers.pop(0), headers={"Retry-After": RETRY_AFTER_S})
        if len(kept) >= MAX_KEPT:
            return Response(status_code=507)
        kept.append(ReceivedPost(request.path_params["name"], dict(request.headers), await request.body()))
        return Response("ok")

    def routes(self) -> list[Route]:
        """`POST /chat/{name}`, `POST /events/{name}`, `GET /received`."""
        return [
            Route("/chat/{name}", self.chat, methods=["POST"]),
            Route("/events/{name}", self.event, methods=["POST"]),
            Route("/received", self.received, methods=["GET"]),
        ]


@asynccontextmanager
async def mail_server(
    secret: str, smtp_port: int = 0, http_port: int = 0, host: str = HOST
) -> AsyncIterator[MailServer]:
    """A mail room that listens on this machine as long as the context lasts. Port 0 takes a free one."""
    room = MailServer(secret)
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: SMTP(room, enable_SMTPUTF8=True, loop=loop), host, smtp_port)
    room.smtp_port = smtp.sockets[0].getsockname()[1]
    async with _serving(Starlette(routes=room.routes()), http_port, host) as room.url:
        try:
            yield room
        finally:
            smtp.close()
            await smtp.wait_closed()


@asynccontextmanager
async def _serving(app: Starlette, port: int, host: str) -> AsyncIterator[str]:
    server = _Server(uvicorn.Config(app, host=host, port=port, ws="none", access_log=False, log_level="warning"))
    listening = server.config.bind_socket()
    listening.listen()  # whoever calls before the server runs waits a moment
    task = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://{HOST}:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """Leaves the signals to whoever opened the room."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def _stay(secret: str, smtp_port: int, http_port: int, host: str) -> None:
    async with mail_server(secret, smtp_port, http_port, host):
        await asyncio.Event().wait()


def main() -> None:
    """Read the command line and take in messages until stopped. The master secret comes from the environment."""
    parser = argparse.ArgumentParser(prog="simulators.mail_server", description=__doc__)
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--port", type=int, required=True, help="of chat messages, events, and what was received")
    options = parser.parse_args()
    master = os.environ.get(MASTER_SECRET, "")
    if not master:
        parser.error(f"not set in the environment: {MASTER_SECRET}")
    asyncio.run(_stay(webhook_secret_text(master, NAME), options.smtp_port, options.port, options.host))


if __name__ == "__main__":
    main()
