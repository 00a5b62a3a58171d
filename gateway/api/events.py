"""Milestones by API key: one CloudEvent or a batch, in JSON structured mode."""

from fastapi import APIRouter, Request, Response

from dispatch.events.admission import MilestoneEnvelope, admit_batch, admit_event, own_source
from gateway.http.auth import reporting_caller
from gateway.http.limits import read_body
from gateway.http.problems import FORBIDDEN, Problem, answers_of
from gateway.http.request_context import RequestContext, request_context_of
from gateway.openapi import Body, takes
from gateway.services import BareRoute, answer, services_of
from schemas.base import Contract
from store.messaging import inbox
from store.messaging.inbox import NewMessage

router = APIRouter(tags=["events"], route_class=BareRoute)

SINGLE, JSON, BATCH = "application/cloudevents+json", "application/json", "application/cloudevents-batch+json"


class EventsAccepted(Contract):
    """The events are committed; `ids` are their inbox ids, in the order in which they were sent."""

    accepted: int
    ids: tuple[int, ...]


@router.post(
    "/v1/events",
    summary="Report milestones",
    status_code=202,
    response_model=EventsAccepted,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(
        Body(SINGLE, "Envelope_Milestone_"),
        Body(JSON, "Envelope_Milestone_"),
        Body(BATCH, "Envelope_Milestone_", True),
    ),
)
async def report(request: Request) -> Response:
    """Take one event, or a batch of which all or none is taken. `source` must be `/partners/<you>`, or lie under it.

    A repeat of `source` and `id` is the same event and has no further effect.
    """
    gateway, context = services_of(request), request_context_of(request.scope)
    caller = await reporting_caller(request)
    media_type, raw = await read_body(request, SINGLE, JSON, BATCH)
    batch = media_type == BATCH
    events = admit_batch(raw, gateway.settings.max_batch) if batch else [(admit_event(raw), raw)]
    foreign = [index for index, (event, _) in enumerate(events) if not own_source(event.source, caller.partner)]
    if foreign:
        found = [{"field": f"[{index}].source" if batch else "source", "rule": "is not yours"} for index in foreign]
        raise Problem(FORBIDDEN, f"A source must be /partners/{caller.partner}, or lie under it.", found)
    ids = await gateway.inbox_writer.commit(
        [as_message(event, content, caller.partner, "api", context) for event, content in events]
    )
    gateway.metrics.accepted(inbox.EVENT, len(ids))
    return answer(EventsAccepted(accepted=len(ids), ids=tuple(ids)), 202)


def as_message(event: MilestoneEnvelope, raw: bytes, partner: str, channel: str, context: RequestContext) -> NewMessage:
    """An admitted event as an inbox message. Its own trace goes before that of the request that brought it."""
    return context.message(partner, inbox.EVENT, event.id, raw, channel=channel, traceparent=event.traceparent)
