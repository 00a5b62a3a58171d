"""Parts of an answer beside its contract: the time to wait, and the code of a problem."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from schemas.base import printable

MAX_CODE = 60
"""Characters of a problem's code."""
OAUTH_ERROR = re.compile(r"[a-z_]{1,60}")
"""Codes of RFC 6749, 5.2, such as `invalid_client`: anything else in `error` may be a text that names somebody."""
MAX_RETRY_AFTER_S = 120.0
"""Longest wait that a system may ask for, in seconds: beyond it we look again, for it may be back."""


def code_of(content: bytes) -> str:
    """The problem's machine-readable code, `code` or OAuth2's `error`: short, and free of the values that a detail text
    may hold; empty when there is none."""
    try:
        said = json.loads(content)
        code, error = said.get("code"), said.get("error")
    except (ValueError, AttributeError, RecursionError):
        return ""
    if isinstance(code, str):
        return printable(code, MAX_CODE)
    return error if isinstance(error, str) and OAUTH_ERROR.fullmatch(error) else ""


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The requested wait, in seconds or until a date (RFC 9110, 10.2.3); None without one."""
    said = headers.get("Retry-After", "")
    try:
        wait_s = float(said)
    except ValueError:
        try:
            until = parsedate_to_datetime(said)
        except (TypeError, ValueError):
            return None
        wait_s = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return min(MAX_RETRY_AFTER_S, max(0.0, wait_s)) if wait_s == wait_s else None  # noqa: PLR0124 - no NaN
