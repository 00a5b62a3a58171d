"""The context of a request: its id, its trace, its caller."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from starlette.types import Scope

from dispatch.events.admission import digest_of
from store.messaging.inbox import NewMessage

_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = "syncline.request_context"


@dataclass(slots=True)
class RequestContext:
    """One request: filled in while it is served. `status` is 0 until the answer starts; `partner` until it is known."""

    request_id: str
    traceparent: str
    partner: str = ""
    status: int = 0

    def message(
        self,
        partner: str,
        kind: str,
        external_id: str,
        raw: bytes,
        *,
        channel: str = "api",
        traceparent: str | None = None,
        delay_s: float = 0.0,
        workflow_id: str = "",
    ) -> NewMessage:
        """The body as an inbox message. A trace of its own goes before that of the request."""
        return NewMessage(
            partner=partner,
            channel=channel,
            kind=kind,
            external_id=external_id,
            digest=digest_of(raw),
            raw=raw,
            traceparent=traceparent or self.traceparent,
            headers={"request-id": self.request_id},
            delay_s=delay_s,
            workflow_id=workflow_id,
        )


def request_context_of(scope: Scope) -> RequestContext:
    """The exchange of a request that `gateway.http.middleware` has let in."""
    context = scope[_KEY]
    assert isinstance(context, RequestContext)
    return context


def begin(scope: Scope) -> RequestContext:
    """Start the exchange. The caller's W3C traceparent is kept when it is valid; otherwise a new trace begins."""
    context = RequestContext(uuid4().hex, _traceparent(scope["headers"]))
    scope[_KEY] = context
    return context


def _traceparent(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == b"traceparent" and _TRACEPARENT.fullmatch(value):
            return value.decode()
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
