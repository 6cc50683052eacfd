"""An audit log with acts in it, and hands that change it past all that keeps it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import Connection, text

from app.archive.anchoring import read_anchors
from app.archive.auditcheck import Check, Finding
from app.archive.auditing import audit
from app.archive.sealing import Sealer
from app.extensions import db, writing
from app.formats.auditchain import Head
from app.models import Audit, Deletion, Source
from app.models.types import now_us

LATE_US = 300_000_000
TABLES = ("audit", "deletion", "audit_seal")


def write_acts(app: Flask, count: int, *, deletions: int = 0) -> None:
    """Write acts, the deletions of footage among them."""
    with app.app_context():
        for number in range(count):
            with writing() as session:
                audit(session, "Älva", "pin.create", str(number), None, note='Zoë\'s "pin"', number=number)
        for number in range(deletions):
            with writing() as session:
                source = session.query(Source).first() or Source(model="Source", uri_rtsp="rtsp://127.0.0.1:1/none")
                session.add(source)
                session.flush()
                values = {"begin_us": number, "end_us": number + 1, "segments": 1, "size_bytes": 2**40, "spans": "[]"}
                session.add(Deletion(actor="Älva", rule="request", source_id=source.id, **values))


def seal(app: Flask) -> int:
    """Seal what there is."""
    with app.app_context():
        return Sealer().run(is_whole=True, must=True)


def check(app: Flask, *heads: Head, at_us: int | None = None) -> list[Finding]:
    """Return what a check finds."""
    with app.app_context():
        anchors = read_anchors(app.config["PLAYBACK"])
        kept = {f"head {head.position}": head for head in heads}
        found = Check(db.session, anchors, kept, now_us() if at_us is None else at_us, LATE_US)
        return [*found.overdue(), *found.run()]


def words(found: list[Finding]) -> list[tuple[int | None, str]]:
    """Return position and word of findings."""
    return [(finding.position, finding.word) for finding in found]


@contextmanager
def tampering(app: Flask) -> Iterator[Connection]:
    """Yield a connection that changes what it likes; the triggers are put back as they were."""
    with app.app_context():
        engine = db.engine
        with engine.connect().execution_options(write=True) as connection:
            kept = _without_triggers(connection)
            yield connection
            for statement in kept:
                connection.execute(text(statement))
            connection.commit()
        db.session.remove()


def _without_triggers(connection: Connection) -> list[str]:
    if connection.dialect.name == "postgresql":
        for table in TABLES:
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER {table}_keep"))
        return [f"ALTER TABLE {table} ENABLE TRIGGER {table}_keep" for table in TABLES]
    found = connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_keep_%' AND tbl_name IN "
             "('audit', 'deletion', 'audit_seal')")
    ).all()  # fmt: skip
    for name, _ in found:
        connection.execute(text(f"DROP TRIGGER {name}"))
    return [sql for _, sql in found]


def rows(app: Flask) -> list[dict[str, Any]]:
    """Return the acts as they were written."""
    with app.app_context():
        columns = Audit.__table__.columns
        return [dict(row._mapping) for row in db.session.execute(db.select(*columns).order_by(Audit.id))]
