"""The smallest messages that the door admits, to be spoilt by the tests one field at a time."""

import copy
import json
from typing import Any

import pytest
from pydantic import BaseModel

from schemas.parsing import InvalidMessage, parse_strict

RELEASE: dict[str, Any] = {
    "number": "4500001234",
    "released_at": "2024-03-01T08:00:00Z",
    "requested_on": "2024-03-15",
    "variant": "distribution_centre",
    "site": "RDC-AFR",
    "region": "AFR",
    "ship_from": {"id": "RDC-AFR", "country": "ZA"},
    "ship_to": {"id": "CLIENT-1", "country": "NG"},
    "lines": [{"line": 1, "item": "EFV-600", "quantity": 10}, {"line": 2, "item": "NVP-200", "quantity": 3}],
}
MILESTONE: dict[str, Any] = {"kind": "shipped", "order": "4500001234", "occurred_at": "2024-03-05T10:00:00+02:00"}


def spoilt(message: dict[str, Any], path: str, value: Any) -> bytes:
    """The message as JSON with the member at `path` (`lines.0.quantity`) set to a value; `...` removes it."""
    spoilt = copy.deepcopy(message)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    node: Any = spoilt
    for part in parents:
        node = node[part]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return json.dumps(spoilt).encode()


def findings(model: type[BaseModel], raw: bytes) -> list[tuple[str, str]]:
    """What the door says against a message: (field, rule) pairs."""
    with pytest.raises(InvalidMessage) as refused:
        parse_strict(model, raw)
    return [(finding["field"], finding["rule"]) for finding in refused.value.findings]
