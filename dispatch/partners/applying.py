"""Changes of the registry: checked together, put in force together, and entered in the audit trail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from domain.partners.differences import FieldChange, differences
from domain.partners.registry_rules import Finding, Surroundings, findings
from schemas.copying import made_of
from schemas.parsing import InvalidMessage, refuse
from schemas.partners.registry import ConnectionState, PartnerChange, PartnerDefinition, document_of
from store.audit import audit_trail
from store.engine import Connection
from store.partners import registry
from store.partners.registry import KeptVersion


class Outcome(StrEnum):
    """What a change does to a partner."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class AppliedPartner:
    """A partner, the version in force afterwards, and the fields that differ from what was in force."""

    partner: str
    outcome: Outcome
    version: int
    changes: tuple[FieldChange, ...]


class StaleVersion(Exception):
    """A change was made from a version that is not in force any more."""

    def __init__(self, partner: str, version: int) -> None:
        super().__init__(f"{partner} is at version {version} by now")


class UnknownConnection(Exception):
    """There is no such connection, or it cannot be paused or resumed as it is; the text says which."""


async def apply(
    connection: Connection,
    changes: Mapping[str, PartnerChange],
    around: Surroundings,
    by: str,
    reason: str = "",
    found: Sequence[Finding] = (),
    *,
    dry_run: bool = False,
) -> tuple[AppliedPartner, ...]:
    """Put partners in force as they are to be: all of them or none; with `dry_run`, none. Needs a transaction.

    `changes` are named by their place in the request, as findings name them; `found` is wrong with others of it. Raises
    `InvalidMessage` with every rule that would be broken, and `StaleVersion`.
    """
    await registry.lock(connection)
    kept = await registry.newest(connection)
    wrong = findings({place: it.definition for place, it in changes.items()}, known(kept), around)
    if wrong or found:
        raise InvalidMessage([*found, *wrong])
    done: list[AppliedPartner] = []
    for change in changes.values():
        before = kept.get(change.partner)
        version = before.version if before else 0
        if change.version not in (None, version):
            raise StaleVersion(change.partner, version)
        planned = _planned(change.definition, before)
        if planned.outcome is not Outcome.UNCHANGED and not dry_run:
            await _put(connection, change.definition, planned, by, reason)
        done.append(planned)
    return tuple(done)


def known(kept: Mapping[str, KeptVersion]) -> dict[str, PartnerDefinition]:
    """Partners as they are kept, by name. Raises `InvalidMessage` when a newer version has written one."""
    found: dict[str, PartnerDefinition] = {}
    for name, it in kept.items():
        try:
            found[name] = PartnerDefinition.model_validate(it.definition)
        except ValidationError:
            refuse("partners", f"{name} was written by a newer version of Syncline, which has to make changes now")
    return found


def _planned(definition: PartnerDefinition, before: KeptVersion | None) -> AppliedPartner:
    old = before.definition if before else {}
    changes = tuple(differences(old, document_of(definition)))
    version = before.version if before else 0
    if not changes:
        return AppliedPartner(definition.partner, Outcome.UNCHANGED, version, ())
    outcome = Outcome.CHANGED if before else Outcome.CREATED
    return AppliedPartner(definition.partner, outcome, version + 1, changes)


async def _put(
    connection: Connection, definition: PartnerDefinition, planned: AppliedPartner, by: str, reason: str
) -> None:
    roles = [role.value for role in definition.roles]
    version = await registry.put(connection, document_of(definition), roles, by, reason)
    assert version == planned.version, "changes wait for each other"
    fields = [change.field for change in planned.changes]
    await audit_trail.record(
        connection, by, "partner_applied", definition.partner, version=version, fields=fields, reason=reason
    )


async def paused(
    connection: Connection, partner: str, name: str | None, around: Surroundings, by: str, reason: str, *, pause: bool
) -> AppliedPartner:
    """Pause or resume one connection of a partner, or all that can be. A resumed one is live again.

    Raises `LookupError` for an unknown partner, `UnknownConnection`, and what `apply` raises.
    """
    await registry.lock(connection)
    kept = (await registry.newest(connection)).get(partner)
    if kept is None:
        raise LookupError(partner)
    definition = PartnerDefinition.model_validate(kept.definition)
    if name is not None and definition.connection(name) is None:
        raise UnknownConnection(f"{partner} has no connection {name}")
    before, after = ConnectionState.LIVE, ConnectionState.PAUSED
    if not pause:
        before, after = after, before
    concerned = {it.name for it in definition.connections if it.state is before and name in (None, it.name)}
    if not concerned:
        raise UnknownConnection(f"{partner} has no {before} connection{f' {name}' if name else ''}")
    connections = tuple(
        it.model_copy(update={"state": after}) if it.name in concerned else it for it in definition.connections
    )
    changed = definition.model_copy(update={"connections": connections})
    change = made_of(PartnerChange, changed)
    [done] = await apply(connection, {"": change}, around, by, reason)
    return done
