"""One strategy within another: what the outer sends, its own requests among them, bears what the inner gives."""

from collections.abc import AsyncGenerator

import httpx


class NestedAuth(httpx.Auth):
    """Such as a CSRF token within OAuth2: the fetch of the token is a call that must log in too."""

    def __init__(self, outer: httpx.Auth, inner: httpx.Auth) -> None:
        self._outer, self._inner = outer, inner

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See httpx.Auth."""
        outer = self._outer.async_auth_flow(request)
        try:
            wanted = await anext(outer)
            while True:
                inner = self._inner.async_auth_flow(wanted)
                try:
                    sent = await anext(inner)
                    while True:
                        answer = yield sent
                        try:
                            sent = await inner.asend(answer)
                        except StopAsyncIteration:
                            break
                finally:
                    await inner.aclose()
                try:
                    wanted = await outer.asend(answer)
                except StopAsyncIteration:
                    return
        finally:
            await outer.aclose()
