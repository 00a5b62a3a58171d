"""Posting to a webhook: every failure as a Refused or an Unavailable, and no secret in any of them."""

from collections.abc import Mapping

import httpx

from connectors.ports import Refused, Unavailable
from schemas.base import Origin
from schemas.notify import WebhookTarget

TIMEOUT_S = 8.0
TRANSIENT = frozenset({408, 425, 429})
"""4xx answers that only ask for another time; every other 4xx is final."""
MAX_RETRY_AFTER_S = 3600.0


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
        """POST JSON. Raises Refused on 3xx and 4xx, Unavailable on no answer, 408, 425, 429 and 5xx."""
        try:
            response = await self._http.post(
                target.url.get_secret_value(), content=body, headers=dict(headers), timeout=TIMEOUT_S
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(Origin.NOTIFY, f"webhook: {type(error).__name__}") from None
        if response.is_success:
            return
        message = f"webhook: HTTP {response.status_code}"
        if response.is_server_error or response.status_code in TRANSIENT:
            raise Unavailable(Origin.NOTIFY, message, _retry_after_s(response))
        raise Refused(Origin.NOTIFY, message)


def _retry_after_s(response: httpx.Response) -> float | None:
    try:
        return min(MAX_RETRY_AFTER_S, max(0.0, float(response.headers["Retry-After"])))
    except (KeyError, ValueError):
        return None
