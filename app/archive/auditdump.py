"""The audit log as lines of JSON, as others can check it: docs/verify_audit.py, docs/design/access.md."""

from collections.abc import Iterator

from app.archive.auditcheck import read_batches
from app.archive.sealing import fields_of, sealed
from app.archive.signing import Signer
from app.extensions import AnySession
from app.formats.auditchain import Head, anchor_line, canonical


def dump(session: AnySession, after: int, at_us: int, signer: Signer) -> Iterator[bytes]:
    """Yield a line for each seal behind a position, in order, and an anchor of the last.

    A line is what was sealed and its `sha256`; of a row that is not there any more, the seal alone.
    """
    last: Head | None = None
    for seals, rows in read_batches(session, after or None):
        for seal in seals:
            row = rows.get((seal.kind, seal.row_id))
            fields = {"row_id": seal.row_id} if row is None else fields_of(seal.kind, row)
            told = sealed(seal.position, seal.kind, seal.sealed_us, fields)
            yield canonical({**told, "sha256": seal.sha256}) + b"\n"
            last = Head(seal.position, seal.sha256)
    if last is not None:
        yield anchor_line(last, at_us, signer.fingerprint, signer.sign)
