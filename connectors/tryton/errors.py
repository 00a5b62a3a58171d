"""What Tryton's failures mean: 400 for a rule, told in words alone; an HTML page with 500 for its own faults.

Tryton answers 400 also to two changes of one record at once. Its words depend on the user's language, so they do not
tell the two apart. A call that is refused looks at the record again before it says so.
"""

import json

from connectors.http.vendor import VendorAnswer
from connectors.ports import ConnectorError
from schemas.base import printable

REFUSED = 400
"""Tryton's status for a rule, a warning and a concurrent change."""
MAX_SAID = 160
"""Characters of Tryton's words: they name the field and the record, and people repair by them."""


def explain(answer: VendorAnswer) -> ConnectorError | None:
    """A refusal in Tryton's words; None for anything else, which HTTP explains."""
    if answer.status != REFUSED:
        return None
    try:
        said = json.loads(answer.content)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return answer.refused(printable(said, MAX_SAID)) if isinstance(said, str) else None
