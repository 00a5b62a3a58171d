"""Moments, days, numbers and booleans are strict in every contract that crosses a boundary, whatever it is about."""

import json
import typing
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, create_model

from gateway.openapi import BODIES
from schemas.base import Day, Exact, Moment
from schemas.cases.exceptions import CasePolicy, OrderPolicy
from schemas.cases.policies import ChannelPolicy
from schemas.export.contracts import CONTRACTS
from schemas.export.standard_api import CALLS
from schemas.finance.reconciliation import AccountsReport, DemandReport, EffectsReport, OrdersReport, TargetsReport
from schemas.inventory.supply import StockReport
from schemas.parsing import InvalidMessage, check, heard, parse_json
from schemas.partners.master_data import RECORDS
from schemas.procurement.purchase_orders import ProcurementPolicy

NO_MOMENT = [
    "2026120110",
    "1797724800",
    "1797724800.5",
    "-1",
    "2026-12-01",
    "2026-12-01T10:00Z",
    "2026-12-01T10:00:00",
    "2026-12-01 10:00:00Z",
    "2026-12-01T10:00:00+0530",
    "2026-12-01T10:00:00+5:30",
    "2026-12-01T10:00:00,5Z",
    "2026-12-01T10:00:00.Z",
    "2026-12-01T10:00:00\u221205:00",
    "2026-12-01T10:00:00-00:00",
    "2026-10-24T24:00:00Z",
    "2026-10-24T10:00:00+24:00",
    "2026-10-24T23:59:60Z",
    "2026-10-24T24:59:60+01:00",
    "2026-02-30T10:00:00Z",
    "\u0662\u0660\u0662\u0666-12-01T10:00:00Z",
    "20261201T100000Z",
    " 2026-12-01T10:00:00Z",
    "now",
    "",
    1797724800,
    1797724800.5,
    True,
    [],
]
NO_DAY = [
    "1797724800",
    "0",
    "20261201",
    "2026-12-1",
    "2026-12-01T00:00:00Z",
    "2026-02-30",
    "2026-W49-2",
    "",
    20788,
    True,
]
NO_NUMBER = ["1e3", " 1.5", "1_000", "\u0663", "+1", "1.", ".5", "1,5", "NaN", "0x1", "", True, [], {}]
NO_WHOLE = ["3", 3.0, 1e2, "\u0663", True, ""]
NO_BOOLEAN = ["yes", "true", 1, 0, "", []]
WRONG: dict[Any, list[Any]] = {
    AwareDatetime: NO_MOMENT,
    datetime: NO_MOMENT,
    date: NO_DAY,
    Decimal: NO_NUMBER,
    int: NO_WHOLE,
    float: ["3", "1e3", True, ""],
    bool: NO_BOOLEAN,
}


def parts(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The types of single values in an annotation, each with its own metadata; models are entered by the caller."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        yield from parts(inner, (*more, *metadata))
    elif get_origin(annotation) in (typing.Union, UnionType):
        for one in get_args(annotation):
            yield from parts(one, metadata)
    elif get_args(annotation) and get_origin(annotation) is not typing.Literal:
        for one in get_args(annotation):
            yield from parts(one)
    else:
        yield Annotated[annotation, *metadata] if metadata else annotation


def fields(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[str, Any, Any]]:
    """Every single value of a contract and of those in it: its name, its type, its kind in `WRONG`."""
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        for part in parts(field.annotation, tuple(field.metadata)):
            bare = get_args(part)[0] if get_origin(part) is Annotated else part
            if isinstance(bare, type) and issubclass(bare, BaseModel):
                yield from fields(bare, seen)
            elif bare in WRONG:
                yield f"{model.__name__}.{name}", part, bare


MANY = 200
SEEN: set[type[BaseModel]] = set()
MODELS: list[type[BaseModel]] = [
    # What comes through a door of ours, what partners answer, and what simulators take.
    *BODIES,
    *(contract.model for contract in CONTRACTS if contract.strict),
    *(CasePolicy, OrderPolicy, ChannelPolicy, ProcurementPolicy),
    *(AccountsReport, DemandReport, EffectsReport, OrdersReport, StockReport, TargetsReport),
    *(call.body for call in CALLS),
    *(call.answer for call in CALLS),
    *RECORDS.values(),
]
FIELDS = [found for model in MODELS for found in fields(model, SEEN)]


def test_there_are_fields_of_every_kind() -> None:
    assert {kind for _, _, kind in FIELDS} == set(WRONG) - {datetime}
    assert len(FIELDS) > MANY


@pytest.mark.parametrize("kind", list(WRONG), ids=lambda kind: kind.__name__)
def test_a_value_written_otherwise_is_refused_by_every_contract(kind: Any) -> None:
    for name, part, bare in FIELDS:
        if bare is kind:
            one = create_model("One", __config__=ConfigDict(allow_inf_nan=False), value=(part, ...))
            for value in WRONG[kind]:
                with pytest.raises(InvalidMessage) as refused:
                    check(one, {"value": value})
                assert {finding["field"] for finding in refused.value.findings} == {"value"}, (name, value)
                with pytest.raises(ValidationError):
                    heard(one, json.dumps({"value": value}).encode())


class Said(BaseModel):
    """One of each."""

    at: Moment | None = None
    on: Day | None = None
    much: Exact | None = None


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("at", "2026120110", "is a number; write a moment as RFC 3339 does"),
        ("at", "2026-12-01T10:00:00", "has no offset from UTC; write"),
        ("at", "2026-12-01", "is a day without a time; write"),
        ("at", "2026-12-01 10:00:00Z", "has no T between day and time; write"),
        ("at", "2026-12-01T10:00:00-00:00", "has the offset -00:00, which leaves the local time unknown"),
        ("at", "2026-12-01T24:00:00Z", "has the hour 24 or the second 60"),
        ("at", "2026-02-30T10:00:00Z", "does not exist in the calendar or on the clock"),
        ("at", 1797724800, "is not a string; write a moment"),
        ("on", "1797724800", "is a number; write a day as RFC 3339 does, as in 2026-12-01"),
        ("on", "2026-02-30", "does not exist in the calendar or on the clock"),
        ("much", "1e3", "is not a plain decimal number; write digits and a point"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_how_to_write_it(field: str, value: Any, rule: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        check(Said, {field: value})
    (finding,) = refused.value.findings
    assert finding["field"] == field
    assert finding["rule"].startswith(rule)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01T10:00:00Z", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01t10:00:00z", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01T10:00:00+05:30", datetime(2026, 12, 1, 4, 30, tzinfo=UTC)),
        ("2026-12-01T10:00:00.1Z", datetime(2026, 12, 1, 10, 0, 0, 100_000, tzinfo=UTC)),
        ("2026-12-01T10:00:00.123456789Z", datetime(2026, 12, 1, 10, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_rfc_3339_is_taken(text: str, moment: datetime) -> None:
    assert check(Said, {"at": text}).at == moment


def test_what_we_write_ourselves_is_read_again() -> None:
    said = Said(at=datetime(2026, 12, 1, 10, 0, 0, 5, tzinfo=UTC), on=date(2026, 12, 1), much=Decimal("12.50"))
    assert Said.model_validate_json(said.model_dump_json()) == said
    assert Said.model_validate(said.model_dump(mode="json")) == said


@pytest.mark.parametrize("digits", ["999999999999.0003", "1.00000000000000001", "1581.63200000000012345", "1e-400"])
def test_a_number_that_a_double_would_change_is_refused_never_rounded(digits: str) -> None:
    with pytest.raises(InvalidMessage, match="more digits than a double keeps"):
        parse_json(f'{{"much": {digits}}}'.encode())
    assert check(Said, {"much": "999999999999.0003"}).much == Decimal("999999999999.0003")
