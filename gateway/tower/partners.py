"""The pages of partners and their connections, for support and admin. Secrets are shown as references."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from domain.partners.differences import differences
from domain.partners.environment import of_settings
from gateway.services import services_of
from gateway.tower import pages, serving
from gateway.tower.snapshots import Made
from gateway.tower.viewers import ViewerRoute, is_support
from gateway.views.partners import ConnectionSummary, PartnerSummary, definition_of, summary_of
from schemas.partners.registry import PartnerDefinition, document_of
from schemas.settings import Settings
from store.engine import Connection
from store.partners import registry

MAX_ID = 32
"""A partner's id has no more characters."""
VERSIONS = 20
"""So many versions are shown, the newest ones; the command line has all."""
PARTNER_LIST = "/tower/partners"
SUMMARISED = frozenset({"name", "system", "targets", "adapter", "format", "state"})
"""Fields of a connection that have columns of their own."""
FOR_SUPPORT = "Partners are looked after by support and admin"

router = APIRouter(prefix="/tower", include_in_schema=False, route_class=ViewerRoute)


@dataclass(frozen=True)
class VersionLine:
    """A version: who put it in force, when, why, and which fields differ from the one before."""

    version: int
    at: datetime
    by: str
    reason: str
    fields: list[str]


@dataclass(frozen=True)
class PartnerPage:
    """A partner as it is described, and its newest versions."""

    summary: PartnerSummary
    definition: PartnerDefinition
    versions: list[VersionLine]

    @property
    def terms(self) -> list[tuple[str, str]]:
        """What is said of the partner beside its connections, each field in words."""
        said = document_of(self.definition)
        left = {name: value for name, value in said.items() if name not in ("partner", "name", "roles", "connections")}
        return [(name, in_words(value)) for name, value in left.items()]

    @property
    def connections(self) -> list[tuple[ConnectionSummary, str]]:
        """Each connection, and what else is said of it."""
        documents = document_of(self.definition).get("connections", ())
        return [
            (short, in_words({name: value for name, value in one.items() if name not in SUMMARISED}))
            for short, one in zip(self.summary.connections, documents, strict=True)
        ]


def in_words(value: Any) -> str:
    """A value of a document on one line: `token: env:NORTH`, `a, b`."""
    if isinstance(value, dict):
        return " · ".join(f"{name} {in_words(it)}" for name, it in value.items())
    if isinstance(value, list):
        return ", ".join(map(in_words, value))
    return str(value)


def partner_url(partner: str) -> str:
    """The page of a partner."""
    return f"{PARTNER_LIST}/{quote(partner, safe='')}"


async def read_list(connection: Connection, settings: Settings) -> list[PartnerSummary]:
    """Every partner, as the API lists them."""
    rows = await registry.listing(connection)
    found = [summary_of(definition_of(it), "registry" if it.definition else "keys", it) for it in rows]
    return [*found, *(summary_of(it, "environment") for it in of_settings(settings))]


async def read_one(connection: Connection, settings: Settings, partner: str) -> PartnerPage | None:
    """One partner, or None."""
    summary = next((it for it in await read_list(connection, settings) if it.partner == partner), None)
    if summary is None:
        return None
    kept = await registry.history(connection, partner)
    before: list[dict[str, Any]] = [*(it.definition for it in kept[1:]), *({} for _ in kept[:1])]
    lines = [_line(it, old) for it, old in zip(kept, before, strict=True)][:VERSIONS]
    if kept:
        definition = PartnerDefinition.model_validate(kept[0].definition)
    else:
        named = {it.partner: it for it in of_settings(settings)}
        definition = named.get(partner) or PartnerDefinition(
            partner=summary.partner, name=summary.name, roles=summary.roles
        )
    return PartnerPage(summary, definition, lines)


def _line(kept: registry.KeptVersion, before: dict[str, Any]) -> VersionLine:
    fields = [change.field for change in differences(before, kept.definition)]
    return VersionLine(kept.version, kept.applied_at, kept.applied_by, kept.reason, fields)


@router.get("/partners")
async def partner_list(request: Request) -> Response:
    """Who is connected, how far each connection is, and where that is said."""
    if not is_support(request):
        return _not_for(request)
    services = services_of(request)

    async def make() -> Made[str]:
        found, reading_s = await serving.read(services, lambda c: read_list(c, services.settings))
        return Made(pages.render("partners.html", partners=found, partner_url=partner_url), reading_s)

    return await serving.shown(request, "partners", make)


@router.get("/partners/{partner}")
async def partner_page(request: Request, partner: str) -> Response:
    """One partner: its terms, connections and versions."""
    if not is_support(request):
        return _not_for(request)
    services, wanted = services_of(request), serving.printable(partner, MAX_ID)

    async def make() -> Made[str]:
        found, reading_s = await serving.read(services, lambda c: read_one(c, services.settings, wanted))
        return Made(pages.render("partner.html", shown=found) if found else "", reading_s)

    missing = pages.render("nopartner.html", partner=wanted)
    return await serving.shown(request, f"partners/{wanted}", make, missing)


def _not_for(request: Request) -> Response:
    return pages.html(pages.render("forbidden.html", role=request.state.role.value, audience=FOR_SUPPORT), 403)
