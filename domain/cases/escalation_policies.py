"""Policies: who owns an exception and when it climbs, how orders look after themselves, how people are reached.

The built-in ones are the taxonomy of exceptions. Rules of the `policy` table refine them for a kind, partner, site,
region or customer, field by field. The rule that names more wins; of two that name as much, the one with the later id.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from schemas import parsing
from schemas.cases.cases import CaseQuery
from schemas.cases.exceptions import Action as Do
from schemas.cases.exceptions import CasePolicy, Channel, ExceptionKind, OrderPolicy, Tier
from schemas.cases.exceptions import ExceptionKind as X
from schemas.cases.policies import About, ChannelPolicy, FreightPolicy, PolicyRule
from schemas.days import DaysPolicy
from schemas.procurement.purchase_orders import ProcurementPolicy

MINUTE_S = 60.0
HOUR_S = 60 * MINUTE_S
DAY_S = 24 * HOUR_S
EXECUTIVE = "executive"
CUSTOMER_CARE = "customer-desk"
"""The queue of those who speak to customers."""


def _owned_by(owner: str, *climbs_after_s: float, actions: tuple[Do, ...], tell_customer: bool = False) -> CasePolicy:
    """The owner is alerted at once, then the manager, the executive and the customer desk. A case that nobody took in
    half the time that its manager waits goes to the manager then. Raises ValueError when a time has no queue."""
    queues = (owner, f"{owner}-manager", EXECUTIVE, CUSTOMER_CARE)
    times = (0.0, *climbs_after_s)
    return CasePolicy(
        tiers=tuple(Tier(after_s=s, queue=q) for s, q in zip(times, queues[: len(times)], strict=True)),
        actions=actions,
        unassigned_after_s=climbs_after_s[0] / 2,
        tell_customer=tell_customer,
    )


CASE_POLICIES: dict[ExceptionKind, CasePolicy] = {
    X.SHORT_SHIP: _owned_by(
        "order-management",
        2 * HOUR_S,
        DAY_S,
        actions=(Do.SPLIT, Do.RE_SOURCE, Do.RESCHEDULE, Do.WRITE_OFF, Do.NOTIFY_CUSTOMER),
    ),
    X.OVER_SHIP: _owned_by("receiving", 4 * HOUR_S, 2 * DAY_S, actions=(Do.NOTIFY_CUSTOMER,)),
    X.DAMAGE: _owned_by(
        "claims", 4 * HOUR_S, DAY_S, actions=(Do.RE_SOURCE, Do.RESCHEDULE, Do.WRITE_OFF, Do.NOTIFY_CUSTOMER)
    ),
    X.DELAY: _owned_by(
        "transport",
        30 * MINUTE_S,
        2 * HOUR_S,
        4 * HOUR_S,
        actions=(Do.RESCHEDULE, Do.RE_TENDER, Do.RE_SOURCE, Do.SPLIT, Do.NOTIFY_CUSTOMER),
        tell_customer=True,
    ),
    X.NO_SCAN: _owned_by(
        "carrier-operations", 2 * HOUR_S, 4 * HOUR_S, DAY_S, actions=(Do.REPLAY, Do.WRITE_OFF, Do.NOTIFY_CUSTOMER)
    ),
    X.TENDER_REJECT: _owned_by(
        "transport", 2 * HOUR_S, 4 * HOUR_S, actions=(Do.RE_TENDER, Do.RE_SOURCE, Do.RESCHEDULE, Do.NOTIFY_CUSTOMER)
    ),
    X.PICK_STOCKOUT: _owned_by(
        "warehouse",
        HOUR_S,
        4 * HOUR_S,
        actions=(Do.RE_SOURCE, Do.SPLIT, Do.RESCHEDULE, Do.WRITE_OFF, Do.NOTIFY_CUSTOMER),
    ),
    X.ADDRESS: _owned_by(
        "customer-service", 4 * HOUR_S, DAY_S, actions=(Do.NOTIFY_CUSTOMER, Do.RESCHEDULE), tell_customer=True
    ),
    X.CUSTOMS: _owned_by("compliance", 4 * HOUR_S, DAY_S, actions=(Do.RESCHEDULE, Do.NOTIFY_CUSTOMER)),
    X.TEMPERATURE: _owned_by(
        "quality", 5 * MINUTE_S, 15 * MINUTE_S, actions=(Do.RE_SOURCE, Do.WRITE_OFF, Do.NOTIFY_CUSTOMER)
    ),
    X.POD_MISMATCH: _owned_by("billing", DAY_S, 3 * DAY_S, actions=(Do.REPLAY, Do.WRITE_OFF, Do.NOTIFY_CUSTOMER)),
    X.INVOICE_MISMATCH: _owned_by("accounts-payable", 2 * DAY_S, 5 * DAY_S, actions=(Do.REPLAY,)),
    X.MISSING_ACK: _owned_by("edi-operations", 30 * MINUTE_S, HOUR_S, actions=(Do.RETRY, Do.REPLAY)),
    X.UNKNOWN_CODE: _owned_by("interface-owner", HOUR_S, DAY_S, actions=(Do.REPLAY,)),
    X.PARTNER_OUTAGE: _owned_by("integration", 5 * MINUTE_S, 30 * MINUTE_S, actions=(Do.RETRY, Do.REPLAY)),
    X.REFUSED_EFFECT: _owned_by("integration", HOUR_S, DAY_S, actions=(Do.RETRY, Do.WRITE_OFF)),
    X.COMPENSATION: _owned_by("order-management", HOUR_S, 4 * HOUR_S, actions=(Do.RETRY, Do.WRITE_OFF)),
    X.STOCK_DIFFERENCE: _owned_by("inventory-control", 4 * HOUR_S, DAY_S, actions=()),
    X.PLATFORM: _owned_by("platform", HOUR_S / 2, 4 * HOUR_S, actions=(Do.RESTART,)),
    X.CHRONOLOGY: _owned_by("interface-owner", 4 * HOUR_S, DAY_S, actions=(Do.REPLAY,)),
    X.RETURN_OVERDUE: _owned_by("customer-service", 2 * DAY_S, 7 * DAY_S, actions=(Do.NOTIFY_CUSTOMER,)),
}
"""The taxonomy's owners and times. It may name an event instead of a time, such as promise at risk,
trace, spot approval or demurrage. Then the case of that event's own kind climbs, or the last tier stands for it."""

PURCHASE_ACTIONS: dict[ExceptionKind, tuple[Do, ...]] = {
    X.SHORT_SHIP: (Do.ACCEPT, Do.ASK_AGAIN, Do.WRITE_OFF),
    X.OVER_SHIP: (Do.ACCEPT, Do.ASK_AGAIN, Do.WRITE_OFF),
    X.DELAY: (Do.ACCEPT, Do.ASK_AGAIN, Do.WRITE_OFF),
    X.DAMAGE: (Do.ACCEPT,),
    X.MISSING_ACK: (Do.ASK_AGAIN, Do.WRITE_OFF),
    X.INVOICE_MISMATCH: (Do.ACCEPT, Do.RELEASE_INVOICE, Do.REJECT_INVOICE, Do.CLOSE_UNINVOICED),
    X.REFUSED_EFFECT: (Do.RETRY,),
    X.CHRONOLOGY: (Do.ACCEPT,),
}
"""The actions that the case of a purchase order offers, by kind."""

_DEFAULTS: dict[About, BaseModel] = {
    "case": CASE_POLICIES[X.DELAY],
    "order": OrderPolicy(),
    "channel": ChannelPolicy(),
    "procurement": ProcurementPolicy(),
    "freight": FreightPolicy(),
    "days": DaysPolicy(),
}
_SCOPES: dict[About, frozenset[str]] = {
    "case": frozenset({"kind", "partner", "site", "region", "customer"}),
    "order": frozenset({"partner", "site", "region", "customer"}),
    "channel": frozenset({"queue", "channel"}),
    "procurement": frozenset({"partner", "site", "region"}),
    "freight": frozenset({"partner", "site", "region"}),
    "days": frozenset({"partner", "site", "region", "customer"}),
}


def case_policy(rules: Iterable[PolicyRule], query: CaseQuery, customer: str = "") -> CasePolicy:
    """How a case of this kind, order, partner, site, region and customer is handled.

    Raises pydantic's ValidationError when a rule that `check` would have refused is in the table; so do the others.
    """
    facts = {
        "kind": query.kind,
        "partner": query.partner,
        "site": query.site,
        "region": query.region,
        "customer": customer,
    }
    default = CASE_POLICIES[query.kind].model_dump(exclude_unset=True)
    return CasePolicy.model_validate({**default, **_refined("case", rules, facts)})


def purchase_case_policy(rules: Iterable[PolicyRule], query: CaseQuery) -> CasePolicy:
    """How a case of a purchase order is handled: it has no customer, and actions of its own, which no rule changes."""
    policy = case_policy(rules, query)
    return policy.model_copy(update={"actions": PURCHASE_ACTIONS.get(query.kind, ()), "tell_customer": False})


def order_policy(
    rules: Iterable[PolicyRule], partner: str = "", site: str = "", region: str = "", customer: str = ""
) -> OrderPolicy:
    """How an order looks after itself. Only what rules say is set on it, so that only this travels with the order."""
    facts = {"partner": partner, "site": site, "region": region, "customer": customer}
    return OrderPolicy.model_validate(_refined("order", rules, facts))


def channel_policy(rules: Iterable[PolicyRule], queue: str, channel: Channel) -> ChannelPolicy:
    """How a queue of people, or `customer`, is reached over a channel."""
    return ChannelPolicy.model_validate(_refined("channel", rules, {"queue": queue, "channel": channel}))


def procurement_policy(rules: Iterable[PolicyRule], supplier: str, site: str, region: str) -> ProcurementPolicy:
    """How purchase orders from a supplier to a site are watched and matched; only what rules say is set on it."""
    facts = {"partner": supplier, "site": site, "region": region}
    return ProcurementPolicy.model_validate(_refined("procurement", rules, facts))


def days_policy(rules: Iterable[PolicyRule], **facts: str) -> DaysPolicy:
    """The days of a site, customer or partner."""
    return DaysPolicy.model_validate(_refined("days", rules, facts))


def check(rule: PolicyRule) -> list[str]:
    """The errors of a rule, as sentences that name the field: none when it may be put into the table."""
    scope = rule.scope.model_dump(exclude_none=True)
    found = [
        f"scope.{name}: a rule about {rule.about} does not depend on it" for name in scope.keys() - _SCOPES[rule.about]
    ]
    if not rule.body:
        found.append("body: say at least one field that differs")
    if "version" in rule.body:
        found.append("body.version: is counted by the table")
    default = _DEFAULTS[rule.about]
    try:
        parsing.check(type(default), _merged(default.model_dump(mode="json"), rule.body))
    except parsing.InvalidMessage as refused:
        found += [f"body.{finding['field']}: {finding['rule']}" for finding in refused.findings]
    else:
        found += _senseless(rule.body)
    return sorted(found)


def _senseless(body: Mapping[str, Any]) -> list[str]:
    """Errors that each field allows and the whole does not."""
    found = []
    after_s = [tier["after_s"] for tier in body.get("tiers", ())]
    if after_s != sorted(set(after_s)):
        found.append("body.tiers: each tier comes later than the one before")
    if not all(tier["queue"].strip() for tier in body.get("tiers", ())):
        found.append("body.tiers: each tier names its queue")
    if ("quiet_from" in body) != ("quiet_to" in body):
        found.append("body.quiet_from: quiet hours have a beginning and an end")
    return found


def _refined(about: About, rules: Iterable[PolicyRule], facts: Mapping[str, str]) -> dict[str, Any]:
    """The fields that rules say for these facts, the most specific rule last.

    `version`, 1 for what is built in, rises with every change to a rule about the same: it names a state of the table.
    """
    newest: dict[str, PolicyRule] = {}
    for rule in sorted(rules, key=lambda rule: rule.version):
        newest[rule.id] = rule
    named = [(rule.scope.model_dump(exclude_none=True), rule) for rule in newest.values() if rule.about == about]
    fields: dict[str, Any] = {}
    for scope, rule in sorted(named, key=lambda pair: (len(pair[0]), pair[1].id)):
        if scope.items() <= facts.items():
            fields = _merged(fields, rule.body)
    return {**fields, "version": 1 + sum(rule.version for _, rule in named)} if fields else {}


def _merged(general: Mapping[str, Any], special: Mapping[str, Any]) -> dict[str, Any]:
    """Field by field, also within a group of fields such as `times`."""
    groups = {
        name: _merged(general[name], value)
        for name, value in special.items()
        if isinstance(value, dict) and isinstance(general.get(name), dict)
    }
    return {**general, **special, **groups}
