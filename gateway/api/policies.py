"""Policies: the rules over the built-in defaults, per kind, partner, site, region and customer."""

from typing import Annotated, get_args

from fastapi import APIRouter, Query, Request, Response

from domain.cases.escalation_policies import check
from gateway.api.command_handling import JSON
from gateway.http.auth import AdminCaller
from gateway.http.limits import read_body
from gateway.http.problems import answers_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from gateway.views.orders import PolicyList
from schemas.cases.policies import About, PolicyRule
from schemas.parsing import InvalidMessage, parse_strict
from store.audit import audit_trail
from store.cases import policies

router = APIRouter(tags=["policies"])


@router.get(
    "/v1/policies",
    summary="List policy rules",
    response_model=PolicyList,
    responses=answers_of(401, 403, 422, 429, 503),
)
async def listed(
    request: Request,
    _caller: AdminCaller,
    about: Annotated[About | None, Query(description="Cases, orders or channels; all when absent.")] = None,
) -> Response:
    """The newest version of each rule."""
    async with services_of(request).database.connection() as connection:
        found = [await policies.rules(connection, kind) for kind in ([about] if about else get_args(About))]
    return answer(PolicyList(rules=tuple(rule for rules in found for rule in rules)))


@router.put(
    "/v1/policies",
    summary="Put a policy rule",
    response_model=PolicyRule,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "PolicyRule")),
)
async def put(request: Request, caller: AdminCaller) -> Response:
    """Add a rule, or change the one with its `id`: its version rises by itself. Running work keeps its version."""
    _, raw = await read_body(request, JSON)
    rule = parse_strict(PolicyRule, raw)
    if findings := check(rule):
        raise InvalidMessage([_finding(text) for text in findings])
    async with services_of(request).database.transaction() as connection:
        version = await policies.put(connection, rule)
        await audit_trail.add_entry(
            connection, caller.partner, "policy_put", rule.id, version=version, about=rule.about
        )
    return answer(rule.model_copy(update={"version": version}))


def _finding(text: str) -> dict[str, str]:
    field, _, rule = text.partition(": ")
    return {"field": field, "rule": rule}
