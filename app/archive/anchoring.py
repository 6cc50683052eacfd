"""Anchors of the audit log: how far its chain had come, signed, in files outside the database.

A file in the instance folder and one in each storage, appended to and never read but by `flask audit verify`. Whoever
can write to the database alone can neither take rows away from the end of the chain unseen, nor work all of it out
anew.
"""

import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.archive.mounts import look_at_mounts
from app.archive.sealing import read_head
from app.archive.signing import Signer, derive_seed, signer
from app.extensions import db
from app.formats.auditchain import MOST_LINE_BYTES, Anchor, Head, Signed, anchor_line, read_anchor
from app.formats.exports import fingerprint
from instance.config import Config

log = logging.getLogger(__name__)

NAME = "audit.anchors"


class Found(NamedTuple):
    """A line of a file of anchors: what it says, or why it is none; with both it says something, but proves nothing."""

    path: Path
    number: int
    anchor: Anchor | None
    problem: str | None = None


def places(config: Config) -> list[Path]:
    """Return the files that anchors are kept in: those of storages that are there."""
    mounted = [mount.root for mount in look_at_mounts(config) if mount.problem is None]
    return list(dict.fromkeys(root / NAME for root in (config.instance_path, *mounted)))


def anchor(config: Config, at_us: int, known: Head | None = None) -> Head | None:
    """Write down where the chain ends, unless that is where it was `known` to end; return it.

    A place that cannot be written is told of in the log. The other places have it.
    """
    head = read_head(db.session)
    db.session.rollback()
    if head is None or head == known:
        return head
    line = anchor_line(head, at_us, signer().fingerprint, signer().sign)
    for path in places(config):
        try:
            _append(path, line)
        except OSError as error:
            log.error("the end of the audit log cannot be written to %s: %s", path, error.strerror)
    return head


def _append(path: Path, line: bytes) -> None:
    """Append a line, and make it durable; a line that a crash has cut off is ended first. Raises OSError."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        size_bytes = os.fstat(handle).st_size
        is_cut = size_bytes and os.pread(handle, 1, size_bytes - 1) != b"\n"
        whole = (b"\n" if is_cut else b"") + line
        if os.write(handle, whole) < len(whole):
            os.ftruncate(handle, size_bytes)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    finally:
        os.close(handle)


def read_anchors(config: Config) -> Iterator[Found]:
    """Yield the lines of all places, in their order. A file that is not there has none."""
    keys = known_keys(config)
    for path in places(config):
        try:
            with path.open("rb") as file:
                yield from _read(path, file, keys)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield Found(path, 0, None, f"it cannot be read: {error.strerror}")


def _read(path: Path, file: Iterator[bytes], keys: dict[str, Signer]) -> Iterator[Found]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            if len(line) > MOST_LINE_BYTES:
                raise ValueError("this is no anchor")
            yield Found(path, number, *_judged(read_anchor(line), keys))
        except ValueError as error:
            yield Found(path, number, None, str(error))


def _judged(signed: Signed, keys: dict[str, Signer]) -> tuple[Anchor, str | None]:
    """Return the anchor; beside it why it proves nothing, where its key is none of ours. Raises ValueError."""
    key = keys.get(signed.anchor.fingerprint)
    if key is None:
        return signed.anchor, "it is not signed with a key that is set: PLAYBACK_SECRET_KEYS_OLD names earlier ones"
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signed.signature, signed.said)
    except InvalidSignature:
        raise ValueError("it is not signed with the key that it names") from None
    return signed.anchor, None


def known_keys(config: Config) -> dict[str, Signer]:
    """Return the keys that anchors may be signed with, by fingerprint: that of now, and those of former secret keys."""
    former = [Signer(derive_seed(key)) for key in config.secret_keys_old]
    return {fingerprint(one.public_key): one for one in (signer(), *former)}


def newest_anchor(config: Config) -> Anchor | None:
    """Return the last anchor of the instance folder, read from the end of its file; it is not verified here."""
    path = config.instance_path / NAME
    try:
        with path.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 2 * MOST_LINE_BYTES, 0))
            lines = file.read().splitlines()
        return read_anchor(next(line for line in reversed(lines) if line.strip())).anchor
    except (OSError, ValueError, StopIteration):
        return None
