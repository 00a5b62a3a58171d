"""A message made of another keeps all that it says, and says which field the other does not have."""

import ast
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from domain.measuring import BECOMES
from schemas.base import Contract
from schemas.copying import made_of
from schemas.orders.release import OrderLine, OrderRelease, ReleaseRequest
from schemas.procurement.documents import PurchaseOrder
from schemas.procurement.sent_documents import SentOrder
from tests.test_structure import ROOT, parsed, sources


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


def dumped(root: Path) -> list[str]:
    """Messages that are made of the dump of another one: what the class does not know is lost without a word."""
    found = []
    for file in sources(root):
        for node in ast.walk(parsed(file)):
            if not isinstance(node, ast.Call):
                continue
            given = [it.value for it in node.keywords if it.arg is None]
            made = isinstance(node.func, ast.Name) and node.func.id[:1].isupper()
            if isinstance(node.func, ast.Attribute) and node.func.attr == "model_validate":
                made, given = True, [v for it in node.args if isinstance(it, ast.Dict) for v in it.values]
            dumps = (it.func.attr for it in given if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute))
            if made and "model_dump" in dumps:
                found.append(f"{file.relative_to(root)}:{node.lineno} copies a message by its dump: use made_of")
    return found


def test_messages_are_copied_in_one_way() -> None:
    assert dumped(ROOT) == []


@pytest.mark.parametrize(
    "text",
    ["run = Run(**start.model_dump(), state=1)", "run = Run.model_validate({**start.model_dump(), 'state': 1})"],
)
def test_a_copy_by_dump_is_caught(tmp_path: Path, text: str) -> None:
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "a.py").write_text(text)
    assert dumped(tmp_path) == ["domain/a.py:1 copies a message by its dump: use made_of"]
