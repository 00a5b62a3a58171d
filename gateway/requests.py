"""Messages that only the gateway and the relay know."""

from typing import Annotated

from pydantic import Field

from schemas.base import Contract
from schemas.orders import CancelRequest

InboxId = Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]


class ReplayRequest(Contract):
    """Bring these quarantined messages back, after what stopped them has been repaired."""

    ids: Annotated[tuple[InboxId, ...], Field(min_length=1, max_length=1000)]


class CancelCommand(Contract):
    """A cancellation as the inbox keeps it: what was asked, and of which order (`<erp>/<number>`)."""

    key: str
    request: CancelRequest
