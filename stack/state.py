"""The directory of a stack: a lock, its secrets, its logs and its data; and free ports."""

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
from typing import TextIO

FIRST_RANDOM_PORT, LAST_RANDOM_PORT = 20_000, 30_000
"""Below the range from which the kernel takes ports for outgoing connections."""


AUDIT_KEY, AUDIT_ANCHORS = "audit.key", "audit"
"""Files of the audit trail's key, and of its signed anchors."""


class AlreadyRunning(RuntimeError):
    """Another stack uses this directory."""


class UnusableDirectory(RuntimeError):
    """Nothing can be kept in this directory."""


@contextmanager
def state_directory(directory: Path | None) -> Iterator[Path]:
    """The directory, private to this user, locked while in use. A temporary one, removed at the end, for None.

    Raises `AlreadyRunning` when another process holds the lock; a dead one holds nothing. Raises `UnusableDirectory`
    when a file is in the way, or rights or the disk do not allow it.
    """
    path = Path(tempfile.mkdtemp(prefix="syncline-")) if directory is None else directory.absolute()
    try:
        with _locked(path):
            yield path
    finally:
        if directory is None:
            shutil.rmtree(path, ignore_errors=True)


def _locked(path: Path) -> TextIO:
    """The lock of a directory, which is made where there is none. Held until it is closed."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o711)  # only for passing through: PostgreSQL may have to run as nobody, all else inside is private
        lock = (path / "lock").open("w")
    except OSError as error:
        said = f"Syncline cannot keep its files in {path}: {error.strerror}. Choose another directory with --state-dir"
        raise UnusableDirectory(said) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise AlreadyRunning(f"Another Syncline stack is running in {path}") from None
    return lock


def kept_secret(directory: Path, name: str) -> str:
    """A random secret, made at the first call and read from a file of mode 0600 ever after."""
    file = directory / name
    if not file.exists():
        write_private(file, secrets.token_urlsafe(32))
    return file.read_text()


def found(directory: Path, name: str) -> str | None:
    """The content of a file in the directory; None when there is none."""
    file = directory / name
    return file.read_text() if file.exists() else None


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
