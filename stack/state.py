"""What a stack keeps in its directory: a lock, its secrets, its logs and its data; and the ports it finds free."""

import fcntl
import os
import random
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

FIRST_RANDOM_PORT, LAST_RANDOM_PORT = 20_000, 30_000
"""Below the range from which the kernel takes ports for outgoing connections."""


class AlreadyRunning(RuntimeError):
    """Another stack uses this directory."""


@contextmanager
def state_directory(directory: Path | None) -> Iterator[Path]:
    """The directory, private to this user, locked while in use. A temporary one, removed at the end, for None.

    Raises `AlreadyRunning` when another process holds the lock; a dead one holds nothing.
    """
    path = Path(tempfile.mkdtemp(prefix="syncline-")) if directory is None else directory.absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o711)  # only for passing through: PostgreSQL may have to run as nobody, all else inside is private
        with (path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(f"Another Syncline stack is running in {path}") from None
            yield path
    finally:
        if directory is None:
            shutil.rmtree(path, ignore_errors=True)


def kept_secret(directory: Path, name: str) -> str:
    """A random secret, made at the first call and read from a file of mode 0600 ever after."""
    file = directory / name
    if not file.exists():
        write_private(file, secrets.token_urlsafe(32))
    return file.read_text()


def write_private(file: Path, text: str) -> None:
    """Write a file of mode 0600, whole or not at all."""
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    unfinished.rename(file)


class Ports:
    """Hands out ports of 127.0.0.1 that nobody listens on, each once."""

    def __init__(self, *, anywhere: bool) -> None:
        self._anywhere = anywhere
        self._given: set[int] = set()

    def take(self, wanted: int) -> int:
        """The wanted port, else the next free one above it; with `anywhere`, one from a random place."""
        port = random.randint(FIRST_RANDOM_PORT, LAST_RANDOM_PORT) if self._anywhere else wanted  # noqa: S311
        while port in self._given or not _free(port):
            port += 1
        self._given.add(port)
        return port


def _free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: closed connections do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
