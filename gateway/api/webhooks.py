"""Milestones by webhook: signed by the partner (Standard Webhooks), one CloudEvent each."""

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError

from dispatch.events.admission import admit_own, stated
from dispatch.procurement.documents import is_document
from gateway.api.events import EventsAccepted, as_message
from gateway.api.procurement import take_signed
from gateway.http.auth import REPORTERS
from gateway.http.problems import FORBIDDEN, BrokenRule, Problem, answers_of
from gateway.http.request_context import request_context_of
from gateway.openapi import Body, takes
from gateway.services import BareRoute, Services, answer, services_of
from schemas.base import Contract, EventId, Origin
from schemas.messaging.webhooks import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from schemas.parsing import InvalidMessage
from store.messaging import inbox, quarantine, repeats
from store.messaging.inbox import NewMessage

router = APIRouter(tags=["events"], route_class=BareRoute)
EVENT_ID = TypeAdapter[str](EventId)


class Quarantined(Contract):
    """The message is stored, but cannot be read; support sees it with these findings."""

    quarantined: bool = True
    findings: tuple[BrokenRule, ...]


def _parameter(name: str, where: str, description: str) -> dict[str, object]:
    return {"name": name, "in": where, "required": True, "description": description, "schema": {"type": "string"}}


_SIGNED = {
    **takes(Body("application/json", "Envelope_Milestone_")),
    "security": [],
    "parameters": [
        _parameter("partner", "path", "Who sends it."),
        _parameter(ID_HEADER, "header", "Unique id of the message: letters, digits and _:/+=-; no full stop."),
        _parameter(TIMESTAMP_HEADER, "header", "Unix time in seconds, within five minutes of now."),
        _parameter(SIGNATURE_HEADER, "header", "`v1,<base64>`; several are separated by spaces."),
    ],
}


@router.post(
    "/v1/partners/{partner}/webhook",
    summary="Receive a partner's webhook",
    status_code=202,
    response_model=EventsAccepted | Quarantined,
    responses=answers_of(401, 403, 413, 415, 429, 503),
    openapi_extra=_SIGNED,
)
async def webhook(request: Request) -> Response:
    """Take a signed event. A genuine message that cannot be read is stored and quarantined, never lost."""
    gateway, context = services_of(request), request_context_of(request.scope)
    raw = await request.body()
    caller = await gateway.gatekeeper.signer(request, request.path_params["partner"], raw)
    kind = stated(raw, "type")
    document = is_document(kind)
    if caller.acting(REPORTERS) is None and not document and kind is not None:
        raise Problem(FORBIDDEN, f"Webhooks are for the role {' or '.join(REPORTERS)}.")
    try:
        if document:
            return await take_signed(request, caller, raw)
        event = admit_own(raw, caller.partner)
    except InvalidMessage as refused:
        name = _name(raw) or request.headers[ID_HEADER]
        message = context.message(caller.partner, inbox.EVENT, name, raw, channel="webhook")
        await _quarantine(gateway, message, str(refused))
        return answer(Quarantined(findings=tuple(BrokenRule.model_validate(f) for f in refused.findings)), 202)
    ids = await gateway.inbox_writer.commit([as_message(event, raw, caller.partner, "webhook", context)])
    gateway.metrics.accepted(inbox.EVENT)
    return answer(EventsAccepted(accepted=1, ids=tuple(ids)), 202)


def _name(raw: bytes) -> str:
    """The event's own id, where one can be read: what is corrected comes under it again."""
    try:
        return EVENT_ID.validate_python(stated(raw, "id"))
    except ValidationError:
        return ""


async def _quarantine(gateway: Services, message: NewMessage, reason: str) -> None:
    async with gateway.database.transaction() as connection:
        [inbox_id] = await repeats.insert(connection, [message])
        await quarantine.put(connection, inbox_id, reason, Origin.TRANSFORMATION)
    gateway.metrics.accepted("quarantined")
