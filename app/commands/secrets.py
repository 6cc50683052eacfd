"""`flask secrets`: which key the stored secrets are encrypted with, and encrypting them under a new one."""

import sys
from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from app.commands.asking import row

if TYPE_CHECKING:
    from app.archive.secretkeys import Counted

secret_commands = AppGroup("secrets", help="The key that passwords of cameras are encrypted with.")


@secret_commands.command("check")
def check_secrets() -> None:
    """Count the stored secrets: column, under the key of now, under an earlier one, unreadable. Status 1: not all are.

    Only with status 0 may PLAYBACK_SECRET_KEYS_OLD be emptied.
    """
    from app.archive.secretkeys import check

    found = check()
    _show(found)
    sys.exit(0 if all(count.is_done for count in found) else 1)


@secret_commands.command("rotate")
def rotate_secrets() -> None:
    """Encrypt what an earlier key encrypted under PLAYBACK_SECRET_KEY; print as `check` what was found before."""
    from app.access.caller import TERMINAL
    from app.archive.secretkeys import rotate

    found = rotate(TERMINAL.name)
    _show(found)
    if any(count.unreadable for count in found):
        raise click.ClickException(
            "some cannot be read: name the key that they were stored with in PLAYBACK_SECRET_KEYS_OLD and run this "
            "again, or give those sources their passwords anew"
        )


def _show(found: "list[Counted]") -> None:
    for count in found:
        row(count.name, count.current, count.old, count.unreadable)
