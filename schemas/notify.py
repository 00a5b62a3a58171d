"""Alerts and customer messages: ways to reach people, what a run of the dispatcher did, what a webhook is told."""

from base64 import b64decode
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from schemas.base import Contract
from schemas.cases import Notice

TYPE_NOTICE = "syncline.notice.v1"
"""CloudEvents type of what a generic webhook gets; `data` is a `NoticeEvent`."""
CUSTOMER = "customer"
"""`Notice.to` of what goes to the customer of the order; any other value is a queue of our own people."""


class NoticesRun(Contract):
    """A dispatcher of notices: one per shard. `cycles` counts the activity runs since the workflow began."""

    shard: int = 0
    cycles: int = 0

    @property
    def workflow_id(self) -> str:
        """`notices/<shard>`."""
        return f"notices/{self.shard}"


class NoticesReport(Contract):
    """What one run of the dispatcher did: letters sent, the notices in them, notices given up, attempts that failed."""

    letters: int = 0
    notices: int = 0
    given_up: int = 0
    failures: int = 0


class NoticeEvent(Contract):
    """What a generic webhook is told: the letter as people would read it, and the notices that it is made of."""

    subject: str
    text: str
    notices: tuple[Notice, ...]


class Encryption(StrEnum):
    """How a connection to the mail server is protected. Nothing is sent over one that is weaker than asked for."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class SmtpServer(BaseModel):
    """The mail server that takes our letters, and the address they come from. `user` empty: no login."""

    host: str
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    user: str = ""
    password: SecretStr = SecretStr("")
    tls: Encryption = Encryption.STARTTLS
    sender: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]


def signing_secret(text: str) -> bytes:
    """The bytes of a secret in the notation of Standard Webhooks. Raises ValueError when it is not in it."""
    if not text.startswith("whsec_"):
        raise ValueError("must be `whsec_` and base64")
    return b64decode(text.removeprefix("whsec_"), validate=True)


def _signs(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value():
        signing_secret(secret.get_secret_value())
    return secret


class WebhookTarget(BaseModel):
    """A webhook. `secret` (`whsec_` and base64) signs what a generic one gets; a chat's URL is itself the secret."""

    url: SecretStr
    secret: Annotated[SecretStr, AfterValidator(_signs)] = SecretStr("")


class NotifySettings(BaseModel):
    """Ways to reach people. `chat` and `webhooks` are by the name that a channel policy gives as its `address`."""

    smtp: SmtpServer | None = None
    chat: dict[str, WebhookTarget] = {}
    webhooks: dict[str, WebhookTarget] = {}
