"""The sentence that people read of an effect that was refused, or whose outcome is unknown."""

from schemas.base import Origin
from schemas.messaging.effects import Effect


def refusal_in_words(effect: Effect, origin: str, said: str = "") -> str:
    """One line. `said`: what we asked and what we saw, where the outcome is unknown."""
    if origin != Origin.UNKNOWN_OUTCOME:
        return f"{effect.system} refused {effect.operation} ({origin})"
    return f"{effect.system} may have done {effect.operation}: look there before it is tried again; {said}".rstrip("; ")
