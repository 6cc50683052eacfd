"""What is installed: every release by its hashes, and none that is known to be bad."""

import datetime
import json
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from dependencies import __main__ as check
from dependencies.lists import FOLDER, LISTS, LOCKED, Known, order, pins, read_known

ROOT = Path(__file__).resolve().parent.parent
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def asked_for(name: str) -> dict[str, str]:
    """Return the pins of a short list, without what is asked for beside them in brackets."""
    lines = (FOLDER / f"{name}.in").read_text("utf-8").splitlines()
    found = [re.fullmatch(r"([a-z0-9-]+)(?:\[\w+\])?==([\w.]+)", line) for line in lines if not line.startswith("#")]
    assert all(found), f"{name}.in: a line that pins nothing"
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_release_is_pinned_with_the_hashes_of_its_files(path: Path) -> None:
    blocks = re.split(r"\n(?=[a-z])", path.read_text("utf-8"))[1:]
    assert blocks
    assert len(pins(path)) == len(blocks)
    for block in blocks:
        first, *hashes = [line for line in block.splitlines() if not line.lstrip().startswith("#")]
        assert first.endswith(" \\"), first
        assert hashes
        assert all(HASH.fullmatch(line) for line in hashes), first


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_no_list_names_a_place_to_install_from(path: Path) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", path.read_text("utf-8"))


@pytest.mark.parametrize("name", ["direct", "build", "fuzz", "lock"])
def test_what_is_asked_for_is_locked_in_that_version(name: str) -> None:
    locked = pins(LOCKED if name == "direct" else FOLDER / f"{name}.txt")
    assert {wanted: locked.get(wanted) for wanted in asked_for(name)} == asked_for(name), "run `make lock`"


def test_python_before_3_11_3_gets_what_redis_needs_there() -> None:
    assert re.search(r"^async-timeout==[\w.]+ ; python_full_version < '3.11.3' \\$", LOCKED.read_text("utf-8"), re.M)


def test_make_installs_by_hash_alone() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^INSTALL = .* --require-hashes --no-deps --only-binary :all:$", makefile, re.MULTILINE)
    lines = makefile.replace("\\\n", " ").splitlines()
    installing = [line for line in lines if re.search(r"--requirement|pip install", line) and "INSTALL = " not in line]
    assert len(installing) == 5  # for `fuzz`, for `lock`, Node, what builds, and the rest
    assert all("$(INSTALL)" in line or "--require-hashes" in line for line in installing)
    recipe = makefile.partition("$(STAMP): requirement.txt")[2]
    build, rest = recipe.index("dependencies/build.txt", 30), recipe.index("$(SOURCES) --requirement requirement.txt")
    assert build < rest, "what builds must be there before what is built"


def test_lint_looks_for_dangerous_code_and_for_bad_releases() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lint = makefile.partition("\nlint:")[2].partition("\n\n")[0]
    assert "-m bandit" in lint
    assert "-m dependencies" in lint


BAD_CODE = """import hashlib, pickle, subprocess


def run(word):
    assert word
    subprocess.run(word, shell=True)
    eval(word)
    hashlib.md5(word)
    return pickle.loads(word)
"""


def test_bandit_refuses_what_our_settings_do_not_excuse(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.py", tmp_path / "good.py"
    bad.write_text(BAD_CODE)
    good.write_text("import subprocess\n\nassert subprocess.run(['/bin/true'])\n")
    command = [sys.executable, "-m", "bandit", "-q", "--configfile", "pyproject.toml", "--format", "json"]
    ran = subprocess.run([*command, str(bad)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stdout
    found = {(one["line_number"], one["test_id"]) for one in json.loads(ran.stdout)["results"]}
    assert found >= {(6, "B602"), (7, "B307"), (8, "B324"), (9, "B301")}
    assert subprocess.run([*command, str(good)], cwd=ROOT, capture_output=True, check=False).returncode == 0


# --- known to be bad ---------------------------------------------------------------------------------------


def test_no_release_of_ours_is_known_to_be_bad() -> None:
    known = read_known()
    assert {path.name: known.faults(pins(path)) for path in LISTS} == {path.name: [] for path in LISTS}
    assert not known.run_out(datetime.datetime.now(datetime.UTC).date())


def test_every_dependency_that_is_asked_for_was_looked_at() -> None:
    known = read_known()
    asked = {*asked_for("direct"), *asked_for("build")}
    assert not asked - known.below.keys() - known.none_known
    assert not known.none_known & known.below.keys()
    assert known.none_known <= asked


def test_a_bad_release_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("flask==3.0.3 \\\n    --hash=sha256:00\njinja2==3.1.6\n")
    assert [line.partition(":")[0] for line in read_known().faults(pins(path))] == ["flask 3.0.3 is below 3.1.1"]


@pytest.mark.parametrize(
    ("less", "more"), [("3.9", "3.10"), ("2.4.5", "2024.7.4"), ("1.0", "1.0.0.1"), ("2026.10.19", "2026.10.19.post1")]
)
def test_versions_are_compared_by_number(less: str, more: str) -> None:
    assert order(less) < order(more)
    assert order("1.0") == order("1")


def test_what_was_accepted_for_a_time_is_refused_afterwards() -> None:
    known = Known(datetime.date(2026, 1, 1), {}, {"PYSEC-1": datetime.date(2026, 2, 1)}, frozenset())
    assert known.run_out(datetime.date(2026, 2, 1)) == []
    assert known.run_out(datetime.date(2026, 2, 2)) == [("PYSEC-1", datetime.date(2026, 2, 1))]


# --- asking a service, with the real pip-audit against a server of OSV's API ---------------------------------


@contextmanager
def service(bad: dict[str, str]) -> Iterator[str]:
    """Serve advisories: of each name the id of one."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
            fixed = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}
            affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": [fixed]}]
            found = {"vulns": [{"id": bad[name], "summary": "bad", "affected": affected}]} if name in bad else {}
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    path = tmp_path / "requirement.txt"
    pinned = ("flask==3.1.3", "requests==2.34.2")
    path.write_text("".join(f"{pin} \\\n    --hash=sha256:{'0' * 64}\n" for pin in pinned))
    return path


KNOWN = Known(datetime.date(2026, 1, 1), {}, {"PYSEC-OK": datetime.date(2027, 1, 1)}, frozenset())
CASES = {
    "a service that knows two faults of ours, of which one was accepted": (
        {"jinja2": "PYSEC-0", "flask": "PYSEC-1", "requests": "PYSEC-OK"},
        ["flask 3.1.3: PYSEC-1, put"],
    ),
    "a service that knows none of ours": ({"jinja2": "PYSEC-0"}, []),
    "what answers but knows nothing at all": ({}, None),
}


@pytest.mark.parametrize("case", CASES)
def test_only_a_service_that_knows_what_everybody_knows_is_believed(
    case: str, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, wanted = CASES[case]
    with service(bad) as address:
        monkeypatch.setenv(check.SERVICE, address)
        found = check.ask(installed, KNOWN)
    assert (None if found is None else [line[: len("flask 3.1.3: PYSEC-1, put")] for line in found]) == wanted


def test_without_a_service_lint_says_that_it_was_not_checked_and_goes_on(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(check.SERVICE, "http://127.0.0.1:9/v1/query")
    assert check.main() == 0
    assert "NOT CHECKED by an advisory service" in capsys.readouterr().out


def test_lint_fails_where_a_list_pins_what_is_known_to_be_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "requirement.txt"
    path.write_text("urllib3==1.26.0\n")
    monkeypatch.setenv(check.SERVICE, "http://127.0.0.1:9/v1/query")
    assert check.main([path]) == 1
    assert "urllib3 1.26.0 is below" in capsys.readouterr().err
