"""Master data: its owner announces what changed; support, planning and ERPs read what the owner says."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.api.command_handling import JSON
from gateway.http.auth import ErpCaller, MasterCaller
from gateway.http.limits import read_body
from gateway.http.problems import FORBIDDEN, NOT_FOUND, UNAVAILABLE, Problem, answers_of, invalid
from gateway.http.request_context import request_context_of
from gateway.openapi import Body, takes
from gateway.services import Services, answer, services_of
from schemas.base import Role, SystemId, Text
from schemas.parsing import parse_strict
from schemas.partners.master_data import (
    RECORDS,
    Freshness,
    MasterChange,
    MasterChangeTaken,
    MasterKind,
    MasterName,
    MasterView,
)
from store.messaging import inbox
from store.partners import master_data
from store.partners.master_data import KeptRecord
from store.partners.partners import Caller

router = APIRouter(tags=["master data"])
LOOK_EVERY_S = 0.1
RETRY_AFTER_S = "5"


@router.post(
    "/v1/master-data",
    summary="Announce changed master data",
    status_code=201,
    response_model=MasterChangeTaken,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "MasterChange")),
)
async def announce(request: Request, caller: ErpCaller) -> Response:
    """An ERP has created or changed records of its own: they are asked for again, and what waited for them goes on."""
    gateway, context = services_of(request), request_context_of(request.scope)
    _, raw = await read_body(request, JSON)
    change = parse_strict(MasterChange, raw)
    message = context.message(caller.partner, inbox.MASTER, change.id, raw)
    async with gateway.database.transaction() as connection:
        [inbox_id] = await inbox.insert(connection, [message])
        names = {MasterName(caller.partner, change.kind, id) for id in change.ids}
        replayed = await master_data.forget(connection, names)
        await inbox.settle(connection, [inbox_id], "applied", [None])
    gateway.metrics.accepted(inbox.MASTER)
    return answer(MasterChangeTaken(replayed=replayed), 201)


@router.get(
    "/v1/master/{kind}/{id:path}",
    summary="Look master data up",
    response_model=MasterView,
    responses=answers_of(401, 403, 404, 422, 429, 503),
)
async def show(
    request: Request,
    caller: MasterCaller,
    kind: MasterKind,
    id: Text,
    erp: Annotated[SystemId | None, Query(description="The ERP that owns it; the owner of stock when absent.")] = None,
) -> Response:
    """The owner's record, its owner and its age. An ERP reads its own."""
    gateway = services_of(request)
    name = MasterName(_owner(gateway, caller, erp), kind, id)
    entry = await _looked_up(gateway, name)
    if entry and entry.fresh and not entry.known:
        raise Problem(NOT_FOUND, f"{name.owner} knows no such {kind}.")
    if not entry or not entry.usable(gateway.settings.master.stale_s):
        detail = f"{name.owner} does not answer, and what it said before may not be used any more."
        raise Problem(UNAVAILABLE, detail, headers={"Retry-After": RETRY_AFTER_S})
    assert entry.fetched_at is not None
    return answer(
        MasterView(
            **name._asdict(),
            freshness=Freshness.FRESH if entry.fresh else Freshness.STALE,
            fetched_at=entry.fetched_at,
            expires_at=entry.expires_at,
            record=RECORDS[kind].model_validate(entry.body),
        )
    )


def _owner(gateway: Services, caller: Caller, erp: str | None) -> str:
    """The ERP to ask. Raises `Problem`."""
    own = caller.partner if caller.role is Role.ERP else None
    if own and erp not in (None, own):
        raise Problem(FORBIDDEN, "An ERP reads its own master data.")
    owner = own or erp or gateway.settings.stock_owner("*")
    if owner is None:
        raise invalid([{"field": "erp", "rule": "name the ERP that owns the record"}])
    if not gateway.offers_master_data(owner):
        raise Problem(NOT_FOUND, f"{owner} offers no master data.")
    return owner


async def _looked_up(gateway: Services, name: MasterName) -> KeptRecord | None:
    """The kept record, once a worker has refreshed it; waits no longer than a release does."""
    deadline = time.monotonic() + gateway.settings.release_wait_s
    async with gateway.database.transaction() as connection:
        await master_data.want(connection, name)
    while True:
        async with gateway.database.connection() as connection:
            entry = await master_data.find(connection, name)
        if (entry and (entry.fresh or entry.down)) or time.monotonic() > deadline:
            return entry
        await asyncio.sleep(LOOK_EVERY_S)
