"""`flask rules`: the table of who may do what."""

import click
from flask import current_app
from flask.cli import with_appcontext


@click.command("rules")
@with_appcontext
def rules_command() -> None:
    """Print the table of who may do what, as docs/security.md shows it."""
    from app.access.table import lines

    for line in lines(current_app):
        click.echo(line)
