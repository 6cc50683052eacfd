"""`flask share`: links that show a span of a camera to whoever has them."""

import click
from flask.cli import AppGroup

from app.commands.asking import API, ask, ask_pages, row, segment

share_commands = AppGroup("share", help="Links that show a span of a camera.")


@share_commands.command("list")
@click.option("--all", "is_all", is_flag=True, help="Those too that have ended.")
@click.option("--source", "source_id", type=int, help="Only those of this source.")
def list_shares(source_id: int | None, *, is_all: bool) -> None:
    """List the links: id, source, start, end, expiry, openings, of how many, by whom, what was written to it."""
    query = {"source_id": source_id, "is_active": None if is_all else "true"}
    for link in ask_pages(f"{API}/share", query):
        span = (link["source_id"], link["start_utc"], link["end_utc"], link["expires_utc"])
        row(link["id"], *span, link["uses"], link["count"], link["created_by"], link["description"])


@share_commands.command("revoke")
@click.argument("share_ids", nargs=-1, required=True)
def revoke_shares(share_ids: tuple[str, ...]) -> None:
    """End links: nobody can open them any more, and running players stop with their next request."""
    for share_id in share_ids:
        ask("DELETE", f"{API}/share/{segment(share_id)}/")
