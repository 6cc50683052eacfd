"""Keeps one source recording for as long as it is wanted: attempt after attempt, with its status and its ledger."""

import logging
import time
from typing import ClassVar

from sqlalchemy import select

from app.archive.ingest import Place
from app.archive.storages import check_room, unusable
from app.capture import ffmpeg
from app.capture.attempt import Attempt, start_attempt
from app.capture.backoff import Backoff
from app.capture.camera import Camera
from app.capture.facts import Facts, copied_facts, logged_facts
from app.capture.picture import PictureFeed
from app.capture.steadiness import Steadiness
from app.capture.template import Template
from app.errors import Invalid, PlaybackError, StorageFull
from app.extensions import db, writing
from app.models import Attempt as AttemptRow
from app.models import Source
from app.models.types import new_uuid, now_us
from instance.config import Config

log = logging.getLogger(__name__)

STORAGE_REASONS = ("disk_full", "storage_unusable")
MEASURED_US = 1_000_000  # so much of a segment tells the frame rate


class Keeper:
    """Keeps a source recording. Used by the recorder's main thread, within an app context."""

    _AUDIO_AFTER: ClassVar = {ffmpeg.AUDIO_COPY: ffmpeg.AUDIO_AAC, ffmpeg.AUDIO_AAC: ffmpeg.AUDIO_NONE}

    def __init__(self, config: Config, camera: Camera, storage_id: str, recorder_id: str) -> None:
        self.camera = camera
        self.attempt: Attempt | None = None
        self.is_ending = False
        self._config = config
        self._storage_id = storage_id
        self._recorder_id = recorder_id
        self._backoff = Backoff()
        self._audio = ffmpeg.AUDIO_COPY
        self._feed: PictureFeed | None = None
        self._attempt_row: int | None = None
        self._begun_us = 0
        self._told: tuple[str, str] | None = None
        self._is_told_of_disk = False
        self._status: tuple[str | None, str | None] | None = None
        self._measured: tuple[str, int] | None = None
        self._steadiness = Steadiness(camera.source_id)

    def step(self) -> None:
        """Do what is due now. Raises OSError or OperationalError when disk or database refuse: call again."""
        self._step()
        if not self.is_ending:
            self._steadiness.note()

    def _step(self) -> None:
        if self.attempt is not None and self.attempt.has_exited:
            self._ended()
        elif self.attempt is not None:
            self._poll(self.attempt)
            reason = self.attempt.stop_reason
            if reason is not None and reason.status:
                self._set_status(reason.status, reason.detail)
            elif reason is not None and reason.reason in STORAGE_REASONS:
                self._set_status(None, reason.detail)
            elif self.attempt.is_receiving:
                self._told = None
                self._set_status("online", None)
                self._measure(self.attempt)
        elif self._feed is not None:
            self._step_feed()
        elif not self.is_ending and self._backoff.is_over(self.camera.uri):
            self._begin()

    def _measure(self, attempt: Attempt) -> None:
        """Write down what the camera sends, once a segment: measuring a camera that records needs no connection."""
        writer = attempt.writer
        part = (attempt.place.run_id, writer.current.sequence)
        if part == self._measured or (attempt.feed is None and writer.media_us < MEASURED_US):
            return
        self._measured = part
        try:
            facts = self._facts(attempt)
        except OSError:  # its file was taken away: the archive tells that
            return
        with writing() as session:
            row = session.get(Source, self.camera.source_id)
            if row is not None:
                facts.store(row)
                row.status_us = now_us()

    def _facts(self, attempt: Attempt) -> Facts:
        if self.camera.model == "PictureSource":
            first = attempt.feed.first if attempt.feed is not None else None
            return Facts("jpeg", first.width, first.height) if first is not None else Facts("jpeg")
        if self.camera.template().is_encoding:
            return logged_facts(attempt.read_log())
        return copied_facts(attempt.writer.current.file, attempt.read_log())

    def _poll(self, attempt: Attempt) -> None:
        """Watch the attempt; where it falls silent, look whether the storage is the cause: ffmpeg does not say."""
        was_stopped = attempt.stopped_s is not None
        attempt.poll()
        if attempt.is_silent and not was_stopped:
            try:
                check_room(self._config)
            except PlaybackError as error:
                attempt.stop_reason = _storage_verdict(error)
            finally:
                db.session.rollback()

    def _ended(self) -> None:
        """Close the attempt whose process has ended. Raises as `step`; called again then."""
        attempt = self.attempt
        if attempt is None:
            return
        lasted_s = time.monotonic() - attempt.begun_s if attempt.writer.is_published else 0.0
        try:
            verdict = attempt.finish()
        except OSError as error:
            # The footage is safe in its open file; why recording stopped is told now, not when the disk recovers.
            if not self._is_told_of_disk:
                self._failed(
                    _storage_verdict(unusable(self._config.storage_path, error)), lasted_s, attempt.place.run_id
                )
                self._is_told_of_disk = True
            raise
        if not self._is_told_of_disk:
            self._failed(verdict, lasted_s, attempt.place.run_id)
        self._is_told_of_disk = False
        attempt.clear()
        attempt.release()
        self.attempt = None

    def change(self, camera: Camera) -> None:
        """Connect anew when the camera's settings have changed."""
        if camera == self.camera:
            return
        self.camera = camera
        self._status = None  # the change has set the row's to unknown
        self._audio = ffmpeg.AUDIO_COPY
        self._backoff = Backoff()
        if self.attempt is not None:
            self.attempt.stop(ffmpeg.Verdict("stopped", "the source was changed", None))

    def end(self, reason: str, detail: str) -> None:
        """Stop recording; `is_done` tells when it has."""
        self.is_ending = True
        if self.attempt is not None:
            self.attempt.stop(ffmpeg.Verdict(reason, detail, None))
        elif self._feed is not None:
            self._feed.end()
            self._feed = None

    @property
    def is_done(self) -> bool:
        """Tell whether an ending source has ended."""
        return self.is_ending and self.attempt is None

    def adopt(self, attempt: Attempt) -> None:
        """Take over a living ffmpeg of an earlier recorder."""
        self.attempt = attempt
        row = db.session.scalar(
            select(AttemptRow).where(AttemptRow.run_id == attempt.place.run_id, AttemptRow.end_us.is_(None))
        )
        self._attempt_row = row.id if row else None
        self._begun_us = row.begin_us if row else now_us()
        db.session.rollback()
        log.info("source %d: adopted ffmpeg %d", self.camera.source_id, attempt.process.pid)

    def _begin(self) -> None:
        """Begin an attempt; what forbids it is written down as one that failed."""
        self._begun_us, self._attempt_row = now_us(), None
        try:
            check_room(self._config)
            template = self.camera.template()
            uri = self.camera.checked_uri()
            if self.camera.model == "PictureSource":
                self._begin_pictures()
            else:
                self._begin_stream(template, uri)
        except Invalid as error:
            status = "unknown" if self.camera.is_unreadable else None
            self._failed(ffmpeg.Verdict("bad_template", error.message, status), 0.0)
        except PlaybackError as error:
            self._failed(_storage_verdict(error), 0.0)
        except OSError as error:
            self._failed(ffmpeg.Verdict("storage_unusable", f"ffmpeg cannot be started: {error.strerror}", None), 0.0)

    def _place(self) -> Place:
        return Place(self._config.storage_path, self._storage_id, self.camera.source_id, new_uuid())

    def _begin_stream(self, template: Template, uri: str) -> None:
        place = self._place()
        folder = place.root / "live" / str(place.source_id)
        command = ffmpeg.rtsp_command(self._config, folder, place.run_id, template, self._audio)
        feed = ffmpeg.rtsp_input(uri, template)
        self.attempt = start_attempt(place, command, feed, self._config.SILENCE_S)
        self.attempt.audio = self._audio
        self._write_attempt(place.run_id)

    def _begin_pictures(self) -> None:
        assert self.camera.picture is not None  # it has an address
        self._feed = PictureFeed(self.camera.picture, self._config.PICTURE_INTERVAL_S)
        self._feed.start()

    def _step_feed(self) -> None:
        """Start ffmpeg at the first picture; give up when the camera refuses it."""
        feed = self._feed
        assert feed is not None
        if feed.failure is not None:
            self._feed = None
            self._failed(feed.failure, 0.0)
        elif feed.first is not None:
            place = self._place()
            folder = place.root / "live" / str(place.source_id)
            command = ffmpeg.picture_command(self._config, folder, place.run_id, self.camera.template())
            silence_s = self._config.SILENCE_S + self._config.PICTURE_INTERVAL_S
            self.attempt = start_attempt(place, command, None, silence_s, feed.first.taken_us)
            self.attempt.feed = feed
            child = self.attempt.child
            assert child is not None  # started just now
            assert child.stdin is not None  # with a pipe
            feed.attach(child.stdin)
            self._feed = None
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
        else:
            self._backoff.failed(verdict.reason, lasted_s)
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
        with writing() as session:
            row = session.get(AttemptRow, self._attempt_row)
            if row is not None:
                row.end_us = max(now_us(), row.begin_us)
                row.reason, row.detail = verdict.reason, verdict.detail

    def _set_status(self, status: str | None, detail: str | None) -> None:
        """Write the measured status where it changed; None leaves the word and changes the detail."""
        if status is not None and not self.is_ending:
            self._steadiness.measured(status, detail)
        if self._status == (status, detail):
            return
        with writing() as session:
            row = session.get(Source, self.camera.source_id)
            if row is not None:
                row.status = status or row.status
                row.status_detail = detail
                row.status_us = now_us()
        self._status = (status, detail)


def _storage_verdict(error: PlaybackError) -> ffmpeg.Verdict:
    reason = "disk_full" if isinstance(error, StorageFull) else "storage_unusable"
    return ffmpeg.Verdict(reason, error.message, None)
