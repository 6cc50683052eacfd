"""`flask record`: starting, stopping and listing recordings; ending the service."""

import os
import signal
import time

import click
from flask import current_app
from flask.cli import AppGroup

from app.commands.asking import API, ask, ask_pages, row, segment

record_commands = AppGroup("record", help="Recording.")
SHUTDOWN_S = 30.0


@record_commands.command("start")
@click.option("--tag", required=True, help="The name to record under.")
@click.option("--group", required=True, help="Name or id of the group of sources.")
@click.option("--model", type=click.Choice(["Source", "PictureSource"]), default="Source", show_default=True)
def start_recording(tag: str, group: str, model: str) -> None:
    """Start recording a group of sources under a tag."""
    ask("POST", f"{API}/record", {"model": model, "tag_name": tag, "group_name": group})


@record_commands.command("stop")
@click.option("--tag", required=True, help="The name recorded under.")
@click.option("--model", type=click.Choice(["Source", "PictureSource"]), help="Only the sources of this model.")
def stop_recording(tag: str, model: str | None) -> None:
    """Stop recording under a tag."""
    ask("PUT", f"{API}/record", {"tag_name": tag, **({"model": model} if model else {})})


@record_commands.command("list")
@click.option("--tag", required=True, help="The name recorded under.")
@click.option("--source", help="Only those of this source's id.")
@click.option("--open/--ended", "is_open", default=None, help="Only those that go on, or only those that ended.")
def list_records(tag: str, source: str | None, *, is_open: bool | None) -> None:
    """List the recordings of a tag: id, status, begin, end, source, location."""
    query = {"tag_name": tag, "source_id": source, "is_open": None if is_open is None else str(is_open).lower()}
    for record in ask_pages(f"{API}/record", query):
        row(
            *(record[name] for name in ("id", "status", "begin_utc", "end_utc")),
            record["source"][0]["id"],
            record["location"],
        )


@record_commands.command("delete-file")
@click.argument("record_id")
@click.option("--location", help="As `flask record list` shows it; left out: asked for by its id.")
@click.option("--reason", help="Why: kept with the deletion.")
def delete_file(record_id: str, location: str | None, reason: str | None) -> None:
    """Delete the footage of a recording; its record stays, as deleted."""
    path = f"{API}/record/{segment(record_id)}/"
    where = ask("GET", path)["location"] if location is None else location
    ask("DELETE", f"{path}file/", {"location": where, **({"reason": reason} if reason else {})})


@record_commands.command("shutdown")
def shut_down() -> None:
    """End the service of this instance, every ffmpeg cleanly; what was wanted goes on at the next start."""
    from app.locks import lock_holder

    folder = current_app.config["PLAYBACK"].run_path
    locks = [folder / "supervisor.lock", folder / "recorder.lock"]
    found = next((lock for lock in locks if lock_holder(lock) is not None), None)
    pid = lock_holder(found) if found is not None else None
    if found is None or pid is None:
        raise click.ClickException("nothing of this instance runs here")
    os.kill(pid, signal.SIGINT)
    until_s = time.monotonic() + SHUTDOWN_S
    while lock_holder(found) == pid:
        if time.monotonic() > until_s:
            raise click.ClickException(f"process {pid} does not end; its log says why")
        time.sleep(0.1)
