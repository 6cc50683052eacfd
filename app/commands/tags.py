"""`flask tag`: the names under which sources record together."""

import click
from flask.cli import AppGroup

from app.commands.asking import API, ask_pages, row

tag_commands = AppGroup("tag", help="The names under which sources record together.")


@tag_commands.command("list")
@click.option("--recording/--idle", "is_recording", default=None, help="Only those that record now, or the others.")
def list_tags(*, is_recording: bool | None) -> None:
    """List the tags: id, `recording` or nothing, name."""
    query = {"is_recording": None if is_recording is None else str(is_recording).lower()}
    for tag in ask_pages(f"{API}/tags", query):
        row(tag["id"], "recording" if tag["is_recording"] else None, tag["name"])
