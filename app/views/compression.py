"""gzip for what is text: playlists, request data, timelines, subtitles. Media are compressed already.

Level 1: a text of 1.1 MB takes 8 ms and becomes 138 KB; level 6 takes 18 ms for 125 KB. Playlists come compressed
already, in pieces that are kept (app/playback/playlist.py). The document of the API is sent once, and packed well.
"""

import gzip

from flask import Response, request

from app.views.playbackrange import HLS

TEXTS = frozenset({HLS, "application/json", "application/yaml", "text/html", "text/vtt"})
LEVEL, BEST_LEVEL = 1, 6
# Less fits into one packet of the network anyway; more would hold a thread, and the memory, for too long.
LEAST_BYTES, MOST_BYTES = 1024, 32 << 20


def compress(response: Response, level: int = LEVEL) -> Response:
    """Compress a text where the client wants it (RFC 9110 §12.5.3).

    Streams, what has a coding already, and ranges, which are bytes of the text as it is, are left alone.
    """
    if response.mimetype not in TEXTS or response.is_streamed or response.status_code == 206:
        return response
    response.vary.add("Accept-Encoding")
    if "Content-Encoding" in response.headers or not is_gzip_wanted(response.calculate_content_length() or 0):
        return response
    response.set_data(gzip.compress(response.get_data(), level, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    etag, is_weak = response.get_etag()
    if etag is not None and not is_weak:
        response.set_etag(etag, weak=True)  # these are other bytes (§8.8.3.3)
    return response


def compress_well(response: Response) -> Response:
    """Compress what is seldom sent, as small as it gets in a few milliseconds more."""
    return compress(response, BEST_LEVEL)


def is_gzip_wanted(size_bytes: int) -> bool:
    """Tell whether the client takes gzip for a text of this size, and nothing rather."""
    accepted = request.accept_encodings
    gzip_quality = accepted.quality("gzip")
    if accepted.find("identity") < 0:  # named by neither itself nor `*`: acceptable, but what was named is better
        return gzip_quality > 0 and LEAST_BYTES <= size_bytes <= MOST_BYTES
    if accepted.quality("identity") == 0:
        return gzip_quality > 0
    return gzip_quality >= accepted.quality("identity") and LEAST_BYTES <= size_bytes <= MOST_BYTES
