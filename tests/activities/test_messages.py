"""What systems are told: one function for each operation, and no field of an effect or a message is forgotten."""

from datetime import UTC, date, datetime
from inspect import isfunction
from types import ModuleType

import pytest
from pydantic import ValidationError

from activities.procurement import messages
from activities.systems import erp_messages, tms_messages, wms_messages
from schemas.messaging.effects import SYSTEM_OF, ChangeKind, Effect, LineTarget, Operation
from schemas.orders.milestones import Disposition, MilestoneKind, ShippedLine
from schemas.orders.release import LinePromise, OrderStatus

PLACES = (erp_messages, wms_messages, tms_messages, messages)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = date(2026, 5, 12)
FULL = Effect(
    key="erp-one/4711/x",
    order="erp-one/4711",
    operation=Operation.REPORT_CHANGE,
    shipment="DN-1",
    milestone=MilestoneKind.SHIPPED,
    order_status=OrderStatus.SHIPPED,
    occurred_at=NOON,
    accepted_at=NOON,
    promised_on=DAY,
    promises=(LinePromise(line=1, promised_on=DAY),),
    reason="why",
    lines=(ShippedLine(line=1, quantity=5),),
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    site="LYS",
    carrier="dhl",
    change=ChangeKind.AMENDED,
    revision=7,
    targets=(LineTarget(line=1, item="A", quantity=3),),
    packs=4,
    address=True,
    addressed=9,
    expedite=True,
    rma="R-1",
    disposition=Disposition.RESTOCK,
    location="NLRTM",
    handling_units=("340123450000000017",),
    correction=True,
)
"""An effect that says something in every field."""
NOT_FOR_THE_ERP = {"carrier", "packs", "address", "addressed", "expedite", "traceparent"}
"""What transport and warehouse are told, and what travels beside the message."""


def operations(place: ModuleType) -> set[str]:
    return {
        name
        for name, it in vars(place).items()
        if isfunction(it) and it.__module__ == place.__name__ and not name.startswith("_") and name != "site_of"
    }


def test_every_operation_has_one_function_of_its_name() -> None:
    named = [name for place in PLACES for name in operations(place)]
    assert sorted(named) == sorted(Operation)
    assert set(SYSTEM_OF) == set(Operation)


def test_an_effect_of_this_test_says_something_in_every_field() -> None:
    assert FULL.model_fields_set == set(Effect.model_fields)


@pytest.mark.parametrize("name", sorted(operations(erp_messages)))
def test_every_field_of_a_message_to_an_erp_is_said(name: str) -> None:
    """A field that is new in a message is mapped too: contracts ignore what they do not know."""
    said = getattr(erp_messages, name)(FULL)
    assert said.model_fields_set == set(type(said).model_fields)
    assert said.order == "4711"


def said_by(name: str, effect: Effect) -> object:
    try:
        return getattr(erp_messages, name)(effect)
    except ValidationError:
        return None


def test_no_field_of_an_effect_is_silently_dropped() -> None:
    """What an ERP could be told is in one of its messages, or is known to be nothing for it."""
    names = operations(erp_messages)
    optional = {name: it.default for name, it in Effect.model_fields.items() if not it.is_required()}
    dropped = {
        field
        for field, default in optional.items()
        if all(said_by(it, FULL) == said_by(it, FULL.model_copy(update={field: default})) for it in names)
    }
    assert dropped == NOT_FOR_THE_ERP
