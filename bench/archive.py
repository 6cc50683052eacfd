"""Footage of any length in a fraction of its time: seeded, with jitter, gaps and several runs, no encoder a frame.

The coded pictures and sounds of a short clip (bench.template) in random order. Each picture gets a user data SEI with a
number before it and filler data (ITU-T H.264 §7.3.2.7) of random length behind it, each sound a data stream element
(ISO/IEC 14496-3 §4.4.2.4) with a number: so any bit rate is reached, decoders pass over it, and no two packets of an
archive are equal. The files are taken in by the recorder's code.
"""

import itertools
import struct
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
from flask import Flask

from app import create_app
from app.archive import places
from app.archive.ingest import Place, RunWriter
from app.archive.livefile import ticks_us
from app.archive.storages import open_storage
from app.extensions import db, writing
from app.models import Source
from bench.cameras import SEED
from bench.fragmentwriter import Ints, Part, fragment_head
from bench.template import LONGEST_GOP_S, Gop, Kind, Template, template
from instance.config import DevelopmentConfig
from tests.service import Service

BEGIN_US = 1_795_219_200_000_000  # 2026-11-21T00:00:00Z: so that 24 h lie in one day, see bench.repeat
HOUR_US = 3_600_000_000
RUN_HOURS = 4.0  # how long a run lasts, on average
LONGEST_GAP_US, SHORTEST_GAP_US = 600_000_000, 500_000
TIMESCALE = 90_000
FIRST_TICKS = 2 * TIMESCALE  # where a camera with B-frames begins (docs/design/time.md)
JITTER_TICKS = 40  # how far a frame may be from its place: 0.4 ms
SOUND_SAMPLES = 1024
KEY_WEIGHT = 6.0  # a key frame's size to that of others

# user_data_unregistered (§D.1.6): type 5, 32 bytes, a UUID, then a number of 16 digits; the first byte ends it.
SEI = struct.pack(">I", 36) + b"\x06\x05\x20" + uuid.UUID("0d6ce2a5-58ae-4f5c-9d6c-0f6b6d0c4b11").bytes
SEI_BYTES = 40
FILLER_BYTES = 6  # length, header and trailing bits of an empty filler unit
DSE = b"\x80\x08"  # id_syn_ele 4, tag 0, not aligned; 8 bytes follow
DSE_BYTES = 10
FILLING = memoryview(b"\xff" * (8 << 20))


@dataclass(frozen=True, slots=True)
class Archive:
    """What was made: the wall clock from the first begin to the last end, files, bytes, and how long it took."""

    source_ids: list[int]
    begin_us: int
    end_us: int
    seed: int
    files: int
    size_bytes: int
    took_s: float

    def describe(self) -> dict[str, object]:
        """Return it for a figure's detail."""
        return {
            "archive_sources": len(self.source_ids),
            "archive_hours": (self.end_us - self.begin_us) / HOUR_US,
            "archive_files": self.files,
            "archive_gigabytes": self.size_bytes / 1e9,
            "archive_seed": self.seed,
            "archive_made_in_s": self.took_s,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Footage to make of one source. `runs` is their number; None: one for every four hours."""

    hours: float
    bitrate_bps: int = 200_000
    kind: Kind = field(default_factory=Kind)
    begin_us: int = BEGIN_US
    runs: int | None = None
    segment_s: int = 60


def make_archive(service: Service, wanted: Wanted, *, sources: int = 1, seed: int = SEED) -> Archive:
    """Fill a service that does not run: on all cores, a run at a time."""
    begin_s = time.monotonic()
    print(f"  generating {wanted.hours:g} h of {sources} source(s), seed {seed}", flush=True)
    prepared = service.run("-m", "flask", "prepare")
    assert prepared.returncode == 0, prepared.stderr
    template(wanted.kind)  # before the processes are forked, so that they share it
    app = open_app(service)
    plans = [plan for number in range(sources) for plan in plan_runs(wanted, add_source(app), seed + number)]
    with app.app_context():
        db.engine.dispose()  # a connection must not be forked
    with ProcessPoolExecutor(mp_context=get_context("fork"), initializer=_open_worker, initargs=(service,)) as pool:
        made = list(pool.map(_record_in_worker, itertools.repeat(wanted), plans))
    return _summed(wanted, plans, made, seed, time.monotonic() - begin_s)


def fill(app: Flask, wanted: Wanted, seed: int = SEED) -> Archive:
    """Make a source and its footage in an app's archive, in this process."""
    begin_s = time.monotonic()
    plans = plan_runs(wanted, add_source(app), seed)
    return _summed(wanted, plans, [record_run(app, wanted, plan) for plan in plans], seed, time.monotonic() - begin_s)


_worker_app: list[Flask] = []  # of a process of the pool


def _open_worker(service: Service) -> None:
    _worker_app.append(open_app(service))


def _record_in_worker(wanted: Wanted, plan: "Plan") -> "Made":
    return record_run(_worker_app[0], wanted, plan)


def _summed(wanted: Wanted, plans: list["Plan"], made: list["Made"], seed: int, took_s: float) -> Archive:
    return Archive(
        sorted({plan.source_id for plan in plans}),
        wanted.begin_us,
        max(one.end_us for one in made),
        seed,
        sum(one.files for one in made),
        sum(one.size_bytes for one in made),
        took_s,
    )


def open_app(service: Service, *, with_views: bool = False) -> Flask:
    """Return the app on a service's instance, in this process."""
    config = DevelopmentConfig(
        INSTANCE=str(service.instance),
        STORAGE=service.environment.get("PLAYBACK_STORAGE", ""),
        DATABASE_URL=service.environment.get("PLAYBACK_DATABASE_URL", ""),
        RESERVE_BYTES=1_000_000,
    )
    return create_app(config, with_views=with_views)


def add_source(app: Flask) -> int:
    """Make a camera that is never connected to, and its folder; return its id."""
    with app.app_context():
        with writing() as session:
            source = Source(model="Source", uri_rtsp="rtsp://127.0.0.1:1/none")
            session.add(source)
            session.flush()
            source_id = source.id
        root = Path(open_storage(app.config["PLAYBACK"]).path)
        places.live_folder(root, source_id).mkdir(parents=True, exist_ok=True)
        db.session.remove()
    return source_id


@dataclass(frozen=True, slots=True)
class Plan:
    """One run to make: `seed` are the numbers that all of it follows from."""

    source_id: int
    begin_us: int
    seconds: float
    seed: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Made:
    """One run that was made."""

    end_us: int
    files: int
    size_bytes: int


def plan_runs(wanted: Wanted, source_id: int, seed: int) -> list[Plan]:
    """Return the runs of a source: of random length, with random gaps between them."""
    rng = np.random.default_rng(seed)
    count = wanted.runs or max(1, round(wanted.hours / RUN_HOURS))
    whole_us = wanted.hours * HOUR_US
    shares = rng.uniform(0.5, 1.5, count)
    ends_us = wanted.begin_us + np.cumsum(shares / shares.sum() * whole_us)
    begin_us, found = wanted.begin_us, []
    for number, end_us in enumerate(ends_us.astype(np.int64).tolist()):
        found.append(Plan(source_id, begin_us, (end_us - begin_us) / 1e6, (seed, number)))
        longest_us = min(LONGEST_GAP_US, whole_us / count / 10)
        begin_us = end_us + int(np.exp(rng.uniform(np.log(min(SHORTEST_GAP_US, longest_us)), np.log(longest_us))))
    return found


def record_run(app: Flask, wanted: Wanted, plan: Plan) -> Made:
    """Write the files of a run, each taken into the archive when the next has begun."""
    files = size_bytes = 0
    run = Run(wanted, plan)
    with app.app_context():
        storage = open_storage(app.config["PLAYBACK"])
        place = Place(Path(storage.path), storage.id, plan.source_id, run.id)
        writer = RunWriter(place, zero_us=run.zero_us)
        for pieces in run.files():
            with places.live_path(place.root, place.source_id, run.id, files).open("wb") as file:
                file.writelines(pieces)
                size_bytes += file.tell()
            files += 1
            writer.poll()
        assert writer.finish(), "a run without footage"
        db.session.remove()
    return Made(run.end_us, files, size_bytes)


class Run:
    """One run: its times, then its files one after the other."""

    def __init__(self, wanted: Wanted, plan: Plan) -> None:
        kind = wanted.kind
        self._wanted, self._clip = wanted, template(kind)
        self._rng = np.random.default_rng(plan.seed)
        ids = np.random.default_rng((*plan.seed, plan.source_id))
        self.id = str(uuid.UUID(bytes=ids.bytes(16), version=4))
        # All groups of pictures are whole: the last may last longer, and must not reach over another run.
        self._frames = max(1, int((plan.seconds - LONGEST_GOP_S) * kind.fps))
        frame_ticks = TIMESCALE // kind.fps
        evenly = np.arange(self._frames + 10 * kind.fps) * frame_ticks
        first_ticks = FIRST_TICKS if kind.b_frames else 0
        jitter = self._rng.integers(-JITTER_TICKS, JITTER_TICKS + 1, len(evenly))
        self._shown_ticks: Ints = np.maximum(evenly + jitter, 0) + first_ticks
        before = self._shown_ticks[:1] - frame_ticks if kind.b_frames else self._shown_ticks[:0]
        self._dts: Ints = np.concatenate((before, self._shown_ticks))
        self.zero_us = plan.begin_us - ticks_us(int(self._dts[0]), TIMESCALE)
        self.end_us = plan.begin_us
        self._numbers = itertools.count((plan.seed[0] << 16 | plan.seed[1]) * 10**9 % 10**15)
        self._sounds = _Sounds(self._rng, self._clip, first_ticks, self._numbers)
        self._spare_bytes = max(0.0, wanted.bitrate_bps / 8 / kind.fps - self._usual_frame_bytes())

    def _usual_frame_bytes(self) -> float:
        """Return what a frame and the sound beside it take without filler."""
        frames = np.concatenate([gop.sizes for gop in self._clip.gops])
        sound_bytes = np.mean([len(sound) for sound in self._clip.sounds] or [0.0]) + DSE_BYTES
        sounds = self._wanted.kind.audio_hz / SOUND_SAMPLES / self._wanted.kind.fps
        return float(frames.mean()) + SEI_BYTES + FILLER_BYTES + float(sound_bytes) * sounds

    def files(self) -> Iterator[list[bytes | memoryview]]:
        """Yield the pieces of each file: cut as ffmpeg does, at the first key frame after each whole minute."""
        frame, number = 0, 1
        pieces: list[bytes | memoryview] = [self._clip.head]
        next_ticks = int(self._dts[0]) + self._wanted.segment_s * TIMESCALE
        while frame < self._frames:
            if self._dts[frame] >= next_ticks:
                yield pieces
                pieces, number = [self._clip.head], 1
                while next_ticks <= self._dts[frame]:
                    next_ticks += self._wanted.segment_s * TIMESCALE
            gop = self._clip.gops[int(self._rng.integers(len(self._clip.gops)))]
            pieces += self._fragment(number, frame, gop)
            frame, number = frame + len(gop.samples), number + 1
        self.end_us = self.zero_us + ticks_us(int(self._dts[frame]), TIMESCALE)
        yield pieces

    def _fragment(self, number: int, frame: int, gop: Gop) -> list[bytes | memoryview]:
        """Return one group of pictures from a frame of the run on, with the sound until its end."""
        count = len(gop.samples)
        dts = self._dts[frame : frame + count + 1]
        offsets = self._shown_ticks[frame + gop.shown] - dts[:-1] if self._wanted.kind.b_frames else None
        fillings = self._fillings(count)
        sizes = gop.sizes + fillings + (SEI_BYTES + FILLER_BYTES)
        video = Part(int(dts[0]), np.diff(dts), sizes, offsets)
        audio, sounds = self._sounds.until(int(dts[-1]))
        wall_us = self.zero_us + ticks_us(int(dts[-1]), TIMESCALE)
        pieces: list[bytes | memoryview] = [fragment_head(number, wall_us, video, audio)]
        for sample, filling, size in zip(gop.samples, fillings.tolist(), (fillings + 2).tolist(), strict=True):
            pieces += (
                b"%b%016d\x80" % (SEI, next(self._numbers)),
                sample,
                size.to_bytes(4, "big") + b"\x0c",
                FILLING[:filling],
                b"\x80",
            )
        return pieces + sounds

    def _fillings(self, count: int) -> npt.NDArray[np.int64]:
        """Return random lengths of filler: long ones behind key frames, and of every group another level."""
        weights = self._rng.exponential(1.0, count) * self._rng.uniform(0.5, 1.5)
        weights[0] = KEY_WEIGHT * self._rng.uniform(0.5, 1.5)
        usual = (count - 1 + KEY_WEIGHT) / count
        return np.minimum(weights * (self._spare_bytes / usual), len(FILLING)).astype(np.int64)


class _Sounds:
    """The sound of a run: packets of 1,024 samples, one tick corrected now and then as by sender reports."""

    def __init__(self, rng: np.random.Generator, clip: Template, first_ticks: int, numbers: Iterator[int]) -> None:
        self._rng, self._packets, self._numbers = rng, clip.sounds, numbers
        self._rate_hz = clip.kind.audio_hz
        self._ticks = first_ticks * self._rate_hz // TIMESCALE
        self._at = int(rng.integers(len(clip.sounds))) if clip.sounds else 0
        self._sizes = np.array([len(sound) + DSE_BYTES for sound in clip.sounds], np.int64)

    def until(self, video_ticks: int) -> tuple[Part | None, list[bytes | memoryview]]:
        """Return the packets that begin before a decode time of the video; None where there are none."""
        end_ticks = video_ticks * self._rate_hz // TIMESCALE
        count = -(-(end_ticks - self._ticks) // SOUND_SAMPLES)
        if not self._packets or count <= 0:
            return None, []
        numbers = (self._at + np.arange(count)) % len(self._packets)
        durations = np.full(count, SOUND_SAMPLES, np.int64)
        durations[int(self._rng.integers(count))] += int(self._rng.integers(-1, 2))
        part = Part(self._ticks, durations, self._sizes[numbers])
        self._at, self._ticks = self._at + count, self._ticks + int(durations.sum())
        pieces: list[bytes | memoryview] = []
        for number in numbers.tolist():
            pieces += (DSE + next(self._numbers).to_bytes(8, "big"), self._packets[number])
        return part, pieces
