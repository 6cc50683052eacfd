"""The fuzzing of parsers: what is kept of it holds, and it does find what is wrong."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fuzz import corpus, seeds, table
from fuzz.engine import Watch
from fuzz.target import Source, Target, hold, judge, piece
from fuzz.targets import TARGETS
from fuzz.varying import one_round

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_kept_is_still_read_without_a_fault(name: str) -> None:
    target, kept = TARGETS[name], corpus.read(name)
    faults = {item: fault.text for item, data in kept.items() if (fault := judge(target, data))}
    assert not faults
    assert any(is_taken(target, data) for data in kept.values()), f"{name}: nothing but refusals is fuzzed"


def is_taken(target: Target, data: bytes) -> bool:
    try:
        target.check(data)
    except target.allowed:
        return False
    return True


def test_what_is_kept_is_small_and_of_a_target_that_there_is() -> None:
    assert {path.stem for path in corpus.FOLDER.iterdir()} == set(TARGETS)
    assert corpus.all_bytes() < corpus.MOST_BYTES


def test_a_foreign_error_a_broken_promise_and_a_dear_input_are_faults() -> None:
    def raise_foreign(data: bytes) -> None:
        raise KeyError(data)

    def be_slow(_: bytes) -> None:
        until_s = time.thread_time() + 1.05
        while time.thread_time() < until_s:
            pass

    def be_large(_: bytes) -> None:
        bytearray(400 << 20)[:: 1 << 12] = b"1" * (400 << 8)

    for check, word in (
        (raise_foreign, "KeyError"),
        (lambda _: hold(False, "a promise"), "a promise"),
        (be_slow, "TooSlow"),
        (be_large, "TooLarge"),
    ):
        forget_peak()
        fault = judge(Target("t", check), b"")
        assert fault is not None
        assert word in fault.text
    assert judge(Target("t", raise_foreign, (KeyError,)), b"") is None


def forget_peak() -> None:
    """Let the most memory that this process has held be what it holds now: tests before may have held far more."""
    Path("/proc/self/clear_refs").write_text("5")  # proc(5)


def plant(data: bytes) -> None:
    if b"FPSI" in data[1:]:
        raise IndexError("a planted fault")


def test_varying_seeds_finds_a_planted_fault_and_keeps_its_input(tmp_path: Path) -> None:
    (tmp_path / "found").mkdir()
    watch = Watch(Target("planted", plant, (), (b"FPSI",), 64), tmp_path)
    for seed in range(50):
        if not watch.faults:
            one_round(watch, [b"begin"], watch.target, seed)
    watch.report()
    said = json.loads((tmp_path / "report.json").read_text())
    assert said["executions"] == watch.executions
    assert [text.partition(" ")[0] for text in said["faults"].values()] == ["IndexError"]
    found = next((tmp_path / "found").iterdir()).read_bytes()
    assert corpus.shortened_fault(watch.target, found)[1:] == b"FPSI"


def test_fewest_inputs_reach_what_all_reach() -> None:
    kept = corpus.minimised(TARGETS["range"], [b"\1\0bytes=0-9", b"\1\0bytes=0-8", b"\1\0bytes=-5", b""])
    assert b"\1\0bytes=-5" in kept.values()
    assert len([data for data in kept.values() if data.startswith(b"\1\0bytes=0-")]) == 1


def test_the_command_fuzzes_without_the_guided_engine_and_adds_up_what_was_done(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fuzz", "range", "--engine", "hypothesis", "--seconds", "1", "--seed", "3"]
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PLAYBACK_FUZZ_WORK": str(tmp_path)}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    done = json.loads((tmp_path / "results.json").read_text())["range"]
    assert done[0]["executions"] > 100
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- fuzzed -->\nold\n<!-- end of fuzzed -->\nb\n")
    table.write(page, {"range": done * 2})
    assert f"| `range` | {2 * done[0]['executions']:,} |" in page.read_text()
    assert "old" not in page.read_text()


def test_seeds_are_made_for_every_target() -> None:
    made = seeds.make()
    assert made.keys() == TARGETS.keys()
    assert all(made.values())


def test_inputs_are_taken_apart_as_they_are_put_together() -> None:
    source = Source(b"\5" + piece(b"abc") + b"rest")
    assert (source.number(9), source.piece(), source.rest(), source.number(9)) == (5, b"abc", b"rest", 0)
