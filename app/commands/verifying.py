"""`flask verify`: tell whether each recorded file is what was recorded."""

import time

import click
from flask.cli import with_appcontext

from app.commands.asking import row

TOLD_S = 5.0


def _instant(_: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Return µs since the epoch, by the rules of the API. Raises BadParameter."""
    from pydantic import TypeAdapter, ValidationError

    from app.playback.asked import Instant

    if text is None:
        return None
    try:
        found: int = TypeAdapter(Instant).validate_python(text)
    except ValidationError as error:
        raise click.BadParameter(error.errors()[0]["msg"], param=parameter) from None
    return found


@click.command("verify")
@click.option("--source", type=int, help="Only the files of this source's id.")
@click.option("--start", callback=_instant, help="ISO 8601 with an offset or Z, or seconds since the epoch.")
@click.option("--end", callback=_instant, help="The same.")
@click.option("--storage", help="Only the files in the storage of this id.")
@click.option("--rate", type=click.IntRange(min=0), default=0, help="Bytes a second at most; 0: no limit.")
@with_appcontext
def verify_command(source: int | None, start: int | None, end: int | None, storage: str | None, rate: int) -> None:
    """Read recorded files and compare them with what was recorded: hash, box, chain. A line for each fault.

    Columns: path, fault, what it is and the way out. What is no fault but should be known stands there with `-`. The
    exit status is 1 where there are faults.
    """
    from app.archive.scrubbing import Pace
    from app.archive.verifying import Wanted, count, verify

    wanted = Wanted(source, start, end, storage)
    number, size_bytes = count(wanted)
    done = read_bytes = faults = 0
    told_s = time.monotonic()
    for judged in verify(wanted, Pace(rate)):
        done, read_bytes = done + 1, read_bytes + judged.segment.size_bytes
        faults += judged.fault is not None
        if judged.text is not None:
            row(judged.path, judged.fault, judged.text)
        if time.monotonic() - told_s > TOLD_S:
            told_s = time.monotonic()
            click.echo(f"{done} of {number} files, {read_bytes} of {size_bytes} bytes", err=True)
    faults += _tell_cut_runs(wanted.source_id, start, end) if storage is None else 0
    click.echo(f"{done} files verified, {faults} faults", err=True)
    if done < number:
        click.echo(
            f"{number - done} files were not read: their storage is not mounted, or they went meanwhile", err=True
        )
    if faults:
        raise click.exceptions.Exit(1)


def _tell_cut_runs(source_id: int | None, begin_us: int | None, end_us: int | None) -> int:
    """Name the runs whose last files are missing; return how many those are."""
    from sqlalchemy import select

    from app.archive.chains import find_cut_runs
    from app.extensions import db
    from app.instants import utc_text
    from app.models import Source

    source_ids = list(db.session.scalars(select(Source.id))) if source_id is None else [source_id]
    cut = find_cut_runs(source_ids, begin_us, end_us)
    for run in cut:
        at = f"its files end at {utc_text(run.ends_us)}, {run.missing_us / 1e6:.1f} s early"
        row(f"run {run.run_id} of source {run.source_id}", "cut", f"{at}, and no deletion says why: flask fsck")
    return len(cut)
