"""XLSX workbooks of plain tables (ECMA-376 part 1, §18): what comes from outside is text, never a formula.

workbook
└── sheet: a frozen row of headers, then rows of texts, numbers, instants (datetime in UTC) and spans (timedelta)

A text is a string cell whatever it begins with, marked as typed with an apostrophe (`quotePrefix`), so that it stays
one when somebody edits it. What XML 1.0 does not allow (§2.2 Char) is left out; a cell holds 32,767 UTF-16 units at
most.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Value = str | int | float | datetime | timedelta | None
CELL_UNITS, MOST_ROWS = 32_767, 5_000  # 10,000 rows of 8 cells take 3 s of CPU
ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # ST_Xstring (§22.9.2.19): `_x0041_` would be read as A
INSTANT, SPAN = "yyyy-mm-dd hh:mm:ss", "[h]:mm:ss.000"
WIDEST = 80


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its name, of at most 31 characters, its headers with widths in characters, and its rows.

    `left_out` is how many more rows there are than are given.
    """

    title: str
    headers: Sequence[tuple[str, int]]
    rows: Sequence[Sequence[Value]]
    left_out: int = 0


def clean_text(text: str) -> str:
    """Return a text as a cell can hold it: cut with `…`, without what XML or the format would misread."""
    kept = ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = ESCAPE.sub("_x005F_", kept)
    units = kept.encode("utf-16-le")
    if len(units) <= 2 * CELL_UNITS:
        return kept
    return units[: 2 * (CELL_UNITS - 1)].decode("utf-16-le", "ignore") + "…"


def workbook_bytes(sheets: Sequence[Sheet]) -> bytes:
    """Return the workbook. A sheet keeps its first MOST_ROWS rows; one behind them tells how many were left out."""
    from openpyxl import Workbook  # 9 MB that only this answer needs

    book = Workbook(write_only=True)
    for sheet in sheets:
        _add_sheet(book, sheet)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _add_sheet(book: Any, sheet: Sheet) -> None:
    from openpyxl.utils import get_column_letter

    page = book.create_sheet(sheet.title)
    page.freeze_panes = "A2"
    for number, (_, width) in enumerate(sheet.headers, 1):
        page.column_dimensions[get_column_letter(number)].width = min(width, WIDEST)
    cells = _Cells(page)
    page.append([cells.header(name) for name, _ in sheet.headers])
    for row in sheet.rows[:MOST_ROWS]:
        page.append([cells.of(value) for value in row])
    left_out = sheet.left_out + max(len(sheet.rows) - MOST_ROWS, 0)
    if left_out:
        page.append([cells.of(f"… and {left_out} more rows, which are left out")])


class _Cells:
    """Makes the cells of a sheet, each with its value's own type. Styles are made once: one a cell takes 0.1 ms."""

    def __init__(self, page: Any) -> None:
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Alignment, Font

        def styled(number_format: str = "General", **attributes: Any) -> Any:
            cell: Any = WriteOnlyCell(page)
            cell.number_format = number_format
            for name, value in {"alignment": Alignment(vertical="top"), **attributes}.items():
                setattr(cell, name, value)
            return cell._style

        wrapped = Alignment(vertical="top", wrap_text=True)
        self._page, self._new = page, WriteOnlyCell
        self._headers = styled(alignment=wrapped, font=Font(bold=True))
        self._texts = styled(alignment=wrapped, quotePrefix=True)
        self._others = styled()
        self._instants, self._spans = styled(INSTANT), styled(SPAN)

    def header(self, name: str) -> Any:
        """Return a cell of the first row."""
        return self._cell(name, self._headers)

    def of(self, value: Value) -> Any:
        """Return a cell: text is never a formula, nor an error such as `#N/A`."""
        if isinstance(value, str):
            cell = self._cell(clean_text(value) or None, self._texts)
            cell.data_type = "n" if cell.value is None else "s"
            return cell
        if isinstance(value, datetime):
            return self._cell(value.replace(tzinfo=None), self._instants)
        return self._cell(value, self._spans if isinstance(value, timedelta) else self._others)

    def _cell(self, value: Any, style: Any) -> Any:
        cell: Any = self._new(self._page, value)
        cell._style = style
        return cell
