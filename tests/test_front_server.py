"""Behind nginx, with the site file of the documents: media by X-Accel-Redirect, films through the proxy."""

import random
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from flask import Flask

from app.extensions import writing
from app.models import Segment
from instance.config import TestingConfig
from tests.archived import add_source, address, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.conftest import missing, open_app
from tests.nginx_server import Nginx, find_nginx
from tests.served import Served, serving
from tests.test_playback_hls import entries_of


class Front(NamedTuple):
    """nginx and the service behind it, with footage: a source of plain files, and one whose files are shifted."""

    nginx: Nginx
    served: Served
    plain_id: int
    shifted_id: int
    begin_us: int
    end_us: int

    def entries(self, source_id: int) -> list[dict[str, Any]]:
        """Return the entries of a source's playlist."""
        return entries_of(requests.get(self.nginx.base + self.path(source_id, "index.m3u8"), timeout=20).text)

    def path(self, source_id: int, name: str = "video.mp4") -> str:
        """Return the path of a source's film."""
        return address(source_id, self.begin_us, self.end_us, name=name)


def shift(app: Flask, source_id: int) -> None:
    """Let the decode times in a source's files count from another moment, as those of older ffmpegs did."""
    where = {Segment.shift_ticks: 90, Segment.v_t0: Segment.v_t0 + 90}
    with app.app_context(), writing() as session:
        session.query(Segment).filter_by(source_id=source_id).update(where)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, media: Callable[..., Path]) -> Iterator[Front]:
    if find_nginx() is None:
        missing("no nginx in PATH or /usr/sbin; install nginx-light")
    folder = tmp_path_factory.mktemp("front")
    with serving(folder / "instance", SENDFILE_HEADER="X-Accel-Redirect") as served:
        ids = [add_source(served.app) for _ in range(2)]
        recorded = [record(served.app, number, media("audio")) for number in ids]
        shift(served.app, ids[1])
        with Nginx(folder / "nginx", served.service.port, served.service.storage / "rec") as nginx:
            yield Front(nginx, served, *ids, recorded[0].begin_us, recorded[0].end_us)
            assert nginx.errors() == []


def test_nginx_takes_the_documented_file(front: Front) -> None:
    checked = front.nginx.check()
    assert (checked.returncode, "warn" in checked.stderr) == (0, False), checked.stderr


def test_a_recorded_file_is_sent_by_nginx_byte_for_byte_and_in_ranges(front: Front) -> None:
    for entry in front.entries(front.plain_id):
        direct = requests.get(front.served.url(entry["uri"]), timeout=20)
        assert (direct.content, direct.headers["X-Accel-Redirect"][:7]) == (b"", "/media/")
        path = front.served.service.storage / "rec" / direct.headers["X-Accel-Redirect"][7:]
        data = path.read_bytes()
        whole = requests.get(front.nginx.base + entry["uri"], timeout=20)
        assert (whole.status_code, whole.content, whole.headers["Content-Type"]) == (200, data, "video/mp4")
        assert "X-Accel-Redirect" not in whole.headers
        assert whole.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        length, offset = entry["range"]
        ranged = {"Range": f"bytes={offset}-{offset + length - 1}"}
        for more in ({}, {"If-Range": whole.headers["ETag"]}, {"If-Match": whole.headers["ETag"]}):
            part = requests.get(front.nginx.base + entry["uri"], headers={**ranged, **more}, timeout=20)
            assert (part.status_code, part.content) == (206, data[offset : offset + length])
        changed = requests.get(front.nginx.base + entry["uri"], headers={**ranged, "If-Range": '"other"'}, timeout=20)
        assert (changed.status_code, changed.content) == (200, data)
        for name, value in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified")):
            known = requests.get(front.nginx.base + entry["uri"], headers={name: whole.headers[value]}, timeout=20)
            assert (known.status_code, known.content) == (304, b"")
        outside = requests.get(front.nginx.base + entry["uri"], headers={"Range": f"bytes={len(data)}-"}, timeout=20)
        assert outside.status_code == 416


def test_no_client_can_ask_for_the_internal_location(front: Front) -> None:
    entry = front.entries(front.plain_id)[0]
    direct = requests.get(front.served.url(entry["uri"]), timeout=20)
    assert requests.get(front.nginx.base + direct.headers["X-Accel-Redirect"], timeout=20).status_code == 404


def test_shifted_and_open_files_are_sent_by_the_service(front: Front, media: Callable[..., Path]) -> None:
    growing_id = add_source(front.served.app)
    record(front.served.app, growing_id, media("audio"), leave_open=True)
    for entry in (front.entries(front.shifted_id)[0], front.entries(growing_id)[-1]):
        direct = requests.get(front.served.url(entry["uri"]), timeout=20)
        assert len(direct.content) > 10_000
        assert "X-Accel-Redirect" not in direct.headers
        assert requests.get(front.nginx.base + entry["uri"], timeout=20).content == direct.content


def test_a_film_through_the_proxy_is_the_same_in_whole_and_in_ranges(front: Front) -> None:
    path = front.path(front.plain_id)
    data = requests.get(front.served.url(path), timeout=20).content
    whole = requests.get(front.nginx.base + path, timeout=20)
    assert (whole.content, whole.headers["Accept-Ranges"]) == (data, "bytes")
    assert whole.headers["Content-Length"] == str(len(data))
    rng = random.Random(3)
    for _ in range(20):
        begin = rng.randrange(len(data))
        end = min(begin + rng.choice((1, 1000, 300_000)), len(data))
        headers = {"Range": f"bytes={begin}-{end - 1}", "If-Range": whole.headers["ETag"]}
        part = requests.get(front.nginx.base + path, headers=headers, timeout=20)
        assert (part.status_code, part.content) == (206, data[begin:end])
    several = requests.get(front.nginx.base + path, headers={"Range": "bytes=0-9,100-199"}, timeout=20)
    assert several.headers["Content-Type"].startswith("multipart/byteranges")
    known = requests.get(front.nginx.base + path, headers={"If-None-Match": whole.headers["ETag"]}, timeout=20)
    assert (known.status_code, known.headers["ETag"]) == (304, whole.headers["ETag"])


def test_a_compressed_playlist_passes_as_it_is(front: Front) -> None:
    where = front.nginx.base + front.path(front.plain_id, "index.m3u8")
    answer = requests.get(where, headers={"Accept-Encoding": "gzip, identity;q=0"}, timeout=20)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.text.startswith("#EXTM3U")


def test_a_client_that_reads_slowly_gets_everything(front: Front) -> None:
    path = front.path(front.plain_id)
    data = requests.get(front.served.url(path), timeout=20).content
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", front.nginx.port))
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        received = bytearray()
        while block := client.recv(2048):
            received += block
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert body == data


@pytest.mark.parametrize("header", ["", "X-Sendfile", "X-Accel-Redirect"])
def test_a_path_leaves_the_house_only_where_it_is_asked_for(
    config: TestingConfig, migrated_sqlite: Path, media: Callable[..., Path], tmp_path: Path, header: str
) -> None:
    storage = tmp_path / "with space & 100%"
    settings = TestingConfig(INSTANCE=config.INSTANCE, STORAGE=str(storage), SENDFILE_HEADER=header)
    settings.instance_path.mkdir(parents=True)
    (settings.instance_path / "app.db").write_bytes(migrated_sqlite.read_bytes())
    with contextmanager(open_app)(settings) as app:
        client, found = app.test_client(), add_source(app)
        recorded = record(app, found, media("h264"))
        where = address(found, recorded.begin_us, recorded.end_us, name="index.m3u8")
        answer = client.get(entries_of(client.get(where).text)[0]["uri"])
    said = {name: value for name, value in answer.headers.items() if name in ("X-Sendfile", "X-Accel-Redirect")}
    if header == "":
        assert (said, len(answer.data) > 10_000) == ({}, True)
        assert str(tmp_path) not in str(answer.headers)
    else:
        assert (list(said), answer.data) == ([header], b"")
        begin = "/media/" if header == "X-Accel-Redirect" else f"{tmp_path}/with%20space%20%26%20100%25/rec/"
        assert said[header].startswith(f"{begin}{found}/20261121/08/")
