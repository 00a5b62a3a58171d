"""Trackers, polled: fills what the webhook has missed. Karrio cannot be asked what changed since, so each look reads
every tracker of the window, and what is settled by its id is left out: nothing depends on a clock of ours or theirs.

Pages overlap, since a tracker that goes while they are read moves the others forward.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.http.vendor import API_ORIGIN, MAX_PAGE_BYTES, VendorClient
from connectors.karrio.settings import KarrioSettings
from connectors.karrio.tracking import OrderPlace, TrackingReport, of_tracker, place_of
from connectors.ports import Call, Unavailable

WINDOW = timedelta(days=60)
"""Goods are longer under way by sea than this only where no parcel carrier is concerned."""
PAGE, OVERLAP = 100, 10
"""Trackers in a page, and how many of them the page before had: more than go within the seconds between two pages."""
MAX_PAGES = 1_000

IsSettled = Callable[[str], bool]


@dataclass(frozen=True)
class TrackerPoll:
    """Trackers over one connection. `source`: of the envelopes."""

    client: VendorClient
    settings: KarrioSettings
    source: str

    async def reports(self, now: datetime, is_settled: IsSettled, call: Call) -> AsyncIterator[TrackingReport]:
        """What trackers say that is not settled; each tracker is told once in a look.

        Args: `is_settled`: whether an event of this id was committed before, by webhook or by poll. Raises: what
        `VendorClient.send` does. A look that ends early is repeated whole: what it told is settled by then.
        """
        seen: set[str] = set()
        async for tracker in self._trackers(now, call):
            number = tracker.get("tracking_number") if isinstance(tracker, dict) else None
            if str(number) in seen:
                continue
            seen.add(str(number))
            report = _unsettled(of_tracker(tracker, self.source, self.settings), is_settled)
            if report.milestones:
                place = await self.place(str(number), call)
                report = _unsettled(of_tracker(tracker, self.source, self.settings, place), is_settled)
            if report.milestones or report.quarantined:
                yield report

    async def place(self, tracking_number: str, call: Call) -> OrderPlace | None:
        """The order that a tracking number was bought for: by the reference of its shipment."""
        asked = {"tracking_number": tracking_number, "limit": PAGE}
        answer = await self.client.send("GET", "/v1/shipments", call, params=asked, max_bytes=MAX_PAGE_BYTES)
        try:
            found = [it for it in answer.json()["results"] if it.get("tracking_number") == tracking_number]
            places = {place_of(it.get("reference") or "") for it in found}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise answer.unavailable("the answer is not of the contract") from None
        return places.pop() if len(places) == 1 else None

    async def _trackers(self, now: datetime, call: Call) -> AsyncIterator[Any]:
        asked = {"created_after": (now - WINDOW).isoformat(), "limit": PAGE}
        for number in range(MAX_PAGES):
            start = number * (PAGE - OVERLAP)
            answer = await self.client.send(
                "GET", "/v1/trackers", call, params={**asked, "offset": start}, max_bytes=MAX_PAGE_BYTES
            )
            try:
                rows = list(answer.json()["results"])
            except (KeyError, TypeError, ValueError, AttributeError):
                raise answer.unavailable("the answer is not of the contract") from None
            for row in rows:
                yield row
            if len(rows) < PAGE:
                return
        raise Unavailable(API_ORIGIN[self.client.system], f"{self.client.system}: its list does not end")


def _unsettled(report: TrackingReport, is_settled: IsSettled) -> TrackingReport:
    milestones = tuple(it for it in report.milestones if not is_settled(it.id))
    return TrackingReport(milestones, tuple(it for it in report.quarantined if not is_settled(it.id)))
