"""Payloads: what is large travels compressed, what is small or old is read as it is, nothing expands without end."""

import zlib

import pytest
from temporalio.api.common.v1 import Payload

from domain.milestones.shipments import ShipmentState
from domain.orders.order_run import OrderRun
from tests.domain.milestones.test_tally import large
from workflows.runtime.payloads import CONVERTER, ENCODING, MOST_BYTES, SMALLEST_BYTES

MOST_ON_THE_WIRE = 1024 * 1024
"""Bytes of one payload that Temporal takes without a word."""


def run(lines: int, shipments: int) -> OrderRun:
    """What a run of an order hands to the next, when everything was reported; quantities are random."""
    state, told = large(lines, shipments)
    known = dict[str, ShipmentState]()
    for event in told:
        known[event.shipment] = known.get(event.shipment, ShipmentState()).learn(event)
    state = state.with_changes(reports={"shipments": known})
    assert state.delivered
    return OrderRun(start=state.start, state=state)


async def test_what_is_small_goes_as_it_is() -> None:
    small = run(2, 2)
    [payload] = await CONVERTER.encode([small])
    assert payload.metadata["encoding"] == b"json/plain"
    assert await CONVERTER.decode([payload], [OrderRun]) == [small]


async def test_what_is_large_comes_back_as_it_was() -> None:
    big = run(200, 10)
    [payload] = await CONVERTER.encode([big])
    assert payload.metadata == {"encoding": ENCODING}
    assert len(payload.data) < len(big.model_dump_json(exclude_unset=True)) / 2
    assert await CONVERTER.decode([payload], [OrderRun]) == [big]


async def test_payloads_of_earlier_builds_are_read() -> None:
    big = run(200, 10)
    plain = CONVERTER.payload_converter.to_payloads([big])
    assert len(plain[0].data) > SMALLEST_BYTES
    assert await CONVERTER.decode(plain, [OrderRun]) == [big]


async def test_what_does_not_get_smaller_goes_as_it_is() -> None:
    noise = zlib.compress(run(500, 1).model_dump_json().encode()) * 1
    payload = Payload(metadata={"encoding": b"binary/plain"}, data=noise * (1 + SMALLEST_BYTES // len(noise)))
    assert CONVERTER.payload_codec
    [encoded] = await CONVERTER.payload_codec.encode([payload])
    assert len(encoded.data) <= len(payload.data)
    assert await CONVERTER.payload_codec.decode([encoded]) == [payload]


@pytest.mark.parametrize("cut", [0, 4])
async def test_what_would_expand_without_end_or_was_cut_off_is_refused(cut: int) -> None:
    inner = Payload(metadata={"encoding": b"json/plain"}, data=b" " * (1000 if cut else MOST_BYTES + 1))
    data = zlib.compress(inner.SerializeToString())
    with pytest.raises(ValueError, match="cut off" if cut else "refused"):
        await CONVERTER.decode([Payload(metadata={"encoding": ENCODING}, data=data[: len(data) - cut])])


async def test_an_order_of_500_lines_in_300_shipments_fits_in_a_payload() -> None:
    big = run(500, 300)
    assert len(big.model_dump_json(exclude_unset=True)) <= 4_000_000
    [payload] = await CONVERTER.encode([big])
    assert payload.ByteSize() <= MOST_ON_THE_WIRE
