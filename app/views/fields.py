"""What the fields and parameters of the API mean, and an example of each: for the documentation alone.

A key is a name, or `Model.name` where one name means another thing there. A field that is described where it is
declared (`Field(description=..., examples=[...])`, `namespace.param(...)`) needs no entry. tests/test_openapi.py names
every field and parameter that has neither.
"""

from typing import Any, NamedTuple


class Meaning(NamedTuple):
    """One line about a field, and an example of its value; None where it is composed of the fields within it."""

    text: str
    example: Any = None


BEGIN, END = "2026-11-20T22:44:05.123456Z", "2026-11-20T23:44:05.123456Z"
RECORD_ID = "7a9f3c52-6d1e-4b7b-9a53-0c8f1c3b2d10"
OTHER_ID = "f2b1d0c4-3e5a-4f6b-8c7d-9e0f1a2b3c4d"
REFER, KEY = "3f0c9a1be6d24c578a90f1e2d3c4b5a6", "9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d"
MEDIA = f"/playbackapi/source/1/video.mp4?start={BEGIN}&end={END}"

FIELDS: dict[str, Meaning] = {
    # what every object has
    "id": Meaning("The id: a UUID", OTHER_ID),
    "SourceObject.id": Meaning("The id: an integer that is never used again", 1),
    "RecordObject.id": Meaning("The id: a UUID", RECORD_ID),
    "ListedRecordObject.id": Meaning("The id: a UUID", RECORD_ID),
    "created_utc": Meaning("When it was made", BEGIN),
    # sources
    "model": Meaning("`Source` records an RTSP stream, `PictureSource` still pictures over HTTP", "Source"),
    "description": Meaning("Any text, up to 4,096 characters", "Front door"),
    "uri_rtsp": Meaning(
        "Address of the RTSP stream. A password stands percent-encoded in it; it is shown as `***`",
        "rtsp://viewer:secret@192.168.1.10/stream1",
    ),
    "SourceObject.uri_rtsp": Meaning(
        "Address of the RTSP stream, its password masked", "rtsp://viewer:***@192.168.1.10/stream1"
    ),
    "uri_http_picture": Meaning("Where still pictures of the camera are; always four keys, whose values may be null"),
    "ffmpeg_cmd": Meaning(
        "Template of the recording command; only options of an allow-list pass. Left out, null or empty: a copy",
        "ffmpeg -i {uri} -c copy {output}",
    ),
    "SourceObject.status": Meaning("Measured availability", "online"),
    "uri": Meaning("Address of a still picture", "http://192.168.1.10/still.jpg"),
    "auth": Meaning("How the camera wants user and password", "digest"),
    "user": Meaning("User of the camera", "viewer"),
    "password": Meaning("Password of the camera; `***` keeps the stored one in PUT and PATCH", "secret"),
    "PictureAddress.password": Meaning("`***`, or null where there is none", "***"),
    # groups, tags, records
    "name": Meaning("The name, 1 to 255 characters after trimming", "entrance"),
    "TagObject.name": Meaning("The name", "night"),
    "group_name": Meaning("Name of a group, or else its id", "entrance"),
    "tag_name": Meaning("Name of a tag, or else its id", "night"),
    "tag": Meaning("Name of a tag", "night"),
    "sources": Meaning("The cameras"),
    "source": Meaning("The camera"),
    "ListedRecordObject.source": Meaning("A list with the one camera"),
    "records": Meaning("The recordings"),
    "record_id": Meaning("The id of a record", RECORD_ID),
    "RecordObject.status": Meaning(
        "`waiting`: wanted, but the camera gives nothing now; `failed`: ended with no footage", "done"
    ),
    "ListedRecordObject.status": Meaning("As of a record", "done"),
    "begin_utc": Meaning("When it began", BEGIN),
    "end_utc": Meaning("When it ended; null while it goes on", END),
    "hash_md5": Meaning("MD5 of the recording; null until it is computed", "9e107d9d372bb6826bd81d3542a419d6"),
    "location": Meaning(
        "Where the recording is, relative to the storage root: a playlist of its files", f"records/{RECORD_ID}.m3u8"
    ),
    "sync_location": Meaning("Where it is, or is to be, copied; null where nowhere", "nightly/"),
    # what was recorded
    "source_id": Meaning("The id of a source", 1),
    "start_utc": Meaning("Where it begins", BEGIN),
    "start_us": Meaning("A start in microseconds since the epoch", 1795214645123456),
    "duration": Meaning("Seconds", 3600.0),
    "spans": Meaning("Uninterrupted footage, in order"),
    "gaps": Meaning("What is missing, in order", "collapse"),
    "cause": Meaning("Why there is no footage", "camera_unreachable"),
    "words": Meaning("The cause in words", "The camera could not be reached"),
    "GapsObject.seconds": Meaning("How much of the range is missing for each cause, whatever `cause` shows"),
    "CauseObject.seconds": Meaning("Seconds", 12.5),
    "ExplainedGapObject.detail": Meaning(
        "A line about it where there is one", "nothing listens at the camera's address and port"
    ),
    "codecs": Meaning("Codecs as RFC 6381 writes them", "avc1.64001f,mp4a.40.2"),
    "width": Meaning("Width in pixels", 1280),
    "height": Meaning("Height in pixels", 720),
    "bytes": Meaning("Size of the MP4", 450000000),
    "urls": Meaning("Where the media of the range is"),
    "mp4": Meaning("The MP4 of the range", MEDIA),
    "hls": Meaning("The HLS playlist of the range", MEDIA.replace("video.mp4", "index.m3u8")),
    "picture": Meaning("The first picture of the range", f"/playbackapi/source/1/picture.jpg?at={BEGIN}"),
    "thumbnails": Meaning("A sheet of pictures of the range", MEDIA.replace("video.mp4", "thumbnails")),
    "map": Meaning("Where in the MP4 each piece of uninterrupted wall clock begins"),
    "media_s": Meaning("Seconds from the begin of the MP4", 0.0),
    "runs": Meaning("Footage by connection and codec configuration"),
    "run_id": Meaning("The id of a run", OTHER_ID),
    "run": Meaning("The id of a run: its footage alone, also where a later one is played", OTHER_ID),
    "clock": Meaning("Whether the machine knew the time", "ok"),
    "true_start_utc": Meaning("When it was recorded truly, where the machine did not know the time then", None),
    "clock_offset_s": Meaning("How far the camera's clock is ahead of ours in seconds; null where it tells none", 0.4),
    "resolution": Meaning("Seconds; shorter gaps are not shown", 60.0),
    "grid_s": Meaning("Length of a cell of the grid in seconds", 2.0),
    # availability
    "status": Meaning("Measured availability", "online"),
    "StatusObject.detail": Meaning(
        "Why it is not there, and the way out", "nothing listens at the camera's address and port"
    ),
    "measured_utc": Meaning("When it was measured; null where never", END),
    "video": Meaning("What is sent as video"),
    "audio": Meaning("What is sent as audio"),
    "is_recording": Meaning("Whether it records now", True),
    "codec": Meaning("Codec as RFC 6381 writes it", "avc1.64001f"),
    "frame_rate": Meaning("Frames a second", 25.0),
    "rate_hz": Meaning("Samples a second", 48000),
    "channels": Meaning("Channels", 2),
    # schedules
    "windows": Meaning("When it records"),
    "time_zone": Meaning("Name of the time zone whose clocks count", "Europe/Berlin"),
    "is_enabled": Meaning("Whether it is followed", True),
    "is_open": Meaning("Whether a window is open now", False),
    "begun_utc": Meaning("When it began to record in this window; null where it has not", BEGIN),
    "day": Meaning("Day of the week", "monday"),
    "begin": Meaning("Where it begins, by the clock", "22:00"),
    # deletions
    "at_utc": Meaning("When it was deleted", END),
    "actor": Meaning("Who deleted", "admin"),
    "rule": Meaning("What had it deleted", "asked"),
    "reason": Meaning("Why, in words", "the neighbour's window"),
    "segments": Meaning("How many files", 60),
    # retention, pins, audit
    "RuleObject.id": Meaning("The id: a UUID", OTHER_ID),
    "changed_utc": Meaning("When it was changed last", END),
    "scope": Meaning("What the rule is of: `all`, or one group, tag or source", "tag"),
    "RuleObject.group_id": Meaning("The id of its group; null where it is of something else", None),
    "RuleObject.tag_id": Meaning("The id of its tag; null where it is of something else", OTHER_ID),
    "RuleObject.source_id": Meaning("The id of its source; null where it is of something else", None),
    "NewRule.group_name": Meaning("Name or id of the group that it is of", None),
    "NewRule.tag_name": Meaning("Name or id of the tag that it is of", "night"),
    "NewRule.source_id": Meaning("The id of the source that it is of", None),
    "RuleObject.name": Meaning("Name of its group or tag, or id of its source; empty for all", "night"),
    "LimitObject.name": Meaning("Name of the group or tag, or id of the source; empty for all", "night"),
    "RuleForecastObject.name": Meaning("Name of its group or tag, or id of its source; empty for all", "night"),
    "rule_id": Meaning("The id of a rule of retention", OTHER_ID),
    "min_age_s": Meaning("Kept for so many seconds", 259200),
    "max_age_s": Meaning("Deleted when older; seconds", 604800),
    "min_bytes": Meaning("The newest so many bytes are kept", 50000000000),
    "max_bytes": Meaning("The oldest goes when there is more", 500000000000),
    "LimitsObject.min_age_s": Meaning("The least age that holds"),
    "LimitsObject.max_age_s": Meaning("The greatest age that holds"),
    "LimitsObject.min_bytes": Meaning("The least bytes that hold"),
    "LimitsObject.max_bytes": Meaning("The most bytes that hold"),
    "value": Meaning("The limit, in seconds or bytes", 604800),
    "ExplanationObject.at_utc": Meaning("The instant that is explained", BEGIN),
    "ExplanationObject.state": Meaning("`open`: it is being recorded; `none`: there never was any footage", "kept"),
    "tags": Meaning("The tags under which records hold it", ["night"]),
    "limits": Meaning("What holds, and by which rule"),
    "is_pinned": Meaning("Whether a pin protects it", False),
    "pins": Meaning("The pins that protect it"),
    "file": Meaning("The file that holds it; null where there is none"),
    "storage_id": Meaning("The id of a storage", OTHER_ID),
    "earliest_utc": Meaning("When it goes at the earliest by its age; null for never, or not known", END),
    "why": Meaning("Why it is kept until then, or went", "max_age of tag night: 7 d"),
    "deletion": Meaning("The deletion by which it went; null while it is there"),
    "bytes_s": Meaning("Bytes a second that come now", 250000.0),
    "storages": Meaning("The storages, in the order in which they are recorded to"),
    "ForecastObject.sources": Meaning("What each source comes to"),
    "rules": Meaning("What each rule needs"),
    "path": Meaning("Its folder", "/srv/storage"),
    "used_bytes": Meaning("Bytes of closed footage", 400000000000),
    "pinned_bytes": Meaning("Bytes of them that are pinned", 1000000000),
    "free_bytes": Meaning("Free on its disk", 600000000000),
    "budget_bytes": Meaning("Most that footage may take; null for no limit", 800000000000),
    "reserve_bytes": Meaning("Left free on its disk", 268435456),
    "capacity_bytes": Meaning("All that footage may take; null where a storage is not there", 800000000000),
    "needed_bytes": Meaning("Bytes that minima need; null where that is not known", 64800000000),
    "is_met": Meaning("Whether there is room for it; null where it has no minimum, or that is not known", True),
    "hours_until_full": Meaning("Hours until the capacity is used up; null where nothing comes", 444.4),
    "reachable_days": Meaning("Days for which footage can be kept; null where nothing comes", 36.9),
    "pin_id": Meaning("The id of a pin", OTHER_ID),
    "owner": Meaning("Who made it", "admin"),
    "expires": Meaning("When the pin ends by itself; null for never", "2027-11-20T22:44:05Z"),
    "expires_utc": Meaning("When it ends by itself; null for never", END),
    "released_utc": Meaning("When it was released; null where it was not", END),
    "released_by": Meaning("Who released it; null where nobody did", "admin"),
    "is_active": Meaning("Whether it protects now", True),
    "NewPin.source_id": Meaning("The id of a source, with start and end", 1),
    "NewPin.record_id": Meaning("Or the id of a record", None),
    "PinObject.start_utc": Meaning("Where the stretch begins", BEGIN),
    "PinObject.end_utc": Meaning("Where it ends", END),
    "KeptFileObject.end_utc": Meaning("Where it ends", END),
    "PinObject.reason": Meaning("Why, in words", "police report 4711"),
    "action": Meaning("What was done", "pin.create"),
    "subject": Meaning("The id of what it was done to", OTHER_ID),
    "AuditObject.at_utc": Meaning("When it was done", END),
    "AuditObject.id": Meaning("Counts acts", 1),
    "AuditObject.actor": Meaning("Who did it", "admin"),
    "AuditObject.source_id": Meaning("The source that it is about; null where it is about none", 1),
    "AuditObject.detail": Meaning("Its values", {"reason": "police report 4711"}),
    # notices
    "NoticeObject.id": Meaning("The id: an integer that only grows", 7),
    "NoticeObject.at_utc": Meaning("When the state changed", END),
    "kind": Meaning("In which respect: `source`, `recording`, `recorder`, `storage` and others", "source"),
    "NoticeObject.subject": Meaning("The id of what it is about", "1"),
    "is_bad": Meaning("Whether it has become bad; false: it is well again", True),
    "NoticeObject.text": Meaning("What happened, and the way out", "Front door cannot be reached"),
    "NoticeObject.source_id": Meaning("The id of the source, null where it is about none", 1),
    "NoticeObject.storage_id": Meaning("The id of the storage, null where it is about none", OTHER_ID),
    # copying
    "state": Meaning("How far it is", "running"),
    "SyncListedObject.state": Meaning(
        "How far it is; `cancelled` where all its failed records were cancelled, `failed` where one failed by itself",
        "running",
    ),
    "SyncObject.state": Meaning(
        "How far it is; `cancelled` where all its failed records were cancelled, `failed` where one failed by itself",
        "running",
    ),
    "ended_utc": Meaning("When it ended; null while it goes on", END),
    "Ask.location": Meaning("A folder below the first allowed target, or the address of one", "nightly"),
    "SyncListedObject.location": Meaning("Where it is copied to", "nightly"),
    "SyncObject.location": Meaning("Where it is copied to", "nightly"),
    "counts": Meaning("How many records are in each state"),
    "waiting": Meaning("How many wait", 1),
    "running": Meaning("How many are being copied", 1),
    "done": Meaning("How many are copied", 10),
    "failed": Meaning("How many could not be copied", 0),
    "bytes_total": Meaning("Sum of the sizes known so far", 900000000),
    "bytes_copied": Meaning("How many of them are copied", 450000000),
    "target": Meaning("Its final name; null until it is known", f"nightly/{RECORD_ID}.mp4"),
    "size": Meaning("Size in bytes; null until it is known", 450000000),
    "copied_bytes": Meaning("Bytes copied", 450000000),
    "error": Meaning("One line about the last try that failed; null where none did", "the target does not answer"),
    "tries": Meaning("How often it was tried", 1),
    "md5": Meaning("MD5 of the bytes", "9e107d9d372bb6826bd81d3542a419d6"),
    "size_bytes": Meaning("Size in bytes", 450000000),
    "received_bytes": Meaning("How many of them have come", 450000000),
    "completed_utc": Meaning("When it was whole; null until then", END),
    "Announce.description": Meaning("What the sender says of the recording"),
    "CopyObject.description": Meaning("What the sender says of the recording"),
    # download keys
    "refer": Meaning("The lasting reference of a file: 32 hex digits, or the same as a UUID", REFER),
    "file_id": Meaning("The id of a file", 5),
    "ReferObject.id": Meaning("The id of the file", 5),
    "ReferObject.status": Meaning("The status of the file", "ready"),
    "download_url": Meaning("Where the file is downloaded now; null while no key is given out", f"/download/{KEY}/"),
    "ReferObject.expires_utc": Meaning("Until when that address is given out; null while none is", END),
    "rotation_ends_utc": Meaning("From when no key of this rotation opens the file; null while none is given out", END),
    "rotation": Meaning(
        "`running`, or why the last one ended: `downloaded`, `ran_out`, `revoked`, `deleted`; null before the first",
        "running",
    ),
    "ReferObject.generation": Meaning("Counts the keys of the file; -1 before the first", 0),
    "downloading": Meaning("How many users download it now", 1),
    "downloads": Meaning("How many downloads were begun", 3),
    "users": Meaning("How many different users began one", 2),
    # lists
    "sort": Meaning("Order; with - before it the other way round"),
    "limit": Meaning("At most so many", 100),
    "cursor": Meaning("From the address in the header Link, with limit"),
    "q": Meaning("Only those whose name or description holds this"),
    "before": Meaning("Only those older than the one with this id", 1000),
    "Content-Range": Meaning("Which bytes of the whole", "bytes 0-1048575/450000000"),
    "delay": Meaning("Seconds between frames", 1.0),
    # parameters alone
    "group_id": Meaning("The id of a group", OTHER_ID),
    "example_id": Meaning("The id of a note", OTHER_ID),
    "text": Meaning("The note", "Lens cleaned"),
    "entries": Meaning("The ids of a video and an audio configuration", "1-2"),
    "start": Meaning("Where the range begins", "2026-11-20T22:44:05Z"),
    "end": Meaning("Where it ends", "2026-11-20T23:44:05Z"),
    "at": Meaning("The instant", "2026-11-20T22:44:05Z"),
    "nearest": Meaning("Which frame", "exact"),
    "count": Meaning("How many", 100),
    "rev": Meaning("Given by a redirect: pins what was recorded by then", None),
    "download": Meaning("1 names the file", 1),
    "grid": Meaning("Source ids with commas between", "1,2"),
    "from": Meaning("Where it begins", "1795214645123456:0"),
    "to": Meaning("Where it ends", "1795214705123456:0"),
    "Range": Meaning("Which bytes", "bytes=0-1023"),
    "If-Range": Meaning("The range is meant of this ETag only", '"e3b0c442"'),
    "If-None-Match": Meaning("Answer 304 where the ETag is still this", '"e3b0c442"'),
    "If-Match": Meaning("Answer 412 where the ETag is no longer this", '"e3b0c442"'),
}


def meaning(name: str, owner: str = "") -> Meaning | None:
    """Return what the field of a model, or a parameter, means; None where nobody has said."""
    return FIELDS.get(f"{owner}.{name}") or FIELDS.get(name)
