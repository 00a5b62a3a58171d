"""CSRF tokens as SAP Gateway has them: fetched with the cookies of a session, borne by every change."""

import time

import httpx

from connectors.http.authentication.tickets import Clock, LoginOwner, Ticket, TicketAuth, cookies_of
from schemas.authentication import CsrfToken

HEADER = "x-csrf-token"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
FORBIDDEN = 403
"""The status with which a system requires a new token (RFC 9110, 15.5.4)."""


class CsrfAuth(TicketAuth):
    """Fetches a token before the first change, and anew once when the system requires another."""

    def __init__(self, of: CsrfToken, owner: LoginOwner, clock: Clock = time.monotonic) -> None:
        super().__init__(owner, clock)
        self._of = of

    def login(self, request: httpx.Request) -> httpx.Request:
        """See TicketAuth."""
        return httpx.Request("GET", self._of.url, headers={HEADER: "fetch", "Accept": "application/json"})

    def ticket(self, answer: httpx.Response) -> Ticket:
        """See TicketAuth."""
        token = answer.headers[HEADER]
        if not token or token.lower() == "required":
            raise ValueError
        return Ticket({HEADER: token}, cookies_of(answer))

    def forgotten(self, answer: httpx.Response) -> bool:
        """See TicketAuth."""
        return answer.status_code == FORBIDDEN and answer.headers.get(HEADER, "").lower() == "required"

    def concerns(self, request: httpx.Request) -> bool:
        """See TicketAuth. Reading needs no token."""
        return request.method not in READING
