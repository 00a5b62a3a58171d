"""How contracts become payloads: only the fields that were set are written, so that a history holds no defaults.

Every Temporal client and worker of the product uses this converter. A field that is missing is read as its default.
"""

from dataclasses import replace

from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter, ToJsonOptions, pydantic_data_converter
from temporalio.converter import CompositePayloadConverter, DefaultPayloadConverter


class _OnlyWhatIsSet(CompositePayloadConverter):
    """The SDK's converters, with pydantic's JSON without unset fields."""

    def __init__(self) -> None:
        json = PydanticJSONPlainPayloadConverter(ToJsonOptions(exclude_unset=True))
        usual = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(json if c.encoding == json.encoding else c for c in usual))


CONVERTER = replace(pydantic_data_converter, payload_converter_class=_OnlyWhatIsSet)
"""The data converter of the product."""
