"""The base list of violations: what is in the workbook, loading it, bad workbooks, and asking for it."""

import io
import random
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select, text

from app.errors import Invalid
from app.extensions import db, writing
from app.models import Audit, BasisViolation, LoadedList
from app.models.cinema import AUDIENCES
from app.prepared import LIST_NAME, LIST_PATH, list_hash
from app.review import workbook
from app.review.loading import load_at_start, load_file
from app.review.violationlist import add, change, remove
from examples.make_violations import TABLE, main
from instance.config import ROOT

HEADER = ["id", "violations", "context", "age", "mark"]
FIGHT = ["v-1", "Драка", "без крови", "12+ / 16+", None]
LABEL = ["v-2", "Иноагент", "в титрах", None, "Требует маркировки"]
DRY = "2 added, 0 changed, 0 skipped, 0 as they were (dry run: nothing was done)"
SHEET = "xl/worksheets/sheet1.xml"


def write(path: Path, *rows: list[Any], sheets: int = 1) -> Path:
    """Write a workbook whose last sheet has these rows."""
    book = Workbook()
    for _ in range(sheets - 1):
        book.create_sheet()
    for row in rows:
        book.worksheets[-1].append(row)
    book.save(path)
    return path


def stored(app: Flask) -> dict[str, tuple[str, str, str, str]]:
    """Return the four texts of each row of the database, by code."""
    with app.app_context():
        rows = db.session.scalars(select(BasisViolation).order_by(BasisViolation.id)).all()
        return {row.code: (row.violations, row.context, row.age, row.mark) for row in rows}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Return a workbook of two rows."""
    return write(tmp_path / "list.xlsx", HEADER, FIGHT, LABEL)


def load(app: Flask, path: Path, **how: Any) -> tuple[int, int, int, int]:
    """Load and return how many rows were added, changed, kept, skipped."""
    with app.app_context():
        report = load_file(path, **how)
    return len(report.added), len(report.changed), len(report.kept), len(report.skipped)


# The list itself


def test_the_workbook_is_the_table_beside_it_and_made_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / TABLE.name
    copy.write_bytes(TABLE.read_bytes())
    monkeypatch.setattr("examples.make_violations.TABLE", copy)
    assert main() == 0
    made = copy.with_suffix(".xlsx").read_bytes()
    main()
    assert copy.with_suffix(".xlsx").read_bytes() == made
    with zipfile.ZipFile(io.BytesIO(made)) as new, zipfile.ZipFile(LIST_PATH) as old:
        assert {name: new.read(name) for name in new.namelist()} == {name: old.read(name) for name in old.namelist()}


def test_the_list_has_names_in_russian_that_are_unique_and_ratings_or_a_mark() -> None:
    sheet = load_workbook(LIST_PATH).active
    header, *rows = [[str(value or "") for value in row] for row in sheet.iter_rows(values_only=True)]
    assert header == HEADER
    assert 50 <= len(rows) <= 80
    assert len({row[0] for row in rows}) == len({row[1] for row in rows}) == len(rows)
    for code, name, context, age, mark in rows:
        assert code.isascii()
        assert all("а" <= letter.lower() <= "ё" for letter in name if letter.isalpha()), name
        assert context
        assert all(part in AUDIENCES[1:] for part in age.split(" / ") if age), code
        assert age or mark, code
    assert {part for row in rows for part in row[3].split(" / ") if part} == set(AUDIENCES[1:])


def test_the_whole_list_loads_without_a_row_skipped(app: Flask) -> None:
    assert load(app, LIST_PATH)[1:] == (0, 0, 0)
    assert load(app, LIST_PATH) == (0, 0, 0, 0)
    assert len(stored(app)) == len(TABLE.read_text("utf-8").splitlines()) - 1


# Loading


def test_loading_twice_adds_nothing_and_changes_nothing(database_app: Flask, book: Path) -> None:
    assert load(database_app, book) == (2, 0, 0, 0)
    before = stored(database_app)
    assert load(database_app, book) == (0, 0, 0, 0)
    assert stored(database_app) == before
    assert before["v-1"] == ("Драка", "без крови", "12+ / 16+", "")
    assert before["v-2"] == ("Иноагент", "в титрах", "", "Требует маркировки")
    with database_app.app_context():
        assert db.session.scalar(select(func.count()).where(Audit.action == "violations.load")) == 1


def test_headers_are_found_by_name_in_any_order_case_and_place(app: Flask, tmp_path: Path) -> None:
    path = write(
        tmp_path / "list.xlsx",
        ["Список нарушений"],
        [],
        [None, " AGE\xa0", "note", "Violations", "\xa0Mark", "ID", "Context"],
        [None, "18, 16+", "ours", "\xa0Драка \n до\xa0крови ", None, 7.0, None],
        sheets=2,
    )
    assert load(app, path) == (1, 0, 0, 0)
    assert stored(app) == {"7": ("Драка до крови", "", "16+ / 18+", "")}


def test_without_an_id_the_code_follows_from_the_text(app: Flask, tmp_path: Path) -> None:
    rows = ["violations", "context", "age"], ["Драка", "", "12+"], ["Драка", "с кровью", "16+"]
    assert load(app, write(tmp_path / "a.xlsx", *rows)) == (2, 0, 0, 0)
    assert all(code.startswith("text-") and len(code) == 21 for code in stored(app))
    assert load(app, write(tmp_path / "b.xlsx", *rows[:1], *reversed(rows[1:]))) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (["x", None, "c", "6+"], "violations is empty"),
        (["x", "n", "c", "21+"], "one or several of 0+, 6+"),
        (["x", "n", "c", "Требует маркировки"], "a duty is a mark"),
        (["x", "n", "c"], "neither age nor mark"),
        (["v-1", "n", "c", "6+"], "the id v-1 stands further up"),
        (["x" * 65, "n", "c", "6+"], "id has 65 characters"),
        (["x", "n" * 256, "c", "6+"], "violations has 256 characters"),
        (["x", "n", "c" * 4097, "6+"], "context has 4097 characters"),
        (["x", "#REF!", "c", "6+"], "the error #REF! of a formula"),
    ],
    ids=["name", "rating", "duty", "neither", "twice", "long id", "long name", "long context", "error"],
)
def test_a_row_that_cannot_be_taken_is_skipped_and_said(app: Flask, tmp_path: Path, row: list, reason: str) -> None:
    path = write(tmp_path / "list.xlsx", HEADER, FIGHT, row, LABEL)
    with app.app_context():
        report = load_file(path)
    assert report.added == ["v-1", "v-2"]
    [line] = report.skipped
    assert line.startswith("row 3: ")
    assert reason in line


def test_a_changed_row_is_changed_but_not_one_that_was_edited(database_app: Flask, tmp_path: Path, book: Path) -> None:
    load(database_app, book)
    with database_app.app_context(), writing() as session:
        change(session, "me", 2, {"context": "на афише"}, 5)
    newer = write(tmp_path / "new.xlsx", HEADER, [*FIGHT[:3], "16+", None], [*LABEL[:4], "Отметка"])
    assert load(database_app, newer, is_dry=True) == (0, 1, 1, 0)
    assert stored(database_app)["v-1"][2] == "12+ / 16+"
    assert load(database_app, newer) == (0, 1, 1, 0)
    assert stored(database_app)["v-1"][2] == "16+"
    assert stored(database_app)["v-2"] == ("Иноагент", "на афише", "", "Требует маркировки")
    assert load(database_app, newer, is_forced=True) == (0, 1, 0, 0)
    assert stored(database_app)["v-2"] == ("Иноагент", "в титрах", "", "Отметка")
    assert load(database_app, newer) == (0, 0, 0, 0)
    newest = write(tmp_path / "newest.xlsx", HEADER, [*LABEL[:4], "Другая"])
    assert load(database_app, newest) == (0, 1, 0, 0), "what was overwritten by force is nobody's edit any more"


def test_a_removed_row_comes_back_by_force_alone(app: Flask, book: Path) -> None:
    load(app, book)
    client = app.test_client()
    with app.app_context(), writing() as session:
        remove(session, "me", 1, 5)
    assert [row["id"] for row in client.get("/violations/").json] == [2]
    assert client.get("/violations/1/").status_code == 404
    assert load(app, book) == (0, 0, 1, 0)
    assert client.get("/violations/1/").status_code == 404
    assert load(app, book, is_forced=True) == (0, 1, 0, 0)
    assert client.get("/violations/1/").json["violations"] == "Драка"


def test_a_row_added_by_hand_stays_whatever_is_loaded(app: Flask, book: Path) -> None:
    with app.app_context(), writing() as session:
        add(session, "me", {"violations": "Своё", "age": "6+"}, 5)
    assert load(app, book, is_forced=True) == (2, 0, 0, 0)
    assert [row[0] for row in stored(app).values()] == ["Своё", "Драка", "Иноагент"]


def test_two_loadings_at_once_add_each_row_once(database_app: Flask) -> None:
    begin, counts = threading.Barrier(2), []

    def run() -> None:
        with database_app.app_context():
            begin.wait()
            counts.append(len(load_file(LIST_PATH).added))
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, len(stored(database_app))]


# The start


def test_a_start_loads_the_list_once_and_again_when_its_file_changes(
    database_app: Flask, book: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.review.loading.LIST_PATH", book)
    monkeypatch.setattr("app.review.loading.list_hash", lambda path=book: list_hash(path))
    with database_app.app_context():
        load_at_start()
        assert db.session.get(LoadedList, LIST_NAME).sha256 == list_hash(book)
        with writing() as session:
            change(session, "me", 1, {"age": "18+"}, 5)
        load_at_start()
        write(book, HEADER, FIGHT, LABEL, ["v-3", "Курение", "", "16+"])
        load_at_start()
    assert [row[2] for row in stored(database_app).values()] == ["18+", "", "16+"]
    book.write_bytes(b"PK broken")
    caplog.clear()
    with database_app.app_context():
        load_at_start()
    assert [(record.levelname, "was not loaded" in record.message) for record in caplog.records] == [("WARNING", True)]
    assert len(stored(database_app)) == 3


def test_a_start_goes_on_where_the_database_cannot_take_the_list(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    full = "CREATE TRIGGER full BEFORE INSERT ON loaded_list BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    with app.app_context():
        with writing() as session:
            session.execute(text(full))
        load_at_start()
        assert [(record.levelname, "the disk is full" in record.message) for record in caplog.records] == [
            ("WARNING", True)
        ]
        assert stored(app) == {}
        with writing() as session:
            session.execute(text("DROP TRIGGER full"))
        load_at_start()
    assert len(stored(app)) == 70


def test_a_later_start_reads_no_workbook(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        load_at_start()
        monkeypatch.setattr(workbook, "MAX_ROWS", 0)  # whoever reads it now fails
        with pytest.raises(Invalid):
            load_file(LIST_PATH)
        load_at_start()


# Workbooks that are none


def parts_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path: Path, parts: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def spoil(path: Path, name: str, old: bytes, new: bytes) -> None:
    """Put other bytes in a part of the workbook."""
    parts = parts_of(path)
    assert old in parts[name]
    pack(path, {**parts, name: parts[name].replace(old, new, 1)})


def make_bomb(path: Path) -> None:
    pack(path, {**parts_of(path), "xl/media/image1.png": bytes(64 * 1024 * 1024)})


def make_lying_bomb(path: Path) -> None:
    """Write a sheet that unpacks into 64 MB, of which its directory says that it has 300 bytes."""
    parts = parts_of(path)
    pack(path, {**parts, SHEET: parts[SHEET] + bytes(64 * 1024 * 1024)})
    data = path.read_bytes()
    size = (len(parts[SHEET]) + 64 * 1024 * 1024).to_bytes(4, "little")
    path.write_bytes(data.replace(size, (300).to_bytes(4, "little")))


def make_dense(path: Path) -> None:
    pack(path, {**parts_of(path), "xl/theme/theme9.xml": b"<a/>" + b" " * (3 * 1024 * 1024)})


def add_dtd(path: Path) -> None:
    entities = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    spoil(path, SHEET, b"<worksheet", entities + b"<worksheet")


def as_utf16(path: Path) -> None:
    parts = parts_of(path)
    pack(path, {**parts, SHEET: parts[SHEET].decode().encode("utf-16")})


def break_xml(path: Path) -> None:
    spoil(path, SHEET, b"</sheetData>", b"")


def drop_sheet(path: Path) -> None:
    pack(path, {name: data for name, data in parts_of(path).items() if name != SHEET})


def hide_dtd(path: Path) -> None:
    """Write a sheet with a DTD whose part is not called .xml."""
    add_dtd(path)
    renamed = {name.replace("sheet1.xml", "sheet1.dat"): data for name, data in parts_of(path).items()}
    pack(path, {name: data.replace(b"sheet1.xml", b"sheet1.dat") for name, data in renamed.items()})


def hide_utf16_dtd(path: Path) -> None:
    hide_dtd(path)
    parts = parts_of(path)
    name = SHEET.replace(".xml", ".dat")
    pack(path, {**parts, name: parts[name].decode().encode("utf-16")})


def pack_otherwise(path: Path) -> None:
    """Write a sheet packed by LZMA, whose own settings are none."""
    parts = parts_of(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data, zipfile.ZIP_LZMA if name == SHEET else zipfile.ZIP_DEFLATED)
        at = archive.getinfo(SHEET).header_offset + 30 + len(SHEET) + 4
    data = path.read_bytes()
    path.write_bytes(data[:at] + b"\xff" + data[at + 1 :])


def many_cells(path: Path) -> None:
    """Write one row of half a million cells, beside noise that packs badly."""
    noise = b"<!--" + random.Random(1).randbytes(20_000).hex().encode() + b"-->"
    spoil(path, SHEET, b"</sheetData>", b'<row r="9">' + b"<c/>" * 500_000 + noise + b"</row></sheetData>")


def many_styles(path: Path) -> None:
    noise = b"<!--" + random.Random(1).randbytes(20_000).hex().encode() + b"-->"
    spoil(path, "xl/styles.xml", b"</fonts>", b"<font/>" * 500_000 + noise + b"</fonts>")


def many_rows(path: Path) -> None:
    rows = b"".join(
        b'<row r="%d"><c r="B%d" t="inlineStr"><is><t>n%d</t></is></c></row>' % (n, n, n) for n in range(10, 20_010)
    )
    spoil(path, SHEET, b"</sheetData>", rows + b"</sheetData>")


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: path.unlink(), "cannot be read: No such file"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "cannot be read: Is a directory"),
    "empty": (lambda path: path.write_bytes(b""), "no workbook"),
    "no zip": (lambda path: path.write_bytes(b"id;violations;age\n1;x;6+\n" * 100), "no workbook"),
    "a zip of else": (lambda path: pack(path, {"a.txt": b"a"}), "no workbook"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-300]), "no workbook"),
    "large": (lambda path: path.write_bytes(bytes(5 * 1024 * 1024)), "larger than 4194304 bytes"),
    "bomb": (make_bomb, "unpacks into"),
    "dense": (make_dense, "a bomb"),
    "lying bomb": (make_lying_bomb, "no workbook"),
    "many parts": (lambda path: pack(path, {**parts_of(path), **{f"x/{n}": b"" for n in range(600)}}), "parts"),
    "dtd": (add_dtd, "has a DTD"),
    "dtd in a part of another name": (hide_dtd, "has a DTD"),
    "dtd in utf-16": (hide_utf16_dtd, "has a DTD"),
    "packed otherwise": (pack_otherwise, "packed otherwise"),
    "many cells": (many_cells, "tags; at most 500000"),
    "many styles": (many_styles, "tags; at most 500000"),
    "utf-16": (as_utf16, "is not UTF-8"),
    "broken xml": (break_xml, "no workbook"),
    "no sheet": (drop_sheet, "no sheet has a header"),
    "no header": (lambda path: write(path, FIGHT, LABEL), "no sheet has a header in its first 50 rows"),
    "header too low": (lambda path: write(path, *[["x"]] * 60, HEADER, FIGHT), "no sheet has a header"),
    "a name twice": (lambda path: write(path, [*HEADER, "AGE"], FIGHT), "its header says age 2 times"),
    "20,000 rows": (many_rows, "more than 10000 rows"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_list_is_refused_in_one_line(app: Flask, book: Path, name: str) -> None:
    spoil_it, words = BROKEN[name]
    spoil_it(book)
    done = app.test_cli_runner().invoke(args=["load_violations", "--file", str(book)])
    assert done.exit_code == 1, done.output
    assert len(done.output.splitlines()) == 1
    assert done.output.startswith(f"Error: {book}: ")
    assert words in done.output
    assert stored(app) == {}


# Workbooks that are odd


def test_a_formula_counts_by_its_stored_value_and_not_at_all_without_one(app: Flask, book: Path) -> None:
    spoil(book, SHEET, b"</sheetData>", (
        b'<row r="4"><c r="A4" t="str"><f>"v"&amp;3</f><v>v-3</v></c><c r="B4" t="str"><f>X</f><v>Name</v></c>'
        b'<c r="D4" t="str"><f>X</f><v>6+</v></c></row>'
        b'<row r="5"><c r="A5" t="inlineStr"><is><t>v-4</t></is></c><c r="B5"><f>A1</f></c>'
        b'<c r="D5" t="inlineStr"><is><t>6+</t></is></c></row></sheetData>'
    ))  # fmt: skip
    with app.app_context():
        report = load_file(book)
    assert report.added == ["v-1", "v-2", "v-3"]
    assert stored(app)["v-3"] == ("Name", "", "6+", "")
    assert report.skipped == ["row 5: violations is empty (a formula without a stored value counts as empty)"]


def test_merged_cells_hold_their_text_in_the_first_row_alone(app: Flask, tmp_path: Path) -> None:
    made = Workbook()
    for row in (HEADER, FIGHT, ["v-3", "is hidden by the merging", "c", "6+"]):
        made.active.append(row)
    made.active.merge_cells("B2:B3")
    made.save(tmp_path / "merged.xlsx")
    with app.app_context():
        report = load_file(tmp_path / "merged.xlsx")
    assert report.added == ["v-1"]
    assert [line.partition(":")[0] for line in report.skipped] == ["row 3"]


@pytest.mark.parametrize("claim", [b"A1:XFD1048576", b"A1", b"B2:A1"])
def test_what_a_sheet_says_of_its_size_is_not_believed(app: Flask, book: Path, claim: bytes) -> None:
    spoil(book, SHEET, b'<dimension ref="A1:E3"', b'<dimension ref="' + claim + b'"')
    assert load(app, book) == (2, 0, 0, 0)


def test_a_cell_far_away_costs_no_rows_and_no_columns(app: Flask, book: Path) -> None:
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    spoil(book, SHEET, b"</sheetData>", far)
    assert load(app, book) == (2, 0, 0, 0)


def test_links_to_other_workbooks_are_left_alone(app: Flask, book: Path) -> None:
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLink"
    link = f'<Relationship Id="rId99" Type="{kind}" Target="externalLinks/externalLink1.xml"/></Relationships>'
    spoil(book, "xl/_rels/workbook.xml.rels", b"</Relationships>", link.encode())
    spoil(
        book,
        "xl/workbook.xml",
        b"</workbook>",
        b'<externalReferences><externalReference r:id="rId99" xmlns:r="http://schemas.openxmlformats.org/'
        b'officeDocument/2006/relationships"/></externalReferences></workbook>',
    )
    assert load(app, book) == (2, 0, 0, 0)


# The command


@pytest.fixture
def run(app: Flask) -> Callable[..., tuple[int, list[str]]]:
    """Return a function that runs `flask load_violations` with these arguments."""

    def invoke(*arguments: str) -> tuple[int, list[str]]:
        done = app.test_cli_runner().invoke(args=["load_violations", *arguments])
        return done.exit_code, done.output.splitlines()

    return invoke


def test_the_command_tells_what_was_added_changed_and_skipped(
    app: Flask, run: Callable[..., Any], tmp_path: Path, book: Path
) -> None:
    given = "--file", str(book)
    assert run(*given, "--dry-run")[1][-1] == DRY
    assert stored(app) == {}
    assert run(*given) == (0, ["added\tv-1", "added\tv-2", "2 added, 0 changed, 0 skipped, 0 as they were"])
    assert run(*given) == (0, ["0 added, 0 changed, 0 skipped, 2 as they were"])
    with app.app_context(), writing() as session:
        change(session, "me", 1, {"age": "18+"}, 5)
    write(book, HEADER, FIGHT, [*LABEL[:4], "Отметка"], ["v-3"])
    assert run(*given)[1] == [
        "changed\tv-2",
        "skipped\tv-1\tedited in the administration pages; --force takes what the file says",
        "skipped\trow 4: violations is empty (a formula without a stored value counts as empty)",
        "0 added, 1 changed, 2 skipped, 0 as they were",
    ]
    assert run(*given, "--force")[1][0] == "changed\tv-1"


def test_the_command_loads_the_projects_own_list_by_itself(app: Flask, run: Callable[..., Any]) -> None:
    assert LIST_PATH == ROOT / "media" / "classification_events.xlsx"
    code, lines = run()
    assert (code, len(lines) - 1) == (0, len(stored(app)))
    with app.app_context():
        assert db.session.get(LoadedList, LIST_NAME).sha256 == list_hash()


# Asking for it


def test_the_list_is_asked_for_in_pages_by_rating_and_by_words_in_capitals_or_not(database_app: Flask) -> None:
    load(database_app, LIST_PATH)
    client = database_app.test_client()
    whole = client.get("/violations/").json
    assert [row["code"] for row in whole] == list(stored(database_app))
    assert set(whole[0]) == {
        "id", "created_utc", "changed_utc", "code", "violations", "context", "age", "mark", "is_edited",
    }  # fmt: skip
    first = client.get("/violations?limit=30")
    assert (len(first.json), "/violations?" in first.headers["Link"]) == (30, True)
    found = client.get("/violations/", query_string={"q": "НЕЦЕНЗУРНАЯ"}).json
    assert [row["violations"] for row in found] == ["Скрытая нецензурная брань", "Нецензурная брань"]
    of_six = client.get("/violations/?age=6%2B").json
    assert {"6+"} == {part for row in of_six for part in row["age"].split(" / ")} & {"6+"}
    assert not [row for row in of_six if "6+" not in row["age"].split(" / ")]
    assert client.get(f"/violations/{whole[3]['id']}").json == whole[3]


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/violations/999", 404, "not_found"),
        ("/violations/x/", 422, "int_parsing"),
        ("/violations/?age=7%2B", 422, "literal_error"),
        ("/violations/?sort=age", 422, "literal_error"),
    ],
)
def test_what_is_not_in_the_list_is_refused(app: Flask, path: str, status: int, kind: str) -> None:
    answer = app.test_client().get(path)
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (status, kind)
    assert app.test_client().post("/violations/", json={}).status_code == 405
