"""The house stands: imports point downwards, modules and functions stay small, start-up imports nothing heavy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# From the top down; parts of one layer do not import one another, but for the top, where the app is put together.
LAYERS = (
    {"__init__", "views", "tasks", "cli", "commands", "access", "auth", "supervisor"},
    {"playback", "capture", "transfer", "review"},
    {"archive"},
    {"models"},
    {"formats"},
    {
        "errors",
        "extensions",
        "hardening",
        "heaps",
        "instants",
        "personalulti",
        "logs",
        "locks",
        "metricfiles",
        "prepared",
        "wording",
    },
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
MODULES = sorted((ROOT / "app").rglob("*.py"))
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 400, 40


def part_of(path: Path) -> str:
    """Return the part of the app that a module belongs to: its folder below `app`, or its own name."""
    return path.relative_to(ROOT / "app").parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Yield the names of all modules that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            # `from app import errors` names a part, `from app.archive import find` a module of one.
            names = [f"app.{alias.name}" for alias in node.names] if node.module == "app" else []
            yield from names or [node.module or ""]


def imported_parts(path: Path) -> set[str]:
    names = [name.split(".") for name in imported(path)]
    return {name[1] if name[1] in LEVEL else "__init__" for name in names if name[0] == "app" and len(name) > 1}


def test_every_part_of_the_app_has_a_layer() -> None:
    assert {part_of(path) for path in MODULES} <= set(LEVEL) | {"templates", "static"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    own = part_of(path)
    for part in imported_parts(path) - {own}:
        is_below = LEVEL[part] > LEVEL[own]
        is_beside_at_an_end = LEVEL[part] == LEVEL[own] and LEVEL[own] in (0, len(LAYERS) - 1)
        assert is_below or is_beside_at_an_end, f"{own} imports {part}"


def test_formats_know_neither_flask_nor_the_database() -> None:
    for path in (ROOT / "app" / "formats").glob("*.py"):
        foreign = {name.split(".")[0] for name in imported(path)}
        assert not foreign & {"flask", "flask_restx", "sqlalchemy", "flask_sqlalchemy"}, path.name


def test_only_views_know_flask_restx() -> None:
    for path in MODULES:
        if part_of(path) != "views":
            assert not any(name.startswith("flask_restx") for name in imported(path)), path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_are_small(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"


def loaded_by(code: str, instance: Path) -> set[str]:
    """Return the top-level modules that a fresh Python has loaded after running some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "FLASK_CONFIG": "testing", "PLAYBACK_INSTANCE": str(instance)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_supervisor_is_standard_library_only(tmp_path: Path) -> None:
    loaded = loaded_by("import app.supervisor, app.prepared", tmp_path)
    assert not loaded & {"flask", "sqlalchemy", "celery", "pydantic", "numpy", "cv2", "av"}


def test_the_web_app_loads_nothing_that_only_some_requests_need(tmp_path: Path) -> None:
    loaded = loaded_by("from app import create_app; create_app()", tmp_path)
    assert not loaded & {"flask_admin", "flask_wtf", "wtforms", "openpyxl", "lxml"}
    assert not loaded & {"flask_security", "flask_login", "passlib", "argon2", "pyotp"}
    assert not loaded & {"cv2", "av", "alembic", "kombu", "imageio_ffmpeg", "psycopg", "requests", "fsspec", "paramiko"}


def test_the_recorder_loads_nothing_that_only_answers_need(tmp_path: Path) -> None:
    loaded = loaded_by("import app.capture.recorder", tmp_path)
    assert not loaded & {
        "pydantic",
        "flask_restx",
        "celery",
        "cv2",
        "av",
        "alembic",
        "requests",
        "psycopg",
        "flask_security",
    }


def test_the_worker_loads_nothing_that_only_some_settings_need(tmp_path: Path) -> None:
    """Regression: celery's `worker_main` loads a shell with a terminal, 12 MB in a process that runs all the time."""
    code = """
from unittest.mock import patch

from celery.worker import WorkController

from app.tasks.worker import run
from instance.config import load_config

with patch.object(WorkController, "start", lambda self: None):
    run(load_config())
"""
    loaded = loaded_by(code, tmp_path)
    assert "celery" in loaded
    assert not loaded & {
        "prompt_toolkit",
        "click_repl",
        "requests",
        "cv2",
        "av",
        "flask_restx",
        "alembic",
        "flask_security",
    }
