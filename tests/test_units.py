"""Deployment files: systemd accepts every unit, and they start what operations.md says."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from instance.config import ROOT, ConfigurationError, load_config, read_env_file
from tests.conftest import missing
from tests.media import make_video
from tests.picture_server import PictureServer
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for

UNITS = [ROOT / "flask-playback.service", *sorted((ROOT / "systemd").glob("*.service"))]
ROLES = {"flask-playback-web": "web", "flask-playback-worker": "worker", "flask-playback-recorder": "recorder"}


def section(path: Path, name: str = "Service") -> dict[str, list[str]]:
    """Return the settings of a unit's section; each may be given more than once."""
    found: dict[str, list[str]] = {}
    current = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            current = line.strip("[]")
        elif current == name and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_there_is_a_unit_for_one_machine_and_one_for_each_role() -> None:
    assert {path.stem for path in UNITS} == {"flask-playback", *ROLES}


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_accepts_the_unit(path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze is not installed")
    command = ["systemd-analyze", "verify", "--man=no", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.strip()) == (0, "")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_installs_migrates_and_starts_the_supervisor_or_one_role(path: Path) -> None:
    service = section(path)
    role = ROLES.get(path.stem)
    assert service["ExecStart"] == [f"/usr/bin/env .venv/bin/python run.py{f' {role}' if role else ''}"]
    serves_pages = role in (None, "web")
    assert service["ExecStartPre"] == [
        "/usr/bin/env make --silent .venv/installed",
        *(["-/usr/bin/env timeout --kill-after=10 300 make --silent pages"] if serves_pages else []),  # of 900 s
        "/usr/bin/env .venv/bin/python run.py prepare",
    ]
    assert "FLASK_APP=run.py" in service["Environment"][0]
    folder = service["WorkingDirectory"][0]
    assert service["EnvironmentFile"] == [f"{folder}/systemd/env"]
    assert section(path, "Install")["WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_restart_leaves_ffmpeg_alive_where_there_is_one(path: Path) -> None:
    service = section(path)
    has_ffmpeg = ROLES.get(path.stem) in (None, "recorder")
    assert service["KillMode"] == ["process" if has_ffmpeg else "mixed"]
    assert service["KillSignal"] == ["SIGTERM"]
    assert "PrivateTmp" not in service
    assert service["Restart"] == ["on-failure"], "`flask record shutdown` ends it for good"


def test_make_knows_the_target_that_the_units_ask_for() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^STAMP = \.venv/installed$", makefile, re.MULTILINE)
    assert re.search(r"^\$\(STAMP\): requirement\.txt dependencies/build\.txt$", makefile, re.MULTILINE)


def test_the_shipped_environment_is_production_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "systemd" / "env").read_text("utf-8")
    assert re.search(r"^FLASK_CONFIG=production$", text, re.MULTILINE)
    assert re.search(r"^PLAYBACK_SECRET_KEY=$", text, re.MULTILINE)
    shipped = read_env_file(ROOT / "systemd" / "env")
    for name, value in shipped.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PLAYBACK_SECRET_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="PLAYBACK_SECRET_KEY is empty; make one with"):
        load_config()
    monkeypatch.setenv("PLAYBACK_SECRET_KEY", "k" * 48)
    assert load_config().ENVIRONMENT == "production"


def test_the_shipped_environment_does_not_close_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLASK_CONFIG", "PLAYBACK_SECRET_KEY", "PLAYBACK_BIND"):
        monkeypatch.delenv(name, raising=False)
    assert load_config().ENVIRONMENT == "development"


def test_the_pipeline_tests_every_commit_and_keeps_the_reports() -> None:
    text = (ROOT / ".gitlab-ci.yml").read_text("utf-8")
    assert re.search(r"^    - make test$", text, re.MULTILINE)
    assert re.search(r"^    - make lint$", text, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for report in ("reports/junit.xml", "reports/coverage.xml"):
        assert report in text
        assert report in makefile


def test_every_folder_has_an_owner_who_reviews() -> None:
    lines = [line.split() for line in (ROOT / "CODEOWNERS").read_text("utf-8").splitlines()]
    owners = {line[0]: line[1:] for line in lines if line and not line[0].startswith("#")}
    assert "*" in owners
    assert all("@team-leads" in names for names in owners.values())
    for pattern in owners:
        assert pattern == "*" or (ROOT / pattern.strip("/")).exists(), pattern


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_exposes_little(path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze is not installed")
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d)", shown)
    assert level is not None, shown
    assert float(level[1]) <= 3.0
    assert section(path)["IPAddressDeny"][0].startswith("link-local ")


def permitted(path: Path) -> set[str]:
    """Return the system calls that a unit permits, its groups read from systemd."""
    groups: dict[str, set[str]] = {}
    shown = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout
    for part in re.split(r"^(?=@)", shown, flags=re.MULTILINE)[1:]:
        name, *lines = [line.strip() for line in part.splitlines() if line.strip()]
        groups[name] = {line for line in lines if not line.startswith("#")}

    def spread(word: str) -> set[str]:
        if not word.startswith("@"):
            return {word}
        return set().union(*(spread(one) for one in groups[word]))

    found: set[str] = set()
    for line in section(path)["SystemCallFilter"]:
        names = set().union(*(spread(word) for word in line.lstrip("~").split()))
        found = found - names if line.startswith("~") else found | names
    return found


class Traced(Service):
    """A service whose system calls are counted, into the file `calls` beside its folder."""

    def _popen(self, *arguments: str) -> "subprocess.Popen[bytes]":
        traced = ["strace", "-f", "-c", "-S", "name", "-o", str(self.instance.parent / "calls")]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*traced, sys.executable, "run.py", *arguments], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )


def test_no_unit_forbids_a_system_call_that_the_service_makes(tmp_path: Path) -> None:
    """Of the supervisor, web server, worker, recorder, ffmpegs of both models, while they start, record and end."""
    for program in ("strace", "systemd-analyze"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed")
    make_video(tmp_path / "cam.mp4", seconds=4, fps=12, gop=12, width=160, height=120)
    calls = tmp_path / "calls"
    with RtspServer({"cam": tmp_path / "cam.mp4"}) as camera, PictureServer() as picture:
        service = Traced(tmp_path / "service")
        try:
            service.start()
            service.wait_ready(90)
            seen = {"Source": service.add_source(camera.url("cam")), "PictureSource": service.add_source(picture.url)}
            for model, source_id in seen.items():
                service.add_group(model, [source_id], model=model)
                service.record("night", model, model=model)
            for source_id in seen.values():
                wait_for(lambda one=source_id: service.status(one) == "online", "footage", 60)
            os.kill(service.pid("supervisor"), signal.SIGINT)  # strace passes none on
        finally:
            service.stop()
    made = {line.split()[-1] for line in calls.read_text().splitlines()[2:] if line[:1] in " 1234567890"} - {"total"}
    # That of Landlock is made also where the kernel has none.
    assert {"execve", "landlock_create_ruleset", "connect", "prctl", "prlimit64"} <= made
    for path in UNITS:
        assert made - permitted(path) <= {"fchown"}, path  # SQLite's, as root alone; a refusal is no fault to it
