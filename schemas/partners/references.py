"""Secrets by reference: where a secret stands. The secret itself is never part of a contract, a table or a log."""

from typing import Annotated, Literal, NamedTuple

from pydantic import StringConstraints

Source = Literal["env", "file", "command"]
_PATH = r"/[A-Za-z0-9._/-]{1,300}"
_ARGUMENT = r"[A-Za-z0-9._/:=@-]{1,100}"
SecretReference = Annotated[
    str,
    StringConstraints(pattern=rf"^(env:[A-Z][A-Z0-9_]{{0,99}}|file:{_PATH}|command:{_PATH}( {_ARGUMENT}){{0,8}})$"),
]
"""`env:NAME`, `file:/path` or `command:/path argument …`. A command runs without a shell and prints the secret."""


class SecretPlace(NamedTuple):
    """A reference, taken apart: `env` and a name, `file` and a path, `command` and its words."""

    source: Source
    at: str

    @classmethod
    def of(cls, reference: str) -> "SecretPlace":
        """Take a `SecretReference` apart."""
        source, _, at = reference.partition(":")
        kinds: dict[str, Source] = {"env": "env", "file": "file", "command": "command"}
        return cls(kinds[source], at)


class ClosedConnection(NamedTuple):
    """A connection that takes no calls now, and why; the text holds no secret."""

    why: str
