"""`flask pin`: stretches of footage that nothing deletes."""

import click
from flask.cli import AppGroup

from app.commands.asking import API, ask, ask_pages, row, segment

pin_commands = AppGroup("pin", help="Stretches of footage that nothing deletes.")


@pin_commands.command("add")
@click.option("--source", "source_id", type=int, help="The id of a source, with --start and --end.")
@click.option("--record", "record_id", help="Or the id of a record.")
@click.option("--start", help="Where it begins, as 2026-11-20T22:44:05Z.")
@click.option("--end", help="Where it ends.")
@click.option("--expires", help="When the pin ends by itself; left out: never.")
@click.option("--reason", required=True, help="Why.")
def add_pin(**given: str | int | None) -> None:
    """Protect a stretch of footage; prints the id of the pin."""
    values = {name: value for name, value in given.items() if value is not None}
    row(ask("POST", f"{API}/pins", values)["id"])


@pin_commands.command("list")
@click.option("--source", "source_id", type=int, help="Only those of this source's id.")
@click.option("--active/--ended", "is_active", default=None, help="Only those that protect now, or only the others.")
def list_pins(*, source_id: int | None, is_active: bool | None) -> None:
    """List the pins: id, `active` or nothing, source, begin, end, owner, expiry, released by, reason."""
    query = {"source_id": source_id, "is_active": None if is_active is None else str(is_active).lower()}
    for pin in ask_pages(f"{API}/pins", query):
        names = ("source_id", "start_utc", "end_utc", "owner", "expires_utc", "released_by", "reason")
        row(pin["id"], "active" if pin["is_active"] else None, *(pin[name] for name in names))


@pin_commands.command("release")
@click.argument("pin_id")
def release_pin(pin_id: str) -> None:
    """Release a pin: what it protected may be deleted again."""
    ask("DELETE", f"{API}/pins/{segment(pin_id)}/")
