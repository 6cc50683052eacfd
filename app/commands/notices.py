"""`flask notice`, `flask webhook`: what has become bad or good, and who is told of it."""

import click
from flask import current_app
from flask.cli import AppGroup

from app.commands.asking import API, ask, row

notice_commands = AppGroup("notice", help="Changes of state.")
webhook_commands = AppGroup("webhook", help="Who is told of changes of state (PLAYBACK_WEBHOOKS).")


@notice_commands.command("list")
@click.option("--source", help="Only those of this source's id.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
def list_notices(source: str | None, limit: int) -> None:
    """List notices, the newest first: id, instant, bad or good, kind, subject, text."""
    query = {"limit": limit, **({"source_id": source} if source else {})}
    for notice in ask("GET", f"{API}/notices", query_string=query):
        state = "bad" if notice["is_bad"] else "good"
        row(notice["id"], notice["at_utc"], state, notice["kind"], notice["subject"], notice["text"])


@webhook_commands.command("test")
def test_webhooks() -> None:
    """Send each webhook a notice of kind `test`; ends with 1 where one does not take it."""
    from app.instants import utc_text
    from app.models.types import now_us
    from app.transfer.telling import Refused
    from app.transfer.webhooks import send

    hooks = current_app.config["PLAYBACK"].webhooks
    if not hooks:
        raise click.ClickException("there is none: set PLAYBACK_WEBHOOKS")
    body = {"id": 0, "at_utc": utc_text(now_us()), "kind": "test", "subject": "test", "is_bad": False}
    refused = 0
    for hook in hooks:
        try:
            send(hook, {**body, "text": "a test of flask webhook test", "source_id": None, "storage_id": None})
            row(hook.host, "took it")
        except Refused as error:
            refused += 1
            row(hook.host, str(error))
    if refused:
        raise SystemExit(1)
