"""Sending an export: one ZIP archive, or the files of a folder, a block at a time.

Each recorded file is read twice: for its hashes, then, out of the kernel's memory, to be sent. So the archive says
before each file what it will be, and the manifest at its end what it was. Nothing is held but one open file.
"""

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from app.archive.durable import sync_folder
from app.archive.elsewhere import open_media
from app.archive.hashing import Hashes, hash_file
from app.archive.signing import Signer
from app.formats import exports
from app.formats.zipstore import Directory, Member, archive_bytes
from app.playback.exportmanifest import WRONG_HASH, Manifest, Read, media_name, playlist, readme
from app.playback.exportplan import Known, Plan
from app.playback.fileparts import ShortFile

BLOCK_BYTES = 1 << 18
SIGNATURE_BYTES = 64


class Piece(NamedTuple):
    """One file of an export; `read` yields its bytes, and may be called until the next piece is asked for."""

    member: Member
    read: Callable[[], Iterator[bytes]]


class Export:
    """An export that is planned: its size is known, nothing of it was read."""

    def __init__(self, plan: Plan, signer: Signer) -> None:
        """Make the small files; those of the media are opened when their turn comes."""
        self.plan = plan
        self._files = {exports.README: readme(signer), exports.KEY: signer.pem, exports.PLAYLIST: playlist(plan)}
        self._manifest = Manifest(plan, self._files, signer)

    @property
    def name(self) -> str:
        """A name for it: source and begin, in UTC."""
        begin = media_name(self.plan.begin_us).removeprefix(f"{exports.MEDIA}/")[:15]
        return f"source-{self.plan.source_id}-{begin}Z-export"

    @property
    def archive_bytes(self) -> int:
        """Size of the archive."""
        return archive_bytes(self._sizes())

    def _sizes(self) -> Iterator[tuple[str, int]]:
        yield from ((name, len(data)) for name, data in self._files.items())
        segments = self.plan.segments
        columns = (segments.column(name).tolist() for name in ("start_us", "size_bytes"))
        yield from ((media_name(start_us), size_bytes) for start_us, size_bytes in zip(*columns, strict=True))
        yield from ((exports.MANIFEST, self._manifest.size_bytes), (exports.SIGNATURE, SIGNATURE_BYTES))

    def pieces(self) -> Iterator[Piece]:
        """Yield the files in order, the manifest and its signature last. Raises ShortFile, OSError.

        Each must be read whole before the next is asked for.
        """
        for name, data in self._files.items():
            yield self._small(name, data)
        for number in range(len(self.plan.segments)):
            yield from self._media(number)
        manifest = self._manifest.encode()
        yield self._small(exports.MANIFEST, manifest)
        yield self._small(exports.SIGNATURE, self._manifest.sign(manifest))

    def _small(self, name: str, data: bytes) -> Piece:
        return Piece(Member(name, len(data), zlib.crc32(data), self.plan.exported_us), lambda: iter((data,)))

    def _media(self, number: int) -> Iterator[Piece]:
        """Yield a segment's file, hashed; it stays open until the next piece is asked for."""
        segment = self.plan.segments[number]
        size_bytes = int(self.plan.segments.column("size_bytes")[number])
        handle = open_media(segment.path, segment.other_path)
        try:
            hashes = hash_file(handle)
            if hashes.size_bytes != size_bytes:
                raise ShortFile(f"{segment.path} has {hashes.size_bytes} bytes instead of {size_bytes}")
            self._manifest.note(number, _judge(hashes, self.plan.known[number]))
            member = Member(media_name(segment.start_us), size_bytes, hashes.crc32, segment.start_us)
            yield Piece(member, lambda: _blocks(handle, size_bytes))
        finally:
            os.close(handle)

    def archive(self) -> Iterator[bytes]:
        """Yield the archive in blocks, archive_bytes in all. Raises ShortFile, OSError."""
        directory = Directory()
        for piece in self.pieces():
            yield directory.add(piece.member)
            yield from piece.read()
        yield directory.end()

    def write_folder(self, folder: Path) -> None:
        """Write the files into an empty folder, durably; the signature comes last. Raises ShortFile, OSError."""
        (folder / exports.MEDIA).mkdir()
        for piece in self.pieces():
            write_file(folder / piece.member.name, piece.read())
        sync_folder(folder / exports.MEDIA)
        sync_folder(folder)


def write_file(path: Path, blocks: Iterator[bytes]) -> None:
    """Write blocks into a new file, durably. Raises OSError, FileExistsError where there is one."""
    with path.open("xb", buffering=0) as file:
        for block in blocks:
            view = memoryview(block)
            while view:
                view = view[file.write(view) :]
        os.fsync(file.fileno())


def _judge(hashes: Hashes, known: Known) -> Read:
    """Return what is said of a file that was read: a fault where it is not the one that was recorded."""
    closing = hashes.closing
    facts = closing.facts if closing is not None else None
    is_right = closing is not None and closing.sha256.hex() == hashes.media_sha256
    if known.sha256 is not None:
        is_right = is_right and hashes.media_sha256 == known.sha256
    if closing is not None and closing.chain is not None and known.chain is not None:
        is_right = is_right and closing.chain.hex() == known.chain
    previous = facts.previous.hex() if facts is not None else None
    return Read(hashes.sha256, previous, None if is_right else WRONG_HASH)


def _blocks(handle: int, size_bytes: int) -> Iterator[bytes]:
    position = 0
    while position < size_bytes:
        block = os.pread(handle, min(BLOCK_BYTES, size_bytes - position), position)
        if not block:
            raise ShortFile(f"a file ended at {position}, {size_bytes - position} bytes early")
        yield block
        position += len(block)
