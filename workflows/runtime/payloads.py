"""How contracts become payloads: only the fields that were set are written, so that a history holds no defaults.

Every Temporal client and worker of the product uses this converter. A field that is missing is read as its default.
What is large is compressed: an order of many lines in many shipments hands its state to its next run in one payload.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter, ToJsonOptions, pydantic_data_converter
from temporalio.converter import CompositePayloadConverter, DefaultPayloadConverter, PayloadCodec

ENCODING = b"binary/zlib"
"""Mark of a compressed payload: inside is the whole payload as it was, with its own encoding."""
SMALLEST_BYTES = 16 * 1024
"""Payloads up to this stay as they are: people read them in the Temporal UI, and an ordinary order has no others."""
MOST_BYTES = 64 * 1024 * 1024
"""The largest size of a payload: nothing of ours is a tenth of it, and some bytes can be made to grow a
thousandfold."""
LEVEL = 6


class _OnlyWhatIsSet(CompositePayloadConverter):
    """The SDK's converters, with pydantic's JSON without unset fields."""

    def __init__(self) -> None:
        json = PydanticJSONPlainPayloadConverter(ToJsonOptions(exclude_unset=True))
        usual = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(json if c.encoding == json.encoding else c for c in usual))


class Compressed(PayloadCodec):
    """Large payloads compressed; what is small, or does not get smaller, goes as it is."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """As they travel."""
        return [_compressed(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """As they were; those that were never compressed are left alone."""
        return [_expanded(it) if it.metadata.get("encoding") == ENCODING else it for it in payloads]


def _compressed(payload: Payload) -> Payload:
    if len(payload.data) <= SMALLEST_BYTES:
        return payload
    data = zlib.compress(payload.SerializeToString(), LEVEL)
    return Payload(metadata={"encoding": ENCODING}, data=data) if len(data) < len(payload.data) else payload


def _expanded(payload: Payload) -> Payload:
    reader = zlib.decompressobj()
    data = reader.decompress(payload.data, MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"a payload of more than {MOST_BYTES} bytes is refused")
    if not reader.eof:
        raise ValueError("a compressed payload has been cut off")
    return Payload.FromString(data)


CONVERTER = replace(pydantic_data_converter, payload_converter_class=_OnlyWhatIsSet, payload_codec=Compressed())
"""The data converter of the product."""
