"""Partners: who is connected, how, and under which terms. Read by support, changed by admins."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from dispatch.partners.applying import AppliedPartner, StaleVersion, UnknownConnection, apply, paused
from domain.partners.differences import differences
from domain.partners.environment import of_settings
from domain.partners.registry_rules import Surroundings
from gateway.api.command_handling import JSON
from gateway.http.auth import AdminCaller, SupportCaller
from gateway.http.limits import read_body
from gateway.http.problems import CHANGED, NOT_FOUND, REFUSED, VERSION_NEEDED, Problem, answers_of
from gateway.openapi import Body, takes
from gateway.services import Services, answer, services_of
from gateway.views.partners import (
    AppliedList,
    AppliedView,
    PartnerList,
    PartnersRequest,
    PartnerVersions,
    PartnerVersionView,
    PartnerView,
    PauseRequest,
    applied_view,
    definition_of,
    summary_of,
    version_view,
)
from schemas.base import SystemId, Whole
from schemas.copying import made_of
from schemas.parsing import InvalidMessage, check, parse_strict, refuse
from schemas.partners.registry import PartnerChange, PartnerDefinition
from store.partners import registry

router = APIRouter(tags=["partners"])
DryRun = Annotated[bool, Query(description="Say what would change, and change nothing.")]
Version = Annotated[Whole | None, Query(ge=1, description="An earlier version; the one in force when absent.")]
VERSION = re.compile(r"[0-9]{1,9}")
NO_SUCH = "There is no such partner."


@router.get(
    "/v1/partners",
    summary="List partners",
    response_model=PartnerList,
    responses=answers_of(401, 403, 429, 503),
)
async def listed(request: Request, _caller: SupportCaller) -> Response:
    """Every partner that may call or be called, with its connections: those of the registry, those that settings name
    (`environment`, read-only), and those that have keys only."""
    gateway = services_of(request)
    async with gateway.database.connection() as connection:
        rows = await registry.listing(connection)
    found = [summary_of(definition_of(it), "registry" if it.definition else "keys", it) for it in rows]
    found += [summary_of(it, "environment") for it in of_settings(gateway.settings)]
    return answer(PartnerList(partners=tuple(found)))


@router.post(
    "/v1/partners",
    summary="Apply partners",
    response_model=AppliedList,
    responses=answers_of(401, 403, 412, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "PartnersRequest")),
)
async def applied(request: Request, caller: AdminCaller, dry_run: DryRun = False) -> Response:
    """Put partners in force as they are to be, all or none. A finding names the partner by its place, and the field.
    What is as it was makes no version. A partner may name the `version` that its change was made from."""
    _, raw = await read_body(request, JSON)
    asked = parse_strict(PartnersRequest, raw)
    changes, found = _read(asked.partners)
    done = await _applied(services_of(request), changes, caller.partner, asked.reason, found, dry_run=dry_run)
    return answer(AppliedList(dry_run=dry_run, partners=tuple(map(applied_view, done))))


@router.get(
    "/v1/partners/{partner}",
    summary="Show a partner",
    response_model=PartnerView,
    responses=answers_of(401, 403, 404, 422, 429, 503),
)
async def show(request: Request, _caller: SupportCaller, partner: SystemId, version: Version = None) -> Response:
    """What describes a partner. `ETag` is its version, for `If-Match` of a change."""
    gateway = services_of(request)
    async with gateway.database.connection() as connection:
        versions = await registry.history(connection, partner)
        rows = await registry.listing(connection)
    kept = next((it for it in versions if version in (None, it.version)), None)
    if kept:
        return answer(version_view(kept), headers={"ETag": f'"{kept.version}"'})
    if version is None and (row := next((it for it in rows if it.partner == partner), None)):
        return answer(PartnerView(source="keys", definition=definition_of(row)), headers={"ETag": '"0"'})
    named = next((it for it in of_settings(gateway.settings) if it.partner == partner), None)
    if named is None or version is not None:
        raise Problem(NOT_FOUND, NO_SUCH)
    return answer(PartnerView(source="environment", definition=named))


@router.put(
    "/v1/partners/{partner}",
    summary="Put a partner",
    response_model=AppliedView,
    responses=answers_of(401, 403, 412, 413, 415, 422, 428, 429, 503),
    openapi_extra=takes(Body(JSON, "PartnerDefinition")),
)
async def put(request: Request, caller: AdminCaller, partner: SystemId) -> Response:
    """Put one partner in force. `If-Match` names the version that the change was made from: `"3"`; `"0"` for a partner
    that nothing describes yet."""
    _, raw = await read_body(request, JSON)
    definition = parse_strict(PartnerDefinition, raw)
    if definition.partner != partner:
        refuse("partner", "must be the one of the address")
    change = made_of(PartnerChange, definition, version=_matched(request))
    try:
        [done] = await _applied(services_of(request), {"": change}, caller.partner)
    except InvalidMessage as refused:
        raise InvalidMessage([{**it, "field": it["field"].removeprefix(".")} for it in refused.findings]) from None
    return answer(applied_view(done), headers={"ETag": f'"{done.version}"'})


@router.get(
    "/v1/partners/{partner}/versions",
    summary="List the versions of a partner",
    response_model=PartnerVersions,
    responses=answers_of(401, 403, 404, 422, 429, 503),
)
async def versions(request: Request, _caller: SupportCaller, partner: SystemId) -> Response:
    """Who changed what, when and why; the newest first."""
    async with services_of(request).database.connection() as connection:
        kept = await registry.history(connection, partner)
    if not kept:
        raise Problem(NOT_FOUND, "Nothing has described such a partner yet.")
    before: list[dict[str, Any]] = [*(it.definition for it in kept[1:]), {}]
    found = tuple(
        PartnerVersionView(
            version=it.version,
            applied_at=it.applied_at,
            applied_by=it.applied_by,
            reason=it.reason,
            fields=tuple(change.field for change in differences(old, it.definition)),
        )
        for it, old in zip(kept, before, strict=True)
    )
    return answer(PartnerVersions(partner=partner, versions=found))


@router.post(
    "/v1/partners/{partner}/pause",
    summary="Pause connections",
    response_model=AppliedView,
    responses=answers_of(401, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "PauseRequest")),
)
async def pause(request: Request, caller: AdminCaller, partner: SystemId) -> Response:
    """Call a connection no more until it is resumed: what is owed to it waits. It makes a version."""
    return await _paused(request, caller.partner, partner, pause=True)


@router.post(
    "/v1/partners/{partner}/resume",
    summary="Resume connections",
    response_model=AppliedView,
    responses=answers_of(401, 403, 404, 409, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "PauseRequest")),
)
async def resume(request: Request, caller: AdminCaller, partner: SystemId) -> Response:
    """Let paused connections be live again: what waited goes on."""
    return await _paused(request, caller.partner, partner, pause=False)


async def _paused(request: Request, by: str, partner: str, *, pause: bool) -> Response:
    gateway = services_of(request)
    _, raw = await read_body(request, JSON)
    asked = parse_strict(PauseRequest, raw)
    try:
        async with gateway.database.transaction() as connection:
            done = await paused(connection, partner, asked.connection, _around(gateway), by, asked.reason, pause=pause)
    except LookupError:
        raise Problem(NOT_FOUND, NO_SUCH) from None
    except UnknownConnection as error:
        raise Problem(REFUSED, f"{error}.") from None
    return answer(applied_view(done), headers={"ETag": f'"{done.version}"'})


async def _applied(
    gateway: Services,
    changes: dict[str, PartnerChange],
    by: str,
    reason: str = "",
    found: Sequence[dict[str, str]] = (),
    *,
    dry_run: bool = False,
) -> tuple[AppliedPartner, ...]:
    try:
        async with gateway.database.transaction() as connection:
            return await apply(connection, changes, _around(gateway), by, reason, found, dry_run=dry_run)
    except StaleVersion as error:
        raise Problem(CHANGED, f"{error}: look, and make the change from there.") from None


def _read(said: tuple[dict[str, Any], ...]) -> tuple[dict[str, PartnerChange], list[dict[str, str]]]:
    """Each partner by itself, by its place, and findings on those that cannot be read: what is wrong with one does not
    hide what is wrong with another."""
    found: list[dict[str, str]] = []
    changes: dict[str, PartnerChange] = {}
    for number, one in enumerate(said):
        place = f"partners[{number}]"
        try:
            changes[place] = check(PartnerChange, one)
        except InvalidMessage as refused:
            found += [{**it, "field": f"{place}.{it['field']}"} for it in refused.findings]
    return changes, found


def _around(gateway: Services) -> Surroundings:
    config = gateway.settings
    return Surroundings(gateway.secrets.unreadable, frozenset(config.regions), frozenset(config.planning))


def _matched(request: Request) -> int:
    """The version that `If-Match` names. Raises `Problem`."""
    said = request.headers.get("if-match", "").strip()
    if not said:
        raise Problem(VERSION_NEEDED, "Say with If-Match from which version the change was made.")
    number = said.removeprefix("W/").strip('"')
    if not VERSION.fullmatch(number):
        refuse("If-Match", 'must be a version, such as "3"')
    return int(number)
