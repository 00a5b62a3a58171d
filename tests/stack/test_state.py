"""What a stack keeps: one owner at a time, secrets that stay, ports that are free."""

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import main as cli
from stack.state import AlreadyRunning, Ports, UnusableDirectory, kept_secret, state_directory


def test_a_second_stack_in_the_same_directory_is_refused(tmp_path: Path) -> None:
    with state_directory(tmp_path / "state"), pytest.raises(AlreadyRunning), state_directory(tmp_path / "state"):
        pass
    with state_directory(tmp_path / "state") as again:
        assert again.is_dir()


@pytest.mark.parametrize("made", ["state", "parent", "lock"])
def test_a_directory_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, made: str) -> None:
    """A file in its place or above it; something else where the lock should be."""
    directory = tmp_path / "parent" / "state" if made == "parent" else tmp_path / "state"
    if made == "lock":
        (directory / "lock").mkdir(parents=True)
    else:
        (tmp_path / made).write_text("a file")
    with pytest.raises(UnusableDirectory, match=r"(File exists|Not a directory|Is a directory)\. Choose another"):
        state_directory(directory).__enter__()


def test_the_command_line_says_so_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.write_text("a file")
    for command in ("up", "demo"):
        result = CliRunner().invoke(cli.app, [command, "--state-dir", str(file)])
        assert result.exit_code == 1
        assert isinstance(result.exception, SystemExit), "no error that nobody caught"
        assert "error:" in result.output


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
