"""Policies as data: rules in a table, each for a scope, over the built-in defaults. See `domain.policies`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.base import Contract
from schemas.exceptions import Channel, ExceptionKind

About = Literal["case", "order", "channel", "procurement"]


class Scope(Contract):
    """Where a rule holds. What is absent matches everything; the rule that names more wins over one that names less."""

    kind: ExceptionKind | None = None
    partner: str | None = None
    site: str | None = None
    region: str | None = None
    customer: str | None = None
    queue: str | None = None
    channel: Channel | None = None


class PolicyRule(Contract):
    """One rule: the fields of a `CasePolicy`, `OrderPolicy`, `ChannelPolicy`, `ProcurementPolicy` that differ.

    `version` rises with every change of a rule; the old one is kept. What is running keeps the version it started with.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,59}$")]
    version: int = 1
    about: About
    scope: Scope = Scope()
    body: dict[str, Any]


class ChannelPolicy(Contract):
    """How a queue of people is reached over a channel.

    `address`: an e-mail address or the name of a configured webhook. Between `quiet_from` and `quiet_to` (hours of the
    day in `time_zone`, may span midnight) nothing is sent but for tiers of at least `loud_tier`; it waits. `digest_s`:
    what comes within so many seconds goes out as one message; 0 sends each at once.
    """

    version: int = 1
    address: str = ""
    time_zone: str = "UTC"
    quiet_from: Annotated[int, Field(ge=0, le=23)] | None = None
    quiet_to: Annotated[int, Field(ge=0, le=23)] | None = None
    loud_tier: Annotated[int, Field(ge=0, le=9)] = 2
    digest_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
