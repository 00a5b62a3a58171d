"""The connections to a region's database and its Temporal. One region is served today: `main`."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, field_validator, model_validator

MAIN = "main"
"""The region that is served. Both settings are keyed by it, so that a second one needs no other names."""
BY_REGION = frozenset({"database", "temporal"})
"""The settings that are keyed by region."""
LOCAL_TEMPORAL = "127.0.0.1:7233"
"""The address of a Temporal that nobody has configured: the port of its own documentation."""
URL_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
"""Parameters of libpq that name files. `sslrootcert=system` names none: it means the machine's authorities."""


class DatabaseSettings(BaseModel):
    """PostgreSQL. TLS is asked for in the URL, as libpq has it: `?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem`."""

    url: str = "postgresql://syncline@127.0.0.1:5432/syncline"
    owner_url: str = ""
    """The role that owns the schema, for migrations; that of `url` when empty."""
    pool: Annotated[int, Field(ge=2, le=100)] = 12
    """Connections of one process at most."""

    @field_validator("url", "owner_url")
    @classmethod
    def _usable(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/")):
            raise ValueError("must be a URL of the form postgresql://user@host:5432/database")
        for name, file in parse_qsl(parts.query):
            if name in URL_FILES and (name, file) != ("sslrootcert", "system") and not Path(file).is_file():
                raise ValueError(f"{name} must name a file")
        return url


class TemporalTls(BaseModel):
    """TLS towards Temporal; files are PEM. With nothing set: the machine's authorities, and no certificate of ours."""

    model_config = ConfigDict(frozen=True)

    ca: FilePath | None = None
    """The authority that signed the server's certificate."""
    certificate: FilePath | None = None
    """Our certificate, for a cluster that asks for one (mTLS); with `key`."""
    key: FilePath | None = None
    server_name: str = ""
    """The name in the server's certificate, where it is not that of `address`."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        return self


class TemporalSettings(BaseModel):
    """Temporal. Without `address`, its standard variables and profiles say where it is: `TEMPORAL_ADDRESS`,
    `TEMPORAL_PROFILE` and so on. With it they are not read: an address and its key come from one place."""

    model_config = ConfigDict(frozen=True)

    address: str = ""
    """`host:port`."""
    namespace: str = ""
    api_key: SecretStr = SecretStr("")
    """Of Temporal Cloud; the connection is by TLS then."""
    tls: TemporalTls | None = None
    profile: str = ""
    """The profile of Temporal's configuration file; `TEMPORAL_PROFILE`, or `default`, when empty."""
    ui_url: str = "http://127.0.0.1:8233"
    """The address of the Temporal Web UI for browsers, for links from the control tower."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if not self.address and (self.api_key.get_secret_value() or self.tls):
            raise ValueError("api_key and tls go with an address; without one, TEMPORAL_ variables say all three")
        if self.address and self.profile:
            raise ValueError("an address and a profile exclude each other")
        return self
