"""Everything that the operations work with, built once by `gateway.app`."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from dispatch.partners.live import PartnerRegistry
from dispatch.partners.secrets import SecretReader
from dispatch.ports import Handoff
from gateway.awaiting import VerdictWaiters
from gateway.http.auth import Gatekeeper
from gateway.http.inbox_writer import InboxWriter
from gateway.http.places import Places
from schemas.settings import Settings
from store.engine import Database
from telemetry.health import Health
from telemetry.metrics import Metrics


@dataclass(frozen=True)
class Services:
    """Everything that operations may use."""

    settings: Settings
    database: Database
    handoff: Handoff
    inbox_writer: InboxWriter
    gatekeeper: Gatekeeper
    metrics: Metrics
    waiting: VerdictWaiters
    releasing: Places
    health: Health
    partners: PartnerRegistry
    secrets: SecretReader

    def offers_master_data(self, erp: str) -> bool:
        """Whether an ERP is to be asked for master data."""
        return self.partners.offers_master_data(erp, self.settings)


class BareRoute(APIRoute):
    """A route whose function takes the request and makes the response itself, for what comes in by the thousand.

    FastAPI describes it, but resolves no parameters or dependencies for it: that would cost a fifth of the request.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function itself."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


def services_of(request: Request) -> Services:
    """The services of the application that serves this request."""
    services = request.app.state.gateway
    assert isinstance(services, Services)
    return services


def answer(body: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer, without the fields that are absent."""
    return Response(body.model_dump_json(exclude_none=True), status, headers, "application/json")
