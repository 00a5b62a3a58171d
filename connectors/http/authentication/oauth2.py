"""OAuth2 client credentials (RFC 6749, 4.4): a token for all callers, renewed at a share of its life."""

import json
import time
from urllib.parse import quote

import httpx

from connectors.http.authentication.fixed import basic_value
from connectors.http.authentication.tickets import Clock, LoginOwner, Ticket, TicketAuth
from schemas.authentication import ClientCredentials


class ClientCredentialsAuth(TicketAuth):
    """Asks the token endpoint, and bears what it gives."""

    def __init__(self, of: ClientCredentials, owner: LoginOwner, clock: Clock = time.monotonic) -> None:
        super().__init__(owner, clock)
        self._of = of

    def login(self, request: httpx.Request) -> httpx.Request:
        """See TicketAuth."""
        of, headers = self._of, {"Accept": "application/json"}
        form = {"grant_type": "client_credentials", "scope": of.scope, "audience": of.audience}
        secret = of.client_secret.get_secret_value()
        if of.in_body:
            form |= {"client_id": of.client_id, "client_secret": secret}
        else:  # both are form-encoded before they are joined (RFC 6749, 2.3.1)
            headers["Authorization"] = basic_value(quote(of.client_id, safe=""), quote(secret, safe=""))
        said = {name: value for name, value in form.items() if value}
        return httpx.Request("POST", of.token_url, headers=headers, data=said)

    def ticket(self, answer: httpx.Response) -> Ticket:
        """See TicketAuth."""
        said = json.loads(answer.content)
        token = said["access_token"]
        if not isinstance(token, str) or not token:
            raise TypeError
        lasts_s, now = max(0.0, float(said.get("expires_in") or self._of.life_s)), self.clock()
        ends = now + lasts_s
        return Ticket({"Authorization": f"Bearer {token}"}, (), now + lasts_s * self._of.renew_at, ends)
