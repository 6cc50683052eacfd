"""An export: recorded files as they are, or a film cut from them, and a signed manifest. Its format, and its check.

    README.txt         how to check it
    media/START.mp4    of files: closed segments, byte for byte
    play.m3u8          of files: plays them (RFC 8216)
    film.mp4           of a film: it
    public_key.pem     Ed25519 (RFC 8032), as SubjectPublicKeyInfo (RFC 8410)
    manifest.json      what is in it, and what is not and why; of a film also the closed segments that it was cut from
    manifest.sig       64 bytes: the signature of the bytes of manifest.json

A ZIP archive without compression, or a folder. Nothing here needs the database, nor any setting.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from app.formats.boxes import FormatError
from app.formats.closing import SIZES, Closing

Shape = Mapping[str, tuple[type, ...]]  # of each name what its value may be

KIND, FILM_KIND, VERSION = "flask-playback export", "flask-playback film", 1
MANIFEST, SIGNATURE, KEY, README, PLAYLIST, MEDIA, FILM = (
    "manifest.json", "manifest.sig", "public_key.pem", "README.txt", "play.m3u8", "media", "film.mp4",
)  # fmt: skip
SIGNED = (MANIFEST, SIGNATURE)  # every other file is listed in the manifest
BLOCK_BYTES = 1 << 20
MOST_MANIFEST_BYTES = 1 << 28
MOST_SMALL_BYTES = 1 << 16
# What an archive raises that somebody has altered: entries may say of themselves that they are packed, or encrypted.
DAMAGES = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError)

_TEXT, _MAYBE = (str,), (str, type(None))
_LISTED: Shape = {"file": _TEXT, "sha256": _TEXT, "size_bytes": (int,)}
_RANGE: Shape = {"start_utc": _TEXT, "end_utc": _TEXT}
_CHAINED: Shape = {"run_id": _TEXT, "sequence": (int,), "media_sha256": _MAYBE, "chain": _MAYBE, "previous": _MAYBE}
# What is read of a manifest, and of each item of its lists; of a film its segments are no files of the export.
_SHAPE: Shape = {**_RANGE, "complete_until_utc": _MAYBE, "source": (dict,)}
_SEGMENT: Shape = {**_RANGE, **_CHAINED, "size_bytes": (int,), "fault": _MAYBE}
_LISTS: Mapping[str, Shape] = {
    "files": _LISTED,
    "segments": _SEGMENT,
    "spans": _RANGE,
    "gaps": {**_RANGE, "cause": _TEXT, "detail": _MAYBE},
}
_KINDS: Mapping[str, Mapping[str, Shape]] = {
    KIND: {**_LISTS, "segments": {**_LISTED, **_SEGMENT}},
    FILM_KIND: _LISTS,
}
_FILM: Shape = {**_LISTED, **_RANGE, "first_frame_utc": _TEXT, "last_frame_utc": _TEXT, "frames": (int,)}


class NoExport(ValueError):
    """A file or folder that is no export, or whose signature is wrong; the message says which."""


class Checked(NamedTuple):
    """What a check has told: faults, of which there are none where all is well, the manifest, the key's fingerprint."""

    faults: Sequence[str]
    manifest: Mapping[str, Any]
    fingerprint: str


class Bundle(Protocol):
    """The files of an export, wherever they lie."""

    @property
    def names(self) -> Sequence[str]:
        """All names, those that come twice too."""

    def open(self, name: str) -> IO[bytes]:
        """Open one of `names`."""


class _Archive:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.names: Sequence[str] = archive.namelist()

    def open(self, name: str) -> IO[bytes]:
        return self._archive.open(name)


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.names: Sequence[str] = sorted(
            str((Path(where) / name).relative_to(folder))
            for where, folders, names in os.walk(folder)
            for name in (*names, *(link for link in folders if (Path(where) / link).is_symlink()))
        )

    def open(self, name: str) -> IO[bytes]:
        # A link, or a pipe, is no file of the export, whatever lies behind it.
        handle = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        return os.fdopen(handle, "rb")


@contextlib.contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open an export. Raises NoExport, OSError."""
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:  # of a later version, with names of no text
        raise NoExport(f"{path.name} is no whole ZIP archive: {error}") from error
    with archive:
        yield _Archive(archive)


def fingerprint(public_key: bytes) -> str:
    """Return what a key of 32 bytes is told by: its SHA-256 in hex."""
    return hashlib.sha256(public_key).hexdigest()


def check_export(path: Path, trusted: bytes | None = None) -> Checked:
    """Check an export: signature, then files, chains, spans. `trusted` is the 32 bytes of the recorder's public key.

    Raises NoExport where nothing in it can be believed, OSError where it cannot be read.
    """
    with open_bundle(path) as bundle:
        key, manifest = _read_signed(bundle)
        faults = []
        if trusted is not None and key != trusted:
            faults.append("it was signed with another key than the one given: it is not that recorder's")
        faults += _wrong_names(bundle.names, manifest)
        faults += _wrong_files(bundle, manifest)
    faults += _wrong_chains(manifest["segments"])
    faults += _wrong_spans(manifest)
    return Checked(faults, manifest, fingerprint(key))


def _read_signed(bundle: Bundle) -> tuple[bytes, dict[str, Any]]:
    """Return the key's 32 bytes and the manifest. Raises NoExport unless that is the one that was signed."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    text, signature, pem = (
        _read(bundle, name, most) for name, most in ((MANIFEST, MOST_MANIFEST_BYTES), (SIGNATURE, 64), (KEY, 4096))
    )
    try:
        key = load_pem_public_key(pem)
        if not isinstance(key, Ed25519PublicKey):
            raise NoExport(f"{KEY} is no Ed25519 key")
        key.verify(signature, text)
    except InvalidSignature as error:
        raise NoExport(f"{MANIFEST} was changed, or was not signed with this key: {SIGNATURE} does not fit") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NoExport(f"{KEY} cannot be read: it was changed") from error
    return key.public_bytes_raw(), _parse(text)


def _parse(text: bytes) -> dict[str, Any]:
    """Return a manifest that has all that is read of it. Raises NoExport: anybody can sign anything."""
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        manifest = None
    known = [(kind, VERSION) for kind in _KINDS]
    if not isinstance(manifest, dict) or (manifest.get("kind"), manifest.get("version")) not in known:
        raise NoExport("this is signed, but is no export of a version that is read here; take a newer flask-playback")
    wrong = _wrong_shape(manifest)
    if wrong is not None:
        raise NoExport(
            f"this is signed, but {wrong} of its manifest is missing or of the wrong kind: no recorder made it"
        )
    return manifest


def _wrong_shape(manifest: Mapping[str, Any]) -> str | None:
    """Return which value is not what a manifest has there, None for none."""
    for name in _SHAPE:
        if not isinstance(manifest.get(name, ...), _SHAPE[name]):
            return name
    if not {"id", "description"} <= manifest["source"].keys():
        return "source"
    if manifest["kind"] == FILM_KIND and not _has(manifest.get("film"), _FILM):
        return "film"
    wrong = (_wrong_item(name, manifest.get(name), shape) for name, shape in _KINDS[manifest["kind"]].items())
    return next(filter(None, wrong), None)


def _wrong_item(name: str, items: object, shape: Shape) -> str | None:
    """Return which item of a list has not these values, None for none."""
    if not isinstance(items, list):
        return name
    return next((f"{name}[{number}]" for number, item in enumerate(items) if not _has(item, shape)), None)


def _has(item: object, shape: Shape) -> bool:
    """Tell whether a part of a manifest is an object with these values."""
    return isinstance(item, dict) and all(isinstance(item.get(key, ...), shape[key]) for key in shape)


def _read(bundle: Bundle, name: str, most_bytes: int) -> bytes:
    """Return a small file. Raises NoExport where it is missing or too large."""
    if name not in bundle.names:
        raise NoExport(f"{name} is missing: this is no export, or a part of one")
    try:
        with bundle.open(name) as file:
            data = file.read(most_bytes + 1)
    except DAMAGES as error:
        raise NoExport(f"{name} cannot be read: {error}") from error
    if len(data) > most_bytes:
        raise NoExport(f"{name} is larger than any of an export")
    return data


def _listed(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return all files but those of the signature, by name."""
    footage = [manifest["film"]] if manifest["kind"] == FILM_KIND else manifest["segments"]
    return {item["file"]: item for item in (*manifest["files"], *footage)}


def _wrong_names(names: Sequence[str], manifest: Mapping[str, Any]) -> Iterator[str]:
    expected, seen = {*_listed(manifest), *SIGNED}, set()
    for name in names:
        if name in seen:
            yield f"{name!r} stands twice in the archive"
        elif name not in expected:
            yield f"{name!r} was added: the manifest does not list it"
        seen.add(name)
    yield from (f"{name!r} is missing" for name in sorted(expected - seen))


def _wrong_files(bundle: Bundle, manifest: Mapping[str, Any]) -> Iterator[str]:
    for name, item in _listed(manifest).items():
        if name not in bundle.names:
            continue
        try:
            with bundle.open(name) as file:
                fault = _fault_of(file, item)
        except DAMAGES as error:
            fault = f"cannot be read: {error}"
        if fault:
            yield f"{name!r} {fault}"


def _fault_of(file: IO[bytes], item: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a file of the export, None for nothing."""
    digest, size, end = hashlib.sha256(), 0, b""
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
        size += len(block)
        end = (end + block)[-MOST_SMALL_BYTES:]
    if size != item["size_bytes"]:
        return f"has {size} bytes instead of {item['size_bytes']}"
    if digest.hexdigest() != item["sha256"]:
        return "was changed: its SHA-256 is another"
    if item.get("chain") is None:
        return None
    said = _closing_of(end)
    if said is None or any(item.get(name) != value for name, value in describe_closing(said).items()):
        return None if item.get("fault") else "does not say of itself what the manifest says of it"
    return None


def _closing_of(end: bytes) -> Closing | None:
    """Return the closing box that these bytes end with, None where they end otherwise."""
    for length in SIZES.values():
        with contextlib.suppress(FormatError):
            return Closing.decode(end[-length:])
    return None


def describe_closing(closing: Closing) -> dict[str, Any]:
    """Return what a manifest repeats of a closing box."""
    facts, chain = closing.facts, closing.chain
    return {
        "run_id": str(closing.run_id),
        "sequence": closing.sequence,
        "media_sha256": closing.sha256.hex(),
        "chain": chain.hex() if chain is not None else None,
        "previous": facts.previous.hex() if facts is not None else None,
    }


def _wrong_chains(segments: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    last: dict[str, Mapping[str, Any]] = {}
    for item in segments:
        before = last.get(item["run_id"])
        last[item["run_id"]] = item
        if before is None or None in (item["previous"], before["chain"]):
            continue
        if item["sequence"] <= before["sequence"]:
            yield f"{segment_name(item)} comes after a later file of its run"
        elif item["sequence"] == before["sequence"] + 1 and item["previous"] != before["chain"]:
            yield f"{segment_name(item)} does not follow the file before it: their chain is broken"


def segment_name(item: Mapping[str, Any]) -> str:
    """Return what people call a segment of a manifest: its file, or for that of a film when it was recorded."""
    name = item.get("file")
    return repr(name) if isinstance(name, str) else f"the recorded file of {item['start_utc']}"


def _wrong_spans(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield where spans and gaps do not make up the range, and spans that no segments make up."""
    pieces = sorted((item["start_utc"], item["end_utc"]) for item in (*manifest["spans"], *manifest["gaps"]))
    begins = [*(begin for begin, _ in pieces), manifest["end_utc"]]
    ends = [manifest["start_utc"], *(end for _, end in pieces)]
    for end, begin in zip(ends, begins, strict=True):
        if begin != end:
            yield f"between {end} and {begin} spans and gaps do not make up the range"
    starts = [item["start_utc"] for item in manifest["segments"]]
    for span in manifest["spans"]:
        if not any(start < span["end_utc"] for start in starts):
            yield f"no file holds the footage from {span['start_utc']} on"
