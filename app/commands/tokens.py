"""`flask token`: what programs sign in with."""

import click
from flask.cli import AppGroup

from app.commands.asking import API, ask, ask_pages, row, segment

token_commands = AppGroup("token", help="What programs sign in with: API tokens.")


@token_commands.command("add")
@click.argument("name")
@click.option("--account", required=True, help="Whose it is: it never may do more than this account.")
@click.option("--role", default="viewer", show_default=True, help="viewer, operator, admin or analyser.")
@click.option("--endpoints", help="Only these areas, with commas between, as playback,live (docs/security.md).")
@click.option("--sources", "source_ids", help="Only these cameras: ids with commas between.")
@click.option("--begin", help="Only footage from here on, as 2026-11-20T22:44:05Z.")
@click.option("--end", help="Only footage up to here.")
@click.option("--expires", help="When it ends by itself; left out: never.")
def add_token(**given: str | None) -> None:
    """Make a token; prints its id and, this once, the token."""
    made = ask("POST", f"{API}/token", {name: value for name, value in given.items() if value is not None})
    row(made["id"], made["token"])


@token_commands.command("list")
@click.option("--account", default="*", help="Only those of this account.")
def list_tokens(account: str) -> None:
    """List the tokens: id, account, name, role, `active` or nothing, expiry, last use, areas, cameras, window."""
    for token in ask_pages(f"{API}/token", {"account": account}):
        names = ("expires_utc", "last_used_utc")
        bounds = [token["endpoints"], token["source_ids"]]
        row(
            *(token[name] for name in ("id", "account", "name", "role")),
            "active" if token["is_active"] else None,
            *(token[name] for name in names),
            *(None if bound is None else ",".join(map(str, bound)) or "none" for bound in bounds),
            *(token[name] for name in ("begin_utc", "end_utc")),
        )


@token_commands.command("revoke")
@click.argument("token_id")
def revoke_token(token_id: str) -> None:
    """Revoke a token, and those that were made with it, at once."""
    ask("DELETE", f"{API}/token/{segment(token_id)}/")
