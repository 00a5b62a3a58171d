"""Policies as data: rules in a table, each for a scope, over the defaults of `domain.cases.escalation_policies`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.base import Contract
from schemas.cases.exceptions import Channel, ExceptionKind
from schemas.days import TimeZone

About = Literal["case", "order", "channel", "procurement", "freight", "days"]
TOLERANCE = 0.1
"""A carrier's invoice rarely is to the cent what was expected: a tenth is nobody's morning."""


class Scope(Contract):
    """The scope of a rule. Absent fields match everything; the more specific rule wins."""

    kind: ExceptionKind | None = None
    partner: str | None = None
    site: str | None = None
    region: str | None = None
    customer: str | None = None
    queue: str | None = None
    channel: Channel | None = None


class PolicyRule(Contract):
    """One rule: the fields of a `CasePolicy`, `OrderPolicy`, `ChannelPolicy`, `ProcurementPolicy`, `FreightPolicy` or
    `DaysPolicy` that differ.

    `version` rises with every change of a rule; the old one is kept. Running work keeps the version it started with.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,59}$")]
    version: int = 1
    about: About
    scope: Scope = Scope()
    body: dict[str, Any]


class ChannelPolicy(Contract):
    """The way to reach a queue of people over a channel.

    `address`: an e-mail address or the name of a configured webhook. Between `quiet_from` and `quiet_to` (hours of the
    day in `time_zone`, may span midnight) only tiers of at least `loud_tier` are sent; others wait. Without a zone,
    messages to customers follow the nights of their order's customer. Queues follow the days policy without a scope,
    else UTC. `digest_s`: notices within so many seconds go out as one message; 0 sends each at once.
    """

    version: int = 1
    address: str = ""
    time_zone: TimeZone | None = None
    quiet_from: Annotated[int, Field(ge=0, le=23)] | None = None
    quiet_to: Annotated[int, Field(ge=0, le=23)] | None = None
    loud_tier: Annotated[int, Field(ge=0, le=9)] = 2
    digest_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0


class FreightPolicy(Contract):
    """The expected charge of carriers for goods that leave: `share` of their value, 0.05 for 5 %.

    Without one, nothing is accrued. An invoice may differ by `tolerance`, a share of what was accrued.
    """

    version: int = 1
    share: Annotated[float, Field(ge=0, le=10)] | None = None
    tolerance: Annotated[float, Field(ge=0, le=10)] = TOLERANCE
