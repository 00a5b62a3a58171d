"""What the API says of partners and their connections. Secrets are references, as they were written."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from dispatch.partners.applying import AppliedPartner, Outcome
from domain.partners.directory import system_of, targets_of
from schemas.base import Contract, LongText, Role, System
from schemas.partners.registry import ConnectionName, ConnectionState, PartnerDefinition
from store.partners.registry import KeptPartner, KeptVersion

Source = Literal["registry", "environment", "keys"]
"""`registry`: it was applied; `environment`: settings name it, and it is read-only; `keys`: it may call, and nothing
describes it yet."""


class ConnectionSummary(Contract):
    """A connection in a list."""

    name: str
    system: System | None = None
    targets: tuple[str, ...] = ()
    adapter: str | None = None
    format: str | None = None
    state: ConnectionState


class PartnerSummary(Contract):
    """A partner in a list. `version` is 0 until it is described. `keys`: its API keys that work; `secrets`: which
    of its webhook secrets count."""

    partner: str
    name: str
    roles: tuple[Role, ...]
    region: str | None = None
    source: Source
    version: int = 0
    keys: int = 0
    secrets: str = ""
    connections: tuple[ConnectionSummary, ...] = ()


class PartnerList(Contract):
    """Partners, by name."""

    partners: tuple[PartnerSummary, ...]


class PartnerView(Contract):
    """A partner as it is described, in the version in force or an earlier one."""

    source: Source
    version: int = 0
    definition: PartnerDefinition
    applied_at: datetime | None = None
    applied_by: str = ""
    reason: str = ""


class PartnerVersionView(Contract):
    """A version of a partner: when it came into force, by whom, why, and which fields it changed."""

    version: int
    applied_at: datetime
    applied_by: str
    reason: str = ""
    fields: tuple[str, ...] = ()


class PartnerVersions(Contract):
    """The versions of a partner, the newest first."""

    partner: str
    versions: tuple[PartnerVersionView, ...]


class PartnerFieldChange(Contract):
    """A field that differs, and both values; one is absent where the field is."""

    field: str
    before: Any = None
    after: Any = None


class AppliedView(Contract):
    """What a change did to a partner, or would."""

    partner: str
    outcome: Outcome
    version: int
    changes: tuple[PartnerFieldChange, ...] = ()


class AppliedList(Contract):
    """What changes did, or would: `dry_run` says which."""

    dry_run: bool
    partners: tuple[AppliedView, ...]


class PartnersRequest(Contract):
    """Partners as they are to be, put in force together. Read one by one, so that all findings are told at once."""

    partners: tuple[dict[str, Any], ...] = Field(min_length=1, max_length=200)
    reason: LongText = ""


class PauseRequest(Contract):
    """Which connection is paused or resumed, all of the partner's when absent, and why."""

    connection: ConnectionName | None = None
    reason: LongText = ""


def summary_of(definition: PartnerDefinition, source: Source, kept: KeptPartner | None = None) -> PartnerSummary:
    """A partner in a list."""
    connections = tuple(
        ConnectionSummary(
            name=it.name,
            system=system_of(definition, it) if it.adapter else it.system,
            targets=targets_of(definition, it) if it.adapter else it.targets,
            adapter=it.adapter,
            format=it.format,
            state=it.state,
        )
        for it in definition.connections
    )
    return PartnerSummary(
        partner=definition.partner,
        name=definition.name,
        roles=definition.roles,
        region=definition.region,
        source=source,
        version=kept.version if kept else 0,
        keys=kept.keys if kept else 0,
        secrets=(kept.secrets or "") if kept else "",
        connections=connections,
    )


def definition_of(kept: KeptPartner) -> PartnerDefinition:
    """What describes a partner; of one that nothing describes, its name and roles."""
    said = kept.definition or {"partner": kept.partner, "name": kept.name, "roles": kept.roles}
    return PartnerDefinition.model_validate(said)


def version_view(kept: KeptVersion, source: Source = "registry") -> PartnerView:
    """A version of a partner."""
    return PartnerView(
        source=source,
        version=kept.version,
        definition=PartnerDefinition.model_validate(kept.definition),
        applied_at=kept.applied_at,
        applied_by=kept.applied_by,
        reason=kept.reason,
    )


def applied_view(done: AppliedPartner) -> AppliedView:
    """What a change did to a partner."""
    changes = tuple(PartnerFieldChange.model_validate(it._asdict()) for it in done.changes)
    return AppliedView(partner=done.partner, outcome=done.outcome, version=done.version, changes=changes)
