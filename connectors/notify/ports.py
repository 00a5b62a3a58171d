"""The port of a channel to people, and the message that it carries."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from schemas.cases.cases import Notice


@dataclass(frozen=True)
class OutgoingMessage:
    """One message to one address: an e-mail address, or the name of a configured webhook.

    `key` is that of its notice, or of the digest. `html` says what `text` says.
    """

    key: str
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    notices: tuple[Notice, ...] = field(repr=False)
    written_at: datetime

    @property
    def id(self) -> str:
        """The key in 32 hexadecimal digits: fit for headers, and the same when a message is sent again."""
        return sha256(self.key.encode()).hexdigest()[:32]


class Sender(Protocol):
    """A channel. Raises `connectors.ports` Refused (sending again cannot help) or Unavailable, with Origin.NOTIFY."""

    async def send(self, message: OutgoingMessage) -> None:
        """Hand the message over."""
