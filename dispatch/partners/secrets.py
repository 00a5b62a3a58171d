"""Reads secrets by reference. A secret is kept as one that is not printed, and no error holds it.

Whoever may change the registry could otherwise read what a process has: so only files of some directories and commands
of a list are read, and no setting of Syncline.
"""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from schemas.partners.references import SecretPlace
from schemas.settings import PREFIX, Settings

OWN = f"{PREFIX}SECRET_"
"""Variables that begin so may hold secrets of connections; no other of Syncline's own may be named."""
MAX_BYTES = 64 * 1024
"""Of a secret: a certificate chain with its key is some 10 kB."""
COMMAND_TIMEOUT_S = 5.0
"""A secret store answers within a second; a change of the registry waits for it."""


class UnreadableSecret(Exception):
    """A secret cannot be read; the text says why, and names the reference at most."""


class SecretReader:
    """Reads secrets as the settings allow."""

    def __init__(self, settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
        self._directories = [Path(it).resolve() for it in settings.secret_directories]
        self._commands = frozenset(settings.secret_commands)
        self._environment = environment

    def unreadable(self, reference: str) -> str | None:
        """Why a secret cannot be read, None when it can. A command is not run: it has to be allowed, and be there."""
        try:
            place = SecretPlace.of(reference)
            if place.source == "command":
                self._allowed(place.at)
            else:
                self._at_hand(place)
        except UnreadableSecret as error:
            return str(error)
        return None

    async def read(self, reference: str) -> SecretStr:
        """The secret. Raises `UnreadableSecret`."""
        place = SecretPlace.of(reference)
        text = await self._printed(place.at) if place.source == "command" else self._at_hand(place)
        return SecretStr(text)

    def _at_hand(self, place: SecretPlace) -> str:
        text = self._variable(place.at) if place.source == "env" else self._file(Path(place.at))
        return _whole(text, f"{place.source}:{place.at}")

    def _variable(self, name: str) -> str:
        if name.startswith(PREFIX) and not name.startswith(OWN):
            raise UnreadableSecret(f"is a setting of Syncline's own: name it {OWN}…, or otherwise")
        try:
            return self._environment[name]
        except KeyError:
            raise UnreadableSecret(f"the variable {name} is not set here") from None

    def _file(self, path: Path) -> str:
        try:
            found = path.resolve(strict=True)
            if not any(found.is_relative_to(directory) for directory in self._directories):
                raise UnreadableSecret("is not in a directory of SYNCLINE_SECRET_DIRECTORIES")
            with found.open("rb") as file:
                return file.read(MAX_BYTES + 1).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableSecret(f"the file {path} cannot be read: {type(error).__name__}") from None

    def _allowed(self, command: str) -> list[str]:
        words = command.split(" ")
        if words[0] not in self._commands:
            raise UnreadableSecret("is no command of SYNCLINE_SECRET_COMMANDS")
        if not os.access(words[0], os.X_OK):
            raise UnreadableSecret(f"the command {words[0]} is not there, or may not be run")
        return words

    async def _printed(self, command: str) -> str:
        words = self._allowed(command)
        try:
            process = await asyncio.create_subprocess_exec(*words, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
        except OSError as error:
            raise UnreadableSecret(f"the command {words[0]} cannot be run: {type(error).__name__}") from None
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                printed, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise UnreadableSecret(f"the command {words[0]} took longer than {COMMAND_TIMEOUT_S:g} s") from None
        if process.returncode:
            raise UnreadableSecret(f"the command {words[0]} ended with {process.returncode}")
        return _whole(printed.decode(errors="replace"), f"the command {words[0]}")


def _whole(text: str, what: str) -> str:
    text = text.rstrip("\r\n")
    if not text or len(text) > MAX_BYTES:
        raise UnreadableSecret(f"{what} holds nothing, or more than {MAX_BYTES} bytes")
    return text
