"""Two demonstration cameras that already record: `make demo` runs this beside the service.

One is a clip made here, looped over RTSP from a port of this machine; the other is the service's own test picture.
Everything else goes through the HTTP API, as any client would do it, so this is also the shortest example of its use.
"""

import math
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402 - the project's folder must be known first
import numpy as np  # noqa: E402
import requests  # noqa: E402

from app.locks import hold_lock  # noqa: E402
from instance.config import load_config  # noqa: E402
from tests.media import Plane, make_video  # noqa: E402
from tests.rtsp_server import RtspServer  # noqa: E402

TAG = "demo"
NAME = "demo"
CLIP_S, FPS = 20, 25
READY_S = 60
GOING_ON = ("recording", "waiting")


class Camera(NamedTuple):
    """A camera as the API takes it; `description` tells ours from the operator's."""

    model: str
    description: str
    address: dict[str, Any]


class Api:
    """The service's API. Ends the program with one line where it refuses."""

    def __init__(self, bind: str) -> None:
        host, _, port = bind.rpartition(":")
        self.root = f"http://{'127.0.0.1' if host in ('', '0.0.0.0') else host}:{port}"  # nosec B104
        self._client = requests.Session()

    def wait_until_ready(self) -> None:
        """Return once the service answers; the supervisor starts it at the same time."""
        end_s = time.monotonic() + READY_S
        while time.monotonic() < end_s:
            try:
                if self._client.get(f"{self.root}/api/v1/source", timeout=5).status_code < 500:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.2)
        fail(f"the service at {self.root} did not answer in {READY_S} s; see its log")

    def call(self, method: str, path: str, **parameters: Any) -> Any:
        """Return the JSON that a call answers with, None for 204."""
        place = "params" if method == "GET" else "json"
        url = f"{self.root}/api/v1{path}"
        answer = self._client.request(method, url, timeout=10, **{place: parameters})
        if not answer.ok:
            fail(f"{method} {path} was answered with {answer.status_code}: {answer.text.strip()}")
        return answer.json() if answer.content else None


def fail(reason: str) -> NoReturn:
    """End with one line for the operator."""
    sys.exit(f"demo: {reason}")


def main() -> None:
    """Serve the clip and have both cameras recorded until SIGINT or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    config = load_config()
    if hold_lock(config.run_path / "demo.lock") is None:
        sys.exit("the demonstration of this instance runs already")
    api, folder = Api(config.BIND), config.instance_path / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with serve(make_clip(folder), folder / "port") as server:
        cameras = [
            Camera("Source", "Demo stream", {"uri_rtsp": server.url(NAME)}),
            Camera(
                "PictureSource",
                "Demo pictures",
                {"uri_http_picture": {"uri": f"{api.root}/test/img"}},
            ),
        ]
        api.wait_until_ready()
        record(api, cameras)
        print(f'demo: two cameras record under the tag "{TAG}"; see them at {api.root}/', flush=True)
        while True:
            signal.pause()


def make_clip(folder: Path) -> Path:
    """Return the clip, made at the first start: a clock of 20 seconds with a soft tone, a key frame each second."""
    clip, half_made = folder / "clip.mp4", folder / "clip.part"
    if not clip.exists():
        how = {"width": 640, "height": 360, "bitrate_bps": 600_000, "audio": "aac", "tone_hz": 440.0}
        make_video(half_made, seconds=CLIP_S, fps=FPS, gop=FPS, draw=draw_clock, **how)
        half_made.rename(clip)
    return clip


def draw_clock(luma: Plane, number: int) -> None:
    """Paint a dial whose hand goes round once a clip, and the seconds in figures."""
    np.right_shift(luma, 1, out=luma)
    luma[: luma.shape[0] // 15] = 40  # over the number that is for tests
    middle = (luma.shape[1] // 2, luma.shape[0] // 2 + 12)
    radius = luma.shape[0] // 3
    for mark in range(CLIP_S):
        cv2.line(luma, _on_dial(middle, radius, mark / CLIP_S), _on_dial(middle, radius * 0.9, mark / CLIP_S), 200, 2)
    turn = number / (CLIP_S * FPS)
    cv2.line(luma, middle, _on_dial(middle, radius * 0.85, turn), 235, 5, cv2.LINE_AA)
    text = f"{number // FPS:02d}.{number % FPS * 100 // FPS:02d}"
    cv2.putText(luma, text, (24, luma.shape[0] - 24), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 235, 3, cv2.LINE_AA)


def _on_dial(middle: Sequence[int], radius: float, turn: float) -> tuple[int, int]:
    angle = 2 * math.pi * turn
    return round(middle[0] + radius * math.sin(angle)), round(middle[1] - radius * math.cos(angle))


def serve(clip: Path, port_file: Path) -> RtspServer:
    """Return the RTSP server, at the port of the last start where that is free: the source keeps its address."""
    last = int(port_file.read_text()) if port_file.exists() else 0
    try:
        server = RtspServer({NAME: clip}, port=last).start()
    except OSError:
        server = RtspServer({NAME: clip}).start()
    port_file.write_text(str(server.port))
    return server


def record(api: Api, cameras: list[Camera]) -> None:
    """Have every camera recorded, adding what the service does not have yet."""
    for camera in cameras:
        source_id = add_source(api, camera)
        group = add_group(api, camera.model)
        api.call("POST", f"/group/{group['id']}/source/{source_id}/")
        records = api.call("GET", "/record", tag_name=TAG)
        going_on = [one for one in records if one["status"] in GOING_ON]
        if source_id not in [one["source"][0]["id"] for one in going_on]:
            api.call("POST", "/record", model=camera.model, tag_name=TAG, group_name=group["name"])


def add_source(api: Api, camera: Camera) -> int:
    """Return the id of the camera's source, new or found by its description, with its present address."""
    for source in api.call("GET", "/source"):
        if source["description"] == camera.description:
            if camera.model == "Source" and source["uri_rtsp"] != camera.address["uri_rtsp"]:
                api.call("PUT", f"/source/{source['id']}/", **camera.address)
            return int(source["id"])
    created = api.call("POST", "/source", model=camera.model, description=camera.description, **camera.address)
    return int(created["id"])


def add_group(api: Api, model: str) -> dict[str, Any]:
    """Return the demonstration group of a model, new or found by its name; a group holds one model only."""
    name = f"demo {model}"
    for group in api.call("GET", "/group"):
        if group["name"] == name:
            return dict(group)
    return dict(api.call("POST", "/group", model=model, name=name)[0])


if __name__ == "__main__":
    main()
