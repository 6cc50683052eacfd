"""One attempt to record a source: one ffmpeg process, its files, and why it ended."""

import contextlib
import logging
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from app.archive import places
from app.archive.durable import make_folder, sync_folder
from app.archive.ingest import Place, RunWriter
from app.archive.livefile import LiveFile
from app.capture import ffmpeg
from app.capture.ahead import RoomAhead
from app.capture.networks import PinnedUri
from app.capture.picture import PictureFeed
from app.capture.processes import LiveFfmpeg, open_ffmpeg
from app.errors import PlaybackError, StorageFull
from app.logs import mask_secrets

log = logging.getLogger(__name__)

GRACE_S = 10.0  # from the polite signal to the last one: a silent camera holds ffmpeg for 8 s
LONGEST_OPEN_US = 540_000_000  # a segment may last 600 s
MAX_LOG_BYTES = 256 * 1024
LONGEST_LOG_BYTES = 4 * 1024 * 1024
LARGEST_HEAD_BYTES = 4096
STORAGE_REASONS = ("disk_full", "storage_unusable", "throttled")


@dataclass(slots=True)
class Attempt:
    """An ffmpeg that records a source now. Used by the recorder's main thread, within an app context."""

    place: Place
    process: LiveFfmpeg
    writer: RunWriter
    silence_s: float
    audio: str = ffmpeg.AUDIO_COPY
    child: "subprocess.Popen[bytes] | None" = None
    feed: PictureFeed | None = None
    uri: PinnedUri | None = None  # where it connects to; None for pictures, and for one that was adopted
    begun_s: float = field(default_factory=time.monotonic)
    grown_s: float = field(default_factory=time.monotonic)
    has_exited: bool = False
    is_silent: bool = False
    stop_reason: ffmpeg.Verdict | None = None
    stopped_s: float | None = None
    ahead: RoomAhead = field(default_factory=RoomAhead)

    @property
    def folder(self) -> Path:
        """Folder of the run's open files."""
        return places.live_folder(self.place.root, self.place.source_id)

    @property
    def is_receiving(self) -> bool:
        """Tell whether footage came and keeps coming."""
        return self.writer.is_published and time.monotonic() - self.heard_s < self.silence_s

    @property
    def heard_s(self) -> float:
        """When the camera last gave something, by the monotonic clock; an unchanged picture counts."""
        return max(self.grown_s, self.feed.succeeded_s) if self.feed is not None else self.grown_s

    def poll(self, disk_bytes: int = 0) -> None:
        """Take in what is new; stop ffmpeg when the camera is silent or its times jump, kill it if it stays.

        disk_bytes: the size of the disk, for the room that is kept ahead there; 0: none is.
        """
        if not self.writer.is_published and self._is_led_away():
            return
        has_grown = self.writer.poll()
        if has_grown:
            self.grown_s = time.monotonic()
            self._keep_room(disk_bytes)
        if self.stopped_s is not None:
            if time.monotonic() - self.stopped_s > GRACE_S:
                self.process.send(signal.SIGKILL)
            return
        if self.writer.has_jumped:
            self.stop(ffmpeg.Verdict("clock_jump", "the camera's timestamps jumped; a new run begins", None))
        elif has_grown and self.writer.media_us > LONGEST_OPEN_US:
            self.stop(ffmpeg.Verdict("no_key_frame", "the camera sent no key frame for 9 minutes", None))
        else:
            self._check_unheard()

    def _is_led_away(self) -> bool:
        """Kill ffmpeg where the camera sent it elsewhere, before anything that came from there is taken in."""
        if self.feed is None and self.stopped_s is None and ffmpeg.is_led_away(self.read_log(), self.uri):
            self.stop(ffmpeg.REDIRECT)
            self.process.send(signal.SIGKILL)
        return self.stop_reason is ffmpeg.REDIRECT

    def _keep_room(self, disk_bytes: int) -> None:
        file = self.writer.newest
        if disk_bytes and self.stopped_s is None:
            self.ahead.keep(file.path, file.size_bytes, disk_bytes, self.grown_s)

    def _check_unheard(self) -> None:
        if time.monotonic() - self.heard_s > self.silence_s:
            self._stop_silent()
        elif not self.writer.is_published:
            self._check_audio()

    def _stop_silent(self) -> None:
        self.is_silent = True
        if self.writer.is_published:
            self.stop(ffmpeg.Verdict("silent", f"the camera sent nothing for {self.silence_s:.0f} s", "offline"))
        else:
            self.stop(None)

    def _check_audio(self) -> None:
        """Begin again with the audio transcoded when it is not AAC: known only once ffmpeg has met the stream."""
        if self.audio == ffmpeg.AUDIO_COPY and ffmpeg.audio_codec(self.read_log()) not in (None, "aac"):
            self.stop(ffmpeg.Verdict("audio", "the audio is transcoded to AAC", None))

    def stop(self, reason: ffmpeg.Verdict | None) -> None:
        """Ask ffmpeg to end cleanly; `finish` follows when it has. None: its log is to say why."""
        if self.stopped_s is None:
            self.stop_reason, self.stopped_s = reason, time.monotonic()
            if self.feed is not None:
                self.feed.end()  # closes ffmpeg's input behind the last picture
            else:
                self.process.send(signal.SIGINT)

    def read_log(self) -> str:
        """Return the begin and the end of what ffmpeg wrote to its log."""
        return read_log(self.folder / f"{self.place.run_id}.log")

    def trim_log(self) -> None:
        """Cut what ffmpeg wrote to its log but for the begin, where it is long: a bad stream adds a line a frame.

        ffmpeg appends to it. Raises OSError.
        """
        path = self.folder / f"{self.place.run_id}.log"
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > LONGEST_LOG_BYTES:
                os.truncate(path, MAX_LOG_BYTES // 2)

    def finish(self) -> ffmpeg.Verdict:
        """Take in the rest of the footage after the process ended; return why it ended.

        Raises OSError or OperationalError when the archive cannot be written: call again.
        """
        text = self.read_log()
        if self.stop_reason is None and not self.writer.is_published and self.feed is None:
            self.stop_reason = ffmpeg.REDIRECT if ffmpeg.is_led_away(text, self.uri) else None
        has_footage = self.stop_reason is not ffmpeg.REDIRECT and self.writer.finish()
        exit_code = self.child.wait() if self.child is not None else None
        if self.feed is not None and self.feed.failure is not None and self.stop_reason is None:
            return self.feed.failure
        return self.stop_reason or self._verdict(text, exit_code, has_footage)

    def _verdict(self, text: str, exit_code: int | None, has_footage: bool) -> ffmpeg.Verdict:
        if exit_code is not None and exit_code < 0 and self.stopped_s is None:
            return ffmpeg.Verdict("crashed", f"ffmpeg was ended by signal {-exit_code}", None)
        if exit_code is None and has_footage and not ffmpeg.has_ended_itself(text):  # an adopted one: no exit status
            return ffmpeg.Verdict("crashed", "ffmpeg was killed or crashed: its log has no end", None)
        if self.audio != ffmpeg.AUDIO_NONE and not has_footage and ffmpeg.is_audio_fault(text):
            return ffmpeg.Verdict("audio", "the audio cannot be kept as it is", None)
        return ffmpeg.judge(text, has_footage=has_footage)

    def release(self) -> None:
        """Close what this process holds; ffmpeg itself is left as it is."""
        self.process.close()

    def clear(self) -> None:
        """Remove the run's log, list and what holds no footage; the log may hold a password."""
        clear_run(self.folder, self.place.run_id)
        put_aside(self.place.root, self.place.source_id, self.place.run_id)


def clear_run(folder: Path, run_id: str) -> None:
    """Remove what ffmpeg wrote beside the segments of a run that has ended, all of whose footage is taken in."""
    for suffix in ("csv", "log"):
        (folder / f"{run_id}.{suffix}").unlink(missing_ok=True)


def put_aside(root: Path, source_id: int, run_id: str) -> None:
    """Clear the live folder of what a run left without a whole fragment: nothing of it can be played.

    The file of the newest such run is kept in `salvage/`, one a source, so that a camera that never gives a key
    frame can be looked into and fills no disk; a head without samples is removed.
    """
    for path in places.live_folder(root, source_id).glob(f"{run_id}-*.mp4"):
        file = LiveFile(path)
        file.poll()
        if file.pictured:  # never delete what can be played
            _put_aside_damaged(root, source_id, path)
            continue
        if file.size_bytes < LARGEST_HEAD_BYTES:
            path.unlink()
            continue
        target = places.salvage_path(root, source_id, run_id, 0).with_name("without-footage.mp4")
        make_folder(target.parent, root)
        path.replace(target)


def _put_aside_damaged(root: Path, source_id: int, path: Path) -> None:
    """Keep a file whose very first fragment was torn by a power loss under its own name in `salvage/`."""
    file = LiveFile(path, is_doubtful=True)
    file.poll()
    if file.pictured:
        log.error("%s holds footage that was not taken in; it stays in the live folder", path.name)
        return
    target = places.salvage_path(root, source_id, "", 0).with_name(path.name)
    make_folder(target.parent, root)
    path.replace(target)
    sync_folder(target.parent)
    log.warning("%s was torn from its begin on; it is kept in the folder of salvage", path.name)


def read_log(path: Path) -> str:
    """Return a log file's begin and end as text, secrets masked; empty when there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    try:
        size_bytes = os.fstat(handle).st_size
        head = os.pread(handle, MAX_LOG_BYTES // 2, 0)
        tail_at = max(len(head), size_bytes - MAX_LOG_BYTES // 2)
        return mask_secrets((head + os.pread(handle, MAX_LOG_BYTES // 2, tail_at)).decode("utf-8", "replace"))
    finally:
        os.close(handle)


def storage_verdict(error: PlaybackError) -> ffmpeg.Verdict:
    """Return why an attempt ends at a storage that cannot be recorded to."""
    reason = "disk_full" if isinstance(error, StorageFull) else "storage_unusable"
    return ffmpeg.Verdict(reason, error.message, None)


def start_attempt(
    place: Place,
    command: ffmpeg.Command,
    feed: bytes | None,
    silence_s: float,
    zero_us: int | None = None,
    mark: str = "",
    uri: PinnedUri | None = None,
) -> Attempt:
    """Start ffmpeg and return the attempt, without the database. Raises OSError when it cannot be started."""
    writer = RunWriter(place, zero_us=zero_us, is_new=True)
    child = ffmpeg.spawn(command, place.run_id, feed, mark)
    try:
        process = open_ffmpeg(child.pid, place.root / places.LIVE)
        if process is None:  # it ended before it could be looked at, and is a zombie until waited for
            process = LiveFfmpeg(child.pid, os.pidfd_open(child.pid), place.source_id, place.run_id)
    except OSError:  # no handle is free: nobody could watch it
        child.kill()
        child.wait()
        raise
    return Attempt(place, process, writer, silence_s, child=child, uri=uri)
