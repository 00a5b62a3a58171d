"""Every field that comes through a door has a reader in the product: what is admitted is not dropped in silence.

By static reading: a field counts as read where its name is an attribute in a file that names its contract, or one that
holds it. What has no such reader is listed here, with what becomes of it.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, get_args, get_origin

import pytest
from pydantic import BaseModel

from gateway.http.problems import ProblemDetail
from gateway.openapi import BODIES
from schemas.base import Contract
from schemas.messaging.instructions import WarehouseInstruction
from schemas.orders.release import OrderLine, OrderRelease, Party
from schemas.partners.master_data import RECORDS
from tests.schemas.test_notation import parts

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("schemas", "domain", "workflows", "activities", "connectors", "store", "dispatch", "gateway", "telemetry")
KNOWN: dict[str, str] = {
    **dict.fromkeys(("Party.gln", "Party.country", "Party.locode", "Party.address", "Party.email"), "told whole: TOLD"),
    **dict.fromkeys(("ReleasedLine.gtin", "ReleasedLine.description"), "told whole as OrderLine: TOLD"),
    "OrderRelease.proof_of_delivery_required": "read of OrderRelease, which it becomes",
    **dict.fromkeys(("Envelope.specversion", "Envelope.datacontenttype"), "one value only: the door reads it"),
    "Envelope.type": "read before the envelope is: it says which contract holds",
    "Envelope.dataschema": "CloudEvents 1.0 allows it; `type` says the contract",
    "Envelope.time": "CloudEvents 1.0 allows it; the data says when it happened",
    **dict.fromkeys(
        ("Site.time_zone", "Customer.time_zone", "Carrier.time_zone"), "read in SQL: store/partners/master_data.py"
    ),
    **dict.fromkeys(
        ("DemandSignal.packs", "DemandSignal.revision"), "read in store/planning/demand.py, of numbered rows"
    ),
    **dict.fromkeys(("Scope.customer", "Scope.queue", "Scope.channel"), "read in domain/cases/escalation_policies.py"),
    "PurchaseOrder.replenishment": "shown with the purchase order",
    "ReplenishmentProposal.reason": "shown with the proposal",
    "Item.item_class": "read in SQL: store/partners/master_data.py",
    **dict.fromkeys((f"{it.__name__}.active" for it in RECORDS.values()), "the owner sees to it: decision 0027"),
    **dict.fromkeys(
        ("Site.calendar", "Customer.calendar", "Carrier.calendar"),
        "read in SQL: store/partners/master_data.py",
    ),
    **dict.fromkeys(
        ("Calendar.working_days", "Calendar.days_off"),
        "read as those of `WorkingDays`, which it is: dispatch/orders/days.py",
    ),
    **dict.fromkeys(
        (f"Identifiers.{scheme}" for scheme in ("gln", "scac", "duns", "isa", "unb", "as2")),
        "read by name in domain/partners/directory.py",
    ),
    **dict.fromkeys(
        (f"ConnectionChannel.{kind}" for kind in ("sftp", "as2", "queue", "mail", "webhook")),
        "read by name: ConnectionChannel.kinds",
    ),
    **dict.fromkeys(
        (
            *("ConnectionChannel.path", "ConnectionChannel.every", "ConnectionChannel.then", "WebhookScheme.header"),
            *("ConnectionDefinition.codes", "ConnectionDefinition.outgoing", "ConnectionDefinition.acknowledge"),
            *("ConnectionDefinition.service_levels", "AcknowledgementPolicy.by", "AcknowledgementPolicy.within"),
            *("CallLimits.per_day", "PartnerContact.about", "PartnerContact.email", "PartnerDefinition.people"),
            *("PartnerDefinition.item_units", "PartnerDefinition.units", "PartnerDefinition.time_zone"),
            "PartnerDefinition.service_levels",
        ),
        "kept, shown and exported; nothing acts by it yet, as docs/howto/connect-a-system.md says",
    ),
}
TOLD = (Party, OrderLine)
"""Contracts that warehouses are told whole, as they came."""


def inner(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The contracts that a contract holds."""
    for field in model.model_fields.values():
        for part in parts(field.annotation):
            bare = get_args(part)[0] if get_origin(part) is Annotated else part
            if isinstance(bare, type) and issubclass(bare, BaseModel):
                yield bare


def name_of(model: type[BaseModel]) -> str:
    """Its name in source: `Envelope[Milestone]` is `Envelope`."""
    return model.__name__.partition("[")[0]


def title(model: type[BaseModel]) -> str:
    """The name under which it is published: what partners send in their own units is named as what becomes of it."""
    return model.model_config.get("title") or name_of(model)


def names_of(model: type[BaseModel]) -> set[str]:
    """Its name, its title, and those of what it extends."""
    own = {name_of(it) for it in model.__mro__ if issubclass(it, Contract) and it is not Contract}
    return {*own, title(model)}


def holders() -> dict[type[BaseModel], set[str]]:
    """Every contract that comes through a door, with the names under which a file may have it in hand."""
    found: dict[type[BaseModel], set[str]] = {}

    def enter(model: type[BaseModel], names: set[str]) -> None:
        own = {*names, *names_of(model)}
        if not own <= found.get(model, set()):
            found.setdefault(model, set()).update(own)
            for held in inner(model):  # an envelope holds everything: its name says nothing of what is in it
                enter(held, names if name_of(model) == "Envelope" else own)

    for model in (*BODIES, *RECORDS.values()):
        if model is not ProblemDetail:
            enter(model, set())
    return found


def batched(node: ast.AST) -> set[str]:
    """The attributes that a `RowBatch` reads of its rows: those that it does not say otherwise."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Subscript):
        return set()
    if not isinstance(node.func.value, ast.Name) or node.func.value.id != "RowBatch":
        return set()
    return {it.arg for it in node.keywords if it.arg and isinstance(it.value, ast.Constant)}


@cache
def sources() -> dict[str, tuple[set[str], set[str]]]:
    """Of each file of the product: the names in it, and the attributes that it reads."""
    found = {}
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        names |= {node.name for node in nodes if isinstance(node, ast.ClassDef)}
        names |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
        reads = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}
        found[str(path.relative_to(ROOT))] = names, reads | {name for node in nodes for name in batched(node)}
    return found


def unread(without: str = "") -> set[str]:
    """`Contract.field` of fields without a reader, as if a file were not there."""
    there = [it for path, it in sources().items() if path != without]
    return {
        f"{title(model)}.{field}"
        for model, names in holders().items()
        for field in model.model_fields
        if not any(field in reads and names & known for known, reads in there)
    }


def test_every_field_that_is_admitted_has_a_reader() -> None:
    assert unread() <= set(KNOWN)


@pytest.mark.parametrize("told", TOLD)
def test_what_is_told_whole_is_told(told: type[BaseModel]) -> None:
    assert told in set(inner(WarehouseInstruction))


def test_an_order_release_becomes_what_is_read() -> None:
    names = {"OrderRelease", "AcceptedRelease"}
    for field in ("ship_from", "incoterm", "proof_of_delivery_required", "clock"):
        assert field in OrderRelease.model_fields
        assert any(field in reads and names & known for known, reads in sources().values()), field


def test_a_field_that_loses_its_reader_is_found() -> None:
    lost = unread(without="dispatch/events/event_mapping.py") - unread()
    assert {"Milestone.location", "Milestone.handling_units"} <= lost
    assert "Carrier.modes" in unread(without="domain/units.py")
