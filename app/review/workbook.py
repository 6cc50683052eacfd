"""Reading the base list of violations from a workbook: Office Open XML, ECMA-376 part 1 §18, within a ZIP file.

    row      cells named by the header: id | violations | context | age | mark

The header is the first row that has `violations` in it, on whichever sheet; columns are found by name, in any order,
beside any others. A file is judged as hostile: its parts are bounded before one is read, no DTD is taken.
"""

import io
import itertools
import re
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.errors import Invalid
from app.prepared import MAX_LIST_BYTES

COLUMNS = ("id", "violations", "context", "age", "mark")
MAX_UNPACKED_BYTES = 16 * 1024 * 1024
MAX_RATIO, RATIO_FROM_BYTES = 200, 1024 * 1024
MAX_PARTS, MAX_ROWS, MAX_COLUMNS = 500, 10_000, 64
MAX_TAGS = 500_000  # 10,000 rows have 420,000; each may become an object of some 300 bytes
HEADER_WITHIN, LAST_AFTER_EMPTY = 50, 1000
_DTD = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
# openpyxl has no error of its own for what it cannot read: whatever its parsers stumble over comes out.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, LookupError, ValueError, TypeError, AttributeError, SyntaxError, EOFError,
    NotImplementedError, RuntimeError, ArithmeticError, AssertionError, OSError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the list as it stands there: texts by column, white space put right."""

    number: int
    texts: dict[str, str]


@dataclass(slots=True)
class Sheet:
    """The rows of the list, and why others were passed over."""

    lines: list[Line] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read_workbook(path: Path) -> Sheet:
    """Return the rows of a workbook. Raises Invalid, with one line, for what is none or more than a list can be."""
    data = _read(path)
    try:
        _check_parts(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what openpyxl leaves out: styles, validations, extensions
            return _lines(data)
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise _refusal(f"it is no workbook that can be read ({reason}): save it again as .xlsx") from None


def _refusal(message: str) -> Invalid:
    return Invalid(message, loc=("file",), kind="list_unreadable")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LIST_BYTES + 1)
    except OSError as error:
        raise _refusal(f"it cannot be read: {error.strerror}") from None
    if len(data) > MAX_LIST_BYTES:
        raise _refusal(f"it is larger than {MAX_LIST_BYTES} bytes: a list of violations is not")
    return data


def _check_parts(data: bytes) -> None:
    """Raise Invalid for a bomb and for DTDs. What the directory says of a part's size is also the most that is read."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        unpacked = sum(part.file_size for part in parts)
        if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED_BYTES:
            raise _refusal(
                f"it unpacks into {len(parts)} parts of {unpacked} bytes; at most {MAX_PARTS} of {MAX_UNPACKED_BYTES} "
                "are read"
            )
        tags = sum(_check_part(archive, part) for part in parts)
        if tags > MAX_TAGS:
            raise _refusal(f"it has {tags} tags; at most {MAX_TAGS} are read")


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> int:
    """Return how many tags a part has at most. Raises Invalid for one that is not to be read.

    What a part is called says nothing: whichever the workbook names is read as XML.
    """
    name = repr(part.filename[:80])
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # ISO/IEC 29500-2 annex B knows no other
        raise _refusal(f"its part {name} is packed otherwise than a workbook's are")
    if part.file_size > max(RATIO_FROM_BYTES, MAX_RATIO * part.compress_size):
        raise _refusal(f"its part {name} is packed more than {MAX_RATIO} times: a bomb")
    text = archive.read(part)
    is_named = part.filename.lower().endswith((".xml", ".rels"))
    if _DTD.search(text.replace(b"\0", b"")) or (is_named and b"\0" in text):
        raise _refusal(f"its part {name} has a DTD or is not UTF-8: neither is read")
    return text.count(b"<")


def _lines(data: bytes) -> Sheet:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    try:
        for sheet in book.worksheets:
            # Where the file says that the sheet ends may be anywhere: a million rows further on, or too soon.
            sheet.reset_dimensions()
            found = _of_sheet(enumerate(sheet.iter_rows(max_col=MAX_COLUMNS), 1))
            if found is not None:
                return found
    finally:
        book.close()
    raise _refusal(
        f"no sheet has a header in its first {HEADER_WITHIN} rows: cells that say {', '.join(COLUMNS)} are needed"
    )


def _of_sheet(rows: Iterator[tuple[int, Any]]) -> Sheet | None:
    """Return the rows below the header; None where there is no header."""
    columns = next(filter(None, (_header(cells) for _, cells in itertools.islice(rows, HEADER_WITHIN))), None)
    if columns is None:
        return None
    found, empty = Sheet(), 0
    for number, cells in rows:
        texts = {name: _text(cells[index].value) for name, index in columns.items()}
        empty = 0 if any(texts.values()) else empty + 1
        if empty > LAST_AFTER_EMPTY:
            break
        if empty:
            continue
        wrong = [name for name, index in columns.items() if cells[index].data_type == "e"]
        if wrong:
            found.skipped.append(f"row {number}: {wrong[0]} holds the error {texts[wrong[0]]} of a formula")
            continue
        found.lines.append(Line(number, texts))
        if len(found.lines) > MAX_ROWS:
            raise _refusal(f"it has more than {MAX_ROWS} rows: a list of violations has not")
    return found


def _header(cells: Any) -> dict[str, int]:
    """Return the index of each column; nothing where this row is no header. Raises Invalid for a name twice."""
    names = [_text(cell.value).casefold() for cell in cells]
    if "violations" not in names:
        return {}
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise _refusal(f"its header says {twice[0]} {names.count(twice[0])} times")
    return {name: names.index(name) for name in COLUMNS if name in names}


def _text(value: object) -> str:
    """Return what a cell says on one line; a whole number without its point."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(unicodedata.normalize("NFC", str(value)).split())
