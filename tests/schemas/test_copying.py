"""A message made of another keeps all that it says, and says which field the other does not have."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from domain.measuring import BECOMES
from schemas.base import Contract
from schemas.copying import made_of
from schemas.orders.release import OrderLine, OrderRelease, ReleaseRequest
from schemas.procurement.documents import PurchaseOrder
from schemas.procurement.sent_documents import SentOrder


class Sent(Contract):
    number: str
    lines: tuple[int, ...]
    unit: str | None = None
    note: str = ""


class Kept(Contract):
    number: str
    lines: tuple[int, ...]
    note: str = "none"


def test_what_is_said_is_kept_and_what_is_unsaid_stays_unsaid() -> None:
    made = made_of(Kept, Sent(number="1", lines=(1,), unit="EA"), without={"unit"}, lines=(12,))
    assert made == Kept(number="1", lines=(12,))
    assert made.model_fields_set == {"number", "lines"}


def test_a_field_that_would_be_lost_is_refused_even_when_it_says_nothing() -> None:
    """Kept ignores fields that it does not know: a copy by hand dropped the unit, and nobody heard of it."""
    sent = Sent(number="1", lines=(1,))
    assert Kept.model_validate(sent.model_dump()).lines == (1,)
    with pytest.raises(TypeError, match="Kept has no unit of Sent"):
        made_of(Kept, sent, lines=(12,))


def line_of(kind: type[BaseModel]) -> Any:
    return get_args(kind.model_fields["lines"].annotation)[0]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [*BECOMES.items(), (SentOrder, PurchaseOrder), (ReleaseRequest, OrderRelease)],
    ids=lambda it: it.__name__,
)
def test_lines_in_our_units_have_every_field_of_those_that_were_sent(sent: Any, kept: Any) -> None:
    lost = line_of(sent).model_fields.keys() - line_of(kept).model_fields.keys()
    assert lost <= {"unit"}
    assert issubclass(line_of(OrderRelease), OrderLine)
