"""The registry of partners: who is connected, how, and under which terms. One document describes a partner.

Rules over several fields and partners are in `domain.partners.registry_rules`.
"""

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from schemas.base import Contract, Moment, Region, Role, SiteId, System, SystemId, Text
from schemas.copying import made_of
from schemas.days import TimeZone
from schemas.partners.references import SecretReference
from schemas.standard_identifiers import Gln

ANY = "*"
"""The target of a connection that serves all targets without one of their own."""
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
Duration = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,5}[smhd]$")]
"""A time span: `90s`, `15m`, `4h`, `2d`."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$")]
"""Name of an adapter, a mapping, a code table or an option."""
ConnectionName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
DocumentName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][A-Za-z0-9._/-]{0,59}$")]
"""The content of a connection: a kind of message (`warehouse.instruction`) or of document (`x12/945`)."""
Target = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9-]{1,31})$")]
"""The name of a system in a call: an ERP's id, a site, a region; `*` is any."""
UnitCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")]
CalendarCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""A country (ISO 3166-1), or one of its regions (ISO 3166-2): `DE`, `DE-BE`."""
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s<>,;]{1,64}@[A-Za-z0-9.-]{1,190}$")]


def duration_s(span: str) -> int:
    """A `Duration` in seconds."""
    return int(span[:-1]) * SECONDS[span[-1]]


def _listed(value: Any) -> Any:
    """One value, or a list of them."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, int):
        raise ValueError("must be a text in quotes: zeros at its beginning count")  # noqa: TRY004
    return tuple(value) if isinstance(value, list) else value


def _once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) != len(values):
        raise ValueError("names something twice")
    return values


Once = AfterValidator(_once)
_OneOrMore = BeforeValidator(_listed, json_schema_input_type=str | list[str])


class Identifiers(Contract):
    """The identifiers by which others call a partner; each value belongs to one partner. One value, or a list.

    `gln`: GS1 location number. `scac`: carrier code (NMFTA). `duns`: D&B. `isa`: qualifier and id of X12 interchanges,
    `ZZ:NORTHLOG`. `unb`: id of EDIFACT interchanges, with its qualifier if any, `4012345000009:14`. `as2`: its name in
    AS2 (RFC 4130).
    """

    gln: Annotated[tuple[Gln, ...], _OneOrMore, Once] = ()
    scac: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z]{2,4}$")], ...], _OneOrMore, Once] = ()
    duns: Annotated[tuple[Annotated[str, Field(pattern=r"^[0-9]{9}([0-9]{4})?$")], ...], _OneOrMore, Once] = ()
    isa: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[0-9A-Z]{2}:[\x21-\x7e]([\x20-\x7e]{0,13}[\x21-\x7e])?$")], ...],
        _OneOrMore,
        Once,
    ] = ()
    unb: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[\x21-\x39\x3b-\x7e]{1,35}(:[0-9A-Z]{1,4})?$")], ...], _OneOrMore, Once
    ] = ()
    as2: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,126}[\x21-\x7e])?$")], ...], _OneOrMore, Once
    ] = ()


class ConnectionState(StrEnum):
    """The stage of a connection. Only a live one carries calls. A paused one keeps its targets: what is owed waits."""

    DRAFT = "draft"
    TESTING = "testing"
    SHADOW = "shadow"
    LIVE = "live"
    PAUSED = "paused"


class WebhookScheme(Contract):
    """How webhooks are signed: `standard` is Standard Webhooks; others name the header of their signature."""

    scheme: Name = "standard"
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")] | None = None


class ConnectionChannel(Contract):
    """The channel of a connection: exactly one of `http`, `sftp`, `as2`, `queue`, `mail` and `webhook`. `http` is an
    address in which `{id}` stands for the target; `mail` is the name of a configured one.

    `path`, `every` (how often is looked) and `then` (what becomes of what was taken) are for channels that fetch.
    """

    http: Annotated[str, Field(max_length=500)] | None = None
    sftp: Name | None = None
    as2: Name | None = None
    queue: Name | None = None
    mail: Name | None = None
    webhook: WebhookScheme | None = None
    path: Annotated[str, Field(max_length=300)] | None = None
    every: Duration | None = None
    then: Literal["archive", "delete", "leave"] | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of channel that are named: one, when the rule is kept."""
        return tuple(kind for kind in CHANNEL_KINDS if getattr(self, kind) is not None)


CHANNEL_KINDS = ("http", "sftp", "as2", "queue", "mail", "webhook")
"""Fields of a channel, of which exactly one is set."""


class FormerSecrets(Contract):
    """The previous value, and the moment until which it still counts."""

    secrets: dict[Name, SecretReference]
    until: Moment


class Credentials(Contract):
    """How we show who we are: a scheme, and its secrets by reference. While they are replaced, `former` has those
    before: they are used until `valid_from`, and the partner may take them until they end."""

    scheme: Name
    secrets: dict[Name, SecretReference]
    valid_from: Moment | None = None
    former: FormerSecrets | None = None


class CallLimits(Contract):
    """The limits of calls to a system: a second, at the same time, a day."""

    per_second: Annotated[float, Field(gt=0, le=100_000)] | None = None
    concurrent: Annotated[int, Field(ge=1, le=10_000)] | None = None
    per_day: Annotated[int, Field(ge=1, le=10**9)] | None = None


class AcknowledgementPolicy(Contract):
    """By which document a partner acknowledges what it was sent, and within which time."""

    by: DocumentName
    within: Duration


class ConnectionDefinition(Contract):
    """One way between us and a partner. `in` is what comes over it, `out` what goes.

    A connection with an `adapter` answers calls to a kind of `system` for its `targets`. Both follow from the partner
    when absent: the kind from its role. The targets of an ERP are the partner's id, of a WMS its sites, of TMS and
    planning the region.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    name: ConnectionName
    system: System | None = None
    targets: Annotated[tuple[Target, ...], Field(max_length=500), Once] = ()
    incoming: Annotated[tuple[DocumentName, ...], Field(alias="in", max_length=100), Once] = ()
    outgoing: Annotated[tuple[DocumentName, ...], Field(alias="out", max_length=100), Once] = ()
    adapter: Name | None = None
    mapping: Name | None = None
    format: DocumentName | None = None
    codes: Name | None = None
    channel: ConnectionChannel | None = None
    credentials: Credentials | None = None
    options: dict[Name, bool | int | Text] = Field(default={})
    limits: CallLimits | None = None
    service_levels: dict[Name, Duration] = Field(default={})
    acknowledge: AcknowledgementPolicy | None = None
    state: ConnectionState = ConnectionState.DRAFT


class PartnerContact(Contract):
    """Somebody to write to, and what about."""

    name: Text
    email: Email
    about: tuple[Name, ...] = ()


PerUnit = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
"""The number of packs in one of the unit."""


class PartnerDefinition(Contract):
    """A partner: a company or a system that is connected. It acts in each of its `roles`; the first is its usual one.

    `calendar`: whose public holidays are its days off. `units`: packs in one of each unit, `item_units` where an item
    differs. `sites`: it answers for these.
    """

    partner: SystemId
    name: Text
    roles: Annotated[tuple[Role, ...], Field(min_length=1), Once]
    region: Region | None = None
    time_zone: TimeZone | None = None
    calendar: CalendarCode | None = None
    identifiers: Identifiers = Identifiers()
    sites: Annotated[tuple[SiteId, ...], Field(max_length=500), Once] = ()
    units: dict[UnitCode, PerUnit] = Field(default={})
    item_units: dict[Text, dict[UnitCode, PerUnit]] = Field(default={})
    people: Annotated[tuple[PartnerContact, ...], Field(max_length=100)] = ()
    limits: CallLimits | None = None
    service_levels: dict[Name, Duration] = Field(default={})
    connections: Annotated[tuple[ConnectionDefinition, ...], Field(max_length=100)] = ()

    def connection(self, name: str) -> ConnectionDefinition | None:
        """The connection of this name."""
        return next((it for it in self.connections if it.name == name), None)


class PartnerChange(PartnerDefinition):
    """A partner as it is to be. `version`: the one that the change was made from, 0 for a partner without one. A
    version other than this one in force then changes nothing; when absent, that is not checked."""

    version: Annotated[int, Field(ge=0)] | None = None

    @property
    def definition(self) -> PartnerDefinition:
        """The stored fields of a version."""
        return made_of(PartnerDefinition, self, without={"version"})


def document_of(definition: PartnerDefinition) -> dict[str, Any]:
    """The shortest document that says the same: without what is by default. Equal partners have equal documents."""
    said = definition.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"version"})
    return {"partner": definition.partner, **said}


_SAFE = re.compile(r"[^a-z0-9]+")


def spelled(text: str) -> str:
    """A text as a `ConnectionName`."""
    return _SAFE.sub("-", text.lower()).strip("-")[:40] or "any"
