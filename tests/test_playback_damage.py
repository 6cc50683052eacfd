"""Files that are cut, lost, altered or replaced: the rest plays, the hole is told, no promised byte is missing."""

import os
import re
import shutil
import time
from pathlib import Path

import pytest

from app.formats.closing import CLOSING_BYTES
from app.playback.plans import forget_plans
from tests.archived import T0_US, add_source, address
from tests.clips import clips as clips
from tests.hls_judging import fetch, judge_entries, read_playlist
from tests.judging import Asked, Truth, instant, judge_film, place
from tests.mp4_reading import read_film
from tests.synthetic import FileSpec, Growing, RunSpec, make_run, take_in
from tests.test_playback_properties import ask
from tests.test_playback_properties import lasting_app as lasting_app

OPEN_SEED = 17  # its last fragment is short and holds both tracks
SPEC = RunSpec((FileSpec("sound-b", 2),) * 4, seed=11, first_ticks=180_000, jitter_ticks=4, has_ragged_sound=True)


@pytest.fixture(autouse=True)
def no_plans():
    """Forget the plans of the moment before: files change faster here than plans are kept."""
    forget_plans()


def unreadable(client) -> float:
    """Return the metric."""
    text = client.get("/metrics").text
    found = re.search(r"^playback_segments_unreadable_total ([0-9.e+]+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


# --- the open file -----------------------------------------------------------------------------------------


def test_an_open_file_cut_at_every_byte_of_its_last_fragment_plays_up_to_the_one_before(lasting_app, clips):
    """Request data at every byte; film and playlist at every eighth, and at the borders."""
    client, source_id = lasting_app.test_client(), add_source(lasting_app)
    run = make_run(clips, RunSpec((FileSpec("sound-b", 1), FileSpec("sound-b", 2)), seed=OPEN_SEED))
    growing = Growing(lasting_app, source_id, run, T0_US)
    growing.write(0, run.files[0])
    data = run.files[1]
    begin = data.rfind(b"moof") - 4
    begin -= 32 if data[begin - 28 : begin - 24] == b"prft" else 0
    mdat, number = data.rfind(b"mdat"), max(item.fragment for item in run.video if item.file == 1)
    held = [item.sha256 for item in run.video if item.file == 0 or item.fragment < number]
    growing.write(1, data[:begin])
    path, asked = growing.path(1), Asked(T0_US - 1_000_000, T0_US + 100_000_000)
    told = ask(client, source_id, asked, "").json
    film, text = client.get(told["urls"]["mp4"]), ask(client, source_id, asked, "index.m3u8").text
    assert [item.sha256 for item in read_film(film.data).video] == held
    _, entries = read_playlist(text)
    fetch(client, entries)
    assert [s.sha256 for entry in entries for s in entry.samples if s.kind == "video"] == held
    for end in range(begin, len(data)):
        os.truncate(path, begin)
        with path.open("ab") as file:
            file.write(data[begin:end])
        assert ask(client, source_id, asked, "").json == told
        if not end % 8 or end > len(data) - 8 or begin < mdat <= end < mdat + 8:
            assert client.head(told["urls"]["mp4"]).headers["ETag"] == film.headers["ETag"]
            assert ask(client, source_id, asked, "video.mp4").headers["Location"] == told["urls"]["mp4"]
            assert ask(client, source_id, asked, "index.m3u8").text == text
    with path.open("ab") as file:
        file.write(data[-1:])
    whole = client.get(ask(client, source_id, asked, "").json["urls"]["mp4"])
    assert [item.sha256 for item in read_film(whole.data).video] == [item.sha256 for item in run.video]
    assert client.get(told["urls"]["mp4"]).data == film.data  # what was pinned stays


# --- closed files ------------------------------------------------------------------------------------------


def _remove(path: Path) -> None:
    path.unlink()


def _shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _cut_off_the_last_fragment(path: Path) -> None:
    os.truncate(path, path.stat().st_size - CLOSING_BYTES - 80)  # the closing box is what nobody is sent


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _alter(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _lengthen_unseen(path: Path) -> None:
    status = path.stat()
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _garble(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _replace_by_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nothing"))


def _replace_by_another(path: Path) -> None:
    other = next(item for item in sorted(path.parent.iterdir()) if item != path and item.is_file())
    path.unlink()
    shutil.copy2(other, path)


DAMAGES = (
    _remove, _shorten, _empty, _alter, _lengthen_unseen, _garble, _replace_by_folder, _replace_by_dangling_link,
    _replace_by_another,
)  # fmt: skip


@pytest.mark.parametrize("number", [0, 1, 2, 3])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_a_gap_and_all_else_plays(lasting_app, clips, damage, number):
    client, source_id = lasting_app.test_client(), add_source(lasting_app)
    run = take_in(lasting_app, source_id, make_run(clips, SPEC), T0_US)
    asked = Asked(run.begin_us - 500_000, run.end_us + 500_000)
    damage(run.stored[number].path)
    run.lost = {number}
    forget_plans()
    before = unreadable(client)
    told = ask(client, source_id, asked, "").json
    assert unreadable(client) > before
    truth, hole = Truth([run]), (run.stored[number].start_us, run.stored[number].end_us)
    spans = [(instant(span["start_utc"]), instant(span["end_utc"])) for span in told["spans"]]
    assert spans == truth.intervals(asked)
    assert any(instant(gap["start_utc"]) <= hole[0] and hole[1] <= instant(gap["end_utc"]) for gap in told["gaps"])
    for gaps in ("collapse", "hold"):
        answer = ask(client, source_id, Asked(asked.begin_us, asked.end_us, gaps), "video.mp4")
        assert int(answer.headers["Content-Length"]) == len(answer.data)
        judge_pieces(truth, answer.data)
    text = ask(client, source_id, asked, "index.m3u8").text
    judge_entries(client, truth, asked, text)
    assert text.count("#EXT-X-DISCONTINUITY") == (number in (1, 2))
    refused = ask(client, source_id, Asked(run.begin_us, run.end_us, "fail"), "video.mp4")
    assert (refused.status_code, len(refused.json["gaps"])) == (409, 1)


def judge_pieces(truth: Truth, data: bytes) -> None:
    """Judge that a film holds every packet of the files that are left, in order, each file's at their times."""
    film = read_film(data)
    (run,) = truth.runs
    for kind in ("video", "audio"):
        placed = place(truth, film, kind)
        left = [item.sha256 for item in run.samples[kind] if item.file not in run.lost]
        assert [item.truth.sha256 for item in placed] == left
        for number in range(len(run.files)):
            offsets = {item.offset_s for item in placed if item.truth.file == number}
            assert not offsets or max(offsets) - min(offsets) <= placed[0].tick_s
    assert all(item.shown_s is not None for item in film.video)


def test_when_every_file_is_lost_there_is_no_footage(lasting_app, clips):
    client, source_id = lasting_app.test_client(), add_source(lasting_app)
    run = take_in(lasting_app, source_id, make_run(clips, SPEC), T0_US)
    for stored in run.stored:
        stored.path.unlink()
    for name in ("", "video.mp4", "index.m3u8"):
        answer = ask(client, source_id, Asked(run.begin_us, run.end_us), name)
        assert (answer.status_code, answer.json["detail"][0]["type"]) == (404, "no_footage")
        assert (answer.json["before_utc"], answer.json["after_utc"]) == (None, None)


def test_lost_files_that_follow_one_another_are_one_gap_that_cannot_be_read(lasting_app, clips):
    client, source_id = lasting_app.test_client(), add_source(lasting_app)
    run = take_in(lasting_app, source_id, make_run(clips, SPEC), T0_US)
    for number in (1, 2):
        run.stored[number].path.unlink()
    told = ask(client, source_id, Asked(run.begin_us, run.end_us), "").json
    gaps = [(instant(gap["start_utc"]), instant(gap["end_utc"]), gap["cause"]) for gap in told["gaps"]]
    assert gaps == [(run.stored[1].start_us, run.stored[2].end_us, "unreadable")]


# --- between the plan and the last byte --------------------------------------------------------------------


@pytest.mark.parametrize("damage", [_remove, _cut_off_the_last_fragment, _empty, _replace_by_folder])
@pytest.mark.parametrize("number", [0, 2, 3])
def test_a_file_that_goes_while_it_is_sent_breaks_the_connection(lasting_app, clips, damage, number):
    """A body shorter than it was said to be must not end as if it were whole: the server closes on an error."""
    client, source_id = lasting_app.test_client(), add_source(lasting_app)
    run = take_in(lasting_app, source_id, make_run(clips, SPEC), T0_US)
    answer = client.get(address(source_id, run.begin_us, run.end_us), buffered=False)
    promised = int(answer.headers["Content-Length"])
    damage(run.stored[number].path)
    got = bytearray()
    blocks = answer.iter_encoded()
    with pytest.raises(Exception, match=r".+") as raised:  # whatever it is, the server closes the connection
        got.extend(byte for block in blocks for byte in block)
    assert not isinstance(raised.value, AssertionError)
    assert len(got) < promised
    again = client.get(address(source_id, run.begin_us, run.end_us))  # at once: the loss is known now
    assert again.status_code == 200
    assert int(again.headers["Content-Length"]) == len(again.data) < promised


def test_after_ten_seconds_at_most_a_lost_file_is_a_gap(lasting_app, clips):
    client, source_id = lasting_app.test_client(), add_source(lasting_app)
    run = take_in(lasting_app, source_id, make_run(clips, SPEC), T0_US)
    where = address(source_id, run.begin_us, run.end_us)
    whole = client.get(where)
    run.stored[2].path.unlink()
    run.lost = {2}
    until_s = time.monotonic() + 10
    answer = whole
    while answer is None or answer.headers["ETag"] == whole.headers["ETag"]:
        assert time.monotonic() < until_s
        time.sleep(0.2)
        try:
            answer = client.get(where)
        except OSError:  # the connection breaks as long as the file counts as there
            answer = None
    judge_pieces(Truth([run]), answer.data)


def test_a_film_sent_while_files_are_closed_and_renamed_is_whole(lasting_app, clips):
    client, source_id = lasting_app.test_client(), add_source(lasting_app)
    run = make_run(clips, RunSpec((FileSpec("sound", 2),) * 2, seed=21))
    growing = Growing(lasting_app, source_id, run, T0_US)
    for number, data in enumerate(run.files):
        growing.write(number, data)
    where = ask(client, source_id, Asked(T0_US, T0_US + 60_000_000), "").json["urls"]["mp4"]
    answer = client.get(where, buffered=False)
    growing.finish()
    data = b"".join(answer.iter_encoded())
    assert len(data) == int(answer.headers["Content-Length"])
    growing.look()
    judge_film(Truth([run]), Asked(T0_US, T0_US + 60_000_000), data)
