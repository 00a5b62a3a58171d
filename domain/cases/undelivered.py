"""Receivers of messages that do not take them: people have to hear of it some other way than by a message."""

from schemas.base import Contract, Moment
from schemas.finance.reconciliation import About, Difference, DifferenceClass
from schemas.plurals import counted


class Undelivered(Contract):
    """Messages to a queue of people over a channel: so many were given up, so many are tried again.

    `error`: by what the newest attempt failed.
    """

    channel: str
    to: str
    given_up: int
    waiting: int
    error: str
    since: Moment


def difference(it: Undelivered) -> Difference:
    """The problem of a receiver, and its remedy; without figures that change at each attempt."""
    name = f"{it.channel} to {it.to}"
    again = f", then `syncline notice retry --channel {it.channel} --to {it.to}`" if it.given_up else ""
    return Difference(
        about=About.NOTICE,
        subject=name,
        item=it.channel,
        place=it.to,
        kind=DifferenceClass.MISSING,
        ours=f"{counted(it.given_up, 'message')} given up" if it.given_up else "messages are tried again",
        theirs=it.error,
        owner="notify",
        proposal=f"see whether {name} is set up as it should be{again}",
    )
