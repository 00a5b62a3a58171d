"""`syncline audit …`: check the audit trail, and read its end."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from cli.terminal import DEFAULT_STATE, NO_KEY, StateDir, configured, console, fail, seals, with_database
from stack.state import AUDIT_ANCHORS
from store.audit import audit_trail
from store.audit.anchors import Anchors, Forged
from store.engine import Connection
from store.seals import Trail

app = typer.Typer(no_args_is_help=True, help="The audit trail.")


@app.callback()
def trail() -> None:
    """The audit trail."""


@app.command()
def verify(
    anchors: Annotated[
        Path | None, typer.Option(help="A file or directory of anchors; where the worker keeps them when absent.")
    ] = None,
    without: Annotated[
        bool, typer.Option("--without-anchors", help="The chain alone: an end that was cut off is not found.")
    ] = False,
    state_dir: StateDir = DEFAULT_STATE,
) -> None:
    """Check every entry's seal and link, and the chain against its anchors; ends with 1 when anything is wrong."""
    keys = seals(state_dir)
    if keys is None:
        raise fail(NO_KEY)
    kept = Anchors(anchors or Path(configured().audit_anchors or state_dir / AUDIT_ANCHORS), keys)
    if not without:
        _read(kept)
    checked = Trail(keys, kept.known())
    if wrong := with_database(_verified(checked), state_dir):
        raise fail(f"the audit trail is not whole: {wrong}")
    last = checked.last.id if checked.last else 0
    held = kept.newest.id if kept.newest else 0
    console.print(f"The audit trail is whole: {last} entries, {held} of them held by {kept.count} anchors.")


def _verified(trail: Trail) -> Callable[[Connection], Awaitable[str | None]]:
    return lambda connection: audit_trail.verify(connection, trail)


def _read(kept: Anchors) -> None:
    try:
        kept.look()
    except Forged as error:
        raise fail(f"the anchors are not whole: {error}") from None
    if kept.newest is None:
        raise fail(f"no anchor is in {kept.place}: name their place with --anchors, or say --without-anchors")
