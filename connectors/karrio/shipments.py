"""Shipments in Karrio: look, create, buy, note, cancel. A write whose answer is lost is looked for before it fails."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from connectors.http.paging import by_number
from connectors.http.vendor import API_ORIGIN, MAX_PAGE_BYTES, VendorAnswer, VendorClient
from connectors.karrio.errors import CONFLICT, NOT_FOUND
from connectors.karrio.mapping import KEY, BookedShipment, oldest, read_booking
from connectors.ports import Call, Unavailable

Found = TypeVar("Found")
Look = Callable[[], Awaitable[BookedShipment | None]]
PAGE = 50
"""Shipments in one page: with their rates they have some 5 kB each, and few are of one order."""
NOTE = """
mutation note($said: MetadataMutationInput!) {
  mutate_metadata(input: $said) { id errors { field messages } }
}
"""
"""REST changes the metadata of drafts only (409 `state_error` for all others, also for metadata alone)."""
STATE = frozenset({CONFLICT})
MAY_BE_MISSING = frozenset({NOT_FOUND})


@dataclass(frozen=True)
class Shipments:
    """Shipments over one connection. Every method raises what `VendorClient.send` does."""

    client: VendorClient

    async def of(self, reference: str, call: Call) -> list[BookedShipment]:
        """All of a reference, oldest first. Karrio's filter finds it also within longer ones: those are left out."""

        async def page(start: int) -> list[BookedShipment]:
            asked = {"reference": reference, "limit": PAGE, "offset": start}
            answer = await self.client.send("GET", "/v1/shipments", call, params=asked, max_bytes=MAX_PAGE_BYTES)
            return _read(answer, lambda said: [read_booking(it) for it in said["results"]])

        seen = {it.id: it async for it in by_number(self.client.system, page, PAGE) if it.reference == reference}
        return sorted(seen.values(), key=lambda it: (it.created_at, it.id))

    async def one(self, id: str, call: Call) -> BookedShipment:
        """One of them."""
        answer = await self.client.send("GET", f"/v1/shipments/{id}", call, max_bytes=MAX_PAGE_BYTES)
        return _read(answer, read_booking)

    async def create(self, body: dict[str, Any], call: Call) -> BookedShipment:
        """A new draft, with the rates of its carriers."""

        async def write() -> BookedShipment:
            return _read(await self.client.send("POST", "/v1/shipments", call, json=body), read_booking)

        async def look() -> BookedShipment | None:
            mine = (it for it in await self.of(body["reference"], call) if it.key == body["metadata"][KEY])
            return oldest(it for it in mine if it.is_draft)

        return await _sure(write, look)

    async def buy(self, draft: BookedShipment, rate_id: str, call: Call) -> BookedShipment:
        """The draft, bought; as it is now when Karrio lets it be bought no more."""

        async def write() -> BookedShipment:
            path, said = f"/v1/shipments/{draft.id}/purchase", {"selected_rate_id": rate_id}
            answer = await self.client.send(
                "POST", path, call, json=said, expected=STATE, max_bytes=MAX_PAGE_BYTES
            )  # the answer holds the label
            return await self.one(draft.id, call) if answer.status == CONFLICT else _read(answer, read_booking)

        return await _sure(write, self._when(draft.id, call, lambda it: it.is_live))

    async def cancel(self, booking: BookedShipment, call: Call) -> BookedShipment:
        """The booking, taken back; as it is now when Karrio refuses that: it was picked up, or has a pick-up."""

        async def write() -> BookedShipment:
            path = f"/v1/shipments/{booking.id}/cancel"
            answer = await self.client.send("POST", path, call, json={}, expected=STATE)
            return await self.one(booking.id, call) if answer.status == CONFLICT else _read(answer, read_booking)

        return await _sure(write, self._when(booking.id, call, lambda it: it.is_cancelled))

    async def note(self, booking: BookedShipment, notes: dict[str, str], call: Call) -> None:
        """Write into the metadata, whatever the state. A Karrio without GraphQL keeps no notes: then nothing is
        written."""
        said = {"id": booking.id, "object_type": "shipment", "added_values": notes, "discarded_keys": []}

        async def write() -> BookedShipment | None:
            asked = {"query": NOTE, "variables": {"said": said}}
            answer = await self.client.send("POST", "/graphql", call, json=asked, expected=MAY_BE_MISSING)
            if answer.status != NOT_FOUND and _read(answer, lambda it: it["data"]["mutate_metadata"]["errors"]):
                raise answer.unavailable("the note was not taken")
            return booking

        await _sure(write, self._when(booking.id, call, lambda it: notes.items() <= it.said["metadata"].items()))

    def _when(
        self, id: str, call: Call, holds: Callable[[BookedShipment], bool]
    ) -> Callable[[], Awaitable[BookedShipment | None]]:
        async def look() -> BookedShipment | None:
            found = await self.one(id, call)
            return found if holds(found) else None

        return look

    def changed_meanwhile(self) -> Unavailable:
        """Somebody else was at it: the next attempt sees how it came out."""
        return Unavailable(API_ORIGIN[self.client.system], f"{self.client.system}: it was changed meanwhile")


async def _sure(write: Callable[[], Awaitable[Found]], look: Callable[[], Awaitable[Found | None]]) -> Found:
    try:
        return await write()
    except Unavailable as lost:
        if lost.undone:
            raise
        try:
            found = await look()
        except Unavailable:  # the answer to the write says more: that one is raised
            found = None
        if found is None:
            raise
        return found


def _read(answer: VendorAnswer, read: Callable[[Any], Found]) -> Found:
    try:
        return read(answer.json())
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise answer.unavailable("the answer is not of the contract") from None
