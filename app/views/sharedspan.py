"""What a share link shows of its span: when, where footage is missing, and the addresses of its media.

It is less than request data: no cause of a gap, no record, no tag, no run. Those tell of the camera and of the time
around the span.
"""

from typing import Any

from flask import url_for

from app.access.media import with_token
from app.access.sharing import media_token
from app.errors import NotFound
from app.models import ShareLink
from app.personalulti import utc_text
from app.playback import requestdata
from app.playback.asked import Asked
from app.views.playbackrange import Subject

LONG_US = 2 * 3_600_000_000  # from here on a playlist begins much sooner than a film, whose tables come first
MOST_GAPS = 100


def describe_span(row: ShareLink, until_us: int) -> dict[str, Any]:
    """Return what there is of the span of a link that was opened until an instant; `urls` is None without footage."""
    told: dict[str, Any] = {
        "description": row.description,
        "start_utc": utc_text(row.begin_us),
        "end_utc": utc_text(row.end_us),
        "expires_utc": utc_text(row.expires_us),
        "opened_until_utc": utc_text(until_us),
        "may_download": row.may_download,
    }
    subject = Subject(row.source_id, _asked(row), _path(row.source_id))
    try:
        footage = subject.load()
        data = requestdata.describe(footage, subject.plan(footage), subject.asked, subject.path, utc_text)
    except NotFound:
        return {**told, "duration": 0.0, "gaps": [], "is_playlist_first": False, "urls": None}
    token = media_token(row, until_us)
    is_changing = len({run["codecs"] for run in data["runs"]}) > 1
    return {
        **told,
        "duration": data["duration"],
        "gaps": [{name: gap[name] for name in ("start_utc", "end_utc")} for gap in data["gaps"][:MOST_GAPS]],
        "is_playlist_first": is_changing or row.end_us - row.begin_us > LONG_US,
        "urls": {name: with_token(address, token) for name, address in data["urls"].items()},
    }


def media_address(row: ShareLink, name: str, until_us: int, *, is_download: bool = False) -> str:
    """Return the signed address of the whole span as `video.mp4` or `index.m3u8`."""
    asked = _asked(row).model_copy(update={"download": is_download})
    query = requestdata.media_query(asked, utc_text, None, end_us=row.end_us)
    return with_token(f"{_path(row.source_id)}{name}?{query}", media_token(row, until_us))


def _asked(row: ShareLink) -> Asked:
    return Asked(
        begin_us=row.begin_us, end_us=row.end_us, is_open_ended=False, gaps="collapse", rev=None, download=False
    )


def _path(source_id: int) -> str:
    return url_for("playbackapi.source_data", source_id=source_id).rstrip("/") + "/"
