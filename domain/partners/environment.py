"""The systems that settings name (`SYNCLINE_ERP` and its like), as partners of the registry that nobody can change.

They are the short way for one system of each kind: what the registry says of a target goes first.
"""

from collections.abc import Iterator

from domain.partners.adapters import MASTER_DATA
from domain.partners.directory import ROLE_OF
from schemas.base import System
from schemas.partners.registry import (
    ANY,
    CallLimits,
    ConnectionChannel,
    ConnectionDefinition,
    ConnectionState,
    Credentials,
    PartnerDefinition,
    spelled,
)
from schemas.settings import Endpoint, Settings, variable

RESERVED = "env-"
"""What the ids of such partners begin with; nobody else's may."""


def of_settings(settings: Settings) -> Iterator[PartnerDefinition]:
    """A partner for each kind of system that the settings name, with a connection for each target."""
    for system in System:
        endpoints: dict[str, Endpoint] = getattr(settings, system.value)
        if not endpoints:
            continue
        limit = settings.limits.get(system)
        yield PartnerDefinition(
            partner=f"{RESERVED}{system}",
            name=variable(system),
            roles=(ROLE_OF[system],),
            limits=CallLimits(per_second=limit.per_second, concurrent=limit.concurrent) if limit else None,
            connections=tuple(_connection(system, target, endpoints[target]) for target in sorted(endpoints)),
        )


def _connection(system: System, target: str, endpoint: Endpoint) -> ConnectionDefinition:
    setting = f"env:{variable(system)}"
    token = Credentials(scheme="bearer", secrets={"token": setting})
    return ConnectionDefinition(
        name="any" if target == ANY else spelled(target),
        system=system,
        targets=(target,),
        adapter="standard",
        channel=ConnectionChannel(http=_without_secrets(endpoint.url)),
        credentials=Credentials(scheme="bearer", secrets={"token": f"env:{variable(system)}"}) if token else None,
        options={MASTER_DATA: True} if endpoint.master_data else {},
        state=ConnectionState.LIVE,
    )


def _without_secrets(url: str) -> str:
    """An address without what may be a secret: a user with a password, and a query."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"
