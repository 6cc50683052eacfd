"""The `flask` commands: what an operator does at a terminal (docs/operations.md)."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

if TYPE_CHECKING:
    from sqlalchemy import Engine

PREPARE_LOCK = 7_216_001  # any number that nothing else in this database locks
SHUTDOWN_S = 30.0


def register(app: Flask) -> None:
    """Add the commands to the app; that of migrations only where the `flask` command itself runs."""
    from app.extensions import prepare_migrations

    if click.get_current_context(silent=True) is not None:
        prepare_migrations(app)
    from app.synccommands import sync_commands

    for command in (prepare_command, source_commands, record_commands, sync_commands):
        app.cli.add_command(command)


@click.command("prepare")
@with_appcontext
def prepare_command() -> None:
    """Bring the database to the newest version; in production make the first admin."""
    prepare()


def prepare() -> None:
    """Migrate the current app's database; in production make the first admin and print its token, this once."""
    from flask_migrate import upgrade

    from app.extensions import db, prepare_migrations

    app = current_app._get_current_object()  # type: ignore[attr-defined]
    prepare_migrations(app)
    with _alone(db.engine):
        upgrade()
        if app.config["PLAYBACK"].ENVIRONMENT == "production":
            _make_first_admin()


@contextmanager
def _alone(engine: "Engine") -> Iterator[None]:
    """Let a second machine that prepares the same PostgreSQL wait; on SQLite the migration's own transaction does."""
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({PREPARE_LOCK})")
        try:
            yield
        finally:
            connection.invalidate()  # back in the pool the connection would keep the lock


def _make_first_admin() -> None:
    from app.archive.accounts import FIRST_ADMIN, make_first_admin
    from app.extensions import writing

    with writing() as session:
        token = make_first_admin(session)
    if token is not None:
        click.echo(f"first admin: {FIRST_ADMIN} password: {token}")


source_commands = AppGroup("source", help="Cameras.")
record_commands = AppGroup("record", help="Recording.")


@source_commands.command("list")
def list_sources() -> None:
    """List the sources: id, model, status, address without its password, description."""
    from sqlalchemy import select

    from app.capture.addresses import masked
    from app.extensions import db
    from app.models import Source

    for row in db.session.scalars(select(Source).where(Source.deleted_us.is_(None)).order_by(Source.id)):
        address = masked(row.uri_rtsp if row.model == "Source" else row.picture_uri)
        click.echo("\t".join([str(row.id), row.model, row.status, address or "-", row.description or ""]))


@source_commands.command("add")
@click.option("--rtsp", help="Address of the stream, rtsp://user:password@host/path; - reads it from standard input.")
@click.option("--picture", help="Address of the still picture, http://...; - reads it from standard input.")
@click.option("--description", help="What it shows.")
def add_source(rtsp: str | None, picture: str | None, description: str | None) -> None:
    """Add a source and print its id. An address on a command line can be seen by others: - keeps it secret."""
    model = "Source" if rtsp else "PictureSource"
    values: dict[str, Any] = {"model": model, "description": description}
    if rtsp:
        values["uri_rtsp"] = _secret(rtsp)
    if picture:
        values["uri_http_picture"] = {"uri": _secret(picture)}
    click.echo(_asked("POST", "/api/v1/source", values)["id"])


@record_commands.command("start")
@click.option("--tag", required=True, help="The name to record under.")
@click.option("--group", required=True, help="Name or id of the group of sources.")
@click.option("--model", type=click.Choice(["Source", "PictureSource"]), default="Source", show_default=True)
def start_recording(tag: str, group: str, model: str) -> None:
    """Start recording a group of sources under a tag."""
    _asked("POST", "/api/v1/record", {"model": model, "tag_name": tag, "group_name": group})


@record_commands.command("stop")
@click.option("--tag", required=True, help="The name recorded under.")
@click.option("--model", type=click.Choice(["Source", "PictureSource"]), help="Only the sources of this model.")
def stop_recording(tag: str, model: str | None) -> None:
    """Stop recording under a tag."""
    _asked("PUT", "/api/v1/record", {"tag_name": tag, **({"model": model} if model else {})})


@record_commands.command("delete-file")
@click.argument("record_id")
@click.option("--location", required=True, help="The location of the record's file, as the record shows it.")
@click.option("--reason", help="Why: kept with the deletion.")
def delete_file(record_id: str, location: str, reason: str | None) -> None:
    """Delete the file of a recording; footage that another tag holds stays."""
    values = {"location": location, **({"reason": reason} if reason else {})}
    _asked("DELETE", f"/api/v1/record/{quote(record_id, safe='')}/file/", values)


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


def _secret(given: str) -> str:
    return sys.stdin.readline().strip() if given == "-" else given


def _asked(method: str, path: str, values: dict[str, Any] | None) -> Any:
    """Return what the API of this very process answers: the same checks, the same rows, the same waking."""
    from app.auth import OPERATOR_KEY, TERMINAL

    client = current_app.test_client()
    answer = client.open(path, method=method, json=values, environ_overrides={OPERATOR_KEY: TERMINAL})
    if answer.status_code >= 400:
        raise click.ClickException("; ".join(_line(entry) for entry in answer.get_json()["detail"]))
    return answer.get_json(silent=True)


def _line(entry: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in entry["loc"][1:])
    return f"{place}: {entry['msg']}" if place else str(entry["msg"])
