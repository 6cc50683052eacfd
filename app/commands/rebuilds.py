"""`flask rebuild`: the database of footage from the media files alone."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flask import current_app
from flask.cli import with_appcontext

from app.commands.asking import row

if TYPE_CHECKING:
    from app.archive.rebuilding import Rebuilt, Reporter
    from instance.config import Config

ALIVE_S = 60.0  # a recorder gives a sign of life every second


@click.command("rebuild")
@click.option("--dry-run", "is_dry", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--index", "has_index", is_flag=True, help="Make the sample indexes that are missing, too.")
@click.option("--processes", type=click.IntRange(0, 64), default=0, help="That read files; 0: one for each core.")
@with_appcontext
def rebuild_command(*, is_dry: bool, has_index: bool, processes: int) -> None:
    """Make the rows of all footage that has none, from the files; print what is left, then how many were made."""
    from app.archive.rebuilding import rebuild
    from app.archive.reindexing import reindex

    config = current_app.config["PLAYBACK"]
    roots = usable_roots(config, is_dry=is_dry)
    done = rebuild(roots, _reporter(), is_dry=is_dry, processes=processes)
    if not is_dry:
        take_in_leftovers(roots, config.run_path)
        _note(done)
    indexed = reindex(roots, processes) if has_index and not is_dry else 0
    for name in ("files", "segments", "runs", "sources"):
        row(name, getattr(done, name))
    row("indexes", indexed)
    row("left", done.odd)


def usable_roots(config: "Config", *, is_dry: bool) -> dict[str, Path]:
    """Return the roots of the storages that can be used, by id; tell of the others. Raises ClickException for none."""
    from app.archive.mounts import look_at_mounts, open_usable

    mounts = look_at_mounts(config)
    for mount in mounts:
        if mount.problem is not None:
            click.echo(f"{mount.root}: {mount.problem}", err=True)
    roots = open_usable(config, mounts, is_dry=is_dry)
    if not roots:
        raise click.ClickException("no storage can be used: mount it, or name it with PLAYBACK_STORAGE")
    return roots


def _reporter() -> "Reporter":
    from app.archive.filewalk import Odd
    from app.archive.rebuilding import Rebuilt, Reporter

    def odd(found: Odd) -> None:
        click.echo(f"left: {found.path}: {found.why}")

    def progress(done: Rebuilt) -> None:
        if sys.stderr.isatty():
            click.echo(f"{done.files} files, {done.segments} rows, {done.per_s:.0f} files/s", err=True)

    return Reporter(odd, progress)


def take_in_leftovers(roots: Mapping[str, Path], run_path: Path) -> None:
    """Take in what ffmpeg left in the live folders, unless a recorder is there to do it, or does now."""
    from app.archive.reopening import reopen_runs
    from app.capture import recovery

    for storage_id, root in roots.items():
        sources = sorted(recovery.leftover_sources(root))
        for source_id in sources:
            reopen_runs(root, storage_id, source_id)
        if sources and is_recorded_to(root, run_path):
            click.echo(f"{root}: a recorder is there, and goes on with what is in its live folder", err=True)
            continue
        living = recovery.living_ffmpegs(root)
        for source_id in sources:
            runs = living.get(source_id, [])
            recovery.take_in(root, storage_id, source_id, {process.run_id for process in runs})
            for process in runs:
                process.close()


def is_recorded_to(root: Path, run_path: Path) -> bool:
    """Tell whether a recorder of this instance, or of another machine, uses the storage now."""
    from app.archive import places
    from app.locks import lock_holder

    beats = (path.stat().st_mtime for path in (root / places.LIVE).glob(".heartbeat-*"))
    return lock_holder(run_path / "recorder.lock") is not None or any(time.time() - at < ALIVE_S for at in beats)


def _note(done: "Rebuilt") -> None:
    """Write down that rows were made."""
    from app.archive.auditing import audit
    from app.extensions import writing

    if done.segments or done.sources:
        with writing() as session:
            told = {"segments": done.segments, "runs": done.runs, "sources": done.sources, "left": done.odd}
            audit(session, "terminal", "rebuild", "archive", None, **told)
