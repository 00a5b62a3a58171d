"""Which secrets of a connection are used at a moment, while they are replaced."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from schemas.partners.registry import Credentials, FormerSecrets


def secrets_at(credentials: Credentials, now: datetime) -> Mapping[str, str]:
    """The references to use: those before `valid_from` until then, the new ones from then on."""
    if credentials.former and credentials.valid_from and now < credentials.valid_from:
        return credentials.former.secrets
    return credentials.secrets


def accepted_at(credentials: Credentials, now: datetime) -> tuple[Mapping[str, str], ...]:
    """The references of all that counts, the newest first: both during the overlap."""
    former = credentials.former
    counts = former is not None and now < former.until
    return (credentials.secrets, former.secrets) if former and counts else (credentials.secrets,)


def references_of(credentials: Credentials) -> Iterator[str]:
    """Every reference, those before included."""
    yield from credentials.secrets.values()
    if credentials.former:
        yield from credentials.former.secrets.values()


def rotated(credentials: Credentials, secrets: Mapping[str, str], valid_from: datetime, until: datetime) -> Credentials:
    """New secrets from a moment on; those of now are accepted until another."""
    former = FormerSecrets(secrets=dict(secrets_at(credentials, valid_from)), until=until)
    return Credentials(scheme=credentials.scheme, secrets=dict(secrets), valid_from=valid_from, former=former)
