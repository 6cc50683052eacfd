"""Makes `media/classification_events.xlsx` of the table beside it: edit the .tsv, run this, commit both.

    .venv/bin/python examples/make_violations.py

The same table makes the same bytes: the times within are fixed.
"""

import csv
import io
import sys
import zipfile
from datetime import datetime
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font

TABLE = Path(__file__).resolve().parent.parent / "media" / "classification_events.tsv"
WIDTHS = (16, 36, 72, 12, 40)
MADE = datetime(2026, 11, 20)  # noqa: DTZ001  a workbook knows no time zones


def workbook(rows: list[list[str]]) -> bytes:
    """Return the .xlsx of these rows, the first of which is the header."""
    book = Workbook()
    book.properties.creator = "flask-playback"
    book.properties.created = book.properties.modified = MADE
    sheet = book.active
    sheet.title = "violations"
    sheet.freeze_panes = "A2"
    for row in rows:
        sheet.append([text or None for text in row])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for column, width in zip("ABCDE", WIDTHS, strict=True):
        sheet.column_dimensions[column].width = width
        for cell in sheet[column]:
            cell.alignment = Alignment(vertical="top", wrap_text=True)
    written = io.BytesIO()
    book.save(written)
    return without_times(written.getvalue())


def without_times(data: bytes) -> bytes:
    """Return a workbook whose parts carry no time of writing."""
    fixed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = zipfile.ZipInfo(name, MADE.timetuple()[:6])
            part.external_attr, part.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            text = old.read(name)
            if name == "docProps/core.xml":  # saving sets the time of change anew
                begin, end = b'xsi:type="dcterms:W3CDTF">', b"</dcterms:modified>"
                head, _, rest = text.rpartition(begin)
                text = head + begin + f"{MADE:%Y-%m-%dT%H:%M:%SZ}".encode() + end + rest.partition(end)[2]
            new.writestr(part, text)
    return fixed.getvalue()


def main() -> int:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    target = TABLE.with_suffix(".xlsx")
    target.write_bytes(workbook(rows))
    print(f"{target.name}: {len(rows) - 1} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
