"""The answers of playback that are JSON (playback-api.md): their shape."""

from typing import Literal

from pydantic import BaseModel


class SpanObject(BaseModel):
    """Uninterrupted footage, with the record begun last of those that touch it and show a frame.

    It may hold less than the span: `records` names all, with begin and end.
    """

    start_utc: str
    end_utc: str
    record_id: str | None
    tag: str | None


class GapObject(BaseModel):
    """No footage, and why."""

    start_utc: str
    end_utc: str
    cause: str


class UrlsObject(BaseModel):
    """Where the media of the range is; the picture is its first."""

    mp4: str
    hls: str
    picture: str
    thumbnails: str


class MapObject(BaseModel):
    """Where in the MP4 a piece of uninterrupted wall clock begins."""

    media_s: float
    start_utc: str
    end_utc: str


class RunObject(BaseModel):
    """Footage of one connection with one codec configuration.

    `clock` is `unset` where the machine did not know the time then; `true_start_utc` is there once it was told.
    """

    run_id: str
    start_utc: str
    end_utc: str
    codecs: str
    width: int
    height: int
    clock: Literal["ok", "unset"]
    true_start_utc: str | None
    clock_offset_s: float | None


class RecordOfRange(BaseModel):
    """A record that touches the range; `end_utc` is null while it records."""

    record_id: str
    tag: str
    start_utc: str
    end_utc: str | None


class RequestData(BaseModel):
    """What there is of a camera between two instants."""

    source_id: int
    start_utc: str
    end_utc: str
    duration: float
    spans: list[SpanObject]
    gaps: list[GapObject]
    codecs: str
    width: int
    height: int
    bytes: int
    urls: UrlsObject
    map: list[MapObject]
    runs: list[RunObject]
    records: list[RecordOfRange]


class Interval(BaseModel):
    """[start_utc, end_utc)."""

    start_utc: str
    end_utc: str


class Coverage(BaseModel):
    """The footage of one source."""

    source_id: int
    spans: list[Interval]


class Timeline(BaseModel):
    """Coverage of several sources."""

    start_utc: str
    end_utc: str
    resolution: float
    sources: list[Coverage]


class PlaylistOfSource(BaseModel):
    """Where the playlist of one source is."""

    source_id: int
    hls: str


class Sync(BaseModel):
    """Playlists of several sources on one grid: `grid_s` is the length of a cell."""

    start_utc: str
    end_utc: str
    grid_s: float
    sources: list[PlaylistOfSource]
