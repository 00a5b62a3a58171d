"""Configuration: every knob, from environment variables that start with SYNCLINE_ (nested by JSON)."""

from functools import lru_cache
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.cases.notifications import NotifySettings
from schemas.connections import MAIN, DatabaseSettings, TemporalSettings
from schemas.planning.feeds import ALL, FeedRun
from schemas.planning.governor import ANY_CLASS, Tolerance

SECRET_LENGTH = 32
"""Characters of a secret that nobody guesses."""
PREFIX = "SYNCLINE_"
NESTED = "__"
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "text"]
Connection = TypeVar("Connection", DatabaseSettings, TemporalSettings)


class UnusableSettings(Exception):
    """Settings that break a rule. Each line names the variable and the rule, never the value: it may be a secret."""


class Endpoint(BaseModel):
    """Where a connected system listens, and the bearer token it wants."""

    url: str
    token: SecretStr = SecretStr("")
    master_data: bool = False
    """An ERP that answers for its items, sites and customers: what it does not know is parked."""


class QueueLimit(BaseModel):
    """What one system may be asked of by this deployment."""

    per_second: Annotated[float, Field(gt=0)] = 200.0
    concurrent: Annotated[int, Field(ge=1)] = 50


class MasterSettings(BaseModel):
    """How long the owner's word on master data is kept, in seconds."""

    fresh_s: Annotated[float, Field(ge=0, le=86_400)] = 900.0
    """A record; then its owner is asked again."""
    unknown_s: Annotated[float, Field(ge=0, le=3600)] = 30.0
    """That there is no such record."""
    stale_s: Annotated[float, Field(ge=0, le=7 * 86_400)] = 86_400.0
    """A record, since it was fetched, while its owner does not answer."""


class GovernorSettings(BaseModel):
    """Re-planning: how often is looked, how long a change must last, how long planners have to decide, how long one run
    lasts (seconds); and what is tolerated, by the item's class as its owner names it (`*`: any other)."""

    every_s: Annotated[float, Field(gt=0, le=3600)] = 5.0
    debounce_s: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    ttl_s: Annotated[float, Field(ge=0, le=90 * 86_400)] = 2 * 86_400.0
    run_for_s: Annotated[float, Field(ge=0, le=1200)] = 600.0
    tolerances: dict[str, Tolerance] = {
        "A": Tolerance(packs=1, days=1, share=0.02),
        "B": Tolerance(packs=10, days=2, share=0.05),
        "C": Tolerance(packs=100, days=5, share=0.1),
        ANY_CLASS: Tolerance(packs=10, days=2, share=0.05),
    }

    @field_validator("tolerances")
    @classmethod
    def _any_class(cls, tolerances: dict[str, Tolerance]) -> dict[str, Tolerance]:
        if ANY_CLASS not in tolerances:
            raise ValueError(f"must have {ANY_CLASS!r}, for items without a class")
        return tolerances


class Settings(BaseSettings):
    """All settings. `erp`, `wms`, `tms` and `planning` map a system id, site or region to its endpoint; `*` is any."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=NESTED, env_ignore_empty=True, extra="ignore"
    )

    database: dict[str, DatabaseSettings] = {MAIN: DatabaseSettings()}
    """By region: `SYNCLINE_DATABASE__MAIN__URL`."""
    temporal: dict[str, TemporalSettings] = {MAIN: TemporalSettings()}
    """By region: `SYNCLINE_TEMPORAL__MAIN__ADDRESS`."""
    master_secret: SecretStr = SecretStr("")
    """At least 32 characters; webhook signing secrets are derived from it. No default works in production."""
    audit_key: SecretStr = SecretStr("")
    """What entries of the audit trail are sealed with, at least 32 characters; the master secret when empty."""
    audit_former_keys: list[SecretStr] = []
    """What older entries were sealed with, the newest first."""
    audit_anchors: str = ""
    """A directory, outside of the database, for the signed end of the audit trail; only the log has it when empty."""

    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8080
    max_body_bytes: int = 1_048_576
    max_batch: int = 500
    connections: Annotated[int, Field(ge=1)] = 800
    """Connections that a gateway process has at once; it needs as many file handles, and a hundred more."""
    connections_per_address: Annotated[int, Field(ge=1)] = 200
    """Behind a proxy all callers have its address: then set this as high as `connections`."""
    idle_s: Annotated[float, Field(gt=0)] = 10.0
    """Until a connection without a request is closed; a proxy that keeps connections needs more than its own time."""
    rate_per_second: float = 500.0
    """Requests a second that one partner may make, with a burst of twice that."""
    releases_at_once: Annotated[int, Field(ge=1)] = 16
    """Releases that a gateway process works on at once; the next wait for their turn."""
    release_queue_s: Annotated[float, Field(ge=0, le=20)] = 1.0
    """How long they may wait; whoever would wait longer is answered 429."""
    release_wait_s: float = 3.0
    """How long a release waits for its promise before it is answered 202."""

    replays: bool = False
    """Take releases with `clock: events`, a replay of past business time: no deadline, finding or case watches them."""

    erp: dict[str, Endpoint] = {}
    wms: dict[str, Endpoint] = {}
    tms: dict[str, Endpoint] = {}
    planning: dict[str, Endpoint] = {}
    secret_directories: list[str] = ["/run/secrets"]
    """Where files with secrets of connections may lie (`file:/run/secrets/north`); Docker puts them there."""
    secret_commands: list[str] = []
    """Which commands may be run for secrets of connections (`command:/usr/bin/pass north`), by their path."""
    regions: list[str] = []
    """The regions that a partner may be of; any when none is named."""
    stock_erp: dict[str, str] = {}
    """Which ERP owns the stock of a site; `*` is any site. It is told of movements beside orders and of forecasts; of a
    site that is not named, no ERP is told."""
    master: MasterSettings = MasterSettings()
    governor: GovernorSettings = GovernorSettings()
    limits: dict[str, QueueLimit] = {}
    call_timeout_s: float = 5.0
    express_timeout_s: float = 1.5

    workflow_sandbox: bool = False
    """Run workflows in the SDK's sandbox: it catches non-deterministic code, at a fifth of the worker's time."""

    reconcile_every_s: Annotated[float, Field(ge=10)] = 900.0
    """How often our books are compared with each system's."""
    planning_linger_s: float = 1.5
    """How long a movement may wait for company; planning is to have it within 2 s."""
    planning_batch: int = 500
    notify: NotifySettings = NotifySettings()
    """Mail server and webhooks, through which people are told: see docs/howto/reach-people.md."""
    log_level: LogLevel = "info"
    """What is less than this is not logged."""
    log_format: LogFormat = "auto"
    """`json`: an object on each line; `text`: for people. `auto`: text on a terminal, JSON everywhere else."""

    api_url: str = ""
    """Where the command line finds the API; that of the local stack when empty."""
    api_key: SecretStr = SecretStr("")
    """The command line's key for it."""

    @field_validator("database", "temporal")
    @classmethod
    def _one_region(cls, by_region: dict[str, Connection]) -> dict[str, Connection]:
        if set(by_region) != {MAIN}:
            raise ValueError(f"must have the region {MAIN!r} and no other: one region is served")
        return by_region

    @field_validator("audit_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        if 0 < len(key.get_secret_value()) < SECRET_LENGTH:
            raise ValueError(f"must have at least {SECRET_LENGTH} characters")
        return key

    @property
    def planning_feeds(self) -> tuple[FeedRun, ...]:
        """A feed for each planning system: regions that share one share its calls."""
        own = tuple(sorted(set(self.planning) - {ALL}))
        feeds = tuple(FeedRun(region=region) for region in own)
        return (*feeds, FeedRun(others=own)) if ALL in self.planning else feeds

    @property
    def main_database(self) -> DatabaseSettings:
        """The database of the region that is served."""
        return self.database[MAIN]

    @property
    def main_temporal(self) -> TemporalSettings:
        """Temporal of the region that is served."""
        return self.temporal[MAIN]

    def stock_owner(self, site: str) -> str | None:
        """The ERP that owns the stock of a site."""
        return self.stock_erp.get(site) or self.stock_erp.get("*")

    def offers_master_data(self, erp: str) -> bool:
        """Whether an ERP is to be asked for master data."""
        endpoint = self.erp.get(erp) or self.erp.get("*")
        return endpoint is not None and endpoint.master_data


def _broken(rule: ErrorDetails) -> str:
    name = PREFIX + NESTED.join(map(str, rule["loc"])).upper()
    return f"{name}: {rule['msg'].removeprefix('Value error, ')}"


def read_settings() -> Settings:
    """What the environment says. Raises `UnusableSettings`."""
    try:
        return Settings()
    except ValidationError as error:
        raise UnusableSettings("\n".join(map(_broken, error.errors()))) from None


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once. Ends the process when they break a rule, and says which."""
    try:
        return read_settings()
    except UnusableSettings as error:
        raise SystemExit(f"unusable settings\n{error}") from None
