"""Alerts and customer messages: channels to people, runs of the dispatcher, contents of webhooks."""

from base64 import b64decode
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, SecretStr, field_validator, model_validator

from schemas.base import Contract
from schemas.cases.cases import Notice

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
    """One run of the dispatcher: messages sent, the notices in them, notices given up, failed attempts."""

    messages: int = 0
    notices: int = 0
    given_up: int = 0
    failures: int = 0


class NoticeEvent(Contract):
    """The body of a generic webhook: the message as people would read it, and its notices."""

    subject: str
    text: str
    notices: tuple[Notice, ...]


class Encryption(StrEnum):
    """The protection of the connection to the mail server. Nothing is sent over a weaker one."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class SmtpServer(BaseModel):
    """The mail server that takes our messages, and the address they come from. `user` empty: no login."""

    host: str
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    user: str = ""
    password: SecretStr = SecretStr("")
    tls: Encryption = Encryption.STARTTLS
    sender: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]


SECRET_BYTES = range(24, 65)
"""Standard Webhooks 1.0 asks for secrets of 24 to 64 bytes."""


def signing_secret(text: str) -> bytes:
    """The bytes of a secret in the notation of Standard Webhooks. Raises ValueError when it is not in it."""
    if not text.startswith("whsec_"):
        raise ValueError("must be `whsec_` and base64")
    try:
        secret = b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ValueError("must be `whsec_` and base64 of the usual alphabet, with nothing after it") from None
    if len(secret) not in SECRET_BYTES:
        raise ValueError(f"must hold {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} bytes")
    return secret


def _signs(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value():
        signing_secret(secret.get_secret_value())
    return secret


Signing = Annotated[SecretStr, AfterValidator(_signs)]


class DatedSecret(BaseModel):
    """A secret that signs from a moment on, or until one: while a receiver changes over, the old and the new one do."""

    secret: Annotated[Signing, Field(min_length=1)]
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _counts_at_all(self) -> Self:
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise ValueError("valid_until: must be after valid_from")
        return self


class WebhookTarget(BaseModel):
    """A webhook. `secret` (`whsec_` and base64) signs what a generic one gets; a chat's URL is itself the secret.

    `secrets` sign beside it, each from its day and until its day.
    """

    url: SecretStr
    secret: Signing = SecretStr("")
    secrets: tuple[DatedSecret, ...] = ()

    @property
    def signs(self) -> bool:
        """Whether there is a secret to sign with, now or some day."""
        return bool(self.secret.get_secret_value() or self.secrets)

    def signing(self, at: datetime) -> list[bytes]:
        """The secrets that sign at that moment, the undated one first."""
        dated = (
            it.secret
            for it in self.secrets
            if (it.valid_from is None or it.valid_from <= at) and (it.valid_until is None or at < it.valid_until)
        )
        return [signing_secret(text) for it in (self.secret, *dated) if (text := it.get_secret_value())]


class NotifySettings(BaseModel):
    """Ways to reach people. `chat` and `webhooks` are by the name that a channel policy gives as its `address`."""

    smtp: SmtpServer | None = None
    chat: dict[str, WebhookTarget] = {}
    webhooks: dict[str, WebhookTarget] = {}

    @field_validator("webhooks")
    @classmethod
    def _signed(cls, webhooks: dict[str, WebhookTarget]) -> dict[str, WebhookTarget]:
        if unsigned := [name for name, target in webhooks.items() if not target.signs]:
            raise ValueError(f"{', '.join(unsigned)}: an event is signed, so its webhook needs a secret")
        return webhooks
