"""The strategy of a connection's settings, and the TLS that goes with it."""

import ssl
from collections.abc import Callable
from functools import cache
from typing import Any

import certifi
import httpx

from connectors.http.authentication import fixed
from connectors.http.authentication.csrf import CsrfAuth
from connectors.http.authentication.nested import NestedAuth
from connectors.http.authentication.oauth2 import ClientCredentialsAuth
from connectors.http.authentication.session import SessionAuth
from connectors.http.authentication.tickets import LoginOwner
from connectors.ports import Unavailable
from schemas.authentication import (
    ApiKeyHeader,
    Authentication,
    BasicLogin,
    BearerToken,
    ClientCredentials,
    CsrfToken,
    MutualTls,
    SessionLogin,
)
from schemas.base import Origin

FIXED: dict[type, Callable[[Any], httpx.Auth]] = {
    BearerToken: fixed.bearer,
    ApiKeyHeader: fixed.api_key,
    BasicLogin: fixed.basic,
}
LOGGED_IN: dict[type, Callable[[Any, LoginOwner], httpx.Auth]] = {
    ClientCredentials: ClientCredentialsAuth,
    SessionLogin: SessionAuth,
    CsrfToken: CsrfAuth,
}


def auth_of(of: Authentication, owner: LoginOwner) -> httpx.Auth | None:
    """The strategy; None where there is nothing to show."""
    if isinstance(of, MutualTls):
        return auth_of(of.within, owner)
    if kind := FIXED.get(type(of)):
        return kind(of)
    if login := LOGGED_IN.get(type(of)):
        inner = auth_of(of.within, owner) if isinstance(of, CsrfToken) else None
        return NestedAuth(login(of, owner), inner) if inner else login(of, owner)
    return None


def tls_of(of: Authentication) -> ssl.SSLContext:
    """How we speak TLS: with a certificate of ours where one is asked for.

    Raises: `Unavailable` of the origin `platform` for files that cannot be used; it names them, and nothing in them.
    """
    if isinstance(of, CsrfToken):
        return tls_of(of.within)
    if not isinstance(of, MutualTls):
        return _usual()
    try:
        context = ssl.create_default_context(cafile=str(of.ca or certifi.where()))
        password = of.key_password.get_secret_value()
        context.load_cert_chain(of.certificate, of.key, lambda: password)
    except (OSError, ValueError) as error:
        said = f"the certificate {of.certificate.name} cannot be used: {type(error).__name__}"
        raise Unavailable(Origin.PLATFORM, said, undone=True) from None
    return context


@cache
def _usual() -> ssl.SSLContext:
    """With the usual authorities, for all who want no other: reading them takes 20 ms."""
    return ssl.create_default_context(cafile=certifi.where())
