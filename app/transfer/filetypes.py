"""What a file is, found from its content alone: information for people and analysers, nothing is served by it."""

import re
from pathlib import Path

HEAD_BYTES = 1 << 16
UNKNOWN = "application/octet-stream"
OFFICE = "application/vnd.openxmlformats-officedocument"
# Names that stand in an archive of a kind: office documents are zip archives.
IN_ZIP = (
    (b"word/document.xml", f"{OFFICE}.wordprocessingml.document"),
    (b"xl/workbook.xml", f"{OFFICE}.spreadsheetml.sheet"),
    (b"ppt/presentation.xml", f"{OFFICE}.presentationml.presentation"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
    (b"mimetypeapplication/epub+zip", "application/epub+zip"),
)
# Where brands of ISO base media say more than that it is that (ISO/IEC 14496-12 §4.3).
BRANDS = {b"qt  ": "video/quicktime", b"M4A ": "audio/mp4", b"heic": "image/heic", b"avif": "image/avif"}
BEGINNINGS = (
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
    (b"OggS", "application/ogg"),
)
MARKUP = re.compile(r"<(!doctype html|html|head|body|script|svg|\?xml)\b", re.I)
SPACE = re.compile(r"\s*")
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
HIGH = re.compile(rb"[\x80-\xff]")
CYRILLIC = re.compile(rb"[\xc0-\xff\xa8\xb8]")


def find_type(path: Path) -> str:
    """Return the media type of a file. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(max(path.stat().st_size - HEAD_BYTES, 0))
        tail = file.read(HEAD_BYTES)
    return type_of(head, tail)


def type_of(head: bytes, tail: bytes = b"") -> str:
    """Return the media type of bytes, by their first and last 64 KiB."""
    if head[4:8] == b"ftyp":
        return BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"\x1aE\xdf\xa3" and b"webm" in head[:64]:
        return "video/webm"
    if head[:4] == b"PK\x03\x04":
        return next((kind for name, kind in IN_ZIP if name in head or name in tail), "application/zip")
    for beginning, kind in BEGINNINGS:
        if head.startswith(beginning):
            return kind
    return _text_type(head) or _magic(head)


def _text_type(head: bytes) -> str | None:
    """Return the type of a text in UTF-8, UTF-16 or CP1251, which has no magic number; None for what is no text."""
    for mark, charset in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be")):
        if head.startswith(mark):
            return f"text/plain; charset={charset}"
    if not head or CONTROLS.search(head):
        return None
    try:
        text, charset = _utf8(head), "utf-8"
    except UnicodeDecodeError:
        if len(CYRILLIC.findall(head)) < 0.9 * len(HIGH.findall(head)):
            return None
        text, charset = head.decode("cp1251", "replace"), "windows-1251"
    found = MARKUP.match(text, _past_comments(text))
    if found is None:
        return f"text/plain; charset={charset}"
    return {"?xml": "application/xml", "svg": "image/svg+xml"}.get(found[1].lower(), "text/html")


def _past_comments(text: str) -> int:
    """Return where a text begins behind spaces and comments of markup; each of its characters is looked at once."""
    at = SPACE.match(text).end()  # type: ignore[union-attr]
    while text.startswith("<!--", at):
        end = text.find("-->", at + 4)
        if end < 0:
            break
        at = SPACE.match(text, end + 3).end()  # type: ignore[union-attr]
    return at


def _utf8(head: bytes) -> str:
    """Return the text; a character that the end of the block cuts is left out."""
    try:
        return head.decode()
    except UnicodeDecodeError as error:
        if len(head) == HEAD_BYTES and error.start >= len(head) - 3:
            return head[: error.start].decode()
        raise


def _magic(head: bytes) -> str:
    import puremagic

    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError, IndexError):
        return UNKNOWN
    kinds = [one.mime_type for one in found if one.mime_type and one.confidence >= 0.3]
    return kinds[0][:127] if kinds and re.fullmatch(r"[\w.+-]+/[\w.+-]+", kinds[0]) else UNKNOWN
