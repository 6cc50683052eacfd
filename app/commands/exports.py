"""`flask export`, `export-key`, `verify-export`: footage as evidence, and its check without recorder or network."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from app.archive.signing import read_public_key
from app.commands.asking import API, ask, row
from app.formats.exports import FILM_KIND, Checked, NoExport, check_export, segment_name


@click.command("export")
@click.option("--source", required=True, type=int, help="The id of the source.")
@click.option("--start", required=True, help="ISO 8601 with an offset or Z, or seconds since the epoch.")
@click.option("--end", help="The same; left out: now.")
@click.option(
    "--content", type=click.Choice(["files", "film"]), default="files", help="film: one MP4, cut to the frame."
)
@click.option("--to", required=True, type=click.Path(path_type=Path), help="A new file that ends in .zip, or a folder.")
@with_appcontext
def export_command(source: int, start: str, end: str | None, content: str, to: Path) -> None:
    """Export the recorded files of a range, or a film of it, with a signed manifest; print how many files and bytes.

    The bytes are those of the footage; of a film the files are those that it was cut from.
    """
    from app.errors import PlaybackError
    from app.extensions import db
    from app.formats.boxes import FormatError
    from app.personalulti import Parameters
    from app.playback.exporting import write_file
    from app.playback.fileparts import ShortFile
    from app.views.exports import ExportParameters, export_of, note_export, planned

    given = {"start": start, "content": content, **({} if end is None else {"end": end})}
    try:
        plan = planned(source, Parameters(given).checked(ExportParameters), "terminal")
    except PlaybackError as error:
        raise click.ClickException("; ".join(f"{entry['loc'][-1]}: {entry['msg']}" for entry in error.detail)) from None
    export = export_of(plan)
    try:
        with _target(to) as target:
            note_export(plan, "terminal")
            db.session.remove()
            if target.is_dir():
                export.write_folder(target)
            else:
                write_file(target, export.archive())
    except (OSError, ShortFile, FormatError) as error:
        raise click.ClickException(f"the export could not be written, nothing is left of it: {error}") from error
    row(to, len(plan.segments), plan.media_bytes)


@contextlib.contextmanager
def _target(to: Path) -> Iterator[Path]:
    """Yield where to write: a hidden file beside the one that is to be, or an empty folder. Raises ClickException."""
    if to.suffix != ".zip":
        to.mkdir(parents=True, exist_ok=True)
        if any(to.iterdir()):
            raise click.ClickException(f"{to} is not empty: name a new folder, or a new file that ends in .zip")
        yield to
        return
    if to.exists():
        raise click.ClickException(f"{to} is there already: nothing is written over; name a new file")
    hidden = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        yield hidden
        os.link(hidden, to)
    finally:
        hidden.unlink(missing_ok=True)


@click.command("export-key")
@with_appcontext
def key_command() -> None:
    """Print the public key of exports in base64, and its fingerprint; the private key is never shown."""
    key = ask("GET", f"{API}/export/key")
    row(key["public_key"], key["fingerprint"])


@click.command("verify-export")
@click.argument("export", type=click.Path(exists=True, path_type=Path))
@click.option("--key", help="The recorder's public key: base64, hex, or the name of a PEM file.")
def verify_export_command(export: Path, key: str | None) -> None:
    """Check an export (a .zip file or its unpacked folder), offline; the exit status is 1 where anything is wrong."""
    try:
        checked = check_export(export, None if key is None else _trusted(key))
    except (NoExport, OSError) as error:
        raise click.ClickException(str(error)) from error
    for fault in checked.faults:
        click.echo(fault)
    if checked.faults:
        raise click.ClickException(f"{len(checked.faults)} faults: this is not what was exported")
    _tell(checked, is_trusted=key is not None)


def _trusted(key: str) -> bytes:
    try:
        return read_public_key(Path(key).read_text("ascii") if Path(key).is_file() else key)
    except (ValueError, OSError) as error:
        raise click.BadParameter(str(error), param_hint="--key") from error


def _tell(checked: Checked, *, is_trusted: bool) -> None:
    manifest = checked.manifest
    click.echo(f"whole and unchanged: {_whole(manifest)}, signature right")
    click.echo(f"source {manifest['source']['id']} {json.dumps(manifest['source']['description'])}")
    click.echo(f"asked for {manifest['start_utc']} to {manifest['end_utc']}")
    click.echo(f"footage is complete until {manifest['complete_until_utc']}, but for {len(manifest['gaps'])} gaps:")
    for gap in manifest["gaps"]:
        row(gap["start_utc"], gap["end_utc"], gap["cause"], gap["detail"])
    for item in manifest["segments"]:
        if item["fault"]:
            click.echo(f"{segment_name(item)} was already not what was recorded when it was exported ({item['fault']})")
    click.echo(f"key {checked.fingerprint}{'' if is_trusted else ': compare it with that of the recorder'}")


def _whole(manifest: Mapping[str, Any]) -> str:
    """Return what it is that is whole."""
    segments = manifest["segments"]
    if manifest["kind"] != FILM_KIND:
        return f"{len(segments)} files, {sum(item['size_bytes'] for item in segments)} bytes"
    film = manifest["film"]
    frames = f"{film['frames']} frames from {film['first_frame_utc']} to {film['last_frame_utc']}"
    return f"{film['file']} of {frames}, {film['size_bytes']} bytes, cut from {len(segments)} recorded files"
