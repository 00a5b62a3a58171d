"""Posting to a webhook: every failure as a Refused or an Unavailable, and no secret in any of them."""

from collections.abc import Mapping

import httpx

from connectors.ports import Refused, Unavailable
from schemas.base import Origin
from schemas.cases.notifications import WebhookTarget

TIMEOUT_S = 8.0
"""Seconds for a webhook's answer; the lease of a notice is longer."""
FINAL = frozenset({400, 410, 413, 415, 422})
"""Statuses that reject this message, or messages at all, for good. Any other is a receiver that moved, is set up
wrongly or is away: people repair it, and the message is retried meanwhile."""
MAX_RETRY_AFTER_S = 3600.0
"""Seconds of `Retry-After` that are honoured: the longest pause of a channel that is down."""


class Webhooks:
    """Webhooks of one channel, by name. `setting` is where they are configured, for who has to do it."""

    def __init__(self, http: httpx.AsyncClient, targets: Mapping[str, WebhookTarget], setting: str) -> None:
        self._http = http
        self._targets = targets
        self._setting = setting

    def named(self, name: str) -> WebhookTarget:
        """The webhook. Raises Refused when there is none of this name."""
        if target := self._targets.get(name):
            return target
        raise Refused(Origin.NOTIFY, f"no webhook of this name is configured: see {self._setting}")

    async def post(self, target: WebhookTarget, body: bytes, headers: Mapping[str, str]) -> None:
        """POST JSON. Raises Refused on answers that are final, Unavailable on any other failure and on none.

        Only the status counts. The rest of the answer stays unread, however long it is: the message has arrived.
        """
        url = target.url.get_secret_value()
        try:
            async with self._http.stream(
                "POST", url, content=body, headers=dict(headers), timeout=TIMEOUT_S
            ) as response:
                pass
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(Origin.NOTIFY, f"webhook: {type(error).__name__}") from None
        if response.is_success:
            return
        message = f"webhook: HTTP {response.status_code}"
        if response.status_code in FINAL:
            raise Refused(Origin.NOTIFY, message)
        raise Unavailable(Origin.NOTIFY, message, _retry_after_s(response))


def _retry_after_s(response: httpx.Response) -> float | None:
    try:
        return min(MAX_RETRY_AFTER_S, max(0.0, float(response.headers["Retry-After"])))
    except (KeyError, ValueError):
        return None
