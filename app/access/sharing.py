"""Who comes by a share link: the opening that a browser keeps as a cookie, and the password beside the key.

    POST /share/KEY  counts an opening, and sets a cookie for the addresses below /share/KEY alone

The cookie names the link and when it ends; it is signed. The media have addresses of their own, with a token in them
(app/access/media.py) that is good for as long.
"""

from flask import Response, current_app, request
from itsdangerous import BadData

from app.access import cookies, media
from app.access.caller import Caller
from app.access.signatures import signing
from app.archive import passwords
from app.archive.shares import actor_of, living_share
from app.extensions import AnySession
from app.models import ShareLink

COOKIE, SALT = "playback_share", "opened share link"
OPENED_US = 12 * 3_600_000_000  # how long an opening lasts; the link's own end comes first
MOST_CHARACTERS = 512
PASSWORD_LEAST, PASSWORD_MOST = 8, 128


def share_key(share_id: str) -> str:
    """Return what tells a link from other callers."""
    return f"share:{share_id}"


def of_share(database: AnySession, share_id: str, at_us: int) -> Caller | None:
    """Return the caller that a link is; None for one that works no more."""
    row = living_share(database, share_id, at_us)
    if row is None:
        return None
    return Caller(
        name=actor_of(row.id),
        role="share",
        key=share_key(row.id),
        how="share",
        sources=frozenset({row.source_id}),
        span=(row.begin_us, row.end_us),
        areas=frozenset({"playback"}),
    )


def opened_until_us(row: ShareLink, at_us: int) -> int | None:
    """Return until when this browser has opened the link; None where it has not."""
    text = request.cookies.get(COOKIE, "")
    if not text or len(text) > MOST_CHARACTERS:
        return None
    try:
        share_id, until_us = signing(SALT).loads(text)
    except (BadData, ValueError, TypeError):
        return None
    until_us = min(until_us, row.expires_us)
    return until_us if share_id == row.id and at_us < until_us else None


def opening_ends_us(row: ShareLink, at_us: int) -> int:
    """Return when an opening of now ends."""
    return min(row.expires_us, at_us + OPENED_US)


def keep_opening(response: Response, row: ShareLink, path: str, until_us: int, at_us: int) -> None:
    """Let the browser keep an opening. Lax: a link in a letter is another site's, and must find it again."""
    response.set_cookie(
        COOKIE,
        signing(SALT).dumps([row.id, until_us]),
        max_age=max((until_us - at_us) // 1_000_000, 1),
        path=path,
        secure=cookies.is_secure(current_app.config["PLAYBACK"]),
        httponly=True,
        samesite="Lax",
    )


def media_token(row: ShareLink, until_us: int) -> str:
    """Return the token of the addresses of the link's media."""
    return media.sign(media.Media(share_key(row.id), (row.source_id,), row.begin_us, row.end_us, until_us))


def is_password(row: ShareLink, given: str | None) -> bool:
    """Tell whether this is the link's password; of a link without one, anything is. Raises Busy."""
    return row.password is None or (bool(given) and passwords.is_password(row.password, given or ""))
