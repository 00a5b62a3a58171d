"""Policies: every kind has an owner, the more specific rule wins, what is wrong is found before it is in the table."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.cases.escalation_policies import CASE_POLICIES, _owned_by, case_policy, channel_policy, check, order_policy
from schemas.cases.cases import CaseQuery
from schemas.cases.exceptions import Action, CasePolicy, Channel, ExceptionKind, OrderPolicy, Times
from schemas.cases.policies import About, ChannelPolicy, PolicyRule, Scope


def rule(name: str = "a-rule", version: int = 1, about: About = "case", **parts: Any) -> PolicyRule:
    return PolicyRule(
        id=name, version=version, about=about, scope=Scope(**parts.pop("scope", {})), body=parts.pop("body")
    )


def query(kind: ExceptionKind = ExceptionKind.DELAY, **facts: str) -> CaseQuery:
    return CaseQuery(kind=kind, order="erp-one/SO-1", **facts)


def owners(policy: CasePolicy) -> list[tuple[float, str]]:
    return [(tier.after_s, tier.queue) for tier in policy.tiers]


@pytest.mark.parametrize("kind", ExceptionKind)
def test_every_kind_has_an_owner_who_is_alerted_at_once_and_somebody_above(kind: ExceptionKind) -> None:
    policy = CASE_POLICIES[kind]
    times, queues = [t.after_s for t in policy.tiers], [t.queue for t in policy.tiers]
    assert times[0] == 0
    assert times == sorted(set(times))
    assert len(queues) > 1
    assert queues[1] == f"{queues[0]}-manager"
    assert policy.actions or kind is ExceptionKind.STOCK_DIFFERENCE, "the owner of the books corrects them"
    assert policy.unassigned_after_s is not None
    assert 0 < policy.unassigned_after_s < times[1]
    assert check(rule(scope={"kind": kind}, body=policy.model_dump(mode="json", exclude={"version"}))) == []


def test_a_tier_without_a_queue_is_not_dropped() -> None:
    with pytest.raises(ValueError, match="shorter"):
        _owned_by("transport", 60.0, 120.0, 180.0, 240.0, actions=())


def test_the_times_are_those_of_the_taxonomy() -> None:
    assert owners(case_policy((), query())) == [
        (0, "transport"),
        (1800, "transport-manager"),
        (7200, "executive"),
        (14400, "customer-desk"),
    ]
    assert owners(case_policy((), query(ExceptionKind.TEMPERATURE))) == [
        (0, "quality"),
        (300, "quality-manager"),
        (900, "executive"),
    ]
    assert {kind for kind, policy in CASE_POLICIES.items() if policy.tell_customer} == {
        ExceptionKind.DELAY,
        ExceptionKind.ADDRESS,
    }


def test_a_rule_says_what_differs_and_the_rest_stays() -> None:
    tiers = [{"after_s": 600, "queue": "night-shift", "channels": ["chat", "email"]}]
    policy = case_policy([rule(scope={"site": "LYS"}, body={"tiers": tiers})], query(site="LYS"))
    assert owners(policy) == [(600, "night-shift")]
    assert policy.tiers[0].channels == (Channel.CHAT, Channel.EMAIL)
    built_in = CASE_POLICIES[ExceptionKind.DELAY]
    assert (policy.actions, policy.tell_customer) == (built_in.actions, True)
    assert case_policy([rule(scope={"site": "LYS"}, body={"tiers": tiers})], query(site="ORY")) == built_in


@pytest.mark.parametrize(
    "scope", [{"kind": "delay"}, {"partner": "erp-one"}, {"site": "LYS"}, {"region": "EMEA"}, {"customer": "C-7"}]
)
def test_each_part_of_a_scope_counts(scope: dict[str, str]) -> None:
    rules = [rule(scope=scope, body={"tell_customer": False})]
    asked = query(partner="erp-one", site="LYS", region="EMEA")
    assert not case_policy(rules, asked, "C-7").tell_customer
    other = query(ExceptionKind.ADDRESS, partner="erp-two", site="ORY", region="APAC")
    assert case_policy(rules, other, "C-8").tell_customer


def test_the_more_specific_rule_wins_field_by_field() -> None:
    rules = [
        rule("a-narrow", scope={"site": "LYS", "kind": "delay"}, body={"unassigned_after_s": 60}),
        rule("z-wide", body={"unassigned_after_s": 900, "tell_customer": False}),
        rule("b-middle", scope={"site": "LYS"}, body={"unassigned_after_s": 300, "actions": ["re_date"]}),
    ]
    for given in (rules, rules[::-1]):
        policy = case_policy(given, query(site="LYS"))
        assert policy.unassigned_after_s == 60
        assert policy.actions == (Action.RESCHEDULE,)
        assert policy.tell_customer is False
    assert case_policy(rules, query()).unassigned_after_s == 900


def test_of_rules_that_name_as_much_the_later_id_wins() -> None:
    one = rule("one", scope={"site": "LYS"}, body={"unassigned_after_s": 1})
    two = rule("two", scope={"region": "EMEA"}, body={"unassigned_after_s": 2})
    for given in ([one, two], [two, one]):
        assert case_policy(given, query(site="LYS", region="EMEA")).unassigned_after_s == 2


def test_a_newer_version_replaces_the_older_whole() -> None:
    older = rule(scope={"site": "LYS"}, body={"unassigned_after_s": 60, "tell_customer": False})
    newer = rule(version=2, scope={"site": "LYS"}, body={"unassigned_after_s": 120})
    for given in ([older, newer], [newer, older]):
        policy = case_policy(given, query(site="LYS"))
        assert (policy.unassigned_after_s, policy.tell_customer) == (120, True)
    moved = rule(version=2, scope={"site": "ORY"}, body={"unassigned_after_s": 120})
    assert case_policy([older, moved], query(site="LYS")) == CASE_POLICIES[ExceptionKind.DELAY]


def test_the_version_rises_with_every_change() -> None:
    first = rule(body={"tell_customer": False})
    changed = rule(version=2, body={"tell_customer": True})
    added = rule("b-rule", scope={"site": "LYS"}, body={"unassigned_after_s": 5})
    other = rule("c-rule", about="order", body={"tender_limit": 2})
    versions = [
        case_policy(rules, query()).version
        for rules in ([], [other], [first], [first, changed], [first, changed, added])
    ]
    assert versions == [1, 1, 2, 3, 4]


def test_only_what_rules_say_travels_with_an_order() -> None:
    assert order_policy(()) == OrderPolicy()
    assert order_policy(()).model_fields_set == set()
    wide = rule("wide", about="order", body={"times": {"proof_s": 60, "delivery_s": 10}, "carriers": ["carrier-a"]})
    narrow = rule("narrow", about="order", scope={"customer": "C-7"}, body={"times": {"proof_s": 30}})
    policy = order_policy([narrow, wide], partner="erp-one", site="LYS", region="EMEA", customer="C-7")
    assert policy.model_dump(exclude_unset=True) == {
        "version": 3,
        "times": {"proof_s": 30, "delivery_s": 10},
        "carriers": ("carrier-a",),
    }
    assert policy.times.tender_answer_s == Times().tender_answer_s
    assert order_policy([narrow], customer="C-8").model_fields_set == set()


def test_a_queue_is_reached_as_its_rules_say() -> None:
    rules = [
        rule("all", about="channel", body={"time_zone": "Europe/Paris"}),
        rule("mail", about="channel", scope={"queue": "claims", "channel": "email"}, body={"address": "c@example.com"}),
    ]
    assert channel_policy(rules, "claims", Channel.EMAIL).address == "c@example.com"
    assert channel_policy(rules, "claims", Channel.EMAIL).time_zone == "Europe/Paris"
    assert channel_policy(rules, "claims", Channel.CHAT).address == ""
    assert channel_policy((), "claims", Channel.CHAT) == ChannelPolicy()


@pytest.mark.parametrize(
    ("about", "scope", "body", "finding"),
    [
        ("case", {}, {}, "body: say at least one field"),
        ("case", {}, {"teirs": []}, "body.teirs: is not a field"),
        ("case", {}, {"tiers": []}, "body.tiers: Tuple should have at least 1 item"),
        ("case", {}, {"tiers": [{"after_s": 0}]}, "body.tiers[0].queue: Field required"),
        ("case", {}, {"tiers": [{"after_s": 0, "queue": " "}]}, "body.tiers: each tier names its queue"),
        ("case", {}, {"tiers": [{"after_s": 0, "queue": "a", "who": 1}]}, "body.tiers[0].who: is not a field"),
        ("case", {}, {"tiers": [{"after_s": 0, "queue": "a"}] * 2}, "body.tiers: each tier comes later"),
        ("case", {}, {"actions": ["explode"]}, "body.actions[0]: Input should be"),
        ("case", {}, {"unassigned_after_s": "60"}, "body.unassigned_after_s: Input should be a valid number"),
        ("case", {}, {"unassigned_after_s": -1}, "body.unassigned_after_s: Input should be greater than 0"),
        ("case", {}, {"version": 7}, "body.version: is counted"),
        ("case", {"queue": "claims"}, {"tell_customer": True}, "scope.queue: a rule about case does not"),
        ("order", {"kind": "delay"}, {"tender_limit": 2}, "scope.kind: a rule about order does not"),
        ("order", {}, {"tender_limit": 0}, "body.tender_limit: Input should be greater"),
        ("order", {}, {"times": {"prof_s": 4}}, "body.times.prof_s: is not a field"),
        ("order", {}, {"times": 4}, "body.times: Input should be"),
        ("channel", {"site": "LYS"}, {"digest_s": 5}, "scope.site: a rule about channel does not"),
        ("channel", {}, {"time_zone": "Mars/Olympus"}, "body.time_zone: is not a zone"),
        ("channel", {}, {"time_zone": "Europe"}, "body.time_zone: is not a zone"),
        ("channel", {}, {"time_zone": "../etc"}, "body.time_zone: is not a zone"),
        ("freight", {"customer": "C"}, {"share": 0.05}, "scope.customer: a rule about freight does not"),
        ("freight", {}, {"share": "5 %"}, "body.share: Input should be a valid number"),
        ("freight", {}, {"share": -0.05}, "body.share: Input should be greater"),
        ("channel", {}, {"quiet_from": 22}, "body.quiet_from: quiet hours have"),
        ("channel", {}, {"quiet_from": 24, "quiet_to": 6}, "body.quiet_from: Input should be less"),
    ],
)
def test_what_is_wrong_with_a_rule_is_found(
    about: About, scope: dict[str, Any], body: dict[str, Any], finding: str
) -> None:
    found = check(rule(about=about, scope=scope, body=body))
    assert [text for text in found if text.startswith(finding)], found
    assert len(found) == 1, found


@pytest.mark.parametrize(
    ("about", "body"),
    [
        ("case", {"unassigned_after_s": None}),
        ("case", {"tiers": [{"after_s": 1.5, "queue": "a"}, {"after_s": 2, "queue": "a", "channels": []}]}),
        ("freight", {"share": 0.05, "tolerance": 0.2}),
        ("freight", {"share": None}),
        ("order", {"times": {"proof_s": 60}, "on_shortage": ["planner"]}),
        ("channel", {"address": "dock-chat", "quiet_from": 22, "quiet_to": 6, "time_zone": "Europe/Paris"}),
    ],
)
def test_a_good_rule_passes(about: About, body: dict[str, Any]) -> None:
    assert check(rule(about=about, body=body)) == []


def test_a_rule_that_nobody_checked_is_not_guessed_at() -> None:
    with pytest.raises(ValidationError):
        case_policy([rule(body={"tiers": "soon"})], query())
