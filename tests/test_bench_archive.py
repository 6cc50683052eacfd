"""The footage that the benchmarks generate: it is taken in, plays, decodes, and no packet is there twice."""

import hashlib
import subprocess
from pathlib import Path

import av
import pytest

from app.archive.find import find_segments
from bench.archive import BEGIN_US, Wanted, fill
from bench.repeat import DAY_US, repeat
from bench.template import Kind
from tests.archived import address
from tests.archived import no_plans as no_plans
from tests.recording import FFMPEGS

SHORT = 24 / 3600
KINDS = {
    "b-frames, 48 kHz": Kind(width=192, height=112),
    "25 fps, 16 kHz": Kind(25, 0, 16_000, 192, 112),
    "no sound": Kind(30, 2, 0, 192, 112),
}


@pytest.mark.parametrize("name", KINDS)
def test_generated_footage_plays_and_every_packet_is_another(app, client, tmp_path, name):
    archive = fill(app, Wanted(SHORT, kind=KINDS[name], runs=2, segment_s=4))
    (source_id,) = archive.source_ids
    whole = client.get(address(source_id, archive.begin_us, archive.end_us))
    path = tmp_path / "whole.mp4"
    path.write_bytes(whole.data)
    assert _said_when_decoded(path) == ""
    found = _packets(path)
    recorded = _recorded(app, source_id, archive)
    assert found == recorded
    assert len(set(found["video"])) == len(found["video"]) > 500
    assert len(set(found["audio"])) == len(found["audio"])
    assert bool(found["audio"]) == bool(KINDS[name].audio_hz)


def test_generated_footage_has_runs_and_gaps_jitter_and_the_bit_rate_asked_for(app, client):
    archive = fill(app, Wanted(SHORT, 2_000_000, kind=KINDS["b-frames, 48 kHz"], runs=3, segment_s=4))
    (source_id,) = archive.source_ids
    told = client.get(address(source_id, archive.begin_us, archive.end_us, name="")).get_json()
    assert len(told["spans"]) == 3
    assert len(told["gaps"]) == 2
    assert 0.7 < archive.size_bytes * 8 / told["duration"] / 2_000_000 < 1.4
    with app.app_context():
        counts = [segment.counts for segment in find_segments(source_id, archive.begin_us, archive.end_us)]
    assert sum(count["v_runs"] for count in counts) > 0.9 * sum(count["v_n"] for count in counts)
    assert all(count["v_cruns"] for count in counts)


def test_the_same_seed_gives_the_same_packets_and_another_seed_others(app, client):
    wanted = Wanted(SHORT / 3, kind=KINDS["25 fps, 16 kHz"], runs=1, segment_s=4)
    first, same, other = (fill(app, wanted, seed) for seed in (7, 7, 8))
    hashes = [_recorded(app, one.source_ids[0], one)["video"] for one in (first, same, other)]
    assert hashes[0] == hashes[1]
    assert not set(hashes[0]) & set(hashes[2])


def test_repeated_footage_plays_like_the_first(app, client, tmp_path):
    archive = fill(app, Wanted(SHORT / 2, kind=KINDS["25 fps, 16 kHz"], runs=1, segment_s=4))
    ids = repeat(app, archive, times=2, sources=1)
    assert len(ids) == 2
    bodies = []
    for source_id in ids:
        for day in range(2):
            begin_us = BEGIN_US + day * DAY_US
            answer = client.get(address(source_id, begin_us, begin_us + archive.end_us - archive.begin_us))
            path = tmp_path / f"{source_id}-{day}.mp4"
            path.write_bytes(answer.data)
            assert _said_when_decoded(path) == ""
            bodies.append(_packets(path))
    assert bodies[0]["video"]
    assert bodies == [bodies[0]] * 4


def _recorded(app, source_id, archive) -> dict[str, list[str]]:
    """Return the packets of all files, in order."""
    found: dict[str, list[str]] = {"video": [], "audio": []}
    with app.app_context():
        paths = [segment.path for segment in find_segments(source_id, archive.begin_us, archive.end_us)]
    assert len(paths) == archive.files
    for path in paths:
        for kind, hashes in _packets(Path(path)).items():
            found[kind] += hashes
    return found


def _packets(path: Path) -> dict[str, list[str]]:
    """Return the packets of a file by kind; the edit list does not hide any of them."""
    found: dict[str, list[str]] = {"video": [], "audio": []}
    with av.open(str(path), options={"ignore_editlist": "1"}) as container:
        for packet in container.demux():
            if packet.size:
                found[packet.stream.type].append(hashlib.sha256(bytes(packet)).hexdigest())
    return found


def _said_when_decoded(path: Path) -> str:
    """Return the warnings of ffmpeg when it decodes everything."""
    command = [FFMPEGS[-1], "-nostdin", "-v", "warning", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stderr if not done.returncode else f"{done.returncode} {done.stderr}"
