"""Strict parsing: bytes from outside become a contract, or a list of findings that name the field and the rule.

Stricter than Python's json: NaN, Infinity and numbers beyond a double, duplicate names and NUL are refused. So are lone
surrogates, a byte order mark and deep nesting. Stricter than contracts: an unknown field is refused. So is a value of
another JSON type than the contract's: a number for a date, "yes" for a boolean, "12.5" for 12.5.
Moments and days are RFC 3339 (`schemas.notation`). A number that a double would change is refused, never rounded.
Inside, contracts stay tolerant (`schemas.base.Contract`).
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, to_json

Model = TypeVar("Model", bound=BaseModel)

MAX_DEPTH = 32
"""Levels of nesting: contracts have five or so, and deeper messages exhaust the stack of recursive checks."""
MAX_FINDINGS = 20
"""Findings in one answer: more of them help nobody, and a message of thousands of lines could have as many."""
_MAX_NAME = 60
"""Characters of a sender's field name in a finding; the rest is cut, since it may be of any length."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_FIELD_AND_RULE = re.compile(r"([a-z_]+): (.+)", re.DOTALL)


class InvalidMessage(Exception):
    """The message breaks a rule. `findings` is a list of {"field", "rule"}; never the value, which may be personal."""

    def __init__(self, findings: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{f['field']}: {f['rule']}" for f in findings))
        self.findings = findings


def refuse(field: str, rule: str) -> NoReturn:
    """Raise `InvalidMessage` with one finding."""
    raise InvalidMessage([{"field": field, "rule": rule}])


def parse_json(raw: bytes) -> Any:
    """Parse strict JSON (RFC 8259, I-JSON RFC 7493). Raises `InvalidMessage`."""
    if raw.startswith(_BYTE_ORDER_MARK):
        refuse("body", "must not begin with a byte order mark (RFC 8259 section 8.1)")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        refuse("body", "is not UTF-8")
    if "\x00" in text or ("\\u0000" in text and _ESCAPED_NUL.search(text)):
        refuse("body", "must not contain the NUL character")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        refuse("body", f"is not JSON: {error.msg} at line {error.lineno} column {error.colno}")
    except RecursionError:
        _refuse_depth()
    except ValueError:
        refuse("body", "has an integer with too many digits")
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _limit_depth(value)
    if "\\u" in text and _ESCAPED_SURROGATE.search(text):
        _refuse_lone_surrogates(value)
    return value


def check(model: type[Model], value: Any) -> Model:
    """Validate parsed JSON strictly against a contract. Raises `InvalidMessage` with one finding per broken rule."""
    # As JSON again: only so does pydantic tell what JSON cannot say (dates, enums) from what it says wrongly.
    return validated(model, to_json(value))


def parse_strict(model: type[Model], raw: bytes) -> Model:
    """Bytes to contract. Raises `InvalidMessage`."""
    parse_json(raw)
    return validated(model, raw)


def heard(model: type[Model], raw: bytes) -> Model:
    """The answer of another system: types as strict as in parsing, unknown fields ignored. Raises `ValidationError`."""
    return model.model_validate_json(raw, strict=True)


def read(model: type[Model], raw: bytes) -> Model:
    """The contract that parsing has admitted, of the bytes that were kept. Raises `InvalidMessage`."""
    try:
        return heard(model, raw)
    except ValidationError as error:
        raise InvalidMessage(_findings(error)) from None


def str_loc(loc: Iterable[int | str]) -> str:
    """`("lines", 0, "quantity")` as `lines[0].quantity`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{_printable(part)}"
    return text.lstrip(".")


def validated(model: type[Model], raw: bytes) -> Model:
    """The contract of bytes that `parse_json` has parsed. Raises `InvalidMessage`."""
    try:
        return model.model_validate_json(raw, strict=True, extra="forbid")
    except ValidationError as error:
        raise InvalidMessage(_findings(error)) from None


def _findings(error: ValidationError) -> list[dict[str, str]]:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return [finding(d) for d in details if not _only_follows(d, details)][:MAX_FINDINGS]


def _only_follows(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """A list counts as too short when its items are wrong: the findings on the items say it better."""
    loc = detail["loc"]
    return detail["type"] == "too_short" and any(d["loc"][: len(loc)] == loc and d is not detail for d in details)


def finding(detail: ErrorDetails) -> dict[str, str]:
    """A finding of pydantic on one value, as field and rule."""
    field, rule = str_loc(detail["loc"]), detail["msg"]
    if detail["type"] == "extra_forbidden":
        rule = "is not a field of this contract"
    elif detail["type"] == "value_error":
        rule = rule.removeprefix("Value error, ")
        if named := _FIELD_AND_RULE.fullmatch(rule):  # a rule over several fields names the one that it refuses
            field, rule = f"{field}.{named[1]}".lstrip("."), named[2]
    return {"field": field or "body", "rule": rule}


def _constant(name: str) -> NoReturn:
    refuse("body", f"{name} is not a JSON number (RFC 8259 section 6)")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        refuse("body", "has a number beyond the range of a double (RFC 7493 section 2.2)")
    if Decimal(repr(number)) != Decimal(digits):
        refuse("body", "has a number with more digits than a double keeps (RFC 7493 section 2.2): write it shorter")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        refuse(_printable(twice), "this name appears twice in one object")
    return members


def _printable(name: str) -> str:
    return name.encode("ascii", "backslashreplace").decode()[:_MAX_NAME]


def _limit_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for node in level
            for item in (node.values() if isinstance(node, dict) else node)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    _refuse_depth()


def _refuse_depth() -> NoReturn:
    refuse("body", f"nested deeper than {MAX_DEPTH} levels")


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        refuse("body", "contains half of a surrogate pair (RFC 7493 section 2.1)")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite)
