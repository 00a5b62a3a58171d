"""Which connection serves a call: everything that an adapter needs to know of the system behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from connectors.ports import Unavailable
from schemas.authentication import Authentication, BearerToken, NoAuthentication
from schemas.base import Origin, System
from schemas.settings import Endpoint, Settings, variable

CLOSED_RETRY_S = 5.0
"""Until a connection that is closed is asked for again: what waits goes on within seconds of its resumption."""
ANY = "*"
"""The target of an endpoint that serves all targets without one of their own."""


@dataclass(frozen=True)
class ConnectionSettings:
    """A connection, ready to be used: secrets are resolved.

    `name`: unique; clients, limits and figures are kept by it. `url`: where the system listens; `{id}` stands for the
    target. `settings`: what the adapter's own model reads. `per_second` and `concurrent`: what the system may be asked
    of at most; None: as much as there is.
    """

    name: str
    system: System
    url: str
    adapter: str = "standard"
    authentication: Authentication = field(default_factory=NoAuthentication)
    settings: Mapping[str, Any] = field(default_factory=dict)
    per_second: float | None = None
    concurrent: int | None = None

    @property
    def shown_url(self) -> str:
        """The address without what may be a secret in it: a user with a password, and a query."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Connections(Protocol):
    """The connections that are configured now."""

    def of(self, system: System, target: str) -> ConnectionSettings:
        """The connection that answers for a target: an ERP's id, a site, a region. Asked before every call.

        Raises: `Unavailable` of the origin `platform`, which says what to configure.
        """

    def named(self) -> tuple[ConnectionSettings, ...]:
        """Every connection, for looking at them."""


class EnvironmentConnections:
    """The short way: systems that environment variables name, one for each target or for any.

    An endpoint for any target whose address has `{id}` is a system, and a connection, for each of them.
    """

    def __init__(self, endpoints: Mapping[System, Mapping[str, Endpoint]]) -> None:
        self._endpoints = endpoints
        self._made: dict[tuple[System, str], ConnectionSettings] = {}

    @classmethod
    def of_settings(cls, config: Settings) -> "EnvironmentConnections":
        """Those of `SYNCLINE_ERP`, `_WMS`, `_TMS` and `_PLANNING`."""
        kinds = {System.ERP: config.erp, System.WMS: config.wms, System.TMS: config.tms}
        return cls({**kinds, System.PLANNING: config.planning})

    def of(self, system: System, target: str) -> ConnectionSettings:
        """See Connections."""
        known = self._endpoints.get(system, {})
        at = target if target in known else ANY
        if at not in known:
            said = f"no endpoint is configured for {system} {target}: set {variable(system)}"
            raise Unavailable(Origin.PLATFORM, said, undone=True)
        named = target if "{id}" in known[at].url else at
        if (system, named) not in self._made:
            self._made[system, named] = of_endpoint(system, known[at], named)
        return self._made[system, named]

    def named(self) -> tuple[ConnectionSettings, ...]:
        """See Connections."""
        kinds = self._endpoints.items()
        return tuple(of_endpoint(system, endpoint, at) for system, known in kinds for at, endpoint in known.items())


class ClosedPlace(Protocol):
    """A connection that takes no calls now: it is paused, or its secret cannot be read."""

    @property
    def why(self) -> str:
        """In words, without a secret."""


Locate = Callable[[System, str], Endpoint | ClosedPlace | None]
"""The address of a target in the registry; the reason why it is not called now; None when it has no connection for
it."""


class LocatedConnections:
    """A registry of connections first, and the environment for what it does not have."""

    def __init__(self, locate: Locate, otherwise: Connections) -> None:
        self._locate, self._otherwise = locate, otherwise

    def of(self, system: System, target: str) -> ConnectionSettings:
        """See Connections. A connection that is closed is asked for again within seconds."""
        found = self._locate(system, target)
        if found is None:
            return self._otherwise.of(system, target)
        if not isinstance(found, Endpoint):
            raise Unavailable(Origin.PLATFORM, f"{system} {target}: {found.why}", CLOSED_RETRY_S, undone=True)
        return of_endpoint(system, found, target)

    def named(self) -> tuple[ConnectionSettings, ...]:
        """See Connections. Those of the environment: a registry lists its own."""
        return self._otherwise.named()


def of_endpoint(system: System, endpoint: Endpoint, target: str = ANY) -> ConnectionSettings:
    """The connection that an endpoint describes."""
    login: Authentication | None = endpoint.authentication
    if login is None:
        login = BearerToken(token=endpoint.token) if endpoint.token.get_secret_value() else NoAuthentication()
    return ConnectionSettings(
        name=f"{system}/{target}",
        system=system,
        url=endpoint.url,
        adapter=endpoint.adapter,
        authentication=login,
        settings=endpoint.settings,
    )
