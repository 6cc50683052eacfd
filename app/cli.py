"""The `flask` commands: what an operator does at a terminal (docs/operations.md); most of them in app/commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from flask import Flask
from flask.cli import with_appcontext
from flask.globals import app_ctx

if TYPE_CHECKING:
    from sqlalchemy import Engine

PREPARE_LOCK = 7_216_001  # any number that nothing else in this database locks


def register(app: Flask) -> None:
    """Add the commands to the app; that of migrations only where the `flask` command itself runs."""
    from app.extensions import prepare_migrations

    if click.get_current_context(silent=True) is not None:
        prepare_migrations(app)
    for command in _commands():
        app.cli.add_command(command)


def _commands() -> tuple[click.Command, ...]:
    from app.commands.accounts import account_commands
    from app.commands.activity import activity_commands
    from app.commands.audits import audit_commands
    from app.commands.exports import export_command, key_command, verify_export_command
    from app.commands.fscks import fsck_command
    from app.commands.groups import group_commands
    from app.commands.notices import notice_commands, webhook_commands
    from app.commands.pins import pin_commands
    from app.commands.rebuilds import rebuild_command
    from app.commands.records import record_commands
    from app.commands.retention import retention_commands
    from app.commands.rules import rules_command
    from app.commands.secrets import secret_commands
    from app.commands.shares import share_commands
    from app.commands.sources import source_commands
    from app.commands.storages import storage_commands
    from app.commands.syncs import sync_commands
    from app.commands.tags import tag_commands
    from app.commands.tokens import token_commands
    from app.commands.verifying import verify_command
    from app.commands.violations import load_violations_command

    groups = (source_commands, group_commands, record_commands, tag_commands, storage_commands, sync_commands)
    kept = (audit_commands, retention_commands, pin_commands, activity_commands, notice_commands, webhook_commands)
    people = (account_commands, token_commands, share_commands, secret_commands)
    alone = (
        prepare_command,
        export_command,
        key_command,
        verify_export_command,
        verify_command,
        fsck_command,
        rebuild_command,
        load_violations_command,
        rules_command,
    )
    return (*groups, *kept, *people, *alone)


@click.command("prepare")
@with_appcontext
def prepare_command() -> None:
    """Bring the database to the newest version, load the list of violations; in production make the first admin."""
    prepare()


def prepare() -> None:
    """Migrate the current app's database, load its list; in production print the first admin's password, this once."""
    from flask_migrate import upgrade

    from app.extensions import db, prepare_migrations
    from app.review.loading import load_at_start

    app = app_ctx.app
    prepare_migrations(app)
    with _alone(db.engine):
        upgrade()
        load_at_start()
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
        password = make_first_admin(session)
    if password is not None:
        click.echo(f"first admin: {FIRST_ADMIN} password: {password}")
