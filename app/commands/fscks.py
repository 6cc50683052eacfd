"""`flask fsck`: database and files against each other."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flask import current_app
from flask.cli import with_appcontext

from app.commands.rebuilds import is_recorded_to, take_in_leftovers

if TYPE_CHECKING:
    from app.archive.checking import Check


@click.command("fsck")
@click.option("--repair", "is_repairing", is_flag=True, help="Repair what can be; left out: only tell.")
@click.option("--hash", "is_hashing", is_flag=True, help="Read every byte, and compare the hashes.")
@click.option("--gone", "is_sure", is_flag=True, help="Files that are not there are gone for good, however many.")
@with_appcontext
def fsck_command(*, is_repairing: bool, is_hashing: bool, is_sure: bool) -> None:
    """Compare database and files: a line for each thing that is wrong; the status is 1 while any is left so."""
    from app.archive.checking import Check, why_refused
    from app.archive.mounts import look_at_mounts

    mounts = look_at_mounts(current_app.config["PLAYBACK"])
    roots = {mount.storage_id: mount.root for mount in mounts if mount.problem is None and mount.storage_id is not None}
    check = Check(roots, click.echo, is_repairing, is_hashing)
    for mount in mounts:
        if mount.problem is not None:
            check.say("storage", mount.root, f"{mount.problem}: nothing in it is judged")
    check.refusal = why_refused(roots, is_sure=is_sure)
    if check.refusal is not None:
        check.say("refused", "rows", f"none is marked or removed: {check.refusal}")
    _run(check, roots, current_app.config["PLAYBACK"].run_path)
    click.echo(f"{check.found} found, {check.left} left", err=True)
    if check.left:
        raise SystemExit(1)


def _run(check: "Check", roots: Mapping[str, Path], run_path: Path) -> None:
    from app.archive.checkfiles import check_files, check_temporaries
    from app.archive.checkhanded import check_handed
    from app.archive.checkrows import check_rows
    from app.archive.checkruns import check_attempts, check_coverage, check_overlaps, check_runs
    from app.archive.reindexing import reindex

    for storage_id, root in roots.items():
        check_files(check, storage_id, root)
        check_rows(check, storage_id)
        if not is_recorded_to(root, run_path):
            _check_leftovers(check, storage_id, root, run_path)
        check_temporaries(check, root)
        check_handed(check, storage_id, root)
    check_overlaps(check)
    check_runs(check)
    check_coverage(check)
    check_attempts(check)
    if check.is_repairing and roots:
        reindex(roots, 1)


def _check_leftovers(check: "Check", storage_id: str, root: Path, run_path: Path) -> None:
    """Take in what ffmpeg left in the live folders; then find open rows without a file."""
    from app.archive.checkopen import check_open, live_files
    from app.capture import recovery
    from app.extensions import writing

    processes = [process for found in recovery.living_ffmpegs(root).values() for process in found]
    living = {process.run_id for process in processes}
    for process in processes:
        process.close()
    left = [path for path in live_files(root) if path.name[:36] not in living]
    if left and check.is_repairing:
        take_in_leftovers({storage_id: root}, run_path)
    for path in left:
        if not check.is_repairing or path.exists():
            check.say("leftover", path, "was not taken in")
            continue
        with writing() as session:
            check.repaired(session, "leftover", path, "was not taken in", "taken in")
    check_open(check, storage_id, living)
