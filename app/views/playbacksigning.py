"""Addresses of media that are given out to who came with a token, and what must not stay in any cache."""

from collections.abc import Mapping, Sequence

from flask import Response

from app.access import media
from app.access.finding import find_caller, known_caller
from app.access.media import Media, with_token
from app.models.types import now_us
from app.playback.asked import Asked


def signed_urls(urls: Mapping[str, str], source_ids: Sequence[int], asked: Asked) -> dict[str, str]:
    """Return addresses of media as the caller can use them.

    A token's header is sent by the program, but not by the player that it hands them to: they are signed, for these
    cameras and this range. A browser sends its cookie to all of them, and needs nothing.
    """
    found = find_caller()
    if found is None or found.how != "token":
        return dict(urls)
    end_us = None if asked.is_open_ended else asked.end_us
    given = Media(found.key, tuple(source_ids), asked.begin_us, end_us, media.until_us(now_us()))
    token = media.sign(given)
    return {name: with_token(address, token) for name, address in urls.items()}


def keep_from_caches(response: Response) -> Response:
    """Let nobody keep what a share link shows: it ends. What is signed for one caller, none but his own cache."""
    found = known_caller()
    if found is not None and found.how == "share":
        response.headers["Cache-Control"] = "private, no-store"
    elif found is not None and found.how == "token" and response.mimetype == "application/json":
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response
