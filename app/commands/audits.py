"""`flask audit`: what was done and looked at, by whom; and whether all of it is as it was written."""

import itertools
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from flask import current_app
from flask.cli import AppGroup

from app.commands.asking import API, ask_pages, row
from app.formats.auditchain import Head, parse_head

if TYPE_CHECKING:
    from app.archive.auditcheck import Check, Finding

audit_commands = AppGroup("audit", help="What was done and looked at, and the chain over it.")
TOLD_S = 5.0


def _head(_: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[Head, ...]:
    try:
        return tuple(parse_head(text) for text in texts)
    except ValueError as error:
        raise click.BadParameter(str(error), param=parameter) from None


@audit_commands.command("list")
@click.option("--actor", help="Only the acts of who has this name.")
@click.option("--action", help="Only these, as pin.create; `pin.` for all of pins, `watch` for what was looked at.")
@click.option("--subject", help="Only those done to what has this id.")
@click.option("--source", type=int, help="Only those of this source's id.")
@click.option("--begin", help="Only those written down at or after this instant: ISO 8601, or seconds.")
@click.option("--end", help="Only those before it.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
def list_audit(source: int | None, limit: int, **asked: str | None) -> None:
    """List acts, the newest first: id, instant, who, how, address, action, subject, source, detail as JSON."""
    rows = ask_pages(f"{API}/audit", {**asked, "source_id": source})
    for act in itertools.islice(rows, limit):
        detail = json.dumps(act["detail"], ensure_ascii=False)
        row(
            *(act[name] for name in ("id", "at_utc", "actor", "how", "address", "action", "subject", "source_id")),
            detail,
        )


@audit_commands.command("head")
def show_head() -> None:
    """Print where the chain ends, POSITION:SHA256, to be kept elsewhere; and when that was sealed."""
    from sqlalchemy import select

    from app.extensions import db
    from app.instants import utc_text
    from app.models import AuditSeal

    newest = db.session.scalars(select(AuditSeal).order_by(AuditSeal.position.desc()).limit(1)).first()
    if newest is None:
        raise click.ClickException("nothing is sealed yet: the worker does so within seconds, and flask audit verify")
    row(Head(newest.position, newest.sha256), utc_text(newest.sealed_us))


@audit_commands.command("verify")
@click.option("--head", "heads", multiple=True, callback=_head, help="POSITION:SHA256 that was kept elsewhere.")
@click.option("--late", "late_s", type=click.IntRange(10), default=300, show_default=True, help="Seconds, see below.")
def verify_audit(heads: tuple[Head, ...], late_s: int) -> None:
    """Check each row of the audit log, the chain over them and its anchors. A line for each finding.

    Columns: position in the chain or `-`, a word, what it is. A row that has no seal --late seconds after it was
    written is one, too, and one whose time lies that far before the row sealed before it. The status is 1 where there
    are findings. What is not sealed yet is sealed.
    """
    from app.archive.anchoring import anchor, read_anchors
    from app.archive.auditcheck import Check
    from app.archive.sealing import Sealer
    from app.extensions import db
    from app.models.types import now_us

    config = current_app.config["PLAYBACK"]
    kept = {f"what was kept elsewhere ({head.position})": head for head in heads}
    begun_s, count = time.monotonic(), 0
    check = Check(db.session, read_anchors(config), kept, now_us(), late_s * 1_000_000)
    for finding in _told(check):
        count += 1
        row(finding.position, finding.word, finding.text)
    took_s = time.monotonic() - begun_s
    sealed = f"{check.rows} sealed rows verified, {check.rows / max(took_s, 1e-6):.0f} a second, {count} findings"
    click.echo(f"{sealed}; the chain ends at {check.last}", err=True)
    if count:
        raise click.exceptions.Exit(1)
    Sealer().run(is_whole=True, must=True)
    anchor(config, now_us())


def _told(check: "Check") -> Iterator["Finding"]:
    """Yield the findings; tell now and then how far the check is."""
    told_s = time.monotonic()

    def tell() -> None:
        nonlocal told_s
        if time.monotonic() - told_s > TOLD_S:
            told_s = time.monotonic()
            click.echo(f"{check.rows} sealed rows", err=True)

    yield from check.overdue()
    yield from check.run(tell)


@audit_commands.command("export")
@click.option("--after", type=click.IntRange(0), default=0, help="Only what was sealed behind this position.")
def export_audit(after: int) -> None:
    """Write the chain to standard output, an object in JSON a line, and at its end a signed anchor.

    docs/verify_audit.py checks it without us.
    """
    from app.archive.auditdump import dump
    from app.archive.signing import signer
    from app.extensions import db
    from app.models.types import now_us

    for line in dump(db.session, after, now_us(), signer()):
        click.echo(line, nl=False)
