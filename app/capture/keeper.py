"""Keeps one source recording for as long as it is wanted: attempt after attempt, with its status and its ledger.

A run lies wholly in one storage. While a keeper has a run it belongs to the lane of that storage (app/capture/lane.py),
else to the recorder's main thread, which gives it to the next lane. Where a storage fails under a run the keeper is
left to take in that run, however long that takes, and a successor keeps the source.
"""

import contextlib
import logging
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.archive.ingest import Place
from app.archive.places import live_folder
from app.archive.storages import unusable
from app.capture import ffmpeg, recovery
from app.capture.attempt import STORAGE_REASONS, Attempt, start_attempt, storage_verdict
from app.capture.backoff import Backoff
from app.capture.camera import Camera
from app.capture.disks import Disk, Disks
from app.capture.distrust import Distrust
from app.capture.measuring import Measured
from app.capture.networks import PinnedUri, Unresolved, networks, port_of
from app.capture.picture import PictureFeed
from app.capture.pinning import Pinning
from app.capture.processes import LiveFfmpeg, mark_of
from app.capture.steadiness import Steadiness
from app.capture.template import Template
from app.errors import Invalid
from app.extensions import db, writing
from app.models import Attempt as AttemptRow
from app.models import Source
from app.models.types import new_uuid, now_us
from instance.config import Config

log = logging.getLogger(__name__)

REFUSED_S = 30.0  # between two attempts in the ledger while no storage can be recorded to


class Keeper:
    """Keeps a source recording. Used by one thread at a time, within an app context, but for what says otherwise."""

    _AUDIO_AFTER: ClassVar = {ffmpeg.AUDIO_COPY: ffmpeg.AUDIO_AAC, ffmpeg.AUDIO_AAC: ffmpeg.AUDIO_NONE}

    def __init__(self, config: Config, camera: Camera, recorder_id: str) -> None:
        self.camera = camera
        self.attempt: Attempt | None = None
        self.disk: Disk | None = None  # where its run lies, or is about to
        self.is_held = False  # by a lane: only that uses it
        self.is_ending = False
        self.is_left = False  # a successor keeps the source
        self.needs_successor = False
        self._config = config
        self._recorder_id = recorder_id
        self._policy = networks(config)
        self._backoff = Backoff(self._policy)
        self._distrust = Distrust()
        self._audio = ffmpeg.AUDIO_COPY
        self._pinning: Pinning | None = None
        self._feed: PictureFeed | None = None
        self._living: LiveFfmpeg | None = None
        self._is_due = False
        self._ending: ffmpeg.Verdict | None = None
        self._changed: Camera | None = None
        self._attempt_row: int | None = None
        self._begun_us = 0
        self._told: tuple[str, str] | None = None
        self._is_told = False
        self._refused_until_s = 0.0
        self._status: tuple[str | None, str | None] | None = None
        self._measured = Measured()
        self._steadiness = Steadiness(camera.source_id)

    @property
    def is_idle(self) -> bool:
        """Tell whether there is nothing for a lane to do."""
        begun = (self.attempt, self._feed, self._pinning, self._living)
        return not self._is_due and all(one is None for one in begun)

    @property
    def is_lasting(self) -> bool:
        """Tell whether it has an ffmpeg that goes on without a recorder: not one that we feed with pictures."""
        attempt = self.attempt
        return self._living is not None or (attempt is not None and attempt.feed is None)

    def next_disk(self, disks: Disks) -> Disk | None:
        """Return the storage to begin the next attempt in, None where it is not due; say so where none can be used."""
        self._obey()  # an address that was mended does not wait for the end of the pause
        if not self._backoff.is_over(self.camera.uri):
            return None
        disk = disks.choose(self._distrust.of(disks))
        if disk is None and disks.choose() is None and time.monotonic() >= self._refused_until_s:
            self.disk, self._begun_us, self._attempt_row = None, now_us(), None
            self._failed(storage_verdict(disks.problem()), 0.0)
            self._refused_until_s = time.monotonic() + REFUSED_S
        return disk

    def begin_at(self, disk: Disk) -> None:
        """Let the next step begin an attempt in this storage."""
        self.disk, self._is_due, self._refused_until_s = disk, True, 0.0

    def adopt_at(self, disk: Disk, process: LiveFfmpeg) -> None:
        """Let the next step take over a living ffmpeg of an earlier recorder."""
        self.disk, self._living = disk, process

    def step(self) -> None:
        """Do what is due now. Raises OSError or OperationalError when disk or database refuse: call again."""
        self._obey()
        self._step()
        if not self.is_ending:
            self._steadiness.note()

    def _step(self) -> None:
        if self._living is not None:
            self._adopt(self._living)
        elif self.attempt is not None and self.attempt.has_exited:
            self._ended()
        elif self.attempt is not None:
            self._watch(self.attempt)
        elif self._feed is not None:
            self._step_feed()
        elif self._pinning is not None:
            self._try(partial(self._step_pinning, self._pinning))
        elif self._is_due:
            self._is_due = False
            if not self.is_ending:
                self._try(self._begin)

    def _watch(self, attempt: Attempt) -> None:
        self._poll(attempt)
        if self._attempt_row is None:  # the database could not be used when it began
            self._write_attempt(attempt.place.run_id)
        reason = attempt.stop_reason
        if reason is not None and reason.status:
            self._set_status(reason.status, reason.detail)
        elif reason is not None and reason.reason in STORAGE_REASONS:
            self._set_status(None, reason.detail)
        elif attempt.is_receiving:
            self._told = None
            self._distrust.forget(self.disk)
            self._set_status("online", None)
            self._measured.note(self.camera, attempt)

    def _poll(self, attempt: Attempt) -> None:
        """Watch the attempt; where it falls silent, look whether the storage is the cause: ffmpeg does not say."""
        disk, was_stopped = self.disk, attempt.stopped_s is not None
        attempt.poll(disk.total_bytes if disk is not None else 0)
        if attempt.is_silent and not was_stopped and disk is not None and not disk.is_good:
            attempt.stop_reason = storage_verdict(disk.problem())

    def _ended(self) -> None:
        """Close the attempt whose process has ended. Raises as `step`; called again then."""
        attempt = self.attempt
        if attempt is None:
            return
        lasted_s = time.monotonic() - attempt.begun_s if attempt.writer.is_published else 0.0
        try:
            self._tell_end(attempt.finish(), lasted_s, attempt.place.run_id)
            attempt.clear()
        except OSError as error:
            # The footage is safe in its open file; why recording stopped is told now, not when the disk recovers.
            self._suspect()
            told = attempt.stop_reason or storage_verdict(unusable(attempt.place.root, error))
            self._tell_end(told, lasted_s, attempt.place.run_id)
            self.needs_successor = not self.is_left and not self.is_ending
            raise
        self._is_told = False
        attempt.release()
        self.attempt = None

    def _tell_end(self, verdict: ffmpeg.Verdict, lasted_s: float, run_id: str) -> None:
        """Write down why the attempt ended, once."""
        if not self._is_told:
            self._failed(verdict, lasted_s, run_id)
            self._is_told = True

    def _suspect(self) -> None:
        """Have the storage looked at, and try others first."""
        if self.disk is not None:
            self._distrust.add(self.disk)
            self.disk.suspected = True

    def change(self, camera: Camera) -> None:
        """Connect anew when the camera's settings have changed. For the main thread, whoever has the keeper."""
        is_later = camera.is_unreadable and not self.camera.is_unreadable  # of a key that came after this process
        if camera != (self._changed or self.camera) and not is_later:
            self._changed = camera

    def end(self, reason: str, detail: str) -> None:
        """Stop recording; `is_done` tells when it has. For the main thread, whoever has the keeper."""
        self._ending = self._ending or ffmpeg.Verdict(reason, detail, None)
        self.is_ending = True

    def leave(self, verdict: ffmpeg.Verdict) -> "Keeper":
        """End here and return the keeper that goes on elsewhere. For the main thread, whoever has the keeper.

        An ffmpeg whose disk does not answer cannot end: it is killed, and its end written down now, since the lane that
        would do so waits for the disk too; later, by the lane, where the database cannot be used either.
        """
        fresh = Keeper(self._config, self._changed or self.camera, self._recorder_id)
        fresh._audio, fresh._told, fresh._distrust = self._audio, self._told, self._distrust.copy()
        self.is_left, self.needs_successor = True, False
        self.end(verdict.reason, verdict.detail)
        attempt, disk = self.attempt, self.disk
        if disk is not None and not self._is_told:
            fresh._distrust.add(disk)
        if attempt is not None and disk is not None and disk.is_stuck and not self._is_told:
            attempt.process.send(signal.SIGKILL)
            log.warning("source %d: %s: %s", self.camera.source_id, verdict.reason, verdict.detail)
            if self._attempt_row is not None:
                with contextlib.suppress(OperationalError):
                    self._close_row(verdict)
                    self._is_told = True
        return fresh

    def _obey(self) -> None:
        """Do what the main thread has asked for."""
        changed, self._changed = self._changed, None
        if changed is not None and not self.is_ending:
            self.camera = changed
            self._status = None  # the change has set the row's to unknown
            self._audio = ffmpeg.AUDIO_COPY
            self._backoff.skip()
            self._backoff = Backoff(self._policy)
            if self.attempt is not None:
                self.attempt.stop(ffmpeg.Verdict("stopped", "the source was changed", None))
        if self.is_ending and self.attempt is not None:
            self.attempt.stop(self._ending)
        elif self.is_ending and self._feed is not None:
            self._feed.end()
            self._feed = None
        elif self._pinning is not None and (self.is_ending or changed is not None):
            self._pinning, self._is_due = None, not self.is_ending

    @property
    def is_done(self) -> bool:
        """Tell whether an ending source has ended."""
        return self.is_ending and not self.is_held and self.is_idle

    def _adopt(self, process: LiveFfmpeg) -> None:
        """Take over a living ffmpeg of an earlier recorder."""
        disk = self._disk()
        attempt = recovery.adopt(self._config, disk.root, disk.storage_id, process)
        row = db.session.scalar(
            select(AttemptRow).where(AttemptRow.run_id == attempt.place.run_id, AttemptRow.end_us.is_(None))
        )
        self._attempt_row = row.id if row else None
        self._begun_us = row.begin_us if row else now_us()
        db.session.rollback()
        self.attempt, self._living = attempt, None
        if not self.camera.is_unreadable and mark_of(process.pid) not in ("", self.camera.mark):
            self._changed = self.camera  # while no recorder ran
        log.info("source %d: adopted ffmpeg %d", self.camera.source_id, attempt.process.pid)

    @property
    def run_ids(self) -> set[str]:
        """The runs that are written or taken in by this keeper now."""
        living = {self._living.run_id} if self._living is not None else set()
        return living | ({self.attempt.place.run_id} if self.attempt is not None else set())

    def _begin(self) -> None:
        self._begun_us, self._attempt_row = now_us(), None
        self.camera.template()
        uri = self.camera.checked_uri()
        if self.camera.model != "PictureSource":
            return self._step_pinning(Pinning(self._policy, uri))
        assert self.camera.picture is not None  # it has an address
        self._feed = PictureFeed(self._policy, self.camera.picture, self._config.PICTURE_INTERVAL_S)
        return self._feed.start()

    def _try(self, begin: Callable[[], None]) -> None:
        """Begin an attempt; what forbids it is written down as one that failed."""
        try:
            begin()
        except Invalid as error:
            status = "unknown" if self.camera.is_unreadable else None
            self._failed(ffmpeg.Verdict("bad_template", error.message, status), 0.0)
        except Unresolved as error:
            self._failed(ffmpeg.judge(str(error), has_footage=False), 0.0)
        except OSError as error:
            self._failed(self._start_verdict(error), 0.0)

    def _start_verdict(self, error: OSError) -> ffmpeg.Verdict:
        root = self._disk().root
        if str(error.filename or "").startswith(str(root)):
            return storage_verdict(unusable(root, error))
        return ffmpeg.Verdict("storage_unusable", f"ffmpeg cannot be started: {error.strerror}", None)

    def _disk(self) -> Disk:
        assert self.disk is not None  # whoever steps it has given it one
        return self.disk

    def _place(self) -> Place:
        disk = self._disk()
        return Place(disk.root, disk.storage_id, self.camera.source_id, new_uuid())

    def _step_pinning(self, pinning: Pinning) -> None:
        """Start ffmpeg once the camera's name is known: the lane's other cameras do not wait for name servers."""
        self._pinning = None if pinning.is_over else pinning
        if pinning.is_over:
            self._begin_stream(self.camera.template(), pinning.result())

    def _begin_stream(self, template: Template, uri: PinnedUri) -> None:
        place = self._place()
        folder = live_folder(place.root, place.source_id)
        command = ffmpeg.rtsp_command(self._config, folder, place.run_id, template, self._audio, port_of(uri))
        feed = ffmpeg.rtsp_input(uri, template)
        self.attempt = start_attempt(place, command, feed, self._config.SILENCE_S, mark=self.camera.mark, uri=uri)
        self.attempt.audio = self._audio
        self._write_attempt(place.run_id)

    def _step_feed(self) -> None:
        """Start ffmpeg at the first picture; give up when the camera refuses it."""
        feed = self._feed
        assert feed is not None
        if feed.failure is not None:
            self._feed = None
            self._failed(feed.failure, 0.0)
        elif feed.first is not None:
            self._feed = None
            try:
                self._start_pictures(feed, feed.first.taken_us)
            except OSError as error:
                feed.end()
                self._failed(self._start_verdict(error), 0.0)

    def _start_pictures(self, feed: PictureFeed, zero_us: int) -> None:
        place = self._place()
        folder = live_folder(place.root, place.source_id)
        command = ffmpeg.picture_command(self._config, folder, place.run_id, self.camera.template())
        silence_s = self._config.SILENCE_S + self._config.PICTURE_INTERVAL_S
        attempt = start_attempt(place, command, None, silence_s, zero_us, self.camera.mark)
        attempt.feed = feed
        assert attempt.child is not None  # started just now
        assert attempt.child.stdin is not None  # with a pipe
        feed.attach(attempt.child.stdin)
        self.attempt = attempt
        self._write_attempt(place.run_id)

    def _write_attempt(self, run_id: str | None) -> None:
        row = AttemptRow(
            source_id=self.camera.source_id,
            run_id=run_id,
            recorder_id=self._recorder_id,
            begin_us=self._begun_us,
        )
        with writing() as session:
            session.add(row)
            session.flush()
            self._attempt_row = row.id

    def _failed(self, verdict: ffmpeg.Verdict, lasted_s: float, run_id: str | None = None) -> None:
        if verdict.reason == "audio":
            self._audio = self._AUDIO_AFTER.get(self._audio, ffmpeg.AUDIO_NONE)
            self._backoff.skip()
        elif verdict.reason not in STORAGE_REASONS:
            self._backoff.failed(verdict.reason, lasted_s)
        else:  # another storage is tried at once, this one when it is well again
            self._suspect()
        is_news = (verdict.reason, verdict.detail) != self._told
        self._told = (verdict.reason, verdict.detail)
        level = logging.INFO if verdict.reason in ("stopped", "audio", "recorder_stopped") else logging.WARNING
        log.log(
            level if is_news else logging.DEBUG,
            "source %d: %s: %s", self.camera.source_id, verdict.reason, verdict.detail,
        )  # fmt: skip
        if self._attempt_row is None:
            self._write_attempt(run_id)
        if verdict.status or verdict.reason in (*STORAGE_REASONS, "bad_template"):
            self._set_status(verdict.status, verdict.detail)  # first: who reads of the end finds the word that fits
        self._close_row(verdict)

    def _close_row(self, verdict: ffmpeg.Verdict) -> None:
        with writing() as session:
            row = session.get(AttemptRow, self._attempt_row)
            if row is not None:
                row.end_us = max(now_us(), row.begin_us)
                row.reason, row.detail = verdict.reason, verdict.detail

    def _set_status(self, status: str | None, detail: str | None) -> None:
        """Write the measured status where it changed; None leaves the word and changes the detail."""
        if status is not None and not self.is_ending:
            self._steadiness.measured(status, detail)
        if self._status == (status, detail) or self.is_left:
            return
        with writing() as session:
            row = session.get(Source, self.camera.source_id)
            if row is not None:
                row.status = status or row.status
                row.status_detail = detail
                row.status_us = now_us()
        self._status = (status, detail)
