"""What systems are told: one payload and one function for each operation, and nothing that either says is forgotten."""

from collections.abc import Iterator
from inspect import isfunction
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import ValidationError

from activities.procurement import messages
from activities.systems import erp_messages, tms_messages, wms_messages
from schemas.base import Contract
from schemas.messaging.effects import SYSTEM_OF, ChangeKind, Effect, EffectPayload, LineTarget, Operation
from schemas.messaging.order_effects import CancelWarehouse, OrderEffect, OrderPayload
from schemas.orders.milestones import Disposition
from schemas.orders.release import OrderLine, OrderRelease, Party
from tests.payloads import DAY, KINDS, NOON, TWO, kind_of, payload_of

PLACES = (erp_messages, wms_messages, tms_messages, messages)
BESIDE_THE_MESSAGE = {
    (Operation.INSTRUCT_WAREHOUSE, "address_from"),  # the executor reads the release with that address
    (Operation.TENDER_TRANSPORT, "address_from"),
    (Operation.HOLD_WAREHOUSE, "site"),  # the call goes to the site's own system
    (Operation.RESUME_WAREHOUSE, "site"),
    (Operation.CANCEL_WAREHOUSE, "site"),
    (Operation.EXPECT_RETURN, "site"),
    (Operation.REDATE_PROMISE, "shipment"),  # the ledger lists the effect by it
}
"""Fields of payloads that no message says, and who needs them."""
ALL: dict[str, Any] = {
    "site": "MAD",
    "shipment": "DN-9",
    "rma": "R-1",
    "reason": "why",
    "targets": (LineTarget(line=1, item="A", quantity=3),),
    "address_from": 9,
    "promised_on": DAY,
    "carrier": "dhl",
    "packs": 4,
    "expedite": True,
    "lines": TWO,
    "location": "NLRTM",
    "handling_units": ("340123450000000017",),
    "correction": True,
    "change": ChangeKind.AMENDED,
    "disposition": Disposition.RESTOCK,
}
RELEASE = OrderRelease(
    number="4711",
    released_at=NOON,
    requested_on=DAY,
    variant="distribution_centre",
    lines=(OrderLine(line=1, item="A", quantity=40),),
    ship_from=Party(id="LYS", country="FR"),
    ship_to=Party(id="C", country="DE"),
    site="LYS",
    region="EMEA",
)


def functions(place: ModuleType) -> dict[str, Any]:
    return {
        name: it
        for name, it in vars(place).items()
        if isfunction(it) and it.__module__ == place.__name__ and not name.startswith("_") and name != "site_of"
    }


def effect_of(payload: EffectPayload, order: str = "erp-one/4711") -> Effect:
    return Effect(key=f"{order}/x", order=order, accepted_at=NOON, revision=7, payload=payload)


def message_of(payload: EffectPayload) -> Contract:
    """What a system is told because of a payload."""
    [function] = [known for place in PLACES for name, known in functions(place).items() if name == payload.operation]
    release = (RELEASE,) if "release" in get_type_hints(function) else ()
    found: Contract = function(effect_of(payload), *release)
    return found


def full(operation: Operation) -> EffectPayload:
    """A payload that says something in every field."""
    fields = {name: it for name, it in ALL.items() if name in kind_of(operation).model_fields}
    payload: EffectPayload = payload_of(operation, **fields)
    return payload


def test_every_operation_has_one_payload_of_its_name() -> None:
    named = {operation: "".join(word.title() for word in operation.split("_")) for operation in Operation}
    assert sorted(kind.__name__ for kind in KINDS) == sorted(named.values())
    assert {kind.model_fields["operation"].default: kind.__name__ for kind in KINDS} == named
    for kind in KINDS:
        assert get_args(kind.model_fields["operation"].annotation) == (kind.model_fields["operation"].default,)
    assert set(SYSTEM_OF) == set(Operation)


def test_every_operation_has_one_function_of_its_name_that_takes_its_payload() -> None:
    named = [(name, get_type_hints(it)["effect"]) for place in PLACES for name, it in functions(place).items()]
    assert sorted(name for name, _ in named) == sorted(Operation)
    assert dict(named) == {operation: Effect[kind_of(operation)] for operation in Operation}  # type: ignore[misc]


@pytest.mark.parametrize("name", sorted(functions(erp_messages)))
def test_every_field_of_a_message_to_an_erp_is_said(name: str) -> None:
    """A field that is new in a message is mapped too: contracts ignore what they do not know."""
    told = message_of(full(Operation(name)))
    assert told.model_fields_set == set(type(told).model_fields)
    assert told.model_dump()["order"] == "4711"


def test_no_field_of_a_payload_is_silently_dropped() -> None:
    """What an effect says is in the message, or it is known who needs it instead."""
    dropped = {
        (operation, name)
        for operation in Operation
        for name, it in kind_of(operation).model_fields.items()
        if name != "operation" and not it.is_required()
        if message_of(full(operation).model_copy(update={name: it.default})) == message_of(full(operation))
    }
    assert dropped == BESIDE_THE_MESSAGE


def test_an_effect_holds_nothing_that_its_operation_does_not_need() -> None:
    with pytest.raises(ValidationError, match=r"carrier\n.*not permitted"):
        CancelWarehouse(carrier="dhl")  # type: ignore[call-arg]
    known = {"key": "erp-one/1/x", "order": "erp-one/1", "accepted_at": NOON.isoformat()}
    for wrong, why in (
        ({"operation": "cancel_warehouse", "carrier": "dhl"}, "not permitted"),
        ({"operation": "intercept_shipment"}, "shipment\n.*required"),
        ({"operation": "post_receipt"}, "does not match any of the expected tags"),
        ({"site": "LYS"}, "Unable to extract tag"),
    ):
        with pytest.raises(ValidationError, match=why):
            OrderEffect.model_validate({**known, "payload": wrong})


@pytest.mark.parametrize("kind", get_args(get_args(OrderPayload)[0]))
def test_an_effect_is_read_as_it_was_written(kind: type[EffectPayload]) -> None:
    """In a history, where only what is set is written."""
    owed = OrderEffect(
        key="k", order="erp-one/1", accepted_at=NOON, payload=full(kind.model_fields["operation"].default)
    )
    again = OrderEffect.model_validate_json(owed.model_dump_json(exclude_unset=True))
    assert (again, again.digest) == (owed, owed.digest)
    assert (type(again.payload), again.operation) == (kind, owed.operation)


class CancelledLater(CancelWarehouse):
    """The payload of a later build."""

    note: str = ""


def test_a_digest_says_what_is_told_and_nothing_of_defaults() -> None:
    bare = OrderEffect(key="k", order="erp-one/1", accepted_at=NOON, payload=CancelWarehouse())
    later = bare.model_copy(update={"payload": CancelledLater(site="", reason=""), "traceparent": "t"})
    assert bare.digest == later.digest
    others = [
        bare.model_copy(update={"payload": CancelWarehouse(site="LYS")}),
        bare.model_copy(update={"payload": payload_of(Operation.VOID_TENDER)}),
        bare.model_copy(update={"revision": 2}),
    ]
    assert len({bare.digest, *(it.digest for it in others)}) == 4


def contracts(kind: type[Contract] = Contract) -> Iterator[type[Contract]]:
    for one in kind.__subclasses__():
        yield one
        yield from contracts(one)


def parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for it in get_args(annotation):
        yield from parts(it)


def test_no_message_has_an_effect_without_its_operations() -> None:
    """JSON of the bare class says nothing of a payload: whoever keeps effects says which."""
    import worker  # noqa: F401 - every contract of the product is known then

    bare = [
        f"{one.__name__}.{name}"
        for one in contracts()
        for name, field in one.model_fields.items()
        if any(it in (Effect, EffectPayload) for it in parts(field.annotation)) and one is not Effect
    ]
    assert bare == []
