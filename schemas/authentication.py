"""How we show a connected system who we are: one model for each scheme, and which one it is in `scheme`.

Secrets are resolved before: a model holds them, and shows them in no text, error or log.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FilePath, SecretStr, TypeAdapter

from schemas.base import Text

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s@]+$", max_length=500)]
"""An address without a user or password in it: those are secrets, and have fields of their own."""
Share = Annotated[float, Field(gt=0, le=1)]
RENEW_AT = 0.8
"""Share of its life after which a ticket is renewed: the last fifth bears clocks that differ and logins that fail."""


class _Scheme(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class NoAuthentication(_Scheme):
    """The system asks nobody who they are."""

    scheme: Literal["none"] = "none"


class BearerToken(_Scheme):
    """`Authorization: Bearer <token>` (RFC 6750); `word` for systems that call it otherwise, such as `Token`."""

    scheme: Literal["bearer"] = "bearer"
    token: SecretStr
    word: Annotated[str, Field(pattern=r"^[A-Za-z]{1,20}$")] = "Bearer"


class ApiKeyHeader(_Scheme):
    """A key in a header of its own."""

    scheme: Literal["api_key"] = "api_key"
    key: SecretStr
    header: HeaderName = "X-API-Key"


class BasicLogin(_Scheme):
    """User and password with every call (RFC 7617)."""

    scheme: Literal["basic"] = "basic"
    user: Text
    password: SecretStr


class ClientCredentials(_Scheme):
    """OAuth2 client credentials (RFC 6749, 4.4). `in_body`: id and secret go in the form instead of a Basic header.
    `renew_at`: share of the token's life. `life_s`: seconds that a token lasts which does not say so."""

    scheme: Literal["oauth2"] = "oauth2"
    token_url: Url
    client_id: Text
    client_secret: SecretStr
    scope: str = ""
    audience: str = ""
    in_body: bool = False
    renew_at: Share = RENEW_AT
    life_s: Annotated[float, Field(gt=0)] = 300.0


class SessionLogin(_Scheme):
    """A login that gives a session, as cookies or as a text of the answer that goes into `header`.

    `user_field` and `password_field`: names in the body, which also has `fields`. `session_field`: where the answer has
    the session (`data.token`), as JSON. `prefix`: stands before it in the header. `life_s`: seconds that a session
    lasts; None: until the system says 401, or redirects to its login page.
    """

    scheme: Literal["session"] = "session"
    login_url: Url
    user: Text
    password: SecretStr
    user_field: str = "username"
    password_field: str = "password"  # noqa: S105 - a name of a field
    fields: dict[str, str] = {}
    body: Literal["json", "form"] = "json"
    session_field: str = ""
    header: HeaderName = "Authorization"
    prefix: str = ""
    life_s: Annotated[float, Field(gt=0)] | None = None
    renew_at: Share = RENEW_AT


class CsrfToken(_Scheme):
    """A token that every change must bear, beside the login `within`: fetched with `x-csrf-token: fetch` from `url`,
    together with its cookies (SAP Gateway)."""

    scheme: Literal["csrf"] = "csrf"
    url: Url
    within: "Authentication" = NoAuthentication()


class MutualTls(_Scheme):
    """Our certificate in the TLS handshake; files are PEM, `key` in `certificate` when absent. `ca`: who signed the
    system's own certificate; the usual authorities when absent. `within`: how we log in beside it."""

    scheme: Literal["mtls"] = "mtls"
    certificate: FilePath
    key: FilePath | None = None
    key_password: SecretStr = SecretStr("")
    ca: FilePath | None = None
    within: "Authentication" = NoAuthentication()


Authentication = Annotated[
    NoAuthentication
    | BearerToken
    | ApiKeyHeader
    | BasicLogin
    | ClientCredentials
    | SessionLogin
    | CsrfToken
    | MutualTls,
    Field(discriminator="scheme"),
]
CsrfToken.model_rebuild()
MutualTls.model_rebuild()
_ANY: TypeAdapter[Any] = TypeAdapter(Authentication, config=ConfigDict(hide_input_in_errors=True))


def authentication(scheme: str, fields: dict[str, Any]) -> Authentication:
    """The scheme with these fields, secrets among them. Raises ValidationError, which shows no value."""
    found: Authentication = _ANY.validate_python({**fields, "scheme": scheme})
    return found
