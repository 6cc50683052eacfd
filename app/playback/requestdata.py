"""Request data: what there is of a source, or of a record, between two instants."""

import functools
import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

import numpy as np
from sqlalchemy import bindparam, or_, select

from app.archive.ledger import Gap, explain
from app.archive.limits import seen, seen_part
from app.archive.showing import LONG_US, shows_nothing
from app.archive.spans import Stretch
from app.errors import HasGaps
from app.extensions import db
from app.models import Record, Run, Tag
from app.playback.asked import Asked
from app.playback.footage import Entry, Footage
from app.playback.placing import Gaps
from app.playback.progressive import Movie, map_json

MOST_LOOKS = 16
RUN_INSTANTS = ("start_utc", "end_utc", "true_start_utc")
RenderUtc = Callable[[int | None], str | None]


class Recorded(NamedTuple):
    """A record that touches a range; `end_us` is None while it records."""

    id: str
    begin_us: int
    end_us: int | None
    tag: str
    is_hashed: bool


def describe(footage: Footage, movie: Movie, asked: Asked, path: str, render: RenderUtc) -> dict[str, Any]:
    """Return the answer of request data; `path` is the one below which `video.mp4` and `index.m3u8` are served."""
    spans = footage.spans
    runs = _runs(footage)
    records = _records(footage.source_id, footage.begin_us, footage.end_us)
    is_empty = _emptiness(footage.source_id)
    last = runs[-1]
    return {
        "source_id": footage.source_id,
        "start_utc": render(footage.begin_us),
        "end_utc": render(footage.end_us),
        "duration": sum(span.end_us - span.begin_us for span in spans) / 1_000_000,
        "spans": [_span(span, records, is_empty, render) for span in spans],
        "gaps": [
            {"start_utc": render(gap.begin_us), "end_utc": render(gap.end_us), "cause": gap.cause}
            for gap in _explained(footage)
        ],
        "codecs": last["codecs"],
        "width": last["width"],
        "height": last["height"],
        "bytes": movie.size_bytes,
        "urls": _urls(footage, asked, path, render),
        "map": map_json(movie.pieces, render),
        "runs": [{**run, **{name: render(run[name]) for name in RUN_INSTANTS}} for run in runs],
        "records": [
            {
                "record_id": record.id,
                "tag": record.tag,
                "start_utc": render(begin_us),
                "end_utc": render(end_us),
            }
            for record in records
            for begin_us, end_us in (seen_part(record.begin_us, record.end_us),)
        ],
    }


def _explained(footage: Footage) -> list[Gap]:
    """Return the gaps with their causes."""
    return explain(footage.source_id, footage.gaps, footage.lost)


def check_gaps(footage: Footage, gaps: Gaps, render: RenderUtc) -> None:
    """Raise HasGaps where gaps=fail is asked for and there are any."""
    found = footage.gaps if gaps == "fail" else []
    if found:
        named = [{"start_utc": render(gap.begin_us), "end_utc": render(gap.end_us)} for gap in found]
        raise HasGaps(f"the range has {len(found)} gaps; gaps=collapse or gaps=hold plays what there is", gaps=named)


def media_query(asked: Asked, render: RenderUtc, rev: str | None, *, end_us: int | None) -> str:
    """Return the query of an address of media; without end_us it stays open-ended."""
    query = {"start": render(asked.begin_us)}
    if end_us is not None:
        query["end"] = render(end_us)
    if asked.gaps != "collapse":
        query["gaps"] = asked.gaps
    if asked.run is not None:
        query["run"] = asked.run
    if asked.download:
        query["download"] = "1"
        if asked.name is not None:
            query["name"] = asked.name
    if rev is not None:
        query["rev"] = rev
    return urlencode(query, safe=":")


def _urls(footage: Footage, asked: Asked, path: str, render: RenderUtc) -> dict[str, str]:
    """Return the addresses of the media; the picture is the first of the range."""
    mp4 = media_query(asked, render, footage.pin, end_us=footage.end_us)
    hls = media_query(asked, render, None, end_us=None if asked.is_open_ended else footage.end_us)
    at = urlencode({"at": render(footage.spans[0].begin_us)}, safe=":")
    return {
        "mp4": f"{path}video.mp4?{mp4}",
        "hls": f"{path}index.m3u8?{hls}",
        "picture": f"{path}picture.jpg?{at}",
        "thumbnails": sheet_address(footage, asked, path, render),
    }


def sheet_address(footage: Footage, asked: Asked, path: str, render: RenderUtc, **more: int) -> str:
    """Return the address of the sheet of thumbnails of a range; `more` are its further parameters."""
    plain = asked.model_copy(update={"download": False})
    query = media_query(plain, render, asked.rev or footage.pin, end_us=footage.end_us)
    return f"{path}thumbnails?{query}" + "".join(f"&{name}={value}" for name, value in more.items())


def _span(
    span: Stretch, records: Sequence[Recorded], is_empty: Callable[[Recorded], bool], render: RenderUtc
) -> dict[str, Any]:
    """Return a span with the record begun last of those that touch it and show a frame."""
    touching = (
        record
        for record in reversed(records)
        if record.begin_us < span.end_us and (record.end_us is None or record.end_us > span.begin_us)
    )
    last = next((record for record in touching if not is_empty(record)), None)
    return {
        "start_utc": render(span.begin_us),
        "end_utc": render(span.end_us),
        "record_id": last.id if last is not None else None,
        "tag": last.tag if last is not None else None,
    }


def _emptiness(source_id: int) -> Callable[[Recorded], bool]:
    """Return what tells whether a record lies between two frames, so that no footage is its own.

    Only short records are looked at, and of an answer at most MOST_LOOKS: the others count as not empty.
    """
    looks = itertools.count(1)

    @functools.cache
    def is_empty(record: Recorded) -> bool:
        if record.is_hashed or record.end_us is None or record.end_us - record.begin_us >= LONG_US:
            return False
        if next(looks) > MOST_LOOKS:
            return False
        return shows_nothing(db.session, source_id, record.begin_us, record.end_us)

    return is_empty


_record, _tag = Record.__table__.c, Tag.__table__.c
RECORDS = (  # made once: it takes longer than it runs
    select(_record.id, _record.begin_us, _record.end_us, _tag.name, _record.hash_md5.is_not(None))
    .join_from(Record.__table__, Tag.__table__)
    .where(_record.source_id == bindparam("source_id"), _record.deleted_us.is_(None))
    .where(_record.begin_us < bindparam("to_us"))
    .where(or_(_record.end_us.is_(None), _record.end_us > bindparam("from_us")))
    .order_by(_record.begin_us, _record.id)
)


def _records(source_id: int, begin_us: int, end_us: int) -> list[Recorded]:
    """Return the records that touch a range with the names of their tags, by begin."""
    values = {"source_id": source_id, "from_us": begin_us, "to_us": end_us}
    return [Recorded(*row) for row in db.session.execute(RECORDS, values)]


def _runs(footage: Footage) -> list[dict[str, Any]]:
    """Return each stretch of one run with one codec configuration; its instants are µs."""
    segments = footage.segments
    runs, sounds = segments.column("run_key"), segments.column("a_n") > 0
    is_new = segments.changes_entries.copy()
    is_new[1:] |= (runs[1:] != runs[:-1]) | (sounds[1:] != sounds[:-1])
    firsts = np.flatnonzero(is_new).tolist()
    begins_us = np.maximum(footage.begins_us, footage.begin_us).tolist()
    ends_us = np.minimum(footage.ends_us, segments.column("end_us")).tolist()
    found = []
    clocks = _clocks({segments.run_ids[first] for first in firsts})
    for first, following in zip(firsts, [*firsts[1:], len(segments)], strict=True):
        video, audio = footage.video_entry(segments[first]), footage.audio_entry(segments[first])
        run_id, begin_us = segments.run_ids[first], begins_us[first]
        clock, shift_us, offset_us = clocks.get(run_id, ("ok", None, None))
        stretch = {"run_id": run_id, "start_utc": begin_us, "end_utc": ends_us[following - 1], "clock": clock}
        stretch["true_start_utc"] = None if shift_us is None else seen(begin_us + shift_us)
        stretch["clock_offset_s"] = None if offset_us is None else offset_us / 1_000_000
        found.append({**stretch, "codecs": codecs_of(video, audio), "width": video.width, "height": video.height})
    return found


def _clocks(run_ids: Collection[str]) -> dict[str, tuple[str, int | None, int | None]]:
    """Return of each run: its clock, what is to be added to have the true time, how far ahead the camera's clock is."""
    query = select(Run.id, Run.clock, Run.true_shift_us, Run.clock_offset_us).where(Run.id.in_(run_ids))
    return {run_id: (clock, shift_us, offset_us) for run_id, clock, shift_us, offset_us in db.session.execute(query)}


def codecs_of(video: Entry, audio: Entry | None) -> str:
    """Return the RFC 6381 string of a configuration."""
    return video.rfc6381 if audio is None else f"{video.rfc6381},{audio.rfc6381}"
