"""`syncline partner …`: partners and their credentials."""

import typer

from commands.terminal import DEFAULT_STATE, StateDir, console, with_database
from schemas.base import Role
from schemas.webhooks import webhook_secret_text
from stack.layout import local_master_secret
from store import audit, partners
from store.engine import Connection

app = typer.Typer(no_args_is_help=True, help="Partners and their credentials.")


@app.command("add")
def add_partner(partner: str, role: Role, name: str, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Add a partner; prints its API key and webhook secret, once."""

    async def add(connection: Connection) -> str:
        await partners.add(connection, partner, role, name)
        await audit.record(connection, "cli", "partner_added", partner, role=role)
        return await partners.new_key(connection, partner, "first key")

    key = with_database(add, state_dir)
    console.print(f"API key         {key}", soft_wrap=True)
    master = local_master_secret(state_dir)
    if master:
        console.print(f"Webhook secret  {webhook_secret_text(master, partner)}", soft_wrap=True)


@app.command("revoke-keys")
def revoke_keys(partner: str, state_dir: StateDir = DEFAULT_STATE) -> None:
    """Revoke every API key of a partner; gateways notice within ten seconds."""

    async def revoke(connection: Connection) -> int:
        await audit.record(connection, "cli", "keys_revoked", partner)
        return await partners.revoke_keys(connection, partner)

    console.print(f"{with_database(revoke, state_dir)} keys of {partner} are revoked.")
