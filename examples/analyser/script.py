"""The text of a script, page by page: plain text, PDF, DOCX. Everything that is read is bounded."""

import bisect
import codecs
import re
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .failures import CannotAnalyse
from .kinds import DOCX, PDF, utf_16_of

PAGE_CHARACTERS = 1_800  # a page of typescript, where the format has none
MOST_CHARACTERS = 8_000_000
MOST_TEXT_BYTES = 32 << 20
MOST_PAGES = 5_000
MOST_DOCUMENT_BYTES, MOST_UNPACKED_BYTES = 32 << 20, 256 << 20
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# Controls, soft hyphens, accents over stressed vowels, joiners and marks of order: none of them is to hide a word.
UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u0300\u0301\u200b-\u200f\u2060\ufeff]")
# A broken file raises nearly anything within a library that reads it: whatever it is, the file cannot be read.
BROKEN = (ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
BROKEN_WORD = re.compile(r"(?<=[^\W\d_])-[ \t]*\r?\n[ \t]*(?=[^\W\d_])")


class Script(NamedTuple):
    """A text, and where in it each page begins; `note` says what is missing of it."""

    text: str
    page_starts: list[int]
    note: str | None = None

    def page_at(self, offset: int) -> int:
        """Return the page of a character, from 1."""
        return bisect.bisect_right(self.page_starts, offset)


def read_script(path: Path, kind: str, until_s: float) -> Script:
    """Read a script; `until_s` (monotonic clock) ends the reading. Raises CannotAnalyse."""
    if kind == PDF:
        return _of_pages(_pdf_pages(path), until_s)
    return _of_text(_docx_text(path) if kind == DOCX else _plain_text(path))


def clean(text: str) -> str:
    """Return a text without what is not seen, broken words joined, composed: й and ё are one character."""
    return BROKEN_WORD.sub("", unicodedata.normalize("NFC", UNSEEN.sub("", unicodedata.normalize("NFC", text))))


def decode(data: bytes) -> str:
    """Return the text of UTF-8, UTF-16 or Windows-1251, the encodings that scripts come in."""
    for mark, codec in MARKS.items():
        if data.startswith(mark):
            return data.decode(codec, "replace")
    if unmarked := utf_16_of(data[:4096]):
        return data.decode(unmarked, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(data) - 3 and error.reason == "unexpected end of data":  # cut off by our bound
            return data[: error.start].decode("utf-8")
        return data.decode("cp1251", "replace")


def _of_text(text: str) -> Script:
    """Cut a text into pages: at form feeds where it has any, else every 1,800 characters."""
    kept = clean(text[:MOST_CHARACTERS])
    if not kept.strip():
        raise CannotAnalyse("the file holds no text")
    starts = [0, *(match.end() for match in re.finditer("\f", kept))]
    if len(starts) == 1:
        starts = list(range(0, len(kept), PAGE_CHARACTERS))
    cut = len(text) > MOST_CHARACTERS
    return Script(kept, starts, f"only the first {MOST_CHARACTERS} characters were read" if cut else None)


def _of_pages(pages: Iterator[str], until_s: float) -> Script:
    texts, starts, length, note = list[str](), list[int](), 0, None
    for page in pages:
        starts.append(length)
        texts.append(clean(page[:MOST_CHARACTERS]) + "\n")
        length += len(texts[-1])
        if length > MOST_CHARACTERS or len(starts) == MOST_PAGES or time.monotonic() > until_s:
            note = f"only the first {len(starts)} pages were read"
            break
    text = "".join(texts)
    if not text.strip():
        raise CannotAnalyse(f"the {len(starts)} pages hold no text: they are pictures, which this program cannot read")
    return Script(text, starts, note)


def _plain_text(path: Path) -> str:
    with path.open("rb") as file:
        return decode(file.read(MOST_TEXT_BYTES))


def _pdf_pages(path: Path) -> Iterator[str]:
    """Yield the text of each page. Raises CannotAnalyse."""
    import pypdf
    from pypdf.errors import PyPdfError

    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise CannotAnalyse("the PDF is encrypted with a password")
        for page in reader.pages:
            yield page.extract_text()
    except (PyPdfError, *BROKEN) as error:
        raise _unreadable("PDF", error) from None


def _docx_text(path: Path) -> str:
    """Return the paragraphs of a document in their order, those in tables included. Raises CannotAnalyse."""
    import docx
    from docx.opc.exceptions import OpcError

    try:
        _check_archive(path)
        parts = list[str]()
        _add_blocks(docx.Document(str(path)), parts)
        return "".join(parts)
    except (OpcError, zipfile.BadZipFile, zlib.error, SyntaxError, *BROKEN) as error:  # lxml's is a SyntaxError
        raise _unreadable("DOCX", error) from None


def _unreadable(what: str, error: Exception) -> CannotAnalyse:
    """Return what a library's error says, on one line."""
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return CannotAnalyse(f"the {what} cannot be read: {said}"[:300])


def _check_archive(path: Path) -> None:
    """Refuse what unpacks to more than is reasonable; zipfile never unpacks more than it is told here."""
    with zipfile.ZipFile(path) as archive:
        sizes = {one.filename: one.file_size for one in archive.infolist()}
    if sum(sizes.values()) > MOST_UNPACKED_BYTES or sizes.get("word/document.xml", 0) > MOST_DOCUMENT_BYTES:
        raise CannotAnalyse(
            f"the DOCX unpacks to {sum(sizes.values())} bytes, more than the {MOST_UNPACKED_BYTES} that are read "
            f"({MOST_DOCUMENT_BYTES} of text)"
        )


def _add_blocks(container: Any, parts: list[str]) -> None:
    for block in container.iter_inner_content():
        if hasattr(block, "rows"):
            for row in block.rows:
                for cell in row.cells:
                    _add_blocks(cell, parts)
        else:
            parts.append(block.text + "\n")
