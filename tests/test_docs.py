"""The documents say what the code does: links lead somewhere, and each list is the one in the code."""

import json
import re
from pathlib import Path

import pytest

from app.archive import places
from app.capture import template
from app.capture.ffmpeg import SEGMENT_FORMAT
from app.formats.closing import CLOSING_BYTES
from app.formats.sampleindex import FRAGMENT
from app.models.attempt import REASONS
from app.models.source import STATUSES

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
CAPTURE = ROOT / "docs" / "design" / "capture.md"
STORAGE = ROOT / "docs" / "design" / "storage.md"
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
NAMED = re.compile(r"`(?P<path>(?:app|docs|tests|instance|gunicorn|systemd|migrations|examples)/[\w./-]+)`")
# A home, a temporary or a work folder in a document is that of whoever wrote it.
OF_ONE_MACHINE = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users)/|\.\./shared")


def rows(path: Path, header: str) -> list[list[str]]:
    """Return the cells of the table whose header begins with this cell, without the header."""
    found: list[list[str]] = []
    is_within = False
    for line in path.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" |")]
        if not line.startswith("|"):
            is_within = False
        elif is_within and not set(line) <= set("|-: "):
            found.append(cells)
        elif cells[0] == header:
            is_within = True
    assert found, f"{path.name} has no table that begins with {header!r}"
    return found


def words(cell: str) -> list[str]:
    """Return what stands in code quotes in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitLab and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_named_files_exist(document: Path) -> None:
    text = document.read_text("utf-8")
    for target in (match["target"] for match in LINK.finditer(text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(path), f"{target}: there is no such heading"
    for match in NAMED.finditer(text):
        is_made = match["path"].startswith("instance/app.db")  # by the first start
        assert is_made or (ROOT / match["path"]).exists(), f"{match['path']} does not exist"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_names_a_path_of_one_machine(document: Path) -> None:
    assert not OF_ONE_MACHINE.search(document.read_text("utf-8"))


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 100


def test_the_readme_names_every_document() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    linked = {(ROOT / match["target"]).resolve() for match in LINK.finditer(text)}
    assert not [path.name for path in DOCUMENTS if path not in linked and path.name != "README.md"]


@pytest.mark.parametrize("header", ["input option", "output option"])
def test_the_allow_list_is_that_of_the_code(header: str) -> None:
    allowed = template.INPUT_OPTIONS if header == "input option" else template.OUTPUT_OPTIONS
    flags = set() if header == "input option" else template.FLAGS
    table = {words(cells[0])[0]: cells[1] for cells in rows(CAPTURE, header)}
    assert set(table) == set(allowed) | flags
    for name, values in table.items():
        for value in words(values):
            assert re.fullmatch(allowed[name], value), f"{name} {value}"


def test_the_other_spellings_are_those_of_the_code() -> None:
    table = {words(cells[0])[0]: words(cells[1])[0] for cells in rows(CAPTURE, "written so")}
    assert table == template.ALIASES


def test_the_default_templates_are_those_of_the_code() -> None:
    table = {words(cells[0])[0]: words(cells[1])[0] for cells in rows(CAPTURE, "model")}
    assert table == template.DEFAULTS


def test_every_reason_is_explained_with_a_status_that_exists() -> None:
    table = rows(CAPTURE, "reason")
    assert {words(cells[0])[0] for cells in table} == set(REASONS)
    for cells in table:
        assert len(cells[1]) > 10, f"{cells[0]} is not explained"
        assert cells[2] == "–" or set(words(cells[2])) <= set(STATUSES)


def test_every_option_of_the_muxer_is_explained() -> None:
    flags, *others = SEGMENT_FORMAT.split(":")
    used = {*flags.removeprefix("movflags=+").split("+"), *(option.partition("=")[0] for option in others)}
    explained = [word.partition("=")[0] for cells in rows(STORAGE, "option") for word in words(cells[0])]
    assert sorted(explained) == sorted(used)


def test_the_folders_are_those_of_the_code() -> None:
    named = {words(cells[0])[0].partition("/")[0] for cells in rows(STORAGE, "path")}
    folders = {places.LIVE, places.CLOSED, places.INDEX, places.SALVAGE, places.RECORDS, places.COPIES}
    assert named == {*folders, places.MARKER, places.BALLAST}


def test_the_sizes_on_disk_are_those_of_the_code() -> None:
    text = STORAGE.read_text("utf-8")
    assert f"always the last {CLOSING_BYTES} bytes" in text
    assert f"{FRAGMENT.itemsize} bytes a fragment" in text


def test_every_dependency_is_argued() -> None:
    lines = (ROOT / "dependencies" / "direct.in").read_text("utf-8").splitlines()
    needed = {re.split(r"[=<>~!]", line)[0].strip() for line in lines if line.strip() and not line.startswith("#")}
    table = rows(ROOT / "docs" / "design" / "architecture.md", "in `dependencies/direct.in`")
    argued = [name.strip() for cells in table for name in cells[0].split(",")]
    assert sorted(argued) == sorted(needed)


def test_every_package_of_the_pages_is_argued() -> None:
    asked = json.loads((ROOT / "web" / "package.json").read_text("utf-8"))
    table = rows(ROOT / "docs" / "design" / "architecture.md", "in `web/package.json`")
    argued = [name.strip() for cells in table for name in cells[0].split(",")]
    assert sorted(argued) == sorted({**asked["dependencies"], **asked["devDependencies"]})


def test_the_lock_of_the_pages_names_hashes_and_no_place() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text("utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert len(packages) > 20
    assert [name for name, one in packages.items() if "resolved" in one or not one.get("integrity")] == []


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    version = re.search(r'^version = "([^"]+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version
    assert f"## [Unreleased]: {version[1]}" in text
