"""Configuration: every knob, from environment variables that start with SYNCLINE_ (nested by JSON)."""

from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.feeds import ALL, FeedRun
from schemas.governing import ANY_CLASS, Tolerance
from schemas.notify import NotifySettings


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
        env_prefix="SYNCLINE_", env_nested_delimiter="__", env_ignore_empty=True, extra="ignore"
    )

    database_url: str = "postgresql://syncline@127.0.0.1:5432/syncline"
    database_pool: Annotated[int, Field(ge=2, le=100)] = 12
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_ui_url: str = "http://127.0.0.1:8233"
    master_secret: SecretStr = SecretStr("")
    """At least 32 characters; webhook signing secrets are derived from it. No default works in production."""

    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8080
    max_body_bytes: int = 1_048_576
    max_batch: int = 500
    rate_per_second: float = 500.0
    """Requests a second that one partner may make, with a burst of twice that."""
    release_wait_s: float = 3.0
    """How long a release waits for its promise before it is answered 202."""

    erp: dict[str, Endpoint] = {}
    wms: dict[str, Endpoint] = {}
    tms: dict[str, Endpoint] = {}
    planning: dict[str, Endpoint] = {}
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
    log_level: str = "info"

    api_url: str = ""
    """Where the command line finds the API; that of the local stack when empty."""
    api_key: SecretStr = SecretStr("")
    """The command line's key for it."""

    @property
    def planning_feeds(self) -> tuple[FeedRun, ...]:
        """A feed for each planning system: regions that share one share its calls."""
        own = tuple(sorted(set(self.planning) - {ALL}))
        feeds = tuple(FeedRun(region=region) for region in own)
        return (*feeds, FeedRun(others=own)) if ALL in self.planning else feeds

    def stock_owner(self, site: str) -> str | None:
        """The ERP that owns the stock of a site."""
        return self.stock_erp.get(site) or self.stock_erp.get("*")

    def offers_master_data(self, erp: str) -> bool:
        """Whether an ERP is to be asked for master data."""
        endpoint = self.erp.get(erp) or self.erp.get("*")
        return endpoint is not None and endpoint.master_data


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
