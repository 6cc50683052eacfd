"""Signed addresses of media: what a player is given who can send no header, and no cookie of ours.

    …/video.mp4?start=…&end=…&media=TOKEN

The token names a caller (`token:ID` or `share:ID`), the cameras, the span and an instant it ends; it is signed, so that
nothing of it can be changed, and opens the addresses of media alone. It is no right of its own: at each use the caller
is looked up again, with what he may do by then. So it ends with his token, account or link, in every process.
"""

from typing import NamedTuple
from urllib.parse import urlencode

from itsdangerous import BadData

from app.access.caller import Caller
from app.access.signatures import signing

PARAMETER, SALT = "media", "media address"
LONGEST_US, STEP_US = 12 * 3_600_000_000, 3_600_000_000
MOST_CHARACTERS = 1024
_HEAD = "playbackapi."
OF_SOURCES = frozenset(
    _HEAD + name
    for name in (
        "playback_source_video",
        "playback_source_playlist",
        "playback_source_picture",
        "playback_source_thumbnails",
        "playback_source_thumbnail_index",
        "playback_segment_media",
        "playback_init_media",
        "playback_cell_media",
    )
)
OF_RECORDS = frozenset(
    _HEAD + name
    for name in (
        "playback_record_video",
        "playback_record_playlist",
        "playback_record_picture",
        "playback_record_thumbnails",
        "playback_record_thumbnail_index",
    )
)
ENDPOINTS = OF_SOURCES | OF_RECORDS


class Media(NamedTuple):
    """What a token says: whose it is, which cameras and which span it opens, and until when."""

    key: str
    source_ids: tuple[int, ...]
    begin_us: int
    end_us: int | None
    until_us: int


def until_us(at_us: int, ends_us: int | None = None) -> int:
    """Return when a token of now ends: within 12 h, on the hour, so that an address stays the same for an hour.

    A browser finds again what it has kept under it. Never later than `ends_us`.
    """
    on_the_hour = (at_us // STEP_US) * STEP_US + LONGEST_US
    return on_the_hour if ends_us is None else min(on_the_hour, ends_us)


def sign(media: Media) -> str:
    """Return the token."""
    return signing(SALT).dumps([media.key, list(media.source_ids), media.begin_us, media.end_us, media.until_us])


def read(text: str, at_us: int) -> Media | None:
    """Return what a token says; None for one that is not ours, and for one that has ended."""
    if len(text) > MOST_CHARACTERS:
        return None
    try:
        key, source_ids, begin_us, end_us, ends_us = signing(SALT).loads(text)
    except (BadData, ValueError, TypeError):
        return None
    return Media(key, tuple(source_ids), begin_us, end_us, ends_us) if at_us < ends_us else None


def narrowed(caller: Caller, media: Media, how: str) -> Caller:
    """Return a caller as far as a token lets him: its cameras and its span, of what is his own."""
    ids = frozenset(media.source_ids)
    return Caller(
        name=caller.name,
        role="viewer" if caller.has_role("viewer") else caller.role,
        key=caller.key,
        how=how,
        account_id=caller.account_id,
        sources=ids if caller.sources is None else ids & caller.sources,
        begin_us=caller.begin_us,
        end_us=caller.end_us,
        span=(media.begin_us, media.end_us),
        areas=frozenset({"playback"}) if caller.areas is None else caller.areas & {"playback"},
    )


def with_token(address: str, token: str | None) -> str:
    """Return an address with the token in its query; as it is where there is none."""
    if token is None:
        return address
    return f"{address}{'&' if '?' in address else '?'}{query_of(token)}"


def query_of(token: str) -> str:
    """Return what stands in the query of a signed address."""
    return urlencode({PARAMETER: token})
