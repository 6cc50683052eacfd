"""Targets: files that people hand in or take away: workbooks, archives, exports, pictures, the kinds of files."""

import base64
import datetime
import hashlib
import io
import json
import re
import zipfile
import zlib
from functools import cache
from typing import Any

from app.capture.picture import PictureRefused, decode_picture
from app.errors import Invalid
from app.formats import webvtt, zipstore
from app.formats.exports import FILM_KIND, KEY, KIND, MANIFEST, SIGNATURE, VERSION, NoExport, check_export
from app.formats.picturesize import picture_size
from app.formats.workbooks import CELL_UNITS, Sheet, clean_text, workbook_bytes
from app.review.workbook import read_workbook
from app.transfer.filetypes import type_of
from fuzz.media import written
from fuzz.target import Source, Target, as_text, hold, same

PARTS = (
    "[Content_Types].xml",
    "_rels/.rels",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/worksheets/sheet1.xml",
    "xl/sharedStrings.xml",
    "xl/styles.xml",
)


def check_workbook(data: bytes) -> None:
    """Read a workbook as it comes: a ZIP archive of any bytes."""
    for line in read_workbook(written(data)).lines:
        hold(all("\n" not in text for text in line.texts.values()), "texts of one line")


@cache
def plain_parts() -> dict[str, bytes]:
    """Return the parts of a small workbook."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["id", "violations", "context", "age", "mark"])  # type: ignore[union-attr]
    book.active.append(["1", "smoking", "indoors", 18, 2.5])  # type: ignore[union-attr]
    target = io.BytesIO()
    book.save(target)
    with zipfile.ZipFile(target) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def check_workbook_parts(data: bytes) -> None:
    """Read a whole archive in which two parts of a workbook are any bytes."""
    source = Source(data)
    parts = dict(plain_parts())
    for _ in range(2):
        name = PARTS[source.number(len(PARTS) - 1)]
        given = source.piece()
        if given:
            parts[name] = given
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    read_workbook(written(target.getvalue()))


def check_written_workbook(data: bytes) -> None:
    """Write a workbook of texts and read it: they are the same texts, and none of them a formula."""
    import openpyxl

    texts = [as_text(part) for part in data.split(b"|")[:6]]
    rows = [(text, len(text), datetime.timedelta(seconds=len(text))) for text in texts]
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes([Sheet("S", [("a", 9), ("b", 9), ("c", 9)], rows)])))
    for row, text in zip(book["S"].iter_rows(min_row=2), texts, strict=True):
        hold(row[0].data_type in ("s", "n"), "a text is no formula")
        wanted = clean_text(text)
        hold(len(wanted.encode("utf-16-le")) <= 2 * CELL_UNITS, "a cell holds it")
        if wanted.strip() == wanted:  # openpyxl, which reads it here, strips where a cell says nothing of spaces
            shown = row[0].value or ""
            same(re.sub("_x005F_", "_", str(shown)), re.sub("_x005F_", "_", wanted), "a text is read as written")


def check_zip(data: bytes) -> None:
    """Write an archive and read it with Python's reader."""
    source = Source(data)
    directory, parts, members = zipstore.Directory(), [], []
    for number in range(source.number(5)):
        name = re.sub(r"[^ -~]|[/\\:]", "_", source.take(source.number(12)).decode("latin-1")) + f"-{number}"
        dated_us, body = source.number(2**52), source.piece()
        member = zipstore.Member(name, len(body), zlib.crc32(body), dated_us)
        parts += [directory.add(member), body]
        members.append((name, body))
    whole = b"".join(parts) + directory.end()
    same(len(whole), zipstore.archive_bytes((name, len(body)) for name, body in members), "its size is known before")
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        hold(archive.testzip() is None, "checksums fit")
        same([(name, archive.read(name)) for name in archive.namelist()], members, "an archive is read as written")


def check_sheet_index(data: bytes) -> None:
    """Write the index of a sheet and read its cues."""
    source = Source(data)
    begins = sorted(source.number(2**44) / 1000 for _ in range(source.number(4)))
    cells = [webvtt.Cell(begin, begin + source.number(10_000) / 1000, 0, 0, 160, 90) for begin in begins]
    text = webvtt.sheet_index("sheet.jpg", cells)
    hold(text.startswith("WEBVTT\n"), "a header")
    found = re.findall(r"^(\d{2,}):(\d\d):(\d\d)\.(\d{3}) --> (\d{2,}):(\d\d):(\d\d)\.(\d{3})$", text, re.MULTILINE)
    kept = [(round(one.begin_s * 1000), round(one.end_s * 1000)) for one in cells]
    same([(_ms(one[:4]), _ms(one[4:])) for one in found], [one for one in kept if one[0] < one[1]], "times as written")


def _ms(parts: tuple[str, ...]) -> int:
    hours, minutes, seconds, milliseconds = map(int, parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds


@cache
def _signer() -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"fuzz").digest())


def _pem() -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    found: bytes = _signer().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return found


def signed_archive(manifest: bytes, media: bytes) -> bytes:
    """Return an export of a manifest, whatever it is, and one file `m`."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in ((MANIFEST, manifest), (SIGNATURE, _signer().sign(manifest)), (KEY, _pem()), ("m", media)):
            archive.writestr(zipfile.ZipInfo(name), text)
    return target.getvalue()


def check_signed_export(data: bytes) -> None:
    """Check an export whose manifest is any bytes, rightly signed: anybody can sign anything."""
    source = Source(data)
    checked = check_export(written(signed_archive(source.piece(), source.rest())))
    hold(all(isinstance(fault, str) for fault in checked.faults), "faults are texts")


def check_any_export(data: bytes) -> None:
    """Check an export that is any bytes."""
    check_export(written(data))


def check_picture(data: bytes) -> None:
    """Decode a picture of a camera: what is taken is a JPEG of its size."""
    picture = decode_picture(data, 0)
    hold(picture.jpeg.startswith(b"\xff\xd8") and min(picture.width, picture.height) >= 2, "a JPEG")
    said = picture_size(data)
    assert said is not None
    same(sorted(said), sorted((picture.width, picture.height)), "it is as large as was judged before")  # or turned


def check_file_type(data: bytes) -> None:
    """Tell the kind of a file by its begin and end."""
    middle = len(data) // 2
    for head, tail in ((data, b""), (data[:middle], data[middle:])):
        kind = type_of(head, tail)
        hold(bool(re.fullmatch(r"[\w.+-]+/[\w.+-]+(; charset=[\w-]+)?", kind)) and len(kind) < 200, "a media type")


def manifest() -> bytes:
    """Return a manifest as an export has it."""
    sha = hashlib.sha256(b"x").hexdigest()
    span = {"start_utc": "2026-11-20T22:44:05.000000Z", "end_utc": "2026-11-20T22:45:05.000000Z"}
    segment = {
        "file": "m",
        "sha256": sha,
        "size_bytes": 1,
        **span,
        "run_id": "r",
        "sequence": 0,
        "media_sha256": sha,
        "chain": sha,
        "previous": None,
        "fault": None,
    }
    told = {
        "kind": KIND,
        "version": VERSION,
        **span,
        "complete_until_utc": None,
        "source": {"id": 1, "description": ""},
        "files": [{"file": KEY, "sha256": sha, "size_bytes": 1}],
        "segments": [segment],
        "spans": [span],
        "gaps": [{**span, "cause": "none", "detail": None}],
    }
    return json.dumps(told, separators=(",", ":")).encode()


def film_manifest() -> bytes:
    """Return a manifest as an export of a film has it."""
    told = json.loads(manifest())
    (segment,) = told["segments"]
    listed = {name: segment.pop(name) for name in ("file", "sha256")}
    shown = {"first_frame_utc": told["start_utc"], "last_frame_utc": told["start_utc"], "frames": 1}
    span = {name: told[name] for name in ("start_utc", "end_utc")}
    film = {**listed, "size_bytes": 1, **span, **shown}
    return json.dumps({**told, "kind": FILM_KIND, "film": film}, separators=(",", ":")).encode()


# The smallest pictures that there are, and one that says of itself that it has a thousand million pixels.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAIAAAAmkwkpAAAAEElEQVR4nGNgoBX4////fwAPAwQB0b2kWgAAAABJRU5ErkJggg=="
)
XML = (
    b"<row r=",
    b'<c t="s"',
    b"<v>",
    b"<f>",
    b't="e"',
    b't="d"',
    b'r="XFD1048576"',
    b"<!DOCTYPE ",
    b"&#0;",
    b"<is><t>",
    b"inlineStr",
    b"1e999",
    b"rId1",
    b"Target=",
    b"violations",
    b"<mergeCell ref=",
    b"PK\3\4",
    b"PK\1\2",
    b"xml:space",
    b'encoding="utf-7"',
    b'numFmtId="14"',
)
TARGETS = (
    Target("workbook", check_workbook, (Invalid,), XML, 8192),
    Target("workbook_parts", check_workbook_parts, (Invalid,), XML, 4096),
    Target(
        "written_workbook",
        check_written_workbook,
        (),
        (b"=1+1", b"#N/A", b"_x0041_", b"\r\n", b"|", b"\0", b"\xef\xbf\xbe"),
        512,
    ),
    Target("zip", check_zip, (), (), 1024),
    Target("sheet_index", check_sheet_index, (), (), 64),
    Target(
        "signed_export", check_signed_export, (NoExport,), (b'"file":"m"', b"null", b"[]", b"-1", b"1e999", b"{}"), 4096
    ),
    Target("export", check_any_export, (NoExport, OSError), (b"PK\3\4", b"PK\1\2", b"PK\5\6", MANIFEST.encode()), 4096),
    Target(
        "picture",
        check_picture,
        (PictureRefused,),
        (b"\xff\xd8", b"\xff\xd9", b"\xff\xc0", b"IHDR", b"RIFF", b"GIF89a", b"BM"),
        4096,
    ),
    Target(
        "file_type", check_file_type, (), (b"PK\3\4", b"ftyp", b"<!--", b"<svg", b"\xff\xfe", b"\xd0\xcf\x11\xe0"), 2048
    ),
)


def pictures() -> list[bytes]:
    """Return a small picture of each kind that is taken but PNG."""
    import cv2
    import numpy as np

    pixels = np.full((8, 6, 3), 90, np.uint8)
    lossless = [cv2.IMWRITE_WEBP_QUALITY, 101]
    kinds: list[tuple[str, list[int]]] = [(".jpg", []), (".gif", []), (".bmp", []), (".webp", []), (".webp", lossless)]
    return [cv2.imencode(kind, pixels, how)[1].tobytes() for kind, how in kinds]
