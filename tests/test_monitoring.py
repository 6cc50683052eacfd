"""Alert rules and dashboard: promtool accepts them, and they use only names that `/metrics` really gives."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from app.extensions import writing
from app.models import Run, Segment, Storage
from app.models.types import now_us
from instance.config import TestingConfig
from tests.conftest import missing
from tests.test_health import samples
from tests.test_losses import HOUR_US, MINUTE_US, World

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "monitoring"
NAME = re.compile(r"\b(?:playback|flask_http)_[a-z0-9_]+")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> set[str]:
    """Return the names that a scrape gives where there is something of everything."""
    from app import create_app

    folder = tmp_path_factory.mktemp("monitoring")
    shutil.copy(migrated_sqlite, folder / "app.db")
    app: Flask = create_app(TestingConfig(INSTANCE=str(folder), WEBHOOKS="https://host.example/"))
    with app.app_context():
        world, begin_us = World(), now_us() - HOUR_US
        world.want(begin_us)
        world.attempt(begin_us, begin_us + MINUTE_US, "silent")
        world.record(begin_us + MINUTE_US, begin_us + 50 * MINUTE_US)
        world.settle(now_us())
        with writing() as session:
            measured = {"free_bytes": 1, "total_bytes": 2, "budget_bytes": 3, "looked_us": 4, "write_us": 5}
            session.execute(update(Storage).values(**measured, write_worst_us=6))
            session.execute(update(Segment).values(fault="wrong_hash", verified_us=begin_us))
            session.execute(update(Run).values(clock_offset_us=1))
    client = app.test_client()
    client.get("/healthz")
    return {name.partition("{")[0] for name in samples(client)}


def promtool(*arguments: str) -> str:
    """Return what promtool says; it has found nothing wrong."""
    if shutil.which("promtool") is None:
        missing("promtool (package prometheus) is not installed")
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def expressions() -> list[str]:
    """Return the expressions of the dashboard."""
    panels = json.loads((FOLDER / "grafana.json").read_text("utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def test_promtool_accepts_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yml")


def test_the_rules_fire_when_they_are_to_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")


def test_promtool_reads_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions())]
    path = tmp_path / "panels.yml"  # JSON is YAML
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}).replace("$source", "1"), "utf-8")
    assert f"{len(rules)} rules" in promtool("check", "rules", "--lint=none", str(path))


@pytest.mark.parametrize("file", ["alerts.yml", "alerts_test.yml", "grafana.json"])
def test_every_name_is_one_that_the_service_gives(names: set[str], file: str) -> None:
    used = set(NAME.findall((FOLDER / file).read_text("utf-8")))
    assert used
    assert used <= names, sorted(used - names)


def test_every_name_is_described(names: set[str]) -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    own = {name for name in names if name.startswith("playback_") and not name.endswith("_created")}
    assert [name for name in sorted(own) if name not in text] == []


def test_each_row_of_the_dashboard_has_panels() -> None:
    panels = json.loads((FOLDER / "grafana.json").read_text("utf-8"))["panels"]
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    assert rows == ["Fleet", "Camera $source", "Disks", "Backlog"]
    assert len({panel["id"] for panel in panels}) == len(panels)
