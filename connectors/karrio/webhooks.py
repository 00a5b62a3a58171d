"""Karrio's webhook, looked after: it is switched off after six failures, and nobody is told.

Karrio posts each event once. After the sixth failure in a row it sets `disabled`, and its count of failures goes on
from there: a webhook that is enabled again, and fails once, is disabled again. So what was missed is polled.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from connectors.http.paging import by_number
from connectors.http.vendor import VendorClient
from connectors.ports import Call
from schemas.base import printable

EVERYTHING = "all"
WANTED = ("tracker_created", "tracker_updated")
"""Events that we read; the others say nothing new (see `codes.OTHER_EVENTS`)."""
PAGE = 50


class WebhookState(StrEnum):
    """How our webhook was found."""

    WORKS = "works"
    DISABLED = "disabled"
    NARROW = "narrow"
    """It leaves out events that we read."""
    MISSING = "missing"


@dataclass(frozen=True)
class WebhookFinding:
    """How our webhook was found. `id`: Karrio's; empty when it is missing. `last_event_at`: of the last event that was
    taken; None when there was none. What happened since is polled."""

    state: WebhookState
    id: str = ""
    last_event_at: datetime | None = None

    @property
    def is_gap(self) -> bool:
        """Whether events may have been missed."""
        return self.state is not WebhookState.WORKS


def judge(webhooks: Iterable[dict[str, Any]], url: str) -> WebhookFinding:
    """How our webhook stands among all. Of several to our address the best one counts."""
    order = list(WebhookState)
    found = (_finding(it) for it in webhooks if it.get("url") == url)
    return min(found, key=lambda it: order.index(it.state), default=WebhookFinding(WebhookState.MISSING))


def _finding(webhook: dict[str, Any]) -> WebhookFinding:
    events = webhook.get("enabled_events") or []
    state = WebhookState.WORKS
    if webhook.get("disabled"):
        state = WebhookState.DISABLED
    elif EVERYTHING not in events and not set(WANTED) <= set(events):
        state = WebhookState.NARROW
    said = webhook.get("last_event_at")
    return WebhookFinding(state, printable(webhook["id"], 100), datetime.fromisoformat(said) if said else None)


@dataclass(frozen=True)
class WebhookCare:
    """Finds our webhook, and has it deliver again. `url`: where Karrio is to send events."""

    client: VendorClient
    url: str

    async def look(self, call: Call) -> WebhookFinding:
        """How it stands. Raises what `VendorClient.send` does."""
        return judge([it async for it in by_number(self.client.system, self._page(call), PAGE)], self.url)

    async def repair(self, call: Call) -> WebhookFinding:
        """How it stood. Afterwards it is there, enabled, and sends what we read. Raises as `look` does."""
        found = await self.look(call)
        if found.state is WebhookState.MISSING:
            said: dict[str, Any] = {"url": self.url, "enabled_events": list(WANTED), "description": "Syncline"}
            await self.client.send("POST", "/v1/webhooks", call, json=said)
        elif found.is_gap:
            said = {"disabled": False, "enabled_events": list(WANTED)}
            await self.client.send("PATCH", f"/v1/webhooks/{found.id}", call, json=said)
        return found

    def _page(self, call: Call) -> Any:
        async def page(start: int) -> list[dict[str, Any]]:
            asked = {"limit": PAGE, "offset": start}
            answer = await self.client.send("GET", "/v1/webhooks", call, params=asked)
            try:
                found = answer.json()["results"]
                judge(found, self.url)
            except (KeyError, TypeError, ValueError, AttributeError):
                raise answer.unavailable("the answer is not of the contract") from None
            return list(found)

        return page
