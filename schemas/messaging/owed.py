"""Effects that a step owes."""

from typing import ClassVar

from schemas.changes import Change
from schemas.messaging.effects import Effect


class EffectsPlanned(Change):
    """What other systems are asked because of the step."""

    tag: ClassVar[str] = "effects"
    effects: tuple[Effect, ...] = ()
