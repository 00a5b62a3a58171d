"""The envelope of every event: CloudEvents 1.0 in JSON structured mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field, StringConstraints

from schemas.base import Contract, EventId, Moment

Data = TypeVar("Data", bound=Contract)

TraceParent = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
"""W3C Trace Context."""

TYPE_RELEASE = "syncline.order.release.v1"
TYPE_MILESTONE = "syncline.shipment.milestone.v1"


class Envelope(Contract, Generic[Data]):
    """`source` + `id` identify an event; a repeat of both is the same event. `type` carries the contract's version."""

    specversion: Literal["1.0"]
    id: EventId
    source: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,120}$")]
    type: Annotated[str, StringConstraints(pattern=r"^[a-z0-9.]{1,80}$")]
    time: Moment | None = None
    subject: Annotated[str, StringConstraints(max_length=200)] | None = None
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: Annotated[str, StringConstraints(max_length=300)] | None = None
    traceparent: (
        Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")] | None
    ) = Field(None, description="W3C Trace Context, CloudEvents distributed tracing extension.")
    data: Data

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Contracts are published under the title of what the envelope holds."""
        titles = [getattr(it, "model_config", {}).get("title") for it in params]
        return f"Envelope[{titles[0]}]" if all(titles) else super().model_parametrized_name(params)
