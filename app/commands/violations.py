"""`flask load_violations`: the base list of violations, from its workbook into the database."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from app.prepared import LIST_PATH


@click.command("load_violations")
@click.option("--file", "path", type=click.Path(path_type=Path), default=LIST_PATH, help="Another workbook.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Only tell what would be done.")
@click.option("--force", "is_forced", is_flag=True, help="Overwrite what was edited in the administration pages too.")
@with_appcontext
def load_violations_command(path: Path, *, is_dry: bool, is_forced: bool) -> None:
    """Add what is missing in the list of violations; a line for each row added, changed, kept or skipped."""
    from app.errors import Invalid
    from app.review.loading import load_file

    try:
        report = load_file(path.resolve(), actor="terminal", is_forced=is_forced, is_dry=is_dry)
    except Invalid as error:
        raise click.ClickException(f"{path}: {error.message}") from None
    for word in ("added", "changed"):
        for code in getattr(report, word):
            click.echo(f"{word}\t{code}")
    for code in report.kept:
        click.echo(f"skipped\t{code}\tedited in the administration pages; --force takes what the file says")
    for line in report.skipped:
        click.echo(f"skipped\t{line}")
    skipped = len(report.kept) + len(report.skipped)
    counts = f"{len(report.added)} added, {len(report.changed)} changed, {skipped} skipped"
    click.echo(f"{counts}, {report.unchanged} as they were{' (dry run: nothing was done)' if is_dry else ''}")
