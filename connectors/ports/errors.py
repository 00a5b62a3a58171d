"""How a call to a connected system fails.

`ConnectorError` is the base: the origin of the failure, and a text for operators.

`Refused`: the system understood, and refused by a business rule. A retry cannot help.

`Unavailable`: no answer, a fault, or a request to slow down. A retry follows, after `retry_after_s` when given.

`UnknownOutcome`: the call may have been carried out, and nobody can tell. It is repeated only when people say so.
"""

from schemas.base import Origin, printable

MAX_MESSAGE = 300
"""Characters of an error's message: as many as the ledger keeps."""
MAX_SIDE = 120
"""Characters of each side of an unknown outcome: both, and the words between, fit the message."""


class ConnectorError(Exception):
    """A call to a connected system failed. The message can be written and printed, whatever text the system sent."""

    def __init__(self, origin: Origin, message: str) -> None:
        super().__init__(printable(message, MAX_MESSAGE))
        self.origin = origin


class Refused(ConnectorError):
    """The system refused by a rule of its own."""


class Unavailable(ConnectorError):
    """The system could not answer, or asked us to wait: `retry_after_s` seconds, where it says how long. `undone`: the
    system surely did nothing, as it was not reached or turned us away; otherwise it may have done it all the same."""

    def __init__(
        self, origin: Origin, message: str, retry_after_s: float | None = None, *, undone: bool = False
    ) -> None:
        super().__init__(origin, message)
        self.retry_after_s, self.undone = retry_after_s, undone


class UnknownOutcome(ConnectorError):
    """The call may have counted, and the system cannot be asked. Both sides are shown to the person that decides.

    Args: `asked`: what we sent, under which reference. `shown`: what we saw of the system's side.
    """

    def __init__(self, asked: str, shown: str) -> None:
        super().__init__(Origin.UNKNOWN_OUTCOME, f"we asked: {asked[:MAX_SIDE]}; we saw: {shown[:MAX_SIDE]}")
