"""`flask activity`: looking for movement in what was recorded."""

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from app.commands.asking import API, ask, row

activity_commands = AppGroup("activity", help="How much moves before the cameras.")


@activity_commands.command("set")
@click.argument("source_id", type=int)
@click.option("--on/--off", "is_enabled", default=None, help="Whether its footage is looked at.")
@click.option("--since", help="Footage recorded before it is not looked at, as 2026-11-20T22:44:05Z.")
@click.option("--threshold", type=float, help="Share of the picture, 0 to 1, that counts as movement.")
def set_activity(source_id: int, **given: bool | str | float | None) -> None:
    """Switch a camera on or off, and say from when on it is looked at; prints what `status` does."""
    values = {name: value for name, value in given.items() if value is not None}
    _tell(ask("PUT", f"{API}/source/{source_id}/activity/setting", values))


@activity_commands.command("status")
@with_appcontext
def show_status() -> None:
    """List cameras that were ever switched on: id, `on` or `off`, since, seconds behind, key frames, CPU seconds."""
    from app.archive.activitysettings import all_behind
    from app.extensions import db

    for source_id in [one.source_id for one in all_behind(db.session)]:
        _tell(ask("GET", f"{API}/source/{source_id}/activity/setting"))


@activity_commands.command("run")
@click.option("--seconds", type=click.FloatRange(min=1), default=60.0, help="CPU seconds at most.")
@click.option("--source", "source_ids", type=int, multiple=True, help="Only this source's; may come several times.")
@with_appcontext
def run_activity(seconds: float, source_ids: tuple[int, ...]) -> None:
    """Look now, as the worker does by itself; prints segments, key frames, CPU seconds, and whether more is left."""
    from app.playback.activitypass import ActivityPass

    if not current_app.config["PLAYBACK"].storage_path.is_dir():
        raise click.ClickException("there is no storage yet: nothing was recorded")
    done = ActivityPass(seconds, source_ids=source_ids or None).run()
    row(done.segments, done.decoded, f"{done.cpu_s:.1f}", "more" if done.is_more else "done")


def _tell(setting: dict[str, object]) -> None:
    is_on = "on" if setting["is_enabled"] else "off"
    names = ("since_utc", "behind_s", "decoded", "decoding_s")
    row(setting["source_id"], is_on, *(setting[name] for name in names))
