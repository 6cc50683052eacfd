"""Copying to real servers: OpenSSH, Samba, S3, WebDAV. Cut, vanished, altered, taken: in the end all is right."""

import contextlib
import hashlib
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest

from app.transfer.addresses import Root
from app.transfer.copying import (
    CopyFailed,
    CopyRefused,
    Interrupted,
    Progress,
    Recording,
    Target,
    copy,
    copy_description,
)
from app.transfer.folder import FolderTarget
from app.transfer.naming import part_name
from app.transfer.targets import open_target, told
from instance.config import TestingConfig
from tests.conftest import missing
from tests.copy_targets import PASSWORD, USER, Sshd, s3, samba, webdav, why_no_samba, why_no_sshd
from tests.service import ROOT

KINDS = ("folder", "sftp", "smb", "webdav", "s3")
DATA = random.Random(7).randbytes(9_000_001)  # more than one part of S3, and nothing round
MD5 = hashlib.md5(DATA).hexdigest()
NAME = "20261121T080001Z-source1-6c1.mp4"
BELOW = ["week end", "Tür #%41"]


class Read:
    """The recording, and what was asked of it; `then` happens where a read has come past an offset."""

    def __init__(self, data: bytes = DATA, at: int | None = None, then: Callable[[], object] = lambda: None) -> None:
        self.data, self.at, self.then = data, at, then
        self.asked: list[tuple[int, int]] = []
        self.recording = Recording(len(data), self)

    def __call__(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield the bytes [begin, end)."""
        self.asked.append((begin, end))
        for position in range(begin, end, 100_000):
            if self.at is not None and position >= self.at:
                self.at = None
                self.then()
            yield self.data[position : min(position + 100_000, end)]


def stop() -> None:
    raise Interrupted


def started(kind: str, folder: Path, stack: ExitStack) -> str:
    """Start a server of a kind and return the root for the setting."""
    reason = {"sftp": why_no_sshd, "smb": why_no_samba}.get(kind, str)()
    if reason:
        missing(reason)
    if kind == "folder":
        return str(folder)
    if kind == "sftp":
        return stack.enter_context(Sshd(folder / "sshd")).address
    if kind == "s3":
        return stack.enter_context(s3())[0]
    return stack.enter_context((samba if kind == "smb" else webdav)(folder / kind))[0]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Yield what starts a server of a kind, once, and returns the root for the setting."""
    with ExitStack() as stack:
        yield cache(lambda kind: started(kind, tmp_path_factory.mktemp(kind), stack))


Opened = tuple[Root, Callable[[], Target]]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(kind: str, servers: Callable[[str], str], tmp_path: Path) -> Opened:
    """Return a root of each kind, and what opens a fresh folder there."""
    return opened(servers(kind), tmp_path)


def opened(address: str, tmp_path: Path) -> Opened:
    (tmp_path / "instance").mkdir(exist_ok=True)
    config = TestingConfig(INSTANCE=str(tmp_path / "instance"), SYNC_TARGETS=address)
    (root,) = config.sync_roots
    return root, lambda: open_target(root, [tmp_path.name, *BELOW], config)


def run(target: Target, read: Read, progress: Progress | None = None) -> str:
    return copy(target, NAME, read.recording, progress or Progress(lambda: None))


def test_a_recording_arrives_and_asking_again_sends_nothing(place: Opened) -> None:
    with closing(place[1]()) as target:
        progress = Progress(lambda: None)
        assert run(target, Read(), progress) == MD5
        assert (progress.copied_bytes, target.size(NAME), target.size(part_name(NAME))) == (len(DATA), len(DATA), None)
        assert b"".join(target.read(NAME)) == DATA
        known = Read()
        known.recording = Recording(len(DATA), known, MD5)
        assert run(target, known) == MD5
        assert known.asked == []


def test_a_copy_that_is_cut_shows_nothing_and_is_gone_on_with(kind: str, place: Opened) -> None:
    with closing(place[1]()) as target, pytest.raises(Interrupted):
        run(target, Read(at=5_000_000, then=stop))
    with closing(place[1]()) as target:
        assert target.size(NAME) is None
        kept = target.size(part_name(NAME)) or 0
        assert (kept > 4_000_000) == target.can_append or kind == "webdav"
        read = Read()
        assert run(target, read) == MD5
        expected = [(0, kept), (kept, len(DATA))] if target.can_append else [(0, len(DATA))]
        assert read.asked == expected
        assert b"".join(target.read(NAME)) == DATA


def test_a_part_that_was_altered_is_not_trusted(place: Opened) -> None:
    with closing(place[1]()) as target:
        if target.shows_only_whole:
            return  # there is never a part
        part = part_name(NAME)
        for left in (b"x" * 1000, DATA + b"longer"):
            for _ in target.write(part, 0, iter([left]), len(left)):
                pass
            assert run(target, Read()) == MD5
            assert b"".join(target.read(NAME)) == DATA
            target.remove(NAME)


def test_a_file_that_is_not_ours_stays_as_it_is(place: Opened) -> None:
    with closing(place[1]()) as target:
        for theirs in (b"theirs", DATA[:-1] + b"\0"):
            put(target, theirs)
            with pytest.raises(CopyRefused, match="another file"):
                run(target, Read())
            assert b"".join(target.read(NAME)) == theirs
            target.remove(NAME)


def put(target: Target, data: bytes) -> None:
    """Put a file of somebody else there."""
    name = NAME if target.shows_only_whole else "upload"
    for _ in target.write(name, 0, iter([data]), len(data)):
        pass
    target.publish(name, NAME)


def test_a_name_taken_meanwhile_is_not_written_over(place: Opened) -> None:
    with closing(place[1]()) as target:
        if target.shows_only_whole:
            return  # there is no rename: the name is looked at before an upload
        with pytest.raises(Exception) as error:
            run(target, Read(at=8_000_000, then=lambda: put(target, b"theirs")))
        assert told(error.value, place[0])
        assert b"".join(target.read(NAME)) == b"theirs"


def test_what_does_not_read_back_as_sent_is_removed(place: Opened) -> None:
    """The recording is altered after its bytes were counted in: sent and hashed differ as on a bad disk."""
    with closing(place[1]()) as target:
        real = target.read
        target.read = lambda name: iter([b"rotten"])  # type: ignore[method-assign]
        with pytest.raises(CopyFailed, match="gave back other bytes"):
            run(target, Read())
        target.read = real  # type: ignore[method-assign]
        assert (target.size(NAME), target.size(part_name(NAME))) == (None, None)


def test_the_description_is_replaced_only_where_it_changed(place: Opened) -> None:
    with closing(place[1]()) as target:
        for text in ('{"a": 1}', '{"a": 1}', '{"a": "größer"}'):
            copy_description(target, "x.json", text)
            assert b"".join(target.read("x.json")) == text.encode()


def test_a_pace_is_kept(tmp_path: Path) -> None:
    pieces = list(Progress(lambda: None, bytes_s=1 << 21).paced(iter([b"x" * (1 << 20)])))
    assert [len(piece) for piece in pieces] == [1 << 18] * 4


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    if reason := why_no_sshd():
        missing(reason)
    with Sshd(tmp_path / "sshd") as server:
        yield server


def test_a_server_that_vanishes_in_the_middle_is_gone_on_with(sshd: Sshd, tmp_path: Path) -> None:
    root, open_it = opened(sshd.address, tmp_path)
    with closing(open_it()) as target, pytest.raises(Exception) as error:
        run(target, Read(at=5_000_000, then=sshd.stop))
    assert told(error.value, root)
    with pytest.raises(OSError):
        open_it()
    sshd.start()
    with closing(open_it()) as target:
        read = Read()
        assert run(target, read) == MD5
        assert read.asked[-1][0] > 1_000_000


def test_a_key_that_changed_is_refused_and_a_new_one_remembered(sshd: Sshd, tmp_path: Path) -> None:
    _, open_it = opened(sshd.address, tmp_path)
    open_it().close()
    known = tmp_path / "instance" / "known_hosts"
    assert known.read_text("ascii").startswith(f"[127.0.0.1]:{sshd.port} ssh-ed25519 ")
    assert known.stat().st_mode & 0o777 == 0o600
    open_it().close()
    assert len(known.read_text("ascii").splitlines()) == 1
    for kind in ("ed25519", "ecdsa"):
        sshd.stop()
        sshd.new_host_key(kind)
        sshd.start()
        with pytest.raises(CopyRefused, match="another key than before, SHA256:"):
            open_it()
    known.unlink()
    open_it().close()


def test_a_folder_that_cannot_be_made_leaves_no_connection_open(sshd: Sshd, tmp_path: Path) -> None:
    """Regression: each try left a thread that kept its connection to the server alive."""
    import paramiko

    (tmp_path / "instance").mkdir()
    config = TestingConfig(INSTANCE=str(tmp_path / "instance"), SYNC_TARGETS=sshd.address)
    with pytest.raises(OSError, match="Bad message"):
        open_target(config.sync_roots[0], ["x" * 300], config)
    connections = [thread for thread in threading.enumerate() if isinstance(thread, paramiko.Transport)]
    assert not any(connection.is_active() for connection in connections)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 4 MiB."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(mounted)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def test_a_disk_without_room_is_not_filled(small: Path, tmp_path: Path) -> None:
    _, open_it = opened(str(small), tmp_path)
    with closing(open_it()) as target:
        with pytest.raises(CopyFailed, match="PLAYBACK_RESERVE_BYTES"):
            run(target, Read())
        assert (target.size(NAME), target.size(part_name(NAME))) == (None, None)


def test_a_disk_that_others_fill_is_told_and_what_is_safe_stays(small: Path, tmp_path: Path) -> None:
    root, _ = opened(str(small), tmp_path)
    others = small / "others"

    def fill() -> None:
        with contextlib.suppress(OSError), others.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    few = DATA[:2_000_000]
    with closing(FolderTarget(root, [])) as target:
        with pytest.raises(OSError) as error:
            run(target, Read(few, at=1_500_000, then=fill))
        assert told(error.value, root) == "No space left on device"
        assert target.size(NAME) is None
        assert (target.size(part_name(NAME)) or 0) >= 1_400_000
        others.unlink()
        again = Read(few)
        assert run(target, again) == hashlib.md5(few).hexdigest()
        assert again.asked[-1][0] >= 1_400_000


def test_an_upload_that_a_killed_worker_left_is_given_up(servers: Callable[[str], str], tmp_path: Path) -> None:
    _, open_it = opened(servers("s3"), tmp_path)
    endpoint = servers("s3").partition("endpoint_url=")[2].partition("&")[0]
    keys: dict[str, Any] = {"aws_access_key_id": USER, "aws_secret_access_key": PASSWORD, "region_name": "us-east-1"}
    with closing(boto3.client("s3", endpoint_url=endpoint, **keys)) as client:
        key = "/".join(["site", tmp_path.name, *BELOW, NAME])
        client.create_multipart_upload(Bucket="copies", Key=key)
        with closing(open_it()) as target:
            with pytest.raises(Interrupted):
                run(target, Read(at=8_900_000, then=stop))
            assert "Uploads" not in client.list_multipart_uploads(Bucket="copies", Prefix=key)
            assert run(target, Read()) == MD5


KILLED = """
import os, signal, sys
from pathlib import Path
from tests import test_sync_targets as here
_, open_it = here.opened(sys.argv[1], Path(sys.argv[2]))
here.run(open_it(), here.Read(at=5_000_000, then=lambda: os.kill(os.getpid(), signal.SIGKILL)))
"""


@pytest.mark.parametrize("kind", ["folder", "sftp", "s3"])
def test_a_process_that_is_killed_leaves_nothing_under_the_name(
    kind: str, servers: Callable[[str], str], tmp_path: Path
) -> None:
    address = servers(kind)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FLASK_CONFIG": "testing"}
    command = [sys.executable, "-c", KILLED, address, str(tmp_path)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    _, open_it = opened(address, tmp_path)
    with closing(open_it()) as target:
        assert target.size(NAME) is None
        read = Read()
        assert run(target, read) == MD5
        assert (read.asked[-1][0] > 3_000_000) == target.can_append
        assert b"".join(target.read(NAME)) == DATA
