"""The tables of partners: who may call and be called, their keys and secrets, sessions of people. See `store.partners`."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import NOW, big_id, document, moment, texts, word


class Partner(SQLModel, table=True):
    """A connected company or system. Its webhook secret is derived from the master secret, never stored."""

    id: str = Field(primary_key=True)
    role: str
    """Its usual role: the first of `roles`."""
    roles: list[str] = texts()
    name: str
    active: bool = True
    created_at: datetime = moment(**NOW)


class PartnerVersion(SQLModel, table=True):
    """What described a partner from then on: the newest version is in force. Append-only; `id` counts all changes."""

    __tablename__: ClassVar[str] = "partner_version"
    __table_args__ = (UniqueConstraint("partner", "version", name="partner_version_is_one"),)
    id: int = big_id()
    partner: str = Field(foreign_key="partner.id")
    version: int
    definition: dict[str, Any] = document()
    applied_at: datetime = moment(**NOW)
    applied_by: str
    reason: str = word()


class WebhookSecret(SQLModel, table=True):
    """A version of a partner's webhook secret, and from when until when it counts: two do, while one is replaced."""

    __tablename__: ClassVar[str] = "webhook_secret"
    partner: str = Field(primary_key=True, foreign_key="partner.id")
    version: int = Field(primary_key=True)
    valid_from: datetime = moment(nullable=False)
    valid_until: datetime | None = moment()


class ApiKey(SQLModel, table=True):
    """An API key, by its SHA-256: the key itself is shown once and kept nowhere."""

    __tablename__: ClassVar[str] = "api_key"
    hash: str = Field(primary_key=True)
    partner: str = Field(foreign_key="partner.id", index=True)
    label: str
    created_at: datetime = moment(**NOW)
    expires_at: datetime | None = moment()
    revoked_at: datetime | None = moment()


class Session(SQLModel, table=True):
    """A session of a person in a browser, by the SHA-256 of its id. It ends with the key that began it."""

    hash: str = Field(primary_key=True)
    api_key: str = Field(foreign_key="api_key.hash", index=True)
    begun_at: datetime = moment(**NOW)
    expires_at: datetime = moment(nullable=False)
