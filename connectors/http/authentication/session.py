"""A login that gives a session: cookies, or a text that goes into a header."""

import json
import time
from math import inf

import httpx

from connectors.http.authentication.tickets import UNAUTHORIZED, Clock, LoginOwner, Ticket, TicketAuth, cookies_of
from schemas.authentication import SessionLogin

TO_THE_LOGIN_PAGE = frozenset({302, 303, 307})
"""How systems made for browsers answer a session that has ended."""


class SessionAuth(TicketAuth):
    """Logs in with a user and a password, and bears the session."""

    def __init__(self, of: SessionLogin, owner: LoginOwner, clock: Clock = time.monotonic) -> None:
        super().__init__(owner, clock)
        self._of = of

    def login(self, request: httpx.Request) -> httpx.Request:
        """See TicketAuth."""
        of = self._of
        said = {**of.fields, of.user_field: of.user, of.password_field: of.password.get_secret_value()}
        if of.body == "form":
            return httpx.Request("POST", of.login_url, data=said)
        return httpx.Request("POST", of.login_url, json=said)

    def ticket(self, answer: httpx.Response) -> Ticket:
        """See TicketAuth. An answer without a session is a failed login, whatever its status."""
        of, headers = self._of, {}
        if of.session_field:
            session = json.loads(answer.content)
            for name in of.session_field.split("."):
                session = session[name]
            if not isinstance(session, str | int) or not session:
                raise ValueError
            headers[of.header] = f"{of.prefix}{session}"
        cookies = cookies_of(answer)
        if not headers and not cookies:
            raise ValueError
        now, lasts_s = self.clock(), inf if of.life_s is None else of.life_s
        return Ticket(headers, cookies, now + lasts_s * of.renew_at, now + lasts_s)

    def forgotten(self, answer: httpx.Response) -> bool:
        """See TicketAuth."""
        return answer.status_code == UNAUTHORIZED or answer.status_code in TO_THE_LOGIN_PAGE
