"""Spans and files beyond what 32 bits hold: more than 13.25 h at 90 kHz, more than 4 GiB; and the longest span."""

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

import av
import pytest

from app.playback.plans import forget_plans
from tests.archived import T0_US, add_source, address
from tests.clips import clips as clips
from tests.hls_judging import judge_entries
from tests.judging import Asked, Truth, judge_edges, judge_film
from tests.mp4_reading import read_film, read_head
from tests.synthetic import FileSpec, Growing, Run, RunSpec, Sample, make_run, moof_bytes
from tests.test_playback_properties import ask, build
from tests.test_playback_properties import lasting_app as lasting_app

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
GIANTS, GIANT_BYTES = 9, 500_000_000  # libavformat keeps the size of a sample in 30 bits, signed


def runs_apart(app, clips, *gaps_us: int) -> tuple[int, list[Run]]:
    """Put a short run behind each gap."""
    specs = [
        RunSpec((FileSpec(name, 1), FileSpec(name, 2)), seed, 2**32 - 40_000, 4)
        for seed, name in zip(range(len(gaps_us)), ("sound-b", "plain", "sound", "slow-sound"), strict=False)
    ]
    return build(app, clips, list(zip(gaps_us, specs, strict=True)))


@pytest.mark.parametrize("gaps", ["collapse", "hold"])
def test_twenty_hours_play_as_any_span(lasting_app, clips, gaps):
    client = lasting_app.test_client()
    source_id, runs = runs_apart(lasting_app, clips, 0, 5 * HOUR_US, 10 * HOUR_US, 5 * HOUR_US)
    asked = Asked(runs[0].begin_us + 200_000, runs[-1].end_us - 200_000, gaps)
    answer = ask(client, source_id, asked, "video.mp4")
    film = judge_film(Truth(runs), asked, answer.data)
    judge_edges(Truth(runs), asked, answer.data)
    assert (film.duration_s > 20 * 3600) == (gaps == "hold")
    judge_entries(client, Truth(runs), asked, ask(client, source_id, asked, "index.m3u8").text)


@pytest.mark.parametrize("gap_us", [14 * HOUR_US, 5 * DAY_US])
def test_a_gap_of_any_length_is_held(lasting_app, clips, gap_us):
    client = lasting_app.test_client()
    source_id, runs = runs_apart(lasting_app, clips, 0, gap_us, HOUR_US)
    asked = Asked(runs[0].begin_us, runs[-1].end_us, "hold")
    answer = ask(client, source_id, asked, "video.mp4")
    assert answer.status_code == 200, answer.text
    judge_film(Truth(runs), asked, answer.data)
    judge_edges(Truth(runs), asked, answer.data)
    with av.open(io.BytesIO(answer.data)) as container:
        times = [float(frame.time) for frame in container.decode(video=0)]
    assert times[-1] - times[0] > gap_us / 1e6


def test_media_may_be_31_days_long_and_no_longer(lasting_app, clips):
    client = lasting_app.test_client()
    source_id, runs = runs_apart(lasting_app, clips, 0, 31 * DAY_US - 10_000_000)
    begin_us = runs[0].begin_us
    longest = Asked(begin_us, begin_us + 31 * DAY_US)
    assert runs[1].begin_us < longest.end_us
    judge_film(Truth(runs), longest, ask(client, source_id, longest, "video.mp4").data)
    assert ask(client, source_id, longest, "index.m3u8").status_code == 200
    beyond = Asked(begin_us, begin_us + 31 * DAY_US + 1)
    for name in ("video.mp4", "index.m3u8"):
        answer = ask(client, source_id, beyond, name)
        assert (answer.status_code, answer.json["detail"][0]["type"]) == (422, "range_too_long")
    told = ask(client, source_id, Asked(begin_us - 300 * DAY_US, begin_us + 300 * DAY_US), "")
    assert (told.status_code, len(told.json["spans"])) == (200, 2)  # request data has no such limit


# --- more than 4 GiB ---------------------------------------------------------------------------------------


class Hole(bytes):
    """A sample that is a hole in the file but for its first and last bytes."""

    def __len__(self) -> int:
        return GIANT_BYTES


@dataclass
class Giant:
    """A run whose one open file has nine samples of 500 MB between its groups, and where each sample lies in it."""

    source_id: int
    run: Run
    path: Path
    places: list[int]


@pytest.fixture(scope="module")
def giant(lasting_app, clips):
    source_id = add_source(lasting_app)
    run = make_run(clips, RunSpec((FileSpec("plain", 2),), seed=6))
    first, last = run.video[:10], run.video[10:]
    holes = []
    for number in range(GIANTS):
        dts = last[0].dts + number * 90_000
        mark = f"giant {number}".encode()
        holes.append(Sample("video", dts, dts, 90_000, True, Hole(mark), "", 0, 90_000))
    for item in last:
        item.dts, item.pts = item.dts + GIANTS * 90_000, item.pts + GIANTS * 90_000
    run.samples["video"] = [*first, *holes, *last]
    growing = Growing(lasting_app, source_id, run, T0_US)
    path, places = growing.path(0), []
    with path.open("wb") as file:
        file.write(clips["plain"].init)
        for number, part in enumerate([first, *([hole] for hole in holes), last], 1):
            moof = moof_bytes([(1, part)], number, 0)
            size = sum(len(item.data) for item in part)
            file.write(moof_bytes([(1, part)], number, len(moof) + 8) + (8 + size).to_bytes(4, "big") + b"mdat")
            for item in part:
                places.append(file.tell())
                file.write(bytes(item.data))
                if isinstance(item.data, Hole):
                    file.seek(places[-1] + GIANT_BYTES - 5)
                    file.write(b"end %d" % (number - 1))
    growing.poll()
    return Giant(source_id, growing.look(), path, places)


class Remote(io.RawIOBase):
    """The film as a seekable file, each read a byte range of it."""

    def __init__(self, client, where: str, size: int) -> None:
        self.client, self.where, self.size, self.at = client, where, size, 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be sought in."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to an offset."""
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at

    def tell(self) -> int:
        """Return the offset."""
        return self.at

    def read(self, size: int = -1) -> bytes:
        """Ask for the next bytes."""
        end = self.size if size < 0 else min(self.at + size, self.size)
        if self.at >= end:
            return b""
        answer = self.client.get(self.where, headers={"Range": f"bytes={self.at}-{end - 1}"})
        assert (answer.status_code, len(answer.data)) == (206, end - self.at)
        self.at = end
        return answer.data


def test_a_film_of_more_than_4_gib_is_right_to_the_last_byte(lasting_app, giant):
    client, run = lasting_app.test_client(), giant.run
    where = client.get(address(giant.source_id, T0_US, T0_US + 60_000_000)).headers["Location"]
    size = int(client.head(where).headers["Content-Length"])
    assert size > GIANTS * GIANT_BYTES > 1 << 32
    film = read_head(Remote(client, where, size).read(100_000), size)
    assert [(item.size, item.is_key) for item in film.video] == [(len(item.data), item.is_key) for item in run.video]
    assert film.video[-1].offset > 1 << 32
    assert client.get(where, headers={"Range": "bytes=0-0"}).headers["Content-Range"] == f"bytes 0-0/{size}"
    with giant.path.open("rb") as source:
        for item, place in zip(film.video, giant.places, strict=True):
            for begin, end in ((0, 300), (item.size - 300, item.size), (item.size // 2, item.size // 2 + 1000)):
                begin, end = max(begin, 0), min(end, item.size)
                asked = f"bytes={item.offset + begin}-{item.offset + end - 1}"
                source.seek(place + begin)
                assert client.get(where, headers={"Range": asked}).data == source.read(end - begin)
        tail = client.get(where, headers={"Range": "bytes=-5000"}).data
        source.seek(-5000, os.SEEK_END)
        assert tail == source.read()
    several = f"bytes=10-19,{(1 << 32) - 5}-{(1 << 32) + 4},{size - 3}-"
    assert client.get(where, headers={"Range": several}).headers["Content-Type"].startswith("multipart/byteranges")


def test_a_player_reads_the_last_packet_behind_4_gib(lasting_app, giant):
    client, run = lasting_app.test_client(), giant.run
    where = client.get(address(giant.source_id, T0_US, T0_US + 60_000_000)).headers["Location"]
    size = int(client.head(where).headers["Content-Length"])
    with av.open(Remote(client, where, size)) as container:
        stream = container.streams.video[0]
        assert stream.frames == len(run.video)
        container.seek(stream.duration - 1, stream=stream)
        found = [hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(stream) if packet.size]
    assert found == [item.sha256 for item in run.video[-10:]]


def test_a_film_that_begins_behind_4_gib_of_its_file_takes_only_what_it_needs(lasting_app, giant):
    client, run = lasting_app.test_client(), giant.run
    last = run.video[-10:]
    begin_us = int(run.instant_us(last[0])) + 1
    where = client.get(address(giant.source_id, begin_us, begin_us + 60_000_000)).headers["Location"]
    forget_plans()
    answer = client.get(where)
    film = read_film(answer.data)
    assert [item.sha256 for item in film.video] == [item.sha256 for item in last]
    assert len(answer.data) < 100_000
