"""Exceptions: the kinds that are known, what people may do about them, and the policies that say who and when."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.base import Contract


class ExceptionKind(StrEnum):
    """Kinds of exceptions of an order, or between our books and others. Each has an owner and tiers: see
    `domain.cases.escalation_policies`."""

    SHORT_SHIP = "short_ship"
    OVER_SHIP = "over_ship"
    DAMAGE = "damage"
    DELAY = "delay"
    NO_SCAN = "no_scan"
    TENDER_REJECT = "tender_reject"
    PICK_STOCKOUT = "pick_stockout"
    ADDRESS = "address"
    CUSTOMS = "customs"
    TEMPERATURE = "temperature"
    POD_MISMATCH = "pod_mismatch"
    INVOICE_MISMATCH = "invoice_mismatch"
    MISSING_ACK = "missing_ack"
    UNKNOWN_CODE = "unknown_code"
    PARTNER_OUTAGE = "partner_outage"
    REFUSED_EFFECT = "refused_effect"
    COMPENSATION = "compensation"
    RETURN_OVERDUE = "return_overdue"
    CHRONOLOGY = "chronology"
    STOCK_DIFFERENCE = "stock_difference"
    PLATFORM = "platform"


REPORTABLE = frozenset(
    {
        ExceptionKind.DAMAGE,
        ExceptionKind.ADDRESS,
        ExceptionKind.CUSTOMS,
        ExceptionKind.TEMPERATURE,
        ExceptionKind.OVER_SHIP,
    }
)
"""Kinds that a partner states as the cause of an `exception` milestone; the others Syncline finds by itself."""


class Action(StrEnum):
    """Actions that a case can offer. The workflow of the order, or purchase order, carries them out, unless it
    refuses; a restart is for one that does not run."""

    RETRY = "retry"
    REPLAY = "replay"
    RE_SOURCE = "re_source"
    RE_TENDER = "re_tender"
    RESCHEDULE = "re_date"
    SPLIT = "split"
    NOTIFY_CUSTOMER = "notify_customer"
    WRITE_OFF = "write_off"
    ACCEPT = "accept"
    ASK_AGAIN = "ask_again"
    RELEASE_INVOICE = "release_invoice"
    REJECT_INVOICE = "reject_invoice"
    CLOSE_UNINVOICED = "close_uninvoiced"
    RESTART = "restart"


OF_PURCHASES = frozenset(
    {
        Action.ACCEPT,
        Action.ASK_AGAIN,
        Action.RELEASE_INVOICE,
        Action.REJECT_INVOICE,
        Action.CLOSE_UNINVOICED,
    }
)
"""Actions that only a purchase order can carry out; `retry` and `write_off` it shares with orders."""


class Channel(StrEnum):
    """The target of an alert."""

    EMAIL = "email"
    CHAT = "chat"
    WEBHOOK = "webhook"


class Reaction(StrEnum):
    """Automatic reactions to a short pick, in the order in which a policy lists them."""

    RE_SOURCE = "re_source"
    BACKORDER = "backorder"
    PLANNER = "planner"


Seconds = Annotated[float, Field(gt=0, le=90 * 86_400)]


class Tier(Contract):
    """A step of escalation: `after_s` seconds after the case was opened, `queue` owns it and `channels` are alerted."""

    after_s: Annotated[float, Field(ge=0, le=90 * 86_400)]
    queue: str
    channels: tuple[Channel, ...] = (Channel.EMAIL,)


class CasePolicy(Contract):
    """How cases of one kind are handled. A running case keeps the version that it started with.

    `after_s` of the first tier is how long the order looks after itself before anybody is alerted.
    `unassigned_after_s`: a case that nobody took goes to the queue of the next tier, at once.
    """

    version: int = 1
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1, max_length=6)]
    actions: tuple[Action, ...] = (Action.NOTIFY_CUSTOMER,)
    unassigned_after_s: Seconds | None = None
    tell_customer: bool = False


class Times(Contract):
    """Time limits in seconds before somebody asks, measured from the awaited step."""

    tender_answer_s: Seconds = 2 * 3600.0
    acknowledgement_s: Seconds = 1800.0
    pick_lead_s: Seconds = 4 * 86_400.0
    """Goods must be picked so long before the promised day ends."""
    pick_least_s: Seconds = 4 * 3600.0
    """But a warehouse always has so long from the release."""
    pick_up_lead_s: Seconds = 3 * 86_400.0
    pick_up_least_s: Seconds = 6 * 3600.0
    delivery_s: Seconds = 3600.0
    proof_s: Seconds = 24 * 3600.0
    reports_s: Seconds = 24 * 3600.0
    """A delivered order waits so long for reports that are still missing, then closes without them."""


class Impossible(StrEnum):
    """Handling of a report that cannot be true in time: quarantined for people, or taken in and made a case."""

    QUARANTINE = "quarantine"
    FLAG = "flag"


class Chronology(Contract):
    """Rules for what is impossible in time, and its handling."""

    before_release_s: Annotated[float, Field(ge=0, le=90 * 86_400)] = 86_400.0
    """The longest time before an order's release in which something can happen to its goods. A day: a local time
    sent as UTC is off by up to 14 hours. An ERP may also release late what it ordered by telephone."""
    before_release: Impossible = Impossible.QUARANTINE
    """It is rather of another order or shipment that had the number before, so it may close nothing."""
    backwards_s: Annotated[float, Field(ge=0, le=90 * 86_400)] = 900.0
    """A shipment arrives so long before it left at most. Partners' clocks may differ by ten minutes, and some round."""
    backwards: Impossible = Impossible.FLAG
    """Both reports are of this shipment, and one time is wrong: nobody knows which, so neither is left out."""


class OrderPolicy(Contract):
    """Policies of an order. Only differences from the defaults travel with the order.

    `carriers` and `alternates` are ranked, best first. `eta_slack_s`: an ETA within this time of the promised day keeps
    the promise, so that small changes do not reach planners.
    """

    version: int = 1
    times: Times = Times()
    carriers: tuple[str, ...] = ()
    tender_limit: Annotated[int, Field(ge=1, le=10)] = 3
    alternates: tuple[str, ...] = ()
    on_shortage: tuple[Reaction, ...] = (Reaction.RE_SOURCE, Reaction.BACKORDER)
    backorder_days: Annotated[int, Field(ge=1, le=365)] = 7
    eta_slack_s: Annotated[float, Field(ge=0, le=86_400)] = 4 * 3600.0
    propose_after_days: Annotated[int, Field(ge=1, le=365)] = 3
    """A promise that slips by at least so many days becomes a proposal to the planner."""
    chronology: Chronology = Chronology()
