"""Which failures of Karrio are refusals: `{"errors": [{"code", "level", "message"}]}`, or `messages` of a carrier."""

import json
import re
from collections.abc import Iterator
from typing import Any

from connectors.http.vendor import VendorAnswer
from connectors.ports import ConnectorError
from schemas.base import printable

CONFLICT, NOT_FOUND, CARRIER_FAILED = 409, 404, 424
NO_CARRIER = "No active carrier connection"
"""Begins what Karrio says when no connection can carry it; a missing record has the same status and code."""
AWAY = frozenset({"timeout", "connection_error", "SHIPPING_SDK_INTERNAL_ERROR", "500", "502", "503", "504"})
"""Codes of a carrier that did not answer, or of a fault in Karrio's carrier client: another attempt may help."""
RULES = frozenset({400, 409, 422})
FIELD = re.compile(r"[a-z_][a-z0-9_.\[\]]{0,60}(?=: )")
"""The field in a message of the code `validation`; the rest may hold a value, which may be personal."""
MAX_ERRORS = 3
"""Of one answer are shown: the first ones say what to correct."""
MAX_CODE = 60


def explain(answer: VendorAnswer) -> ConnectorError | None:
    """What a failure means; None: what HTTP says."""
    errors = list(errors_of(answer.content))
    if not errors:
        return None
    said = ", ".join(_shown(it) for it in errors[:MAX_ERRORS])
    if answer.status == NOT_FOUND:
        known = any(_text(it, "message").startswith(NO_CARRIER) for it in errors)
        return answer.refused("no_carrier_connection") if known else None
    if answer.status == CARRIER_FAILED:
        away = all(_text(it, "code") in AWAY for it in errors)
        return answer.unavailable(f"its carrier: {said}") if away else answer.refused(f"the carrier says {said}")
    return answer.refused(said) if answer.status in RULES else None


def errors_of(content: bytes) -> Iterator[dict[str, Any]]:
    """The errors of an answer; none when it is no answer of Karrio's."""
    try:
        said = json.loads(content)
        errors = said.get("errors") or said.get("messages")
    except (ValueError, AttributeError, RecursionError):
        return
    yield from (it for it in errors if isinstance(it, dict)) if isinstance(errors, list) else ()


def _shown(error: dict[str, Any]) -> str:
    code, field = printable(_text(error, "code"), MAX_CODE), FIELD.match(_text(error, "message"))
    return f"{code} {field[0]}" if field else code


def _text(error: dict[str, Any], name: str) -> str:
    said = error.get(name)
    return said if isinstance(said, str) else ""
