"""`syncline partner …`: partners and their credentials."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli import registry
from cli.registry import rotate_connection
from cli.terminal import DEFAULT_STATE, StateDir, configured, console, fail, with_database
from schemas.base import Role
from schemas.messaging.webhooks import webhook_secret_text
from stack.layout import local_master_secret
from store.audit import audit_trail
from store.engine import Connection
from store.partners import partners
from store.partners.partners import Secret

OVERLAP_H = 24.0
"""A partner has a day to change over: what it had signed and is still sending is taken."""

app = typer.Typer(no_args_is_help=True, help="Partners, their connections and credentials.")
app.add_typer(registry.app)
Yes = Annotated[bool, typer.Option("--yes", help="Change what is known of a partner without asking.")]


@app.command("add")
def add_partner(partner: str, role: Role, name: str, yes: Yes = False, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Add a partner; prints its API key and webhook secret, once. Asks before it changes one that exists."""

    async def known(connection: Connection) -> tuple[Role, str] | None:
        return await partners.known(connection, partner)

    there = with_database(known, state_dir)
    _confirm(partner, there, (role, name), yes=yes)

    async def add(connection: Connection) -> tuple[str, tuple[Secret, ...]]:
        if await partners.known(connection, partner) != there:
            raise fail(f"{partner} has just been changed by somebody else: look, and try again")
        await partners.add(connection, partner, role, name)
        if await partners.known(connection, partner) != (role, name):
            raise fail(f"{partner} is described in the registry: change its role and name there")
        await audit_trail.record(connection, "cli", "partner_changed" if there else "partner_added", partner, role=role)
        key = await partners.new_key(connection, partner, "first key" if there is None else "another key")
        return key, await partners.secrets_of(connection, partner)

    try:
        key, secrets = with_database(add, state_dir)
    except ValueError as error:
        raise fail(str(error)) from None
    console.print(f"API key         {key}", soft_wrap=True)
    _print(partner, secrets[-1], state_dir)


def _confirm(partner: str, there: tuple[Role, str] | None, wanted: tuple[Role, str], *, yes: bool) -> None:
    """Say what would change of a partner that exists, and ask."""
    if there is None:
        return
    changes = [
        f"{what} {old} becomes {new}"
        for what, old, new in zip(("role", "name"), there, wanted, strict=True)
        if old != new
    ]
    said = "; ".join(changes) or "one more API key is made, those before it stay valid"
    console.print(f"{partner} is known: {said}.", soft_wrap=True)
    if not yes and not typer.confirm("Go on?"):
        raise typer.Exit(1)


@app.command("rotate")
def rotate(
    partner: str,
    valid_from: Annotated[datetime | None, typer.Option(help="From when the new one counts (UTC); at once.")] = None,
    overlap_hours: Annotated[float, typer.Option(min=0, max=8760, help="So long the old one counts on.")] = OVERLAP_H,
    api_key: Annotated[bool, typer.Option("--api-key", help="A new API key instead; it counts at once.")] = False,
    connection: Annotated[str | None, typer.Option(help="Other secrets for this connection instead.")] = None,
    secret: Annotated[list[str] | None, typer.Option(help="NAME=REFERENCE, as token=env:NEW_TOKEN.")] = None,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Give a partner a new webhook secret, and print it. The one before counts on for a while: time to change over.

    With --api-key it is an API key; with --connection, what we show to the partner is another secret, by reference.
    """
    start, overlap = valid_from.replace(tzinfo=UTC) if valid_from else None, timedelta(hours=overlap_hours)
    if connection is not None:
        named = dict(text.split("=", 1) for text in secret or () if "=" in text)
        if not named:
            raise fail("name the new secrets: --secret token=env:NEW_TOKEN")
        rotate_connection(state_dir, partner, connection, named, start or datetime.now(UTC), overlap)
    elif api_key:
        _rotate_key(partner, overlap, state_dir)
    else:
        _rotate_webhook(partner, start, overlap, state_dir)


def _rotate_webhook(partner: str, start: datetime | None, overlap: timedelta, state_dir: Path) -> None:
    async def rotated(connection: Connection) -> tuple[Secret, ...]:
        found = await partners.rotate(connection, partner, start, overlap)
        new = found[-1]
        await audit_trail.record(
            connection, "cli", "secret_rotated", partner, version=new.version, valid_from=new.valid_from.isoformat()
        )
        return found

    try:
        *old, new = with_database(rotated, state_dir)
    except LookupError:
        raise fail(f"no partner is called {partner}") from None
    _print(partner, new, state_dir)
    console.print(f"It counts from {_moment(new.valid_from)} on.")
    for it in old:
        console.print(f"Version {it.version} counts until {_moment(it.valid_until or new.valid_from)}.")


def _rotate_key(partner: str, overlap: timedelta, state_dir: Path) -> None:
    async def rotated(connection: Connection) -> tuple[str, datetime]:
        found = await partners.rotate_key(connection, partner, overlap)
        await audit_trail.record(connection, "cli", "key_rotated", partner, former_until=found[1].isoformat())
        return found

    try:
        key, until = with_database(rotated, state_dir)
    except LookupError:
        raise fail(f"no partner is called {partner}") from None
    console.print(f"API key         {key}", soft_wrap=True)
    console.print(f"Those before it work until {_moment(until)}.")


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _print(partner: str, secret: Secret, state_dir: Path) -> None:
    """Print a webhook secret, where the master secret is known that it is derived from."""
    master = local_master_secret(state_dir) or configured().master_secret.get_secret_value()
    if master:
        console.print(f"Webhook secret  {webhook_secret_text(master, partner, secret.version)}", soft_wrap=True)
    else:
        console.print(f"Webhook secret  version {secret.version}: set SYNCLINE_MASTER_SECRET to see it", soft_wrap=True)


@app.command("revoke-keys")
def revoke_keys(partner: str, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Take a partner's access away: every API key and webhook secret. Gateways notice within ten seconds."""

    async def revoke(connection: Connection) -> tuple[int, int]:
        if await partners.known(connection, partner) is None:
            raise fail(f"no partner is called {partner}")
        await audit_trail.record(connection, "cli", "keys_revoked", partner)
        return await partners.revoke_keys(connection, partner), await partners.end_secrets(connection, partner)

    keys, secrets = with_database(revoke, state_dir)
    console.print(f"{keys} keys and {secrets} webhook secrets of {partner} are revoked.")
