"""The reference analyser's analyses: what is in a video or a script is found; of hostile files it says why not."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import pytest
from pypdf import PdfWriter

from examples.analyser.analysis import analyse
from examples.analyser.comments import comments_on
from examples.analyser.failures import CannotAnalyse
from examples.analyser.findings import LONGEST_QUOTATION, Analysis, Finding, bounded
from examples.analyser.isolation import analyse_apart
from examples.analyser.lexicon import LEXICON, find_in_script, fold, read_lexicon, sentence_at
from examples.analyser.script import PAGE_CHARACTERS, read_script
from examples.analyser.video import MOTION, SCENE
from tests.media import Plane, make_video

PROGRAM = Path(__file__).resolve().parent.parent / "examples" / "analyser" / "analyse.py"
SCENE_S, STILL_S, FPS = 2.0, 3.2, 10
SMOKING = "Пётр закуривает сигарету."
LONG_AGO = 0.0  # of the monotonic clock


def soon() -> float:
    return time.monotonic() + 60


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make 6 s: grey, from 2 s on another scene in which a square moves from 3.2 to 4.4 s."""

    def draw(luma: Plane, number: int) -> None:
        luma[:] = 90
        if number < SCENE_S * FPS:
            luma[::16] = 110
            return
        luma[:] = 200
        luma[:, ::8] = 170
        steps = min(max(number - round(STILL_S * FPS), 0), 12)
        luma[60:110, 20 + 12 * steps : 70 + 12 * steps] = 30

    return make_video(tmp_path_factory.mktemp("film") / "film.mp4", seconds=6, fps=FPS, gop=FPS, draw=draw)


def pdf_bytes(pages: list[str]) -> bytes:
    """Write a PDF by hand: text in UTF-16 code units, which a ToUnicode table tells readers (ISO 32000-1 §9.10.3)."""
    table = b"/CIDInit /ProcSet findresource begin 1 begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange "
    table += b"1 beginbfrange <0000> <FFFF> <0000> endbfrange endcmap end"
    kids = " ".join(f"{6 + 2 * number} 0 R" for number in range(len(pages)))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding /Identity-H /DescendantFonts [4 0 R] "
        b"/ToUnicode 5 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /F "
        b"/CIDSystemInfo << /Registry (A) /Ordering (I) /Supplement 0 >> >>",
        _stream(table),
    ]
    for number, text in enumerate(pages):
        lines = " T* ".join(f"<{line.encode('utf-16-be').hex()}> Tj" for line in text.split("\n"))
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {7 + 2 * number} 0 R "
            "/Resources << /Font << /F 3 0 R >> >> >>".encode()
        )
        bodies.append(_stream(f"BT /F 12 Tf 14 TL 40 700 Td {lines} ET".encode()))
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return bytes(out) + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, start)


def _stream(data: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(data), data)


def docx_file(path: Path, *paragraphs: str, cell: str = "") -> Path:
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    if cell:
        document.add_table(1, 1).cell(0, 0).text = cell
    document.save(str(path))
    return path


def found_in(path: Path) -> list[Finding]:
    return analyse(path, 60).findings


def words(path: Path) -> set[tuple[str, int | None]]:
    return {(one.violation, one.page) for one in found_in(path)}


# --- video -------------------------------------------------------------------------------------------------


def test_a_scene_change_is_found_at_its_second(film: Path) -> None:
    scenes = [one for one in found_in(film) if one.violation == SCENE]
    assert [one.start for one in scenes] == [pytest.approx(SCENE_S, abs=0.15)]
    assert scenes[0].severity == "severe"


def test_motion_is_found_from_its_begin_to_its_end(film: Path) -> None:
    spans = [one for one in found_in(film) if one.violation == MOTION]
    assert [(one.start, one.end) for one in spans] == [(pytest.approx(3.2, abs=0.2), pytest.approx(4.4, abs=0.2))]


def test_nothing_is_found_where_nothing_happens(tmp_path: Path) -> None:
    def draw(luma: Plane, _: int) -> None:
        luma[:] = 90

    assert found_in(make_video(tmp_path / "still.mp4", seconds=3, fps=FPS, draw=draw)) == []


def test_a_cut_is_told_from_what_moves_all_the_time(tmp_path: Path) -> None:
    def draw(luma: Plane, number: int) -> None:
        luma[:] = luma // 3 if number >= 20 else luma

    found = found_in(make_video(tmp_path / "cut.mp4", seconds=4, fps=FPS, draw=draw))
    assert [one.start for one in found if one.violation == SCENE] == [pytest.approx(2.0, abs=0.15)]


def test_a_video_that_takes_too_long_is_looked_at_in_part(film: Path) -> None:
    analysis = analyse(film, 1e-6)
    assert "time ran out" in str(analysis.note)
    assert not [one for one in analysis.findings if (one.start or 0) > 1]


def test_a_video_is_one_whatever_its_name_is(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "script.txt"
    path.write_bytes(film.read_bytes())
    assert {one.violation for one in found_in(path)} == {SCENE, MOTION}


# --- scripts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251"])
def test_a_word_is_found_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "script.mp4"
    path.write_bytes(f"ИНТ. КУХНЯ. ДЕНЬ\r\n\r\n{SMOKING} Темнеет.\r\n".encode(encoding))
    found = {one.violation: one for one in found_in(path)}
    assert set(found) == {"Курение", "Табак в кадре"}
    assert (found["Курение"].page, found["Курение"].quotation) == (1, SMOKING)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ЗАКУРИВАЕТ", {"Курение"}),
        ("он зак\u00adуривает", {"Курение"}),
        ("заку\u0301ривает", {"Курение"}),
        ("закури-\nвает", {"Курение"}),
        ("зaкуривaет", {"Курение"}),  # with two Latin letters
        ("Он пьёт водку", {"Употребление алкоголя", "Упоминание алкоголя"}),
        ("Он бьёт его ножом", {"Применение оружия"}),
        ("Он бьёт ножом", {"Применение оружия"}),
        ("He is smoking.", {"Курение"}),
        ("курица и куриный суп", set()),
        ("героиня", set()),
        ("героин", {"Упоминание наркотиков"}),
        ("перекурила-таки", set()),
        ("не курит", {"Курение"}),
        ("вода, столбы, дуракавалять", {"Грубое слово"}),
        ("", set()),
    ],
    ids=lambda value: value.encode("unicode_escape").decode()[:40] if isinstance(value, str) else "",
)
def test_words_are_found_by_stem_and_whole_words_only(text: str, expected: set[str], tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(f"Начало. {text}\n", "utf-8")
    assert {one.violation for one in found_in(path)} == expected


def test_pages_of_a_text_are_1800_characters(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("а" * (PAGE_CHARACTERS - 1) + "\n" + SMOKING, "utf-8")
    assert words(path) == {("Курение", 2), ("Табак в кадре", 2)}


def test_form_feeds_of_a_text_are_its_pages(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(f"Первая\fВторая. {SMOKING}\fТретья", "utf-8")
    assert words(path) == {("Курение", 2), ("Табак в кадре", 2)}


def test_pages_of_a_pdf_are_its_own(tmp_path: Path) -> None:
    path = tmp_path / "script.txt"
    path.write_bytes(pdf_bytes(["Титул", "Ночь.\nПётр закури-\nвает сигарету.\nТемно.", "Конец: труп."]))
    assert words(path) == {("Курение", 2), ("Табак в кадре", 2), ("Мёртвое тело", 3)}
    assert SMOKING in {one.quotation for one in found_in(path)}


def test_paragraphs_and_tables_of_a_docx_are_read(tmp_path: Path) -> None:
    path = docx_file(tmp_path / "script.pdf", "Титул", "б" * PAGE_CHARACTERS, SMOKING, cell="Виден труп.")
    assert words(path) == {("Курение", 2), ("Табак в кадре", 2), ("Мёртвое тело", 2)}


def test_the_same_in_one_sentence_is_one_finding_the_gravest(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("Курит, курит, курит. Курит.", "utf-8")
    assert [one.quotation for one in found_in(path)] == ["Курит, курит, курит.", "Курит."]


@pytest.mark.parametrize("around", ["", "слово " * 200, "x" * 2000], ids=["alone", "words", "one-word"])
def test_a_quotation_is_bounded_and_holds_the_word(around: str) -> None:
    text = f"{around} труп {around}"
    start = text.index("труп")
    _, quotation = sentence_at(text, start, start + 4)
    assert "труп" in quotation
    assert len(quotation) <= LONGEST_QUOTATION
    assert quotation.isprintable()


def test_every_line_of_the_lexicon_finds_its_own_words(tmp_path: Path) -> None:
    lexicon = read_lexicon()
    for line in LEXICON.read_text("utf-8").splitlines():
        if line.startswith("#") or "\t-\t" in line:
            continue
        pattern, violation, severity = line.split("\t")
        text = " ".join("слово" if word == "*" else word.replace("*", "") for word in pattern.split())
        found = {(entry.violation, entry.severity) for entry, _, _ in lexicon.matches(text)}
        assert (violation, severity) in found, line


@pytest.mark.parametrize("line", ["a", "a\tb", "a\tb\tworse", "\tb\tmild", "* a\tb\tmild"])
def test_a_wrong_line_of_a_lexicon_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "own.tsv"
    path.write_text(f"# an own list\n{line}\n", "utf-8")
    with pytest.raises(ValueError, match=r"own\.tsv:2"):
        read_lexicon(path)


def test_latin_words_stay_latin() -> None:
    assert (fold("Smoke"), fold("Ёлка"), fold("сoбaкa")) == ("smoke", "елка", "собака")


def test_the_gravest_of_too_many_findings_are_kept_in_their_order() -> None:
    found = [Finding("x", severity, page=page) for page, severity in enumerate(["mild", "severe", "None", "moderate"])]
    assert [one.page for one in bounded(found, 2)] == [1, 3]
    said = Analysis([Finding("x", "mild", page=page) for page in range(1001)]).body()
    assert len(said["findings"]) == 1000
    assert said["note"] == "of 1001 findings the 1000 gravest ones are told"


def test_comments_say_what_how_often_and_where() -> None:
    found = [{"violation": "Курение", "severity": "mild", "page": page, "quotation": "Курит."} for page in range(1, 6)]
    found.append({"violation": MOTION, "severity": "severe", "start": 61.96, "end": 70.5})
    said = comments_on(found, "only a part was read")
    assert [one["severity"] for one in said] == ["----", "severe", "mild"]
    assert said[0]["comment"] == "Not all was looked at: only a part was read"
    assert said[1] == {
        "comment": "Motion: 1 × (1:02.0)",
        "severity": "severe",
        "violation": MOTION,
        "start": 61.96,
        "end": 70.5,
    }
    assert said[2]["comment"] == "Курение: 5 × (page 1, page 2, page 3, …) «Курит.»"


# --- hostile files -----------------------------------------------------------------------------------------


def empty(path: Path) -> None:
    path.write_bytes(b"")


def noise(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def blank(path: Path) -> None:
    path.write_text(" \n\f\n", "utf-8")


def broken_pdf(path: Path) -> None:
    path.write_bytes(pdf_bytes([SMOKING])[:400])


def pdf_without_text(path: Path) -> None:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.write(path)


def encrypted_pdf(path: Path) -> None:
    plain = path.with_suffix(".plain")
    plain.write_bytes(pdf_bytes([SMOKING]))
    writer = PdfWriter(clone_from=plain)
    writer.encrypt("a password", algorithm="AES-256")
    writer.write(path)


def looping_pdf(path: Path) -> None:
    path.write_bytes(pdf_bytes([SMOKING]).replace(b"/Kids [6 0 R]", b"/Kids [2 0 R]"))


def broken_zip(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + bytes(200))


def other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def zip_bomb(path: Path) -> None:
    document = docx_file(path, SMOKING)
    with (
        zipfile.ZipFile(document, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("word/media/1.png", "w") as file,
    ):
        for _ in range(257):
            file.write(bytes(1 << 20))


def broken_docx(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w:document")


def lying_docx(path: Path) -> None:
    """Say of the text that it unpacks to little."""
    docx_file(path, "а" * 1_000_000)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"word/document.xml") - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    struct.pack_into("<I", data, at + 24, 1000)
    path.write_bytes(data)


def cut_video(path: Path) -> None:
    path.write_bytes(b"\0\0\0\x20ftypisom" + zlib.compress(bytes(5000)) * 30)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (empty, "the file is empty"),
        (noise, "no video, text, PDF or DOCX"),
        (blank, "holds no text"),
        (broken_pdf, "the PDF cannot be read"),
        (pdf_without_text, "hold no text: they are pictures"),
        (encrypted_pdf, "encrypted with a password"),
        (looping_pdf, "PDF|no text"),
        (broken_zip, "begins as a ZIP archive"),
        (other_zip, "no video, text, PDF or DOCX"),
        (zip_bomb, "the DOCX unpacks to 2"),
        (broken_docx, "the DOCX cannot be read"),
        (lying_docx, "the DOCX cannot be read"),
        (cut_video, "no picture of the video can be decoded"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_file_that_cannot_be_analysed_says_why(make: Callable[[Path], None], says: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    make(path)
    with pytest.raises(CannotAnalyse, match=says) as caught:
        analyse(path, 60)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_pdf_that_takes_too_long_is_read_in_part(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(pdf_bytes([SMOKING, SMOKING]))
    script = read_script(path, "pdf", LONG_AGO)
    assert script.note == "only the first 1 pages were read"
    found = find_in_script(script, read_lexicon(), soon())
    assert ({one.page for one in found.findings}, found.note) == ({1}, script.note)


def test_a_text_that_takes_too_long_is_looked_through_in_part(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("Курит.\f" * 9, "utf-8")
    found = find_in_script(read_script(path, "text", soon()), read_lexicon(), LONG_AGO)
    assert ([one.page for one in found.findings], found.note) == ([1], "only what stands before page 2 was looked for")


# --- the process of its own --------------------------------------------------------------------------------


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, arguments)], capture_output=True, text=True, timeout=30
    )


def test_the_program_prints_what_it_finds_in_a_local_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(SMOKING, "utf-8")
    done = run("--print", path)
    said: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert [one["violation"] for one in said["findings"]] == ["Курение", "Табак в кадре"]
    assert said == analyse_apart(path, 20)
    path.write_bytes(b"")
    done = run("--print", path)
    assert (done.returncode, json.loads(done.stdout)) == (1, {"findings": [], "error": "the file is empty"})


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import time; time.sleep(60)", "took more than"),
        ("import os, time; os.fork() or time.sleep(60)", "took more than"),
        ("import os; os.kill(os.getpid(), 9)", "signal SIGKILL"),
        ("raise SystemExit(4)", "status 4"),
        ("print('x' * (17 << 20))", "printed more than"),
        ("print('[1]')", "printed no JSON object"),
        ("print('[' * 100000)", "printed no JSON object"),
        ("", "printed no JSON object"),
    ],
    ids=["hangs", "leaves-a-child", "killed", "fails", "floods", "no-object", "deep", "silent"],
)
def test_whatever_another_analysis_does_is_told(
    program: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.analyser.isolation.GRACE_S", 0.5)
    with pytest.raises(CannotAnalyse, match=says):
        analyse_apart(tmp_path, 0.5, [sys.executable, "-c", program])


def test_a_daemon_that_another_analysis_leaves_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.analyser.isolation.GRACE_S", 0.5)
    pid, over = tmp_path / "pid", tmp_path / "over"
    program = f"""
import os, pathlib, time
if not os.fork():
    os.setsid()
    pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))
    time.sleep(10)
    pathlib.Path({str(over)!r}).touch()
"""
    try:
        with pytest.raises(CannotAnalyse, match="took more than"):
            analyse_apart(tmp_path, 0.5, [sys.executable, "-c", program])
        assert not over.exists()
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_another_analysis_gets_the_path_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYSER_TOKEN", "secret")
    program = (
        "import json, os, sys;"
        "print(json.dumps({'findings': [], 'error': sys.argv[1] + str('ANALYSER_TOKEN' in os.environ)}))"
    )
    said = analyse_apart(tmp_path / "a file", 5, [sys.executable, "-c", program])
    assert said["error"] == f"{tmp_path / 'a file'}False"


def test_memory_is_bounded() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from examples.analyser.isolation import bound_memory;"
        "bound_memory(200 << 20); bytearray(300 << 20)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(PROGRAM.parent.parent.parent)], capture_output=True, text=True
    )
    assert "MemoryError" in done.stderr
