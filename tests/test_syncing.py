"""Open files are durable within seconds: what is synced, in which order, and what holds it up."""

import os
import threading
from pathlib import Path

import pytest

from app.archive.storages import take_write
from app.capture.syncing import Syncer
from tests.service import wait_for


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what is made durable, by path."""
    found: list[str] = []

    def noting(name: str) -> None:
        real = getattr(os, name)

        def call(handle: int) -> None:
            found.append(f"{name} {Path(f'/proc/self/fd/{handle}').readlink().name}")
            real(handle)

        monkeypatch.setattr(os, name, call)

    noting("fsync")
    noting("fdatasync")
    return found


def open_file(root: Path, source_id: int, name: str, data: bytes = b"x") -> Path:
    folder = root / "live" / str(source_id)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("ab") as file:
        file.write(data)
    return folder / name


def test_a_new_file_is_synced_then_its_name_and_those_of_its_folders(tmp_path: Path, calls: list[str]) -> None:
    root = tmp_path / "disk"
    open_file(root, 3, "a-000000.mp4")
    open_file(root, 3, "a.log")
    Syncer(root, "s").sync()
    assert calls == ["fdatasync a-000000.mp4", "fsync 3", "fsync live", "fsync disk"]


def test_only_what_has_grown_is_synced_and_a_name_once(tmp_path: Path, calls: list[str]) -> None:
    syncer = Syncer(tmp_path, "s")
    open_file(tmp_path, 3, "a-000000.mp4")
    open_file(tmp_path, 4, "b-000000.mp4")
    syncer.sync()
    calls.clear()
    open_file(tmp_path, 4, "b-000000.mp4")
    syncer.sync()
    assert calls == ["fdatasync b-000000.mp4"]
    calls.clear()
    open_file(tmp_path, 4, "b-000001.mp4")
    syncer.sync()
    assert calls == ["fdatasync b-000001.mp4", "fsync 4"]
    last_us, longest_us = take_write("s") or (0, 0)
    assert longest_us >= last_us >= 0
    assert take_write("s") is None


def test_a_file_that_cannot_be_synced_holds_up_no_other_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncer = Syncer(tmp_path, "s")
    bad, good = open_file(tmp_path, 3, "a-000000.mp4"), open_file(tmp_path, 4, "b-000000.mp4")
    real, synced = os.fdatasync, []

    def refuse(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        synced.append(path)
        if path == bad and synced.count(bad) == 1:
            raise OSError(5, "Input/output error")
        real(handle)

    monkeypatch.setattr(os, "fdatasync", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        syncer.sync()
    assert set(synced) == {bad, good}
    syncer.sync()
    assert synced[2:] == [bad]


def test_a_disk_that_hangs_is_told_and_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    open_file(slow, 1, "a-000000.mp4"), open_file(quick, 1, "b-000000.mp4")
    real, going_on = os.fdatasync, threading.Event()

    def hang(handle: int) -> None:
        if "/slow/" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            going_on.wait(20)
        real(handle)

    monkeypatch.setattr(os, "fdatasync", hang)
    syncers = Syncer(slow, "slow"), Syncer(quick, "quick")
    try:
        for syncer in syncers:
            syncer.start()
        wait_for(lambda: take_write("quick") is not None, "the sync of the other disk")
        wait_for(lambda: syncers[0].busy_s > 0.05, "the hang")
        assert syncers[1].busy_s == 0.0
        going_on.set()
        wait_for(lambda: syncers[0].busy_s == 0.0, "the end of the hang")
    finally:
        going_on.set()
        for syncer in syncers:
            syncer.stop()


def test_a_file_that_is_closed_meanwhile_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncer = Syncer(tmp_path, "s")
    path = open_file(tmp_path, 3, "a-000000.mp4")
    found = syncer._grown()
    path.unlink()
    monkeypatch.setattr(syncer, "_grown", lambda: found)
    syncer.sync()
