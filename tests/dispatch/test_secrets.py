"""Secrets by reference: what may be read, and what never shows."""

import asyncio
from pathlib import Path

import pytest

from dispatch.partners import secrets
from dispatch.partners.secrets import SecretReader, UnreadableSecret
from schemas.settings import Settings

VALUE = "t0p-s3cr3t"
ENVIRONMENT = {
    "NORTH_TOKEN": VALUE,
    "EMPTY": "",
    "SYNCLINE_MASTER_SECRET": VALUE,
    "SYNCLINE_SECRET_NORTH": VALUE,
}


def script(place: Path, text: str) -> Path:
    """A command."""
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o700)
    return place


def reader(tmp_path: Path, *commands: Path) -> SecretReader:
    """Who reads files of one directory, and runs these commands."""
    (tmp_path / "secrets").mkdir(exist_ok=True)
    config = Settings(secret_directories=[str(tmp_path / "secrets")], secret_commands=[str(it) for it in commands])
    return SecretReader(config, ENVIRONMENT)


async def test_variables_files_and_commands_are_read(tmp_path: Path) -> None:
    command = script(tmp_path / "pass", 'echo "$1-$2"')
    read = reader(tmp_path, command)
    (tmp_path / "secrets" / "north").write_text(f"{VALUE}\n")
    for reference, said in (
        ("env:NORTH_TOKEN", VALUE),
        ("env:SYNCLINE_SECRET_NORTH", VALUE),
        (f"file:{tmp_path}/secrets/north", VALUE),
        (f"command:{command} a b", "a-b"),
    ):
        assert read.unreadable(reference) is None
        secret = await read.read(reference)
        assert secret.get_secret_value() == said
        assert said not in f"{secret!r} {secret}"


async def test_what_may_not_be_read_is_not(tmp_path: Path) -> None:
    failing, allowed = script(tmp_path / "failing", f"echo {VALUE}; exit 3"), script(tmp_path / "ok", "echo x")
    read = reader(tmp_path, failing, tmp_path / "missing")
    (tmp_path / "outside").write_text(VALUE)
    (tmp_path / "secrets" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "secrets" / "large").write_text("x" * (secrets.MAX_BYTES + 1))
    for reference, why in (
        ("env:NOWHERE", "is not set here"),
        ("env:EMPTY", "holds nothing"),
        ("env:SYNCLINE_MASTER_SECRET", "Syncline's own"),
        (f"file:{tmp_path}/secrets/nowhere", "cannot be read"),
        (f"file:{tmp_path}/outside", "SYNCLINE_SECRET_DIRECTORIES"),
        (f"file:{tmp_path}/secrets/../outside", "SYNCLINE_SECRET_DIRECTORIES"),
        (f"file:{tmp_path}/secrets/link", "SYNCLINE_SECRET_DIRECTORIES"),
        (f"file:{tmp_path}/secrets/large", "more than"),
        (f"command:{allowed}", "SYNCLINE_SECRET_COMMANDS"),
        (f"command:{tmp_path}/missing", "is not there"),
    ):
        assert why in (read.unreadable(reference) or ""), reference
        with pytest.raises(UnreadableSecret, match=why) as failed:
            await read.read(reference)
        assert VALUE not in f"{failed.value!r} {failed.value.__cause__!r}"
    with pytest.raises(UnreadableSecret, match="ended with 3") as failed:
        await read.read(f"command:{failing}")
    assert VALUE not in str(failed.value)


async def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT_S", 0.2)
    slow = script(tmp_path / "slow", f"echo $$ > {tmp_path}/pid; exec sleep 600")
    with pytest.raises(UnreadableSecret, match="longer than"):
        await reader(tmp_path, slow).read(f"command:{slow}")
    if (tmp_path / "pid").exists():
        with pytest.raises(ProcessLookupError):
            await asyncio.to_thread(__import__("os").kill, int((tmp_path / "pid").read_text()), 0)
