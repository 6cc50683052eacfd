"""Picture and sound of a camera with B-frames stay together from the first file on, with either ffmpeg.

Without `use_editlist=0` the muxer moved the picture of the first file 40 ms forward against its sound and that of all
later files 80 ms back, and tfdt jumped by 120 ms at the first seam (measured with 5.1 and n9).
"""

import hashlib
import subprocess
from pathlib import Path

import av
import pytest

from app.capture.ffmpeg import SEGMENT_FORMAT, rtsp_input
from app.capture.template import effective_template, parse_template
from tests.media import make_video
from tests.recording import FFMPEGS
from tests.rtsp_server import RtspServer
from tests.service import wait_for


def times_of(path: Path) -> dict[str, dict[str, float]]:
    """Return the presentation time of each packet by kind of track and hash of its last bytes."""
    found: dict[str, dict[str, float]] = {"video": {}, "audio": {}}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size:
                key = hashlib.sha256(bytes(packet)[-120:]).hexdigest()  # parameter sets may stand before
                found[packet.stream.type][key] = float(packet.pts * packet.time_base)
    return found


@pytest.mark.parametrize("ffmpeg", FFMPEGS)
def test_picture_and_sound_stay_together_at_every_seam(ffmpeg, tmp_path):
    media = make_video(tmp_path / "cam.mp4", seconds=9, fps=25, gop=25, width=192, height=120, b_frames=2, audio="aac")
    with RtspServer({"cam": media}) as camera:
        command = [ffmpeg, "-loglevel", "error", "-f", "concat", "-safe", "0", "-protocol_whitelist"]
        command += ["file,pipe,fd,rtsp,rtp,tcp,udp,crypto", "-i", "pipe:0", "-map", "0:v:0", "-map", "0:a:0"]
        command += ["-c", "copy", "-f", "segment", "-segment_time", "2", "-segment_format", "mp4"]
        command += ["-segment_format_options", SEGMENT_FORMAT.format(fragment_us=4_000_000)]
        process = subprocess.Popen([*command, str(tmp_path / "%04d.mp4")], stdin=subprocess.PIPE)
        process.stdin.write(rtsp_input(camera.url("cam"), parse_template("Source", effective_template("Source", None))))
        process.stdin.close()
        wait_for((tmp_path / "0003.mp4").exists, "the end of the third file", 40)  # long before the media begins anew
        process.terminate()
        process.wait(10)
    source = times_of(media)
    paths = sorted(tmp_path.glob("0*.mp4"))
    assert len(paths) >= 3
    late: dict[str, list[float]] = {"video": [], "audio": []}
    for path in paths:
        for kind, times in times_of(path).items():
            late[kind] += [time_s - source[kind][key] for key, time_s in times.items() if key in source[kind]]
    pictures, sounds = late["video"][1:], late["audio"]  # the first packet of RTSP comes without a time
    assert len(pictures) > 100
    assert max(pictures) - min(pictures) < 0.002
    assert max(sounds) - min(sounds) < 0.002
    assert abs(pictures[0] - sounds[0]) < 0.002
