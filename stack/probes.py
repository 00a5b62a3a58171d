"""Readiness of a server: asked once, answered at once. The supervisor repeats the
question.

`python -m stack.probes URL` asks it from a container's health check.
"""

import asyncio
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

PROBE_TIMEOUT_S = 2.0
"""Seconds for an answer; the supervisor asks again."""


async def answers(url: str) -> bool:
    """Whether a GET of this plain-HTTP URL is answered with 200. Ignores proxy settings: the server is on this host."""
    return await asyncio.to_thread(_get, url)


def _get(url: str) -> bool:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(answers(sys.argv[1])) else 1)
