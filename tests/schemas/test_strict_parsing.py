"""The door refuses what is not strict JSON or not of the contract, names field and rule, and never repeats a value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.orders.milestones import Milestone
from schemas.orders.release import OrderRelease
from schemas.parsing import MAX_DEPTH, MAX_FINDINGS, InvalidMessage, check, parse_json, parse_strict, str_loc
from tests.schemas.samples import MILESTONE, RELEASE, findings, spoilt

SECRET = "Musterstrasse-17"


def rule(raw: bytes) -> str:
    """The rule by which the parser refuses."""
    with pytest.raises(InvalidMessage) as refused:
        parse_json(raw)
    (finding,) = refused.value.findings
    return f"{finding['field']}: {finding['rule']}"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "body: is not JSON"),
        (b"{", "body: is not JSON"),
        (b"{'a': 1}", "body: is not JSON"),
        (b'{"a": 1,}', "body: is not JSON"),
        (b'{"a": 01}', "body: is not JSON"),
        (b'{"a": 1} {"a": 1}', "body: is not JSON: Extra data"),
        (b'{"a": "line\nbreak"}', "body: is not JSON"),
        (b'{"a": NaN}', "body: NaN is not a JSON number"),
        (b'{"a": Infinity}', "body: Infinity is not a JSON number"),
        (b'{"a": -Infinity}', "body: -Infinity is not a JSON number"),
        (b'{"a": 1e999}', "body: has a number beyond the range of a double"),
        (b'{"a": -1e999}', "body: has a number beyond the range of a double"),
        (b'{"a": ' + b"9" * 5000 + b"}", "body: has an integer with too many digits"),
        (b'{"a": 1, "b": 2, "a": 1}', "a: this name appears twice"),
        (b'[{"x": {"a": 1, "\\u0061": 2}}]', "a: this name appears twice"),
        (b'{"a": "\\u0000"}', "body: must not contain the NUL character"),
        (b'{"\\\\\\u0000": 1}', "body: must not contain the NUL character"),
        (b'{"a": "\x00"}', "body: must not contain the NUL character"),
        (b'{"a": "\\ud800"}', "body: contains half of a surrogate pair"),
        (b'{"\\uDFFF": 1}', "body: contains half of a surrogate pair"),
        (b'{"a": "\\udc00\\ud800"}', "body: contains half of a surrogate pair"),
        (b'{"a": "\xed\xa0\x80"}', "body: is not UTF-8"),
        (b'{"a": "\xff"}', "body: is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "body: is not UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "body: must not begin with a byte order mark"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "body: nested deeper than 32 levels"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "body: nested deeper than 32 levels"),
        (b"[" * 500_000, "body: nested deeper than 32 levels"),
        (b'{"a":' * 200_000, "body: nested deeper than 32 levels"),
    ],
)
def test_what_is_not_strict_json_is_refused(raw: bytes, said: str) -> None:
    assert rule(raw).startswith(said)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": "\\\\u0000"}', {"a": "\\u0000"}),
        (b'{"a": "\\\\ud800"}', {"a": "\\ud800"}),
        (b'{"a": "\\ud83d\\ude9a"}', {"a": "🚚"}),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)),
        (b"[" + b"[]," * 100 + b"[]]", [[]] * 101),
        (b'"' + b"[" * 100 + b'"', "[" * 100),
        (b'{"a": {"a": 1}, "b": {"a": 2}}', {"a": {"a": 1}, "b": {"a": 2}}),
        (b" [1, 2.5, -0.0, null, true] \r\n", [1, 2.5, -0.0, None, True]),
    ],
)
def test_what_only_looks_forbidden_is_parsed(raw: bytes, value: Any) -> None:
    assert parse_json(raw) == value


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(VALUES, st.booleans())
def test_ordinary_json_is_parsed_as_the_standard_library_does(value: Any, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert parse_json(raw) == json.loads(raw) == value


@given(st.binary() | st.text(alphabet='{}[]":,\\u0dD8aNI1e.- ').map(str.encode))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    try:
        value = parse_json(raw)
    except InvalidMessage as refused:
        assert refused.findings
    else:
        assert value == json.loads(raw)


@pytest.mark.parametrize("path", ["colour", "lines.1.colour", "ship_to.colour"])
def test_an_unknown_field_is_refused_and_named(path: str) -> None:
    field = path.replace("lines.1", "lines[1]")
    assert findings(OrderRelease, spoilt(RELEASE, path, "blue")) == [(field, "is not a field of this contract")]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("released_at", 1_709_280_000),
        ("requested_on", 1_709_251_200),
        ("requested_on", "2024-03-15T00:00:00"),
        ("proof_of_delivery_required", "yes"),
        ("proof_of_delivery_required", 1),
        ("priority", "3"),
        ("priority", 3.0),
        ("lines.0.quantity", "10"),
        ("lines.0.quantity", True),
        ("lines.0.quantity", 10**30),
        ("lines.0.value", "12,50"),
        ("lines.0.value", "1_0"),
        ("lines.0.value", " 5 "),
        ("lines.0.value", "1e3"),
        ("lines.0.value", "Infinity"),
        ("lines.0.value", True),
        ("lines.0.value", 10**400),
        ("number", 4500001234),
        ("lines", {"line": 1}),
        ("ship_to", None),
    ],
)
def test_a_value_of_another_type_is_refused_never_converted(path: str, value: Any) -> None:
    (finding,) = findings(OrderRelease, spoilt(RELEASE, path, value))
    assert finding[0] == path.replace("lines.0", "lines[0]")


@pytest.mark.parametrize("raw", [b"null", b"[]", b'"text"', b"12"])
def test_a_body_that_is_not_an_object_is_refused(raw: bytes) -> None:
    assert [field for field, _ in findings(OrderRelease, raw)] == ["body"]


@pytest.mark.parametrize(
    "path",
    [
        "number",
        "released_at",
        "requested_on",
        "variant",
        "lines.0.unit",
        "lines.0.quantity",
        "region",
        "ship_to.country",
    ],
)
def test_a_refusal_never_repeats_the_value(path: str) -> None:
    said = findings(OrderRelease, spoilt(RELEASE, path, f"{SECRET}!"))
    assert said
    assert SECRET not in str(said)


def test_findings_are_limited_and_those_on_items_replace_the_one_on_their_list() -> None:
    many = [{"line": n, "item": "A", "quantity": 0} for n in range(1, 101)]
    said = findings(OrderRelease, spoilt(RELEASE, "lines", many))
    assert len(said) == MAX_FINDINGS
    assert said[0][0] == "lines[0].quantity"
    assert [field for field, _ in findings(OrderRelease, spoilt(RELEASE, "lines.0.quantity", 0))] == [
        "lines[0].quantity"
    ]
    assert [field for field, _ in findings(OrderRelease, spoilt(RELEASE, "lines", []))] == ["lines"]


def test_parsed_and_raw_messages_meet_the_same_door() -> None:
    raw = json.dumps(RELEASE).encode()
    assert check(OrderRelease, parse_json(raw)) == parse_strict(OrderRelease, raw)
    for spoiled in (spoilt(RELEASE, "priority", 9), spoilt(RELEASE, "colour", 1), spoilt(MILESTONE, "kind", "lost")):
        with pytest.raises(InvalidMessage) as parsed:
            check(OrderRelease, parse_json(spoiled))
        with pytest.raises(InvalidMessage) as direct:
            parse_strict(OrderRelease, spoiled)
        assert parsed.value.findings == direct.value.findings


def test_inside_contracts_tolerate_what_the_door_refuses() -> None:
    newer = {**MILESTONE, "colour": "blue"}
    assert findings(Milestone, json.dumps(newer).encode()) == [("colour", "is not a field of this contract")]
    assert Milestone.model_validate(newer) == Milestone.model_validate(MILESTONE)


def test_a_place_in_a_message_reads_as_a_path() -> None:
    assert str_loc(("lines", 0, "quantity")) == "lines[0].quantity"
    assert str_loc((3, "kind")) == "[3].kind"
    assert str_loc(("zö\ud800" + "x" * 100,)) == ("z\\xf6\\ud800" + "x" * 100)[:60]
