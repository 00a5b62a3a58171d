"""Purchase orders, and the documents that suppliers, warehouses and ERPs send on them."""

from fastapi import APIRouter, Request, Response

from dispatch.events.admission import own_source
from dispatch.partners import measuring
from dispatch.partners.master_data import unsettled
from dispatch.procurement.documents import parse_document
from domain.measuring import BECOMES
from domain.partners.master_data import named_in_purchase
from gateway.api.command_handling import asked, begun_again, carried_out
from gateway.api.commands import UNDECIDED, described
from gateway.api.orders import Erp, Number
from gateway.http.auth import AnyCaller, ErpCaller, SupportCaller
from gateway.http.limits import read_body
from gateway.http.lookup import visible_purchase
from gateway.http.problems import FORBIDDEN, Problem, answers_of
from gateway.http.request_context import request_context_of
from gateway.openapi import Body, takes
from gateway.services import answer, services_of
from gateway.views.purchases import PurchaseView, purchase_view
from schemas.base import Contract
from schemas.cases.exceptions import Action
from schemas.parsing import parse_strict
from schemas.procurement.documents import OWNERS
from schemas.procurement.purchase_orders import PurchaseAnswer, PurchaseStatus
from schemas.procurement.sent_documents import SentOrder
from schemas.workflows.commands import Verb
from store.messaging import inbox
from store.partners.partners import Caller
from store.procurement import purchase_orders

router = APIRouter(tags=["procurement"])

JSON, SINGLE = "application/json", "application/cloudevents+json"


class DocumentAccepted(Contract):
    """The document is committed; `id` is its inbox id."""

    id: int
    links: dict[str, str] = {}  # noqa: RUF012 - pydantic copies field defaults


@router.post(
    "/v1/purchase-orders",
    summary="Release a purchase order",
    status_code=202,
    response_model=DocumentAccepted,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(JSON, "SentOrder")),
)
async def release(request: Request, caller: ErpCaller) -> Response:
    """Have a purchase order tracked, or revise it: the highest `revision` holds. A repeat changes nothing.

    A line in a unit of which its item has no whole number is refused; where the item is not known yet, it waits.
    """
    _, raw = await read_body(request, JSON)
    order, gateway = parse_strict(SentOrder, raw), services_of(request)
    async with gateway.database.connection() as connection:
        if not await unsettled(connection, gateway.offers_master_data, named_in_purchase(caller.partner, order)):
            await measuring.order(connection, caller.partner, order)
    links = {"self": f"/v1/purchase-orders/{order.number}"}
    message_id = await _accept(request, caller, inbox.PURCHASE, order.number, "api", raw)
    return answer(DocumentAccepted(id=message_id, links=links), 202, {"Location": links["self"]})


@router.post(
    "/v1/procurement",
    summary="Send a procurement document",
    status_code=202,
    response_model=DocumentAccepted,
    responses=answers_of(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=takes(Body(SINGLE, "Envelope_SentInvoice_"), Body(JSON, "Envelope_SentInvoice_")),
)
async def send(request: Request, caller: AnyCaller) -> Response:
    """Take a procurement document as a CloudEvent. Suppliers send confirmations, advance ship notices and invoices;
    warehouses, goods receipts; ERPs, purchase orders and invoices. `source` must be `/partners/<you>`, or lie under
    it."""
    _, raw = await read_body(request, SINGLE, JSON)
    return await _send(request, caller, raw, "api")


async def take_signed(request: Request, caller: Caller, raw: bytes) -> Response:
    """A document that came as a signed webhook. Raises `Problem`, and `Refused` when it cannot be read."""
    return await _send(request, caller, raw, "webhook")


async def _send(request: Request, caller: Caller, raw: bytes, channel: str) -> Response:
    envelope = parse_document(raw)
    owners = OWNERS[BECOMES[type(envelope.data)]]
    if caller.acting(owners) is None:
        raise Problem(FORBIDDEN, f"This document is for the role {' or '.join(sorted(owners))}.")
    if not own_source(envelope.source, caller.partner):
        found = [{"field": "source", "rule": "is not yours"}]
        raise Problem(FORBIDDEN, f"A source must be /partners/{caller.partner}, or lie under it.", found)
    message_id = await _accept(request, caller, inbox.DOCUMENT, envelope.id, channel, raw, envelope.traceparent)
    return answer(DocumentAccepted(id=message_id), 202)


async def _accept(
    request: Request, caller: Caller, kind: str, name: str, channel: str, raw: bytes, traceparent: str | None = None
) -> int:
    gateway, context = services_of(request), request_context_of(request.scope)
    message = context.message(caller.partner, kind, name, raw, channel=channel, traceparent=traceparent)
    [message_id] = await gateway.inbox_writer.commit([message])
    gateway.metrics.accepted(kind)
    return message_id


@router.post(
    "/v1/purchase-orders/{number}/act",
    summary="Act on a purchase order's trouble",
    **described("ActionRequest", PurchaseAnswer),
)
async def act(request: Request, caller: SupportCaller, number: Number, erp: Erp = None) -> Response:
    """Carry out an action that one of its cases offers, such as `accept` or `release_invoice`. The same `id` is carried
    out once."""
    wish = await asked(request, caller, Verb.ACT)
    order = await visible_purchase(services_of(request).database, caller, number, erp)
    undecided = PurchaseAnswer(order=order["key"], status=PurchaseStatus(order["status"]), done=UNDECIDED)
    if wish.request.action is Action.RESTART:
        done = await begun_again(request, caller, order["key"], wish.request.reason)
        return answer(undecided.model_copy(update={"done": done}))
    return await carried_out(request, wish.about(order["key"]), undecided)


@router.get(
    "/v1/purchase-orders/{number}",
    summary="Show a purchase order",
    response_model=PurchaseView,
    responses=answers_of(401, 404, 409, 422, 429, 503),
)
async def show(request: Request, caller: AnyCaller, number: Number, erp: Erp = None) -> Response:
    """The purchase order with lines, shipments, invoices and cases; prices only to ERP, supplier and support."""
    gateway = services_of(request)
    order = await visible_purchase(gateway.database, caller, number, erp)
    async with gateway.database.connection() as connection:
        details = await purchase_orders.details(connection, order["key"])
    return answer(purchase_view(order, details, caller.role))
