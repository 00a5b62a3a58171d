"""One Tryton that serves every target."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from connectors.connections import ConnectionSettings
from schemas.authentication import BearerToken
from schemas.base import System
from tests.connectors.tryton.scenario import SETTINGS


@dataclass(frozen=True)
class OneTryton:
    """See connectors.connections.Connections."""

    url: str = "http://tryton.test/erp"
    key: str = field(default="none", repr=False)
    settings: dict[str, Any] = field(default_factory=lambda: dict(SETTINGS))

    def of(self, system: System, target: str) -> ConnectionSettings:
        """See Connections."""
        login = BearerToken(token=SecretStr(self.key))
        return ConnectionSettings(f"{system}/{target}", system, self.url, "tryton", login, self.settings)

    def named(self) -> tuple[ConnectionSettings, ...]:
        """See Connections."""
        return (self.of(System.WMS, "LYS"),)
