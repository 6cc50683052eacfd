"""The objects of the contract (record-api.md, "The objects"): their shape, and how they are made of rows."""

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from flask import current_app
from pydantic import BaseModel

from app.archive.causes import words
from app.archive.keptsources import KeptSources
from app.archive.ledger import Gap
from app.archive.limits import limits
from app.archive.places import record_location
from app.archive.recordings import statuses
from app.capture.addresses import masked
from app.capture.sources import shown_picture
from app.capture.template import effective_template
from app.extensions import AnySession
from app.models import Group, Record, Source
from app.models.types import UNREADABLE_TEXT, now_us
from app.personalulti import utc_text

SourceStatus = Literal["online", "offline", "unauthorised", "no_video", "unknown"]
RecordStatus = Literal["recording", "waiting", "done", "failed", "deleted"]


class PictureAddress(BaseModel):
    """Where still pictures of a camera are; the password is `***` or null."""

    uri: str | None
    auth: Literal["basic", "digest"] | None
    user: str | None
    password: str | None


class SourceObject(BaseModel):
    """A camera."""

    id: int
    created_utc: str
    status: SourceStatus
    uri_rtsp: str | None
    uri_http_picture: PictureAddress
    description: str | None
    ffmpeg_cmd: str


class RecordObject(BaseModel):
    """One source under one tag, from begin to end."""

    id: str
    created_utc: str
    status: RecordStatus
    begin_utc: str
    end_utc: str | None
    source: SourceObject
    hash_md5: str | None
    location: str
    sync_location: str | None


class ListedRecordObject(RecordObject):
    """As RecordObject, but `source` is a list with the one source."""

    source: list[SourceObject]  # type: ignore[assignment]


class OpenRecordObject(BaseModel):
    """A recording that goes on: of which source, under which tag, since when."""

    record_id: str
    tag: str
    source_id: int
    status: Literal["recording", "waiting"]
    has_recorder: bool
    begin_utc: str


class GroupObject(BaseModel):
    """A group of cameras of one model."""

    id: str
    created_utc: str
    name: str


class GroupWithSourcesObject(GroupObject):
    """A group with its cameras."""

    sources: list[SourceObject]


class TagObject(BaseModel):
    """A tag with its records."""

    id: str
    created_utc: str
    name: str
    records: list[RecordObject]


class ListedTagObject(BaseModel):
    """A tag without its records."""

    id: str
    created_utc: str
    name: str
    is_recording: bool


class ExplainedGapObject(BaseModel):
    """A stretch without footage: why, and a line about it where there is one."""

    start_utc: str
    end_utc: str
    cause: str
    words: str
    detail: str | None


class CauseObject(BaseModel):
    """How much is missing for one cause."""

    cause: str
    words: str
    seconds: float


class GapsObject(BaseModel):
    """What is missing of a range, and the sums by cause, the longest first."""

    gaps: list[ExplainedGapObject]
    seconds: list[CauseObject]


def gap_object(gap: Gap) -> dict[str, Any]:
    """Return GAP."""
    return {
        "start_utc": utc_text(gap.begin_us),
        "end_utc": utc_text(gap.end_us),
        "cause": gap.cause,
        "words": words(gap.cause),
        "detail": None if limits() else gap.detail,  # it may name instants
    }


def shown_status(source: Source) -> tuple[str, str | None]:
    """Return the status word of a source and its detail; `unknown` where its address cannot be decrypted."""
    if source.is_unreadable:
        return "unknown", UNREADABLE_TEXT
    return source.status, source.status_detail


def source_object(source: Source) -> dict[str, Any]:
    """Return SOURCE; no password is in it."""
    return {
        "id": source.id,
        "created_utc": utc_text(source.created_us),
        "status": "unknown" if source.is_unreadable else source.status,
        "uri_rtsp": masked(source.uri_rtsp or None),
        "uri_http_picture": shown_picture(source),
        "description": source.description,
        "ffmpeg_cmd": effective_template(source.model, source.ffmpeg_cmd),
    }


class Shown(NamedTuple):
    """SOURCE, which nobody may change, and as the JSON of a list."""

    value: dict[str, Any]
    json: bytes


def shown_sources() -> KeptSources[Shown]:
    """Return what this process keeps of sources as they are answered."""
    kept: KeptSources[Shown] = current_app.extensions.setdefault("playback_shown_sources", KeptSources(_shown))
    return kept


def _shown(source: Source) -> Shown:
    value = source_object(source)
    return Shown(value, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """Return JSON as lists send it."""
    return json.dumps(value, separators=(",", ":")).encode()


def group_object(group: Group) -> dict[str, Any]:
    """Return GROUP without its sources."""
    return {"id": group.id, "created_utc": utc_text(group.created_us), "name": group.name}


def record_objects(session: AnySession, records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return a RECORD for each row."""
    words = statuses(session, records, now_us())
    sources = shown_sources().of_ids(session, (record.source_id for record in records))
    return [
        {
            "id": record.id,
            "created_utc": utc_text(record.created_us),
            "status": words[record.id],
            "begin_utc": utc_text(record.begin_us),
            "end_utc": utc_text(record.end_us),
            "source": sources[record.source_id].value,
            "hash_md5": record.hash_md5,
            "location": record_location(record.id),
            "sync_location": record.sync_location,
        }
        for record in records
    ]
