"""What a file is, by its first bytes and never by its name."""

import zipfile
from pathlib import Path

from .failures import CannotAnalyse

HEAD_BYTES = 4096
VIDEO, PDF, DOCX, TEXT = "video", "pdf", "docx", "text"
BOXES = {b"ftyp", b"moov", b"mdat", b"styp", b"moof", b"free", b"wide", b"skip"}  # ISO/IEC 14496-12, QuickTime
STARTS = {
    b"\x1aE\xdf\xa3": VIDEO,  # Matroska, WebM
    b"FLV\x01": VIDEO,
    b"OggS": VIDEO,
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": VIDEO,  # ASF
    b"\x00\x00\x01\xba": VIDEO,  # MPEG program stream
    b"%PDF-": PDF,
}
CONTROLS = set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b")


def kind_of(path: Path) -> str:
    """Return `video`, `pdf`, `docx` or `text`. Raises CannotAnalyse for anything else."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise CannotAnalyse("the file is empty")
    for start, kind in STARTS.items():
        if head.startswith(start):
            return kind
    if head[4:8] in BOXES or _is_avi(head) or _is_transport_stream(head):
        return VIDEO
    if head.startswith(b"PK\x03\x04") and _is_docx(path):
        return DOCX
    if b"%PDF-" in head[:1024]:  # readers take it anywhere in the first 1,024 bytes
        return PDF
    if looks_like_text(head):
        return TEXT
    raise CannotAnalyse("the file is no video, text, PDF or DOCX by its content")


def looks_like_text(head: bytes) -> bool:
    """Tell whether bytes can be text: they have a byte order mark, the zeros of UTF-16, or nearly no controls."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or utf_16_of(head):
        return True
    return sum(byte in CONTROLS for byte in head) * 500 <= len(head)


def utf_16_of(data: bytes) -> str | None:
    """Return the codec of UTF-16 without a mark: nearly all characters of a script are below U+0500."""
    pairs = len(data) // 2
    if pairs < 2:
        return None
    for codec, highs in (("utf-16-le", data[1::2]), ("utf-16-be", data[0::2])):
        lows = data[0::2] if codec == "utf-16-le" else data[1::2]
        high = sum(byte < 5 for byte in highs) / pairs
        low = sum(byte < 5 for byte in lows) / pairs
        if high > 0.9 and low < 0.3:
            return codec
    return None


def _is_avi(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"AVI "


def _is_transport_stream(head: bytes) -> bool:
    return all(head[at : at + 1] == b"\x47" for at in (0, 188, 376))


def _is_docx(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "word/document.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise CannotAnalyse("the file begins as a ZIP archive, but cannot be read as one") from None
