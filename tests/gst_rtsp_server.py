"""An RTSP camera made of GStreamer: an implementation that shares nothing with ours, for a second opinion.

The file is demuxed once into memory and its access units are replayed with rising times: no re-encoding, no gap
where it loops. All clients share one timeline, which begins with the first of them.

GStreamer's bindings belong to Debian's Python, so the server is this very file run as a script by
/usr/bin/python3 (packages gir1.2-gst-rtsp-server-1.0, python3-gi, gstreamer1.0-plugins-base, -good and -bad).

    if not why_no_gst():
        with GstRtspServer(path, user="admin", password="secret") as server:
            record(server.url())
"""

import argparse
import functools
import os
import select
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

PYTHON = "/usr/bin/python3"
HOST, MOUNT = "127.0.0.1", "/cam"
START_S = 20
PASSWORD_VARIABLE = "CAMERA_PASSWORD"
PARSERS = {
    "h264": "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au",
    "hevc": "h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au",
    "aac": "aacparse",
}
PAYLOADERS = {"h264": "rtph264pay", "hevc": "rtph265pay", "aac": "rtpmp4gpay"}


@functools.cache
def why_no_gst() -> str:
    """Return why this machine cannot run the server, empty where it can."""
    if not Path(PYTHON).exists():
        return f"no {PYTHON}"
    command = [PYTHON, __file__, "--check"]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=START_S, check=False)
    return "" if tried.returncode == 0 else f"GStreamer's RTSP server: {tried.stderr.strip().splitlines()[-1]}"


class GstRtspServer:
    """The camera as a process of its own, at `url()`. H.264 or H.265, with AAC where the file has it."""

    def __init__(self, path: Path | str, user: str = "", password: str = "", auth: str = "digest") -> None:
        self.user, self.password, self.port = user, password, 0
        self._command = [PYTHON, __file__, str(path), "--codecs", ",".join(_codecs(path))]
        self._command += ["--user", user, "--auth", auth]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> "GstRtspServer":
        """Start the process and wait for its port. Raises RuntimeError with what it said where none comes."""
        # Not on the command line: there a test looks for passwords that we let slip.
        environment = {**os.environ, PASSWORD_VARIABLE: self.password}
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        said = ""
        while select.select([self._process.stdout], [], [], START_S)[0]:
            line = self._process.stdout.readline()
            if line.startswith("ready "):
                self.port = int(line.split()[1])
                return self
            said += line
            if not line:
                break
        self.stop()
        raise RuntimeError(f"GStreamer's RTSP server did not start: {said}")

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process:
            process.kill()  # it holds nothing; its main loop ignores SIGTERM while clients play
            process.communicate()

    def __enter__(self) -> "GstRtspServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self) -> str:
        """Return the camera's address with its login."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.user else ""
        return f"rtsp://{login}{HOST}:{self.port}{MOUNT}"


def _codecs(path: Path | str) -> list[str]:
    """Return the codecs of the tracks to serve; runs in the caller's Python."""
    import av

    with av.open(str(path)) as container:
        streams = [*container.streams.video[:1], *container.streams.audio[:1]]
        return [stream.codec_context.name for stream in streams if stream.codec_context.name in PARSERS]


# --- the script: runs in Debian's Python, where only GStreamer and the standard library are sure to be ----------


def _import_gst() -> tuple[Any, Any, Any, Any]:
    """Return Gst, GstRtspServer, GstRtsp and GLib. Raises ImportError or ValueError where one is missing."""
    import gi

    for name in ("Gst", "GstApp", "GstRtsp", "GstRtspServer"):
        gi.require_version(name, "1.0")
    from gi.repository import GLib, Gst, GstApp, GstRtsp, GstRtspServer  # noqa: F401 - appsrc

    Gst.init(None)
    elements = ["qtdemux", "appsrc", *PAYLOADERS.values(), *(text.split()[0] for text in PARSERS.values())]
    missing = [name for name in elements if Gst.ElementFactory.find(name) is None]
    if missing:
        raise ImportError(f"elements missing: {', '.join(missing)}")
    return Gst, GstRtspServer, GstRtsp, GLib


def _demux(gst: Any, path: str, codec: str) -> tuple[Any, list[tuple[bytes, int, int, int]]]:
    """Return a track's caps and its units as `(bytes, pts_ns, dts_ns, duration_ns)`."""
    pad = "audio_0" if codec == "aac" else "video_0"
    pipeline = gst.parse_launch(
        f'filesrc location="{path}" ! qtdemux name=d d.{pad} ! {PARSERS[codec]} ! appsink name=s sync=false'
    )
    pipeline.set_state(gst.State.PLAYING)
    sink, caps, units = pipeline.get_by_name("s"), None, []
    while (sample := sink.emit("pull-sample")) is not None:
        buffer, caps = sample.get_buffer(), sample.get_caps()
        dts = buffer.dts if buffer.dts != gst.CLOCK_TIME_NONE else buffer.pts
        units.append((buffer.extract_dup(0, buffer.get_size()), buffer.pts, dts, buffer.duration))
    pipeline.set_state(gst.State.NULL)
    return caps, units


def _feed(gst: Any, source: Any, units: list[tuple[bytes, int, int, int]], loop_ns: int) -> None:
    """Let an appsrc take unit after unit, for ever."""
    state = {"next": 0}

    def push(source: Any, _size: int) -> None:
        passes, number = divmod(state["next"], len(units))
        data, pts, dts, duration = units[number]
        buffer = gst.Buffer.new_wrapped(data)
        buffer.pts, buffer.dts, buffer.duration = pts + passes * loop_ns, dts + passes * loop_ns, duration
        state["next"] += 1
        source.emit("push-buffer", buffer)

    source.connect("need-data", push)


def _require_login(server: Any, factory: Any, gst_server: Any, gst_rtsp: Any, login: argparse.Namespace) -> None:
    auth, token, password = gst_server.RTSPAuth(), gst_server.RTSPToken(), os.environ[PASSWORD_VARIABLE]
    token.set_string("media.factory.role", "user")
    if login.auth == "digest":
        auth.set_supported_methods(gst_rtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(login.user, password, token)
    else:
        auth.add_basic(gst_server.RTSPAuth.make_basic(login.user, password), token)
    server.set_auth(auth)
    permissions = gst_server.RTSPPermissions()
    for right in ("access", "construct"):
        permissions.add_permission_for_role("user", f"media.factory.{right}", True)
    factory.set_permissions(permissions)


def main() -> None:
    """Serve one file until killed; `--check` only says whether that would be possible."""
    parser = argparse.ArgumentParser(description="RTSP camera made of GStreamer")
    parser.add_argument("file", nargs="?")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--codecs", default="h264")
    parser.add_argument("--user", default="")
    parser.add_argument("--auth", choices=("digest", "basic"), default="digest")
    arguments = parser.parse_args()
    gst, gst_server, gst_rtsp, glib = _import_gst()
    if arguments.check:
        return
    codecs = arguments.codecs.split(",")
    tracks = [_demux(gst, arguments.file, codec) for codec in codecs]
    loop_ns = max(units[-1][2] - units[0][2] + units[-1][3] for _, units in tracks)

    def configure(_factory: Any, media: Any) -> None:
        for number, (caps, units) in enumerate(tracks):
            source = media.get_element().get_by_name(f"source{number}")
            source.set_property("caps", caps)
            _feed(gst, source, units, loop_ns)

    sources = "appsrc name=source{0} block=true format=time max-bytes=400000 ! {1} name=pay{0} pt={2}"
    bins = " ".join(sources.format(n, PAYLOADERS[codec], 96 + n) for n, codec in enumerate(codecs))
    factory = gst_server.RTSPMediaFactory()
    factory.set_launch(f"( {bins} )")
    factory.set_shared(True)
    factory.connect("media-configure", configure)
    server = gst_server.RTSPServer()
    server.set_address(HOST)
    server.set_service("0")
    if arguments.user:
        _require_login(server, factory, gst_server, gst_rtsp, arguments)
    server.get_mount_points().add_factory(MOUNT, factory)
    server.attach(None)
    print("ready", server.get_bound_port(), flush=True)
    glib.MainLoop().run()


if __name__ == "__main__":
    main()
