"""Sending an export: one ZIP archive, or the files of a folder, a block at a time.

Each recorded file is read twice: for its hashes, then, out of the kernel's memory, to be sent. So the archive says
before each file what it will be, and the manifest at its end what it was. Nothing is held but one open file.
"""

import contextlib
import os
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterator, Mapping
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


class Export(ABC):
    """An export that is planned: its size is known, nothing of it was read.

    Each kind of export says what lies between the small files and the manifest. `described` are the names of those
    files whose CRC is known only when they are sent.
    """

    word = "export"
    described: Container[str] = ()

    def __init__(self, plan: Plan, files: Mapping[str, bytes], manifest: Manifest) -> None:
        """Take over the small files; those of the media are opened when their turn comes."""
        self.plan = plan
        self._files = files
        self._manifest = manifest

    @property
    def name(self) -> str:
        """A name for it: source and begin, in UTC."""
        begin = media_name(self.plan.begin_us).removeprefix(f"{exports.MEDIA}/")[:15]
        return f"source-{self.plan.source_id}-{begin}Z-{self.word}"

    @property
    def archive_bytes(self) -> int:
        """Size of the archive."""
        return archive_bytes(self._sizes(), self.described)

    def _sizes(self) -> Iterator[tuple[str, int]]:
        yield from ((name, len(data)) for name, data in self._files.items())
        yield from self._content_sizes()
        yield from ((exports.MANIFEST, self._manifest.size_bytes), (exports.SIGNATURE, SIGNATURE_BYTES))

    @abstractmethod
    def _content_sizes(self) -> Iterator[tuple[str, int]]:
        """Yield name and size of each file of footage, as `_contents` does."""

    @abstractmethod
    def _contents(self) -> Iterator[Piece]:
        """Yield the files of footage. Raises ShortFile, OSError, FormatError."""

    def pieces(self) -> Iterator[Piece]:
        """Yield the files in order, the manifest and its signature last. Raises ShortFile, OSError, FormatError.

        Each must be read whole before the next is asked for.
        """
        for name, data in self._files.items():
            yield self._small(name, data)
        yield from self._contents()
        manifest = self._manifest.encode()
        yield self._small(exports.MANIFEST, manifest)
        yield self._small(exports.SIGNATURE, self._manifest.sign(manifest))

    def _small(self, name: str, data: bytes) -> Piece:
        return Piece(Member(name, len(data), zlib.crc32(data), self.plan.exported_us), lambda: iter((data,)))

    def archive(self) -> Iterator[bytes]:
        """Yield the archive in blocks, archive_bytes in all. Raises ShortFile, OSError, FormatError."""
        directory = Directory()
        for piece in self.pieces():
            yield directory.add(piece.member)
            if piece.member.is_described:
                crc32 = 0
                for block in piece.read():
                    crc32 = zlib.crc32(block, crc32)
                    yield block
                yield directory.describe(crc32)
            else:
                yield from piece.read()
        yield directory.end()

    def write_folder(self, folder: Path) -> None:
        """Write the files into an empty folder, durably; the signature comes last.

        Raises ShortFile, OSError, FormatError.
        """
        folders = {folder}
        for piece in self.pieces():
            path = folder / piece.member.name
            path.parent.mkdir(exist_ok=True)
            folders.add(path.parent)
            write_file(path, piece.read())
        for written in sorted(folders, reverse=True):
            sync_folder(written)


class FileExport(Export):
    """An export of recorded files as they are."""

    def __init__(self, plan: Plan, signer: Signer) -> None:
        """Make the small files."""
        files = {exports.README: readme(signer), exports.KEY: signer.pem, exports.PLAYLIST: playlist(plan)}
        super().__init__(plan, files, Manifest(plan, files, signer))

    def _content_sizes(self) -> Iterator[tuple[str, int]]:
        segments = self.plan.segments
        columns = (segments.column(name).tolist() for name in ("start_us", "size_bytes"))
        yield from ((media_name(start_us), size_bytes) for start_us, size_bytes in zip(*columns, strict=True))

    def _contents(self) -> Iterator[Piece]:
        for number in range(len(self.plan.segments)):
            yield from self._media(number)

    def _media(self, number: int) -> Iterator[Piece]:
        """Yield a segment's file, hashed; it stays open until the next piece is asked for."""
        segment = self.plan.segments[number]
        with hashed(self.plan, number) as (handle, hashes):
            self._manifest.note(number, judge(hashes, self.plan.known[number]))
            member = Member(media_name(segment.start_us), hashes.size_bytes, hashes.crc32, segment.start_us)
            yield Piece(member, lambda: blocks(handle, 0, hashes.size_bytes))


@contextlib.contextmanager
def hashed(plan: Plan, number: int) -> Iterator[tuple[int, Hashes]]:
    """Open the file of a segment and read it to its end. Raises OSError; ShortFile where its size is another."""
    segment = plan.segments[number]
    size_bytes = int(plan.segments.column("size_bytes")[number])
    handle = open_media(segment.path, segment.other_path)
    try:
        hashes = hash_file(handle)
        if hashes.size_bytes != size_bytes:
            raise ShortFile(f"{segment.path} has {hashes.size_bytes} bytes instead of {size_bytes}")
        yield handle, hashes
    finally:
        os.close(handle)


def write_file(path: Path, blocks: Iterator[bytes]) -> None:
    """Write blocks into a new file, durably. Raises OSError, FileExistsError where there is one."""
    with path.open("xb", buffering=0) as file:
        for block in blocks:
            view = memoryview(block)
            while view:
                view = view[file.write(view) :]
        os.fsync(file.fileno())


def judge(hashes: Hashes, known: Known) -> Read:
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


def blocks(handle: int, begin_bytes: int, end_bytes: int) -> Iterator[bytes]:
    """Yield the bytes [begin, end) of an open file. Raises ShortFile, OSError."""
    position = begin_bytes
    while position < end_bytes:
        block = os.pread(handle, min(BLOCK_BYTES, end_bytes - position), position)
        if not block:
            raise ShortFile(f"a file ended at {position}, {end_bytes - position} bytes early")
        yield block
        position += len(block)
