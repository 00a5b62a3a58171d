"""Which connection answers for a system: the whole registry as it stood at one moment, looked up without I/O."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.base import Role, System
from schemas.partners.registry import ANY, ConnectionDefinition, ConnectionState, PartnerDefinition

ROLE_OF = {System.ERP: Role.ERP, System.WMS: Role.WMS, System.TMS: Role.TMS, System.PLANNING: Role.PLANNING}
HOLDING = frozenset({ConnectionState.LIVE, ConnectionState.PAUSED})
"""States in which a connection has its targets to itself: what is owed to a paused one waits for it, and goes nowhere
else."""


class SystemTarget(NamedTuple):
    """A kind of system, and what it is called by."""

    system: System
    target: str


@dataclass(frozen=True)
class ResolvedConnection:
    """A connection that answers for a target, and whose it is."""

    partner: PartnerDefinition
    connection: ConnectionDefinition

    @property
    def name(self) -> str:
        """`<partner>/<connection>`."""
        return f"{self.partner.partner}/{self.connection.name}"

    @property
    def paused(self) -> bool:
        """Whether calls wait."""
        return self.connection.state is ConnectionState.PAUSED


def system_of(partner: PartnerDefinition, connection: ConnectionDefinition) -> System | None:
    """The kind of system that a connection calls: as it says, or the only one among the partner's roles."""
    if connection.system:
        return connection.system
    kinds = [system for system, role in ROLE_OF.items() if role in partner.roles]
    return kinds[0] if len(kinds) == 1 else None


def targets_of(partner: PartnerDefinition, connection: ConnectionDefinition) -> tuple[str, ...]:
    """What a connection is called by: as it says, or what follows from the partner."""
    if connection.targets:
        return connection.targets
    match system_of(partner, connection):
        case System.ERP:
            return (partner.partner,)
        case System.WMS:
            return partner.sites
        case System.TMS | System.PLANNING:
            return (partner.region,) if partner.region else ()
        case _:
            return ()


def places_of(partner: PartnerDefinition, connection: ConnectionDefinition) -> Iterator[SystemTarget]:
    """The places that a connection has to itself: none before it is live, none without an adapter."""
    system = system_of(partner, connection)
    if connection.adapter and system and connection.state in HOLDING:
        yield from (SystemTarget(system, target) for target in targets_of(partner, connection))


@dataclass(frozen=True)
class PartnerDirectory:
    """The registry at one moment: partners by id, connections by place, partners by what others call them."""

    partners: Mapping[str, PartnerDefinition]
    places: Mapping[SystemTarget, ResolvedConnection]
    identifiers: Mapping[tuple[str, str], str]

    @classmethod
    def of(cls, partners: Iterable[PartnerDefinition]) -> "PartnerDirectory":
        """From partners that keep the rules of `domain.partners.registry_rules`."""
        known = {it.partner: it for it in partners}
        places = {
            place: ResolvedConnection(partner, connection)
            for partner in known.values()
            for connection in partner.connections
            for place in places_of(partner, connection)
        }
        called = {
            (scheme, value): partner.partner
            for partner in known.values()
            for scheme, values in partner.identifiers
            for value in values
        }
        return cls(known, places, called)

    def resolve(self, system: System, target: str) -> ResolvedConnection | None:
        """The connection for a target: its own, else the one for any; None when there is neither."""
        return self.places.get(SystemTarget(system, target)) or self.places.get(SystemTarget(system, ANY))

    def called(self, scheme: str, value: str) -> PartnerDefinition | None:
        """The partner that others call so: `("gln", "4012345000009")`."""
        name = self.identifiers.get((scheme, value))
        return self.partners[name] if name else None


EMPTY = PartnerDirectory.of(())
