"""Credentials that are the same with every call: a header."""

from base64 import b64encode
from collections.abc import Generator

import httpx

from schemas.authentication import ApiKeyHeader, BasicLogin, BearerToken


class HeaderAuth(httpx.Auth):
    """Puts one header on every call."""

    def __init__(self, name: str, value: str) -> None:
        self._name, self._value = name, value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See httpx.Auth."""
        request.headers[self._name] = self._value
        yield request


def bearer(of: BearerToken) -> HeaderAuth:
    """`Authorization: Bearer …`."""
    return HeaderAuth("Authorization", f"{of.word} {of.token.get_secret_value()}")


def api_key(of: ApiKeyHeader) -> HeaderAuth:
    """A key in a header of its own."""
    return HeaderAuth(of.header, of.key.get_secret_value())


def basic(of: BasicLogin) -> HeaderAuth:
    """`Authorization: Basic …`, in UTF-8 (RFC 7617)."""
    return HeaderAuth("Authorization", basic_value(of.user, of.password.get_secret_value()))


def basic_value(user: str, password: str) -> str:
    """The header's value."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
