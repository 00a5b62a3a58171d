"""E-mail over SMTP (RFC 5321): plain text with HTML as the alternative, one connection for each message."""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib
from aiosmtplib.errors import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPResponseException

from connectors.notify.ports import OutgoingMessage
from connectors.ports import ConnectorError, Refused, Unavailable
from schemas.base import Origin
from schemas.cases.notifications import Encryption, SmtpServer

TIMEOUT_S = 8.0
"""For each command to the server."""
MAX_SUBJECT = 150
"""Characters of a subject that mail programs show."""
PERMANENT = 500
"""SMTP replies from here on are final (RFC 5321)."""
_ADDRESS = re.compile(r'[^\s@,;:<>()\[\]"\\]+@[^\s@,;:<>()\[\]"\\]+')
"""One plain address: no list, no display name, nothing that could become a second recipient or header."""


class Email:
    """The mail server. Without one configured, every message is refused."""

    def __init__(self, server: SmtpServer | None) -> None:
        self._server = server

    async def send(self, message: OutgoingMessage) -> None:
        """Hand the message to the mail server. A repeat has the same Message-ID. Raises Refused or Unavailable."""
        if self._server is None:
            raise Refused(Origin.NOTIFY, "no mail server is configured: set SYNCLINE_NOTIFY__SMTP")
        if not _ADDRESS.fullmatch(message.to):
            raise Refused(Origin.NOTIFY, "the address is no e-mail address")
        server = self._server
        try:
            await aiosmtplib.send(
                compose(message, server.sender),
                sender=server.sender,
                recipients=[message.to],
                hostname=server.host,
                port=server.port,
                username=server.user or None,
                password=server.password.get_secret_value() or None,
                use_tls=server.tls is Encryption.TLS,
                start_tls=server.tls is Encryption.STARTTLS,
                timeout=TIMEOUT_S,
            )
        except (SMTPException, OSError) as error:
            raise _failure(error) from None


def compose(message: OutgoingMessage, sender: str) -> EmailMessage:
    """The message as a MIME message (multipart/alternative, RFC 2046), marked as automatic (RFC 3834)."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(addr_spec=sender)
    mail["To"] = Address(addr_spec=message.to)
    mail["Subject"] = "".join(c for c in message.subject if c.isprintable())[:MAX_SUBJECT]
    mail["Date"] = format_datetime(message.written_at)
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


def _failure(error: Exception) -> ConnectorError:
    """Only what the server says of this recipient or text is final; a wrong login or sender is ours to repair.

    The server's words are left out: they may name the recipient.
    """
    if isinstance(error, SMTPRecipientsRefused):
        error = error.recipients[0]
        final = error.code >= PERMANENT
    else:
        final = isinstance(error, SMTPDataError) and error.code >= PERMANENT
    said = str(error.code) if isinstance(error, SMTPResponseException) else type(error).__name__
    return (Refused if final else Unavailable)(Origin.NOTIFY, f"mail server: {said}")
