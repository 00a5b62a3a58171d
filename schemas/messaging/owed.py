"""Effects that a step of an order or its return owes."""

from typing import ClassVar

from schemas.changes import Change
from schemas.messaging.order_effects import OrderEffect


class EffectsPlanned(Change):
    """What other systems are asked because of the step."""

    tag: ClassVar[str] = "effects"
    effects: tuple[OrderEffect, ...] = ()
