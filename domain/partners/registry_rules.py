"""The rules that partners keep together: each finding names the field and the rule, all of them at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.partners.adapters import ADAPTERS, SCHEMES, SERVED_CHANNELS
from domain.partners.calendars import is_calendar
from domain.partners.directory import HOLDING, ROLE_OF, SystemTarget, places_of, system_of, targets_of
from domain.partners.environment import RESERVED
from schemas.base import Role, System
from schemas.partners.registry import (
    CHANNEL_KINDS,
    ConnectionChannel,
    ConnectionDefinition,
    ConnectionState,
    Credentials,
    PartnerDefinition,
)

Finding = dict[str, str]
Found = Iterator[tuple[str, str]]
"""Pairs of field and rule."""
ALONE = (Role.ADMIN, Role.SUPPORT)
"""Roles of our own people: who has one has no other."""


def _readable(_reference: str) -> str | None:
    return None


@dataclass(frozen=True)
class Surroundings:
    """What the rules look up outside of the registry.

    `unreadable`: why a secret cannot be read, None when it can. `regions`: those that are known; none: any.
    `planning`: the regions whose planning has a feed.
    """

    unreadable: Callable[[str], str | None] = _readable
    regions: frozenset[str] = frozenset()
    planning: frozenset[str] = frozenset()


def findings(
    changes: Mapping[str, PartnerDefinition], kept: Mapping[str, PartnerDefinition], around: Surroundings
) -> list[Finding]:
    """What is wrong with partners as they are to be, beside those that stay as they are. A field begins with the place
    that names the change: `partners[0].connections[1].adapter`."""
    changed = {it.partner for it in changes.values()}
    others = [partner for name, partner in kept.items() if name not in changed]
    found: list[Finding] = []
    for place, partner in changes.items():
        about = (
            *_partner(partner, others, around),
            *_identifiers(partner, others),
            *_connections(partner, others, around),
        )
        found += [{"field": f"{place}.{field}", "rule": rule} for field, rule in about]
        others.append(partner)
    return found


def _partner(partner: PartnerDefinition, others: Sequence[PartnerDefinition], around: Surroundings) -> Found:
    if partner.partner in {it.partner for it in others}:
        yield "partner", f"{partner.partner} is described twice"
    if partner.partner.startswith(RESERVED):
        yield "partner", f"must not begin with {RESERVED}: those are the systems that settings name"
    if len(partner.roles) > 1 and (own := [role for role in partner.roles if role in ALONE]):
        yield "roles", f"{own[0]} goes with no other role"
    if partner.region and around.regions and partner.region not in around.regions:
        yield "region", f"is not a known region: {', '.join(sorted(around.regions))}"
    if partner.calendar and not is_calendar(partner.calendar):
        yield "calendar", "is no country or region whose public holidays are known"


def _identifiers(partner: PartnerDefinition, others: Sequence[PartnerDefinition]) -> Found:
    for scheme, values in partner.identifiers:
        for other in others:
            if other.partner != partner.partner and set(values) & set(getattr(other.identifiers, scheme)):
                yield f"identifiers.{scheme}", f"is that of {other.partner} already"


def _connections(partner: PartnerDefinition, others: Sequence[PartnerDefinition], around: Surroundings) -> Found:
    held: dict[SystemTarget, str] = {
        place: f"{other.partner}/{it.name}"
        for other in others
        if other.partner != partner.partner
        for it in other.connections
        for place in places_of(other, it)
    }
    names: set[str] = set()
    for number, connection in enumerate(partner.connections):
        at = f"connections[{number}]"
        if connection.name in names:
            yield f"{at}.name", f"the partner has two connections {connection.name}"
        names.add(connection.name)
        yield from ((f"{at}.{field}", rule) for field, rule in _connection(partner, connection, around))
        for place in places_of(partner, connection):
            if place in held:
                rule = f"{held[place]} is the live {place.system} connection of {place.target} already"
                yield f"{at}.{'targets' if connection.targets else 'state'}", rule
            held.setdefault(place, f"{partner.partner}/{connection.name}")


def _connection(partner: PartnerDefinition, connection: ConnectionDefinition, around: Surroundings) -> Found:
    if not (connection.adapter or connection.format or connection.mapping or connection.incoming):
        yield "adapter", "name an adapter, a format or a mapping"
    if connection.adapter is not None:
        yield from _adapter(partner, connection, around)
    elif connection.options:
        yield "options", "are those of an adapter: name it"
    if connection.channel:
        yield from _channel(connection.channel)
    if connection.credentials:
        yield from _credentials(connection.credentials, around)
    if connection.state in HOLDING | {ConnectionState.SHADOW}:
        yield from _carried(connection)


def _carried(connection: ConnectionDefinition) -> Found:
    kinds = connection.channel.kinds if connection.channel else ()
    if not kinds:
        yield "channel", f"a connection that is {connection.state} needs a channel"
    elif not set(kinds) & SERVED_CHANNELS or connection.adapter is None:
        served = ", ".join(sorted(SERVED_CHANNELS))
        yield "state", f"{connection.state} needs an adapter over a channel that is served: {served}"


def _adapter(partner: PartnerDefinition, connection: ConnectionDefinition, around: Surroundings) -> Found:
    known = ADAPTERS.get(connection.adapter or "")
    if known is None:
        yield "adapter", f"is not known; there are: {', '.join(sorted(ADAPTERS))}"
        return
    system = system_of(partner, connection)
    if system is None:
        yield "system", "say which of the partner's roles the connection serves"
    elif ROLE_OF[system] not in partner.roles:
        yield "system", f"{system} is none of the partner's roles"
    elif system not in known.systems:
        yield "adapter", f"does not speak to {system}; it does to {', '.join(sorted(known.systems))}"
    elif not (targets := targets_of(partner, connection)):
        yield "targets", "name them: none follow from the partner's sites or region"
    elif system is System.PLANNING and connection.state in HOLDING and (new := set(targets) - around.planning):
        yield "targets", f"{min(new)} has no planning feed: name it in SYNCLINE_PLANNING too"
    if connection.channel and not set(connection.channel.kinds) <= known.channels:
        yield "channel", f"{connection.adapter} goes over {', '.join(sorted(known.channels))}"
    if connection.credentials and connection.credentials.scheme in SCHEMES.keys() - known.schemes:
        yield "credentials.scheme", f"{connection.adapter} takes {', '.join(sorted(known.schemes))}"
    for name, value in connection.options.items():
        if name not in known.options:
            yield f"options.{name}", f"is no option of {connection.adapter}"
        elif type(value) is not known.options[name]:
            yield f"options.{name}", f"must be a {known.options[name].__name__}"


def _channel(channel: ConnectionChannel) -> Found:
    if len(channel.kinds) != 1:
        yield "channel", f"name exactly one of {', '.join(CHANNEL_KINDS)}"
    if channel.http is not None:
        try:
            url = urlsplit(channel.http.replace("{id}", "id"))
            fine = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
        except ValueError:
            fine = False
        if not fine:
            yield "channel.http", "is no address such as https://erp.example.com/api"
        elif url.username is not None or url.query or url.fragment:
            yield "channel.http", "must hold no user, password or query: secrets are given by reference"


def _credentials(credentials: Credentials, around: Surroundings) -> Found:
    wanted = SCHEMES.get(credentials.scheme)
    if wanted is None:
        yield "credentials.scheme", f"is not known; there are: {', '.join(sorted(SCHEMES))}"
    given = [("credentials", credentials.secrets)]
    if credentials.former and credentials.valid_from and credentials.former.until < credentials.valid_from:
        yield "credentials.former.until", "must not be before valid_from: nothing would count in between"
    if credentials.former:
        given.append(("credentials.former", credentials.former.secrets))
    for at, secrets in given:
        if wanted is not None and set(secrets) != set(wanted):
            yield f"{at}.secrets", f"must name {', '.join(wanted)} and nothing else"
        for name, reference in secrets.items():
            if why := around.unreadable(reference):
                yield f"{at}.secrets.{name}", why
