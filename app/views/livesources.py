"""Where the pictures of a camera come from just now, and what comes next when that fails.

1. its picture address, where it has one;
2. what is being recorded of it: no second connection then;
3. its stream, for a `Source` that is not being recorded.

All of this runs in the thread of a watch (app/capture/watching.py).
"""

import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from flask import Flask, current_app
from sqlalchemy import exists, select
from sqlalchemy.exc import OperationalError

from app.archive.segments import Found
from app.archive.shots import Shot
from app.capture import sources
from app.capture.livepicture import picture_shots
from app.capture.livestream import stream_shots
from app.capture.networks import Unresolved, networks
from app.capture.picture import PictureAddress
from app.capture.pinning import pin_soon
from app.capture.template import Template, effective_template, parse_template
from app.capture.watching import Watch
from app.errors import Busy, CameraSilent, Invalid
from app.extensions import db
from app.formats.boxes import FormatError
from app.models import Attempt, Source, Wanted
from app.models.types import now_us
from app.playback.following import find_recording, recorded_shots
from instance.config import Config

log = logging.getLogger(__name__)

LIMIT_S = 5.0  # a viewer has its first picture by then, or hears why not
OWN_LIMIT_S = 4.7
RECORDED_LIMIT_S, STREAM_LIMIT_S = 0.6, 1.5  # what a silent picture address may use up of it
REST_S = 30.0  # a picture address that failed is not asked again before, where there is another way
PATIENCE_S = 10.0  # so long viewers wait for a camera that is gone to come back
LEAST_PAUSE_S, MOST_PAUSE_S = 0.5, 4.0
LOOK_S = 1.0
BEGINNING_US = 15_000_000  # an attempt to record that is older should have given something

Shots = Generator[Shot | None, None, None]


@dataclass(frozen=True, slots=True, repr=False)
class LiveCamera:
    """All that the pictures of a camera depend on."""

    source_id: int
    model: str
    uri_rtsp: str | None
    ffmpeg_cmd: str | None
    picture: PictureAddress | None

    @classmethod
    def load(cls, source_id: int) -> "LiveCamera":
        """Read it; no connection is held afterwards. Raises NotFound."""
        row: Source = sources.find(db.session, source_id)
        picture = None
        if row.picture_uri:
            picture = PictureAddress(row.picture_uri, row.picture_auth, row.picture_user, row.picture_password)
        uri_rtsp = row.uri_rtsp if row.model == "Source" else None
        found = cls(row.id, row.model, uri_rtsp, row.ffmpeg_cmd, picture)
        db.session.remove()
        return found

    def template(self) -> Template:
        """Return the checked template. Raises Invalid."""
        return parse_template(self.model, effective_template(self.model, self.ffmpeg_cmd))


class LiveSource:
    """Gives the pictures of one camera to its watch."""

    def __init__(self, app: Flask, camera: LiveCamera) -> None:
        self._app, self._camera = app, camera
        self._config: Config = app.config["PLAYBACK"]
        self._policy = networks(self._config)
        self._fresh_us = round((self._config.SILENCE_S + self._config.FRAGMENT_S) * 1_000_000)
        self._rests_until_s = 0.0
        self._refusal: CameraSilent | None = None
        self._is_decodable = True
        self._deadline_s = 0.0

    def shots(self, watch: Watch) -> Shots:
        """Yield pictures for as long as anybody watches, through short failures and changes of the camera.

        Raises PlaybackError where the camera fails at the begin, or for PATIENCE_S.
        """
        with self._app.app_context():
            came_s, pause_s = None, LEAST_PAUSE_S
            self._deadline_s = time.monotonic() + OWN_LIMIT_S
            while not watch.is_over:
                try:
                    for shot in self._one_way(watch):
                        came_s, pause_s = time.monotonic(), LEAST_PAUSE_S
                        yield shot
                    self._camera = LiveCamera.load(self._camera.source_id)
                except (CameraSilent, OperationalError) as error:
                    if came_s is None or time.monotonic() - came_s > PATIENCE_S:
                        raise _told(error) from None
                    watch.wait(pause_s)
                    pause_s = min(2 * pause_s, MOST_PAUSE_S)
                    self._deadline_s = time.monotonic() + OWN_LIMIT_S

    def _one_way(self, watch: Watch) -> Shots:
        """Yield pictures by the first way that gives any; end where another is better now."""
        camera = self._camera
        found = find_recording(camera.source_id, self._fresh_us)
        db.session.remove()
        if camera.picture is not None and time.monotonic() >= self._rests_until_s:
            try:
                wish = _Wish(watch, self._is_changed)
                yield from picture_shots(self._policy, camera.picture, wish, self._picture_limit_s(found))
                return
            except CameraSilent as error:
                self._refusal = error
                self._rests_until_s = time.monotonic() + REST_S
        if found is not None and self._is_decodable:
            yield from self._recorded(found, watch)
        elif camera.uri_rtsp:
            yield from self._stream(camera.uri_rtsp, watch)
        else:
            self._rests_until_s = 0.0
            raise self._refusal or CameraSilent("the camera has no address that pictures could come from")

    def _picture_limit_s(self, found: Found | None) -> float:
        left_s = self._deadline_s - time.monotonic()
        if found is not None:
            return min(RECORDED_LIMIT_S, left_s)
        return min(STREAM_LIMIT_S, left_s) if self._camera.uri_rtsp else left_s

    def _recorded(self, found: Found, watch: Watch) -> Shots:
        try:
            yield from recorded_shots(found, _Wish(watch, self._is_changed), self._fresh_us, self._find_again)
        except FormatError as error:  # of a codec that ffmpeg may know all the same
            log.warning("what source %d records cannot be decoded: %s", self._camera.source_id, error)
            self._is_decodable = False
        except OSError as error:
            raise CameraSilent(f"what is being recorded cannot be read: {error.strerror}") from error

    def _stream(self, uri: str, watch: Watch) -> Shots:
        """Connect to the stream; where the recorder is just connecting, wait for what it gives instead."""
        while self._is_decodable and self._is_beginning():
            if watch.is_over or time.monotonic() > self._deadline_s:
                raise CameraSilent(self._why_nothing_yet())
            if (found := self._find_again()) is not None:
                yield from self._recorded(found, watch)
                return
            watch.wait(0.2)
        places: threading.Semaphore = current_app.extensions["playback_live_streams"]
        if not places.acquire(blocking=False):
            raise Busy(f"{self._config.LIVE_STREAMS} cameras that do not record are being watched already")
        try:
            wish, template = _Wish(watch, self._is_changed_or_recorded), self._camera.template()
            pinned = pin_soon(self._policy, uri, self._deadline_s - time.monotonic())
            yield from stream_shots(self._config, pinned, template, wish, self._deadline_s)
        except Invalid as error:
            raise CameraSilent(error.message) from None
        except Unresolved:
            message = "the camera's host cannot be reached: check address and network"
            raise CameraSilent(message, reason="name_unknown") from None
        finally:
            places.release()

    def _is_changed(self) -> bool:
        return LiveCamera.load(self._camera.source_id) != self._camera

    def _is_changed_or_recorded(self) -> bool:
        is_recorded = self._is_decodable and (self._is_beginning() or self._find_again() is not None)
        return self._is_changed() or is_recorded

    def _find_again(self) -> Found | None:
        found = find_recording(self._camera.source_id, self._fresh_us)
        db.session.remove()
        return found

    def _is_beginning(self) -> bool:
        """Tell whether a recorder is just connecting to the camera: many cameras allow for few connections."""
        begun = Attempt.source_id == self._camera.source_id, Attempt.end_us.is_(None)
        wanted = Wanted.source_id == self._camera.source_id, Wanted.end_us.is_(None)
        lately_us = now_us() - BEGINNING_US
        query = select(
            exists().where(*begun, Attempt.begin_us > lately_us) | exists().where(*wanted, Wanted.begin_us > lately_us)
        )
        is_beginning = bool(db.session.scalar(query))
        db.session.remove()
        return is_beginning

    def _why_nothing_yet(self) -> str:
        row = sources.find(db.session, self._camera.source_id)
        detail = row.status_detail or "ask again in a moment"
        db.session.remove()
        return f"the camera is being recorded, and has sent nothing yet: {detail}"


def _told(error: CameraSilent | OperationalError) -> CameraSilent:
    """Return what viewers are told."""
    if isinstance(error, CameraSilent):
        return error
    log.error("the database cannot be used: %s", error.orig)
    return CameraSilent("the database cannot be used now; the server's log says why")


class _Wish:
    """The wish of a watch, which is over too when another way is better; asked for each LOOK_S."""

    def __init__(self, watch: Watch, is_other_better: Callable[[], bool]) -> None:
        self._watch, self._is_other_better = watch, is_other_better
        self._looked_s = time.monotonic()

    @property
    def delay_s(self) -> float:
        """The smallest delay that is wanted now."""
        return self._watch.delay_s

    @property
    def is_over(self) -> bool:
        """Tell whether nobody watches, or another way is better."""
        if self._watch.is_over:
            return True
        if time.monotonic() - self._looked_s < LOOK_S:
            return False
        self._looked_s = time.monotonic()
        try:
            return self._is_other_better()
        except OperationalError:  # the camera is there all the same
            return False

    def wait(self, timeout_s: float) -> None:
        """Sleep, but no longer than until the wish changes."""
        self._watch.wait(timeout_s)
