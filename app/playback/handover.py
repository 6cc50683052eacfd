"""Handing whole files over to the front server, which then sends them itself, with ranges and conditions of its own.

nginx takes `X-Accel-Redirect: /PREFIX/path-below-rec`, an address of an internal location (docs/nginx/); Apache's
mod_xsendfile and lighttpd take `X-Sendfile: /path/on/disk`. Without PLAYBACK_SENDFILE_HEADER no path leaves the house.
"""

from urllib.parse import quote

from flask import Response, current_app

from app.archive import places
from app.archive.segments import Found
from instance.config import Config


def hand_over(segment: Found, content_type: str, headers: dict[str, str]) -> Response | None:
    """Return an answer without a body that makes the front server send a segment's file, or None where we send it.

    ETag and Last-Modified are left to the front server: it judges the conditions, and by its own validators only.
    """
    config: Config = current_app.config["PLAYBACK"]
    target = _target(segment, config)
    if target is None:
        return None
    return Response(headers={**headers, config.SENDFILE_HEADER: target}, content_type=content_type)


def _target(segment: Found, config: Config) -> str | None:
    """Return what the header says; None for what the file alone is not: open, shifted, clipped, in another storage."""
    if not config.SENDFILE_HEADER or segment.is_open or segment.shift_ticks or segment.whole is not None:
        return None
    if config.SENDFILE_HEADER == "X-Sendfile":
        return quote(segment.path)
    root = f"{config.storage_path / places.CLOSED}/"
    return config.SENDFILE_PREFIX + quote(segment.path.removeprefix(root)) if segment.path.startswith(root) else None
