"""Kinds of columns that the tables share."""

from typing import Any

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, Identity, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

NOW = {"server_default": text("now()"), "nullable": False}
"""Arguments of a moment that is set when the row is written."""


def moment(**kwargs: Any) -> Any:
    """A point in time."""
    return Field(default=None, sa_type=DateTime(timezone=True), sa_column_kwargs=kwargs or {})


def big_id() -> Any:
    """A primary key that the database counts."""
    return Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))


def document() -> Any:
    """A JSON document."""
    return Field(default=None, sa_type=JSONB)


def texts() -> Any:
    """A list of texts, empty at first."""
    return Field(default=None, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))


def whole(default: int = 0) -> Any:
    """A whole number with a default."""
    return Field(default=default, sa_column_kwargs={"server_default": str(default)})


def word(default: str = "") -> Any:
    """A text with a default."""
    return Field(default=default, sa_column_kwargs={"server_default": default})
