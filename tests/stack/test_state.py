"""What a stack keeps: one owner at a time, secrets that stay, ports that are free."""

import socket
from pathlib import Path

import pytest

from stack.state import AlreadyRunning, Ports, kept_secret, state_directory


def test_a_second_stack_in_the_same_directory_is_refused(tmp_path: Path) -> None:
    with state_directory(tmp_path / "state"), pytest.raises(AlreadyRunning), state_directory(tmp_path / "state"):
        pass
    with state_directory(tmp_path / "state") as again:
        assert again.is_dir()


def test_a_temporary_directory_is_removed() -> None:
    with state_directory(None) as directory:
        kept_secret(directory, "secret")
    assert not directory.exists()


def test_a_secret_is_private_random_and_kept(tmp_path: Path) -> None:
    first = kept_secret(tmp_path, "a.secret")
    assert first == kept_secret(tmp_path, "a.secret")
    assert first != kept_secret(tmp_path, "b.secret")
    assert len(first) >= 32
    assert (tmp_path / "a.secret").stat().st_mode & 0o777 == 0o600


def test_ports_in_use_and_ports_given_are_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        ports = Ports(anywhere=False)
        first, second = ports.take(wanted), ports.take(wanted)
        assert wanted < first < second
    assert Ports(anywhere=False).take(first) == first
