"""Configuration: every knob, from environment variables that start with SYNCLINE_ (nested by JSON)."""

from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.authentication import Authentication
from schemas.cases.notifications import NotifySettings
from schemas.connections import MAIN, DatabaseSettings, TemporalSettings
from schemas.planning.feeds import ALL, FeedRun
from schemas.planning.governor import ANY_CLASS, Tolerance

SECRET_LENGTH = 32
"""Characters of a secret that nobody guesses."""
PREFIX = "SYNCLINE_"
NESTED = "__"


def variable(*path: str | int) -> str:
    """The environment variable of a setting: `SYNCLINE_NOTIFY__CHAT` of `notify`, `chat`."""
    return PREFIX + NESTED.join(map(str, path)).upper()


MASTER_SECRET = variable("master_secret")
SIM_TOKEN = variable("sim_token")
"""What callers of the simulators' own pages show; no setting of the product."""
WORKER_HEALTH_PORT = variable("worker_health_port")
"""Where a worker of the local stack answers for its health; none when unset."""
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "text"]
Connection = TypeVar("Connection", DatabaseSettings, TemporalSettings)


class UnusableSettings(Exception):
    """Settings that break a rule. Each line names the variable and the rule, never the value: it may be a secret."""


class Endpoint(BaseModel):
    """The address and credentials of a connected system, and the adapter that speaks to it."""

    url: str
    """Base URL; `{id}` in it stands for the system's name. No default: an unknown address cannot be guessed."""
    token: SecretStr = SecretStr("")
    """Bearer token; empty for none, as behind a proxy that adds it."""
    adapter: str = "standard"
    """Connector of the system; `syncline connector list` has all."""
    authentication: Authentication | None = None
    """Login of another scheme than the bearer token."""
    settings: dict[str, Any] = {}
    """Settings of the adapter, as its own model reads them."""
    master_data: bool = False
    """An ERP that answers for its items, sites and customers; unknown ones are quarantined. Not every ERP does."""


class QueueLimit(BaseModel):
    """Limits on the calls to one system."""

    per_second: Annotated[float, Field(gt=0)] = 200.0
    """Calls a second by the whole deployment. 200: a cautious start; raise it to what the system serves."""
    concurrent: Annotated[int, Field(ge=1)] = 50
    """Calls at once by each worker. 50: 200 calls a second at 250 ms each."""


class MasterSettings(BaseModel):
    """Lifetimes of cached master data, in seconds."""

    fresh_s: Annotated[float, Field(ge=0, le=86_400)] = 900.0
    """Age at which a record's owner is asked again. 15 minutes: announcements bring urgent changes at once."""
    unknown_s: Annotated[float, Field(ge=0, le=3600)] = 30.0
    """Age at which an unknown record is asked for again. 30 s: it is often created right after its first order."""
    stale_s: Annotated[float, Field(ge=0, le=7 * 86_400)] = 86_400.0
    """Age up to which a record is used while its owner does not answer. A day: a night of maintenance."""


class GovernorSettings(BaseModel):
    """Settings of the re-plan governor; times in seconds."""

    every_s: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """Pause between looks. 5 s: planners read minutes later."""
    debounce_s: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    """Time that a change must last before it is proposed. A minute: corrections of a report come within it."""
    ttl_s: Annotated[float, Field(ge=0, le=90 * 86_400)] = 2 * 86_400.0
    """Time for a decision before a proposal expires. Two days: a weekend."""
    run_for_s: Annotated[float, Field(ge=0, le=1200)] = 600.0
    """Length of one activity run. 10 minutes: few events in the history, and a deployment waits no longer."""
    tolerances: dict[str, Tolerance] = {
        "A": Tolerance(packs=1, days=1, share=0.02),
        "B": Tolerance(packs=10, days=2, share=0.05),
        "C": Tolerance(packs=100, days=5, share=0.1),
        ANY_CLASS: Tolerance(packs=10, days=2, share=0.05),
    }
    """Tolerated change by the item's class in master data; `*` is any other class. A: the items that sell most."""

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
    """Key that seals the audit trail, at least 32 characters; the master secret when empty."""
    audit_former_keys: list[SecretStr] = []
    """Former keys of the audit trail, the newest first."""
    audit_anchors: str = ""
    """Directory outside of the database for the signed end of the audit trail; empty: only the log has it."""

    gateway_host: str = "127.0.0.1"
    """Address that the gateway listens on. Only this machine: opening it is a decision."""
    gateway_port: int = 8080
    """Port that the gateway listens on."""
    max_body_bytes: int = 1_048_576
    """Bytes of a request body. 1 MiB: room for a release of 2,000 lines."""
    max_batch: int = 500
    """Events of a batch. 500: a batch is one short transaction."""
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
    """Seconds that a release may wait for its turn; a longer expected wait is answered 429."""
    release_wait_s: float = 3.0
    """Seconds that a release waits for its promise before the answer 202. 3 s: below the usual timeouts of callers."""

    replays: bool = False
    """Take releases with `clock: events`, a replay of past business time: no deadline, finding or case watches them."""

    erp: dict[str, Endpoint] = {}
    """ERPs by id."""
    wms: dict[str, Endpoint] = {}
    """Warehouses by site."""
    tms: dict[str, Endpoint] = {}
    """Transport desks by region."""
    planning: dict[str, Endpoint] = {}
    """Planning systems by region; `*` alone: one for all."""
    secret_directories: list[str] = ["/run/secrets"]
    """Directories of files with secrets of connections (`file:/run/secrets/north`); Docker mounts them there."""
    secret_commands: list[str] = []
    """Commands that may print secrets of connections (`command:/usr/bin/pass north`), by their path."""
    regions: list[str] = []
    """Regions that a partner may be of; any when none is named."""
    stock_erp: dict[str, str] = {}
    """ERP that owns the stock of a site; `*` is any site. It receives movements beside orders, and forecasts. No ERP
    receives those of a site without an owner."""
    master: MasterSettings = MasterSettings()
    """Lifetimes of cached master data."""
    governor: GovernorSettings = GovernorSettings()
    """The re-plan governor."""
    limits: dict[str, QueueLimit] = {}
    """Limits on calls by system: erp, wms, tms, planning. Those of `QueueLimit` for systems that are not named."""
    call_timeout_s: float = 5.0
    """Seconds for a call to a system. 5 s: a slower system is better retried than waited for."""
    express_timeout_s: float = 1.5
    """Seconds for a call inside the workflow task, which Temporal ends after 10 s."""

    workflow_sandbox: bool = False
    """Run workflows in the SDK's sandbox: it catches non-deterministic code, at a fifth of the worker's time."""

    reconcile_every_s: Annotated[float, Field(ge=10)] = 900.0
    """Seconds between comparisons with each system. 15 minutes: differences are found within a shift."""
    planning_linger_s: float = 1.5
    """Seconds that a movement may wait to be sent with others; planning must have it within 2 s."""
    planning_batch: int = 500
    """Rows of a call to planning. 500: few calls, each small enough to repeat."""
    notify: NotifySettings = NotifySettings()
    """Mail server and webhooks that reach people: see docs/howto/reach-people.md."""
    log_level: LogLevel = "info"
    """Lowest level that is logged."""
    log_format: LogFormat = "auto"
    """`json`: an object on each line; `text`: for people. `auto`: text on a terminal, JSON everywhere else."""

    api_url: str = ""
    """Address of the API for the command line; that of the local stack when empty."""
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
    return f"{variable(*rule['loc'])}: {rule['msg'].removeprefix('Value error, ')}"


def read_settings() -> Settings:
    """The settings of the environment. Raises `UnusableSettings`."""
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
