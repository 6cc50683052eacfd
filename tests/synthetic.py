"""Footage of any shape, fast: real coded pictures and sound under made-up times, as the recorder's ffmpeg writes files.

A run takes groups of pictures of `tests.clips`, gives each packet a time with
jitter and a mark of its own (no two packets of a session are equal), and cuts them into files and fragments at random:
fragments that begin within a group, sound that is cut elsewhere than the picture, any first decode time, a tail that a
crash cut off. What was written is known packet by packet: it is the truth that playback is judged by.
"""

import hashlib
import itertools
import os
import random
import struct
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from app.archive import places
from app.archive.ingest import Place, RunWriter
from app.archive.storages import open_storage
from app.extensions import db
from app.models import Segment
from tests.clips import GOP, Clip, marked

VIDEO_HZ = 90_000
VIDEO_ID, AUDIO_ID = 1, 2
AAC_SAMPLES = 1024
NTP_TO_UNIX_S = 2_208_988_800
NON_SYNC, SYNC = 0x1010000, 0x2000000  # as ffmpeg flags samples (ISO/IEC 14496-12 §8.8.3.1)
SOUND_SEAM_S = 0.25  # how far from the picture's cut the sound of a fragment may be cut


@dataclass(eq=False)
class Sample:
    """One recorded packet; times in ticks of its track (dts of the camera's own timeline)."""

    kind: str
    dts: int
    pts: int
    duration: int
    is_key: bool
    data: bytes
    sha256: str
    mark: int
    rate: int
    file: int = 0
    fragment: int = 0

    @property
    def media_s(self) -> Fraction:
        """Presentation time in seconds on the run's own timeline."""
        return Fraction(self.pts, self.rate)


@dataclass(frozen=True)
class FileSpec:
    """One file of a run: of which clip, how many groups."""

    clip: str
    groups: int


@dataclass(frozen=True)
class RunSpec:
    """What a run is made of; what is not named follows from the seed."""

    files: tuple[FileSpec, ...]
    seed: int = 0
    first_ticks: int = 0
    jitter_ticks: int = 0
    has_ragged_sound: bool = False
    has_tail: bool = False
    slews_us: tuple[int, ...] | None = None  # how late each file arrives; None: the wall clock is given


@dataclass
class Stored:
    """What the archive says of one file of a run."""

    segment_id: str
    start_us: int
    end_us: int
    slew_ppm: int
    path: Path
    first_pts: int = 0


@dataclass
class Run:
    """One run as it was written, with its place on the wall clock."""

    spec: RunSpec
    samples: dict[str, list[Sample]]
    files: list[bytes]
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    stored: list[Stored] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)

    @property
    def video(self) -> list[Sample]:
        """Pictures in decode order."""
        return self.samples["video"]

    @property
    def sound(self) -> list[Sample]:
        """Packets of sound."""
        return self.samples["audio"]

    @property
    def begin_us(self) -> int:
        """Wall clock of the first file's begin."""
        return self.stored[0].start_us

    @property
    def end_us(self) -> int:
        """Wall clock of the last file's end."""
        return self.stored[-1].end_us

    def instant_us(self, sample: Sample) -> Fraction:
        """Return the wall clock of a sample, by the clock of its file (docs/design/playback.md, The wall clock)."""
        stored = self.stored[sample.file]
        since_s = sample.media_s - Fraction(stored.first_pts, VIDEO_HZ)
        return stored.start_us + since_s * (1_000_000 + stored.slew_ppm)

    def has_picture_at(self, sample: Sample) -> bool:
        """Tell whether a sample lies within the run's footage: sound may begin before the picture and outlast it."""
        return sample.kind == "video" or self.begin_us <= self.instant_us(sample) < self.end_us


_marks = itertools.count(1)


# --- times and cuts ----------------------------------------------------------------------------------------


def make_run(clips: dict[str, Clip], spec: RunSpec) -> Run:
    """Make the files of a run."""
    rng = random.Random(spec.seed)
    video, starts = _pictures(clips, spec, rng)
    clip = clips[spec.files[0].clip]
    sound = _sound(clip, video, rng, is_ragged=spec.has_ragged_sound) if clip.sound else []
    _cut(video, sound, starts, rng)
    run = Run(spec, {"video": video, "audio": sound}, [])
    for number in range(len(spec.files)):
        run.files.append(clip.init + b"".join(fragments_of(run, number, rng)))
    if spec.has_tail:
        run.files[-1] += fragment_tail(rng)
    return run


def _pictures(clips: dict[str, Clip], spec: RunSpec, rng: random.Random) -> tuple[list[Sample], list[int]]:
    """Return the pictures of a run in decode order, and the number of the first one of each file."""
    frame = VIDEO_HZ // rng.choice((10, 15, 20, 30))
    total = sum(item.groups for item in spec.files) * GOP
    shown = [spec.first_ticks + n * frame + rng.randint(0, spec.jitter_ticks) for n in range(total)]
    reorder = max(clips[item.clip].reorder for item in spec.files)
    video: list[Sample] = []
    starts = []
    for item in spec.files:
        clip = clips[item.clip]
        starts.append(len(video))
        first = rng.randrange(len(clip.groups))
        for group in range(item.groups):
            base = len(video)
            for picture in clip.groups[(first + group) % len(clip.groups)]:
                number, mark = len(video), next(_marks)
                dts = shown[number - reorder] if number >= reorder else shown[0] - (reorder - number) * frame
                data = marked(clip, picture, mark)
                pts = shown[base + picture.slot]
                assert dts <= pts
                video.append(_sample("video", dts, pts, frame, picture.is_key, data, mark, VIDEO_HZ))
    for before, after in itertools.pairwise(video):
        before.duration = after.dts - before.dts
    return video, starts


def _sample(kind: str, dts: int, pts: int, duration: int, is_key: bool, data: bytes, mark: int, rate: int) -> Sample:
    return Sample(kind, dts, pts, duration, is_key, data, hashlib.sha256(data).hexdigest(), mark, rate)


def _sound(clip: Clip, video: list[Sample], rng: random.Random, *, is_ragged: bool) -> list[Sample]:
    """Return packets of sound beside the pictures; ragged: they begin and end elsewhere, and some are lost."""
    reach_s = SOUND_SEAM_S if is_ragged else 0.03
    lead_s = rng.choice((reach_s, 1.5)) if is_ragged else reach_s  # pictures before the first key frame are dropped
    begin_s = min(item.media_s for item in video) + Fraction(rng.uniform(-lead_s, reach_s))
    last = max(video, key=lambda item: item.pts)
    end_s = last.media_s + Fraction(last.duration, VIDEO_HZ) + Fraction(rng.uniform(-reach_s, reach_s))
    ticks, sound = round(begin_s * clip.rate_hz), []
    while Fraction(ticks, clip.rate_hz) < end_s:
        if not (is_ragged and rng.random() < 0.03):
            mark = next(_marks)
            data = clip.sound[mark % len(clip.sound)] + struct.pack(">Q", mark)
            sound.append(_sample("audio", ticks, ticks, AAC_SAMPLES, True, data, mark, clip.rate_hz))
        ticks += AAC_SAMPLES
    for before, after in itertools.pairwise(sound):
        before.duration = after.dts - before.dts
    return sound


def _cut(video: list[Sample], sound: list[Sample], starts: Sequence[int], rng: random.Random) -> None:
    """Give each sample its file and fragment: a new one at each key frame, and at random within a group."""
    density = rng.choice((0, 0, 0.1, 0.4))
    heads = []
    file = fragment = -1
    for number, item in enumerate(video):
        if number in starts:
            file, fragment = file + 1, -1
        if item.is_key or rng.random() < density:
            fragment += 1
            heads.append((Fraction(item.dts, VIDEO_HZ), file, fragment))
        item.file, item.fragment = file, fragment
    reach_s = rng.choice((0.0, 0.05, SOUND_SEAM_S))
    cuts = [at_s + Fraction(rng.uniform(-reach_s, reach_s)) for at_s, _, _ in heads[1:]]
    number = 0
    for item in sound:
        while number < len(cuts) and item.media_s >= max(cuts[: number + 1]):
            number += 1
        _, item.file, item.fragment = heads[number]


# --- boxes -------------------------------------------------------------------------------------------------


def box(kind: bytes, *content: bytes) -> bytes:
    """Return a box."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def fragments_of(run: Run, file: int, rng: random.Random) -> list[bytes]:
    """Return the fragments of one file."""
    has_clock = rng.random() < 0.7
    held: dict[int, dict[str, list[Sample]]] = {}
    for kind, samples in run.samples.items():
        for item in samples:
            if item.file == file:
                held.setdefault(item.fragment, {}).setdefault(kind, []).append(item)
    return [fragment_bytes(parts, number + 1, has_clock=has_clock) for number, parts in sorted(held.items())]


def fragment_bytes(parts: dict[str, list[Sample]], number: int, *, has_clock: bool) -> bytes:
    """Return one moof+mdat of these samples, with a prft before it where asked."""
    tracks = [(VIDEO_ID if kind == "video" else AUDIO_ID, parts[kind]) for kind in ("video", "audio") if kind in parts]
    moof = moof_bytes(tracks, number, 0)
    moof = moof_bytes(tracks, number, len(moof) + 8)
    mdat = box(b"mdat", *(item.data for _, samples in tracks for item in samples))
    clock = struct.pack(">IIIIQ", 1 << 24 | 24, VIDEO_ID, NTP_TO_UNIX_S, 0, 0)
    return (box(b"prft", clock) if has_clock else b"") + moof + mdat


def moof_bytes(tracks: list[tuple[int, list[Sample]]], number: int, data_offset: int) -> bytes:
    """Return a moof as ffmpeg writes it: offsets from its own begin, a tfdt of 64 bits, signed composition offsets."""
    trafs = []
    for track_id, samples in tracks:
        # What a muxer says of the last sample is a guess: the next tfdt tells.
        durations = [item.duration for item in samples[:-1]]
        durations.append(durations[-1] if durations else samples[-1].duration)
        rows = b"".join(
            struct.pack(">IIIi", length, len(item.data), SYNC if item.is_key else NON_SYNC, item.pts - item.dts)
            for item, length in zip(samples, durations, strict=True)
        )
        trafs.append(
            box(
                b"traf",
                box(b"tfhd", struct.pack(">II", 0x20000, track_id)),
                box(b"tfdt", struct.pack(">Iq", 1 << 24, samples[0].dts)),
                box(b"trun", struct.pack(">IIi", 1 << 24 | 0xF01, len(samples), data_offset), rows),
            )
        )
        data_offset += sum(len(item.data) for item in samples)
    return box(b"moof", box(b"mfhd", struct.pack(">II", 0, number)), *trafs)


def fragment_tail(rng: random.Random) -> bytes:
    """Return what a crash leaves: the begin of a fragment without its whole mdat."""
    return struct.pack(">I4s", 5000, rng.choice((b"moof", b"mdat", b"prft"))) + rng.randbytes(rng.randrange(100))


# --- the archive -------------------------------------------------------------------------------------------


class Growing:
    """A run that is taken into the archive file by file, or byte by byte."""

    def __init__(self, app: Flask, source_id: int, run: Run, begin_us: int) -> None:
        self.app, self.source_id, self.run = app, source_id, run
        self.path: Callable[[int], Path]
        first = run.video[0]
        is_given = run.spec.slews_us is None
        self._zero_us = begin_us - round(Fraction(first.dts * 1_000_000, VIDEO_HZ))
        with app.app_context():
            storage = open_storage(app.config["PLAYBACK"])
            root = Path(storage.path)
            places.live_folder(root, source_id).mkdir(parents=True, exist_ok=True)
            self.path = lambda number: places.live_path(root, source_id, run.run_id, number)
            self.root = root
            place = Place(root, storage.id, source_id, run.run_id)
            self.writer = RunWriter(place, zero_us=self._zero_us if is_given else None)

    def write(self, number: int, data: bytes, *, poll: bool = True) -> None:
        """Put data behind what a file has, dated as it would arrive; take it in."""
        path = self.path(number)
        with path.open("ab") as file:
            file.write(data)
        if self.run.spec.slews_us is not None:
            late_us = self.run.spec.slews_us[number % len(self.run.spec.slews_us)]
            pictures = [item for item in self.run.video if item.file == number]
            ticks = pictures[-1].dts + 3 * pictures[-1].duration
            arrived_us = self._zero_us + late_us + round(Fraction(ticks * 1_000_000, VIDEO_HZ))
            os.utime(path, ns=(arrived_us * 1000, arrived_us * 1000))
        if poll:
            self.poll()

    def poll(self) -> None:
        """Take in what is new."""
        with self.app.app_context():
            while self.writer.poll():
                pass

    def finish(self) -> None:
        """End the run."""
        with self.app.app_context():
            assert self.writer.finish()

    def look(self) -> Run:
        """Fill in what the archive says of the run's files."""
        firsts = {}
        for item in self.run.video:
            firsts.setdefault(item.file, item.pts)
        with self.app.app_context():
            query = select(Segment).where(Segment.run_id == self.run.run_id).order_by(Segment.sequence)
            self.run.stored = [
                Stored(
                    row.id, row.start_us, row.end_us, row.slew_ppm,
                    places.closed_path(self.root, self.source_id, row.start_us, row.id), firsts[row.sequence],
                )
                for row in db.session.scalars(query)
            ]  # fmt: skip
        return self.run


def take_in(app: Flask, source_id: int, run: Run, begin_us: int, *, leave_open: bool = False) -> Run:
    """Take a whole run into the archive; its first picture is decoded at begin_us."""
    growing = Growing(app, source_id, run, begin_us)
    for number, data in enumerate(run.files):
        growing.write(number, data, poll=run.spec.slews_us is not None)
    growing.poll()
    if not leave_open:
        growing.finish()
    return growing.look()
