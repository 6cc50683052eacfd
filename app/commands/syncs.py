"""The `flask sync` commands: copying recordings elsewhere from a terminal."""

import click
from flask.cli import AppGroup

from app.commands.asking import API, ask, row, segment

sync_commands = AppGroup("sync", help="Copying recordings elsewhere.")


@sync_commands.command("start")
@click.option("--tag", required=True, help="Name or id of the tag whose recordings are copied.")
@click.option("--location", required=True, help="Where to: below a root of PLAYBACK_SYNC_TARGETS.")
def start_copying(tag: str, location: str) -> None:
    """Start copying the recordings of a tag and print the id of the job."""
    click.echo(ask("POST", f"{API}/sync", {"tag_name": tag, "location": location}))


@sync_commands.command("show")
@click.argument("job_id")
def show_job(job_id: str) -> None:
    """Show a job: its state, then each record with state, bytes copied, size, target or the last error."""
    job = ask("GET", f"{API}/sync/{segment(job_id)}/")
    row(job["state"], job["tag"], job["location"], f"{job['bytes_copied']}/{job['bytes_total']}")
    for item in job["records"]:
        size = "?" if item["size"] is None else item["size"]
        row(item["record_id"], item["state"], f"{item['copied_bytes']}/{size}", item["error"] or item["target"])


@sync_commands.command("list")
def list_jobs() -> None:
    """List the jobs, the newest first: id, state, begin, tag, location, records done of all."""
    for job in ask("GET", f"{API}/sync"):
        counts = job["counts"]
        done = f"{counts['done']}/{sum(counts.values())}"
        row(job["id"], job["state"], job["created_utc"], job["tag"], job["location"], done)


@sync_commands.command("cancel")
@click.argument("job_id")
def cancel_job(job_id: str) -> None:
    """Cancel what has not been copied yet; what is copied stays."""
    ask("DELETE", f"{API}/sync/{segment(job_id)}/")
