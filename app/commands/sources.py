"""`flask source`: cameras."""

import sys
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from app.commands.asking import API, ask, ask_pages, row, secret

MODELS = ["Source", "PictureSource"]
source_commands = AppGroup("source", help="Cameras.")
RTSP = click.option("--rtsp", help="Address of the stream, rtsp://user:password@host/path; - reads it from stdin.")
PICTURE = click.option("--picture", help="Address of the still picture, http://...; - reads it from stdin.")
DESCRIPTION = click.option("--description", help="What it shows.")
TEMPLATE = click.option("--ffmpeg-cmd", help="How it is recorded (docs/design/capture.md); empty for the default.")


def _values(rtsp: str | None, picture: str | None, description: str | None, ffmpeg_cmd: str | None) -> dict[str, Any]:
    """Return the parameters that were given; an empty text clears."""
    values: dict[str, Any] = {}
    if rtsp is not None:
        values["uri_rtsp"] = secret(rtsp)
    if picture is not None:
        uri = secret(picture)
        values["uri_http_picture"] = {"uri": uri} if uri else None
    if description is not None:
        values["description"] = description or None
    if ffmpeg_cmd is not None:
        values["ffmpeg_cmd"] = ffmpeg_cmd or None
    return values


@source_commands.command("list")
@click.option("--model", type=click.Choice(MODELS), help="Only those of this model.")
@click.option("--status", help="Only those of this status, as offline.")
@click.option("--q", help="Only those whose description has this in it.")
def list_sources(model: str | None, status: str | None, q: str | None) -> None:
    """List the sources: id, model, status, address without its password, description."""
    found = [
        (source["id"], kind, source)
        for kind in ([model] if model else MODELS)
        for source in ask_pages(f"{API}/source", {"model": kind, "status": status, "q": q})
    ]
    for number, kind, source in sorted(found, key=lambda one: one[0]):
        address = source["uri_rtsp"] if kind == "Source" else source["uri_http_picture"]["uri"]
        row(number, kind, source["status"], address, source["description"])


@source_commands.command("add")
@RTSP
@PICTURE
@DESCRIPTION
@TEMPLATE
def add_source(rtsp: str | None, picture: str | None, description: str | None, ffmpeg_cmd: str | None) -> None:
    """Add a source and print its id. An address on a command line can be seen by others: - keeps it secret."""
    values = _values(rtsp, picture, description, ffmpeg_cmd)
    click.echo(ask("POST", f"{API}/source", {"model": "Source" if rtsp else "PictureSource", **values})["id"])


@source_commands.command("change")
@click.argument("source_id")
@RTSP
@PICTURE
@DESCRIPTION
@TEMPLATE
def change_source(
    source_id: str, rtsp: str | None, picture: str | None, description: str | None, ffmpeg_cmd: str | None
) -> None:
    """Change what is given of a source; an empty text clears. *** in an address keeps the stored password."""
    ask("PATCH", f"{API}/source/{source_id}/", _values(rtsp, picture, description, ffmpeg_cmd))


@source_commands.command("delete")
@click.argument("source_id")
def delete_source(source_id: str) -> None:
    """Delete a source; its recordings stay."""
    ask("DELETE", f"{API}/source/{source_id}/")


@source_commands.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
def import_sources(file: Path) -> None:
    """Add all sources of a file, .csv or .json, or none where one is wrong; - reads CSV from stdin. Print their ids."""
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    kind = "application/json" if file.suffix.lower() == ".json" else "text/csv"
    for source in ask("POST", f"{API}/source/bulk", data=data, content_type=kind):
        click.echo(source["id"])
