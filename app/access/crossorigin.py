"""Pages of other sites (CORS): those of PLAYBACK_CORS_ORIGINS may ask with a token, nobody else may ask at all.

No cookie takes part: answers never carry `Access-Control-Allow-Credentials`, and ours are SameSite=Strict. What a
browser asks before it asks (preflight) carries no token, so it is answered without one, to listed origins alone.
"""

import re

from flask import Flask, Response, current_app, request
from flask_cors import CORS

from instance.config import Config

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
TUS = [
    "Location",
    "Tus-Checksum-Algorithm",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Concat",
    "Upload-Defer-Length",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
]
SENT = [
    *("Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "If-Modified-Since"),
    *("If-Range", "If-Unmodified-Since", "Last-Event-ID", "Range", "X-HTTP-Method-Override", "X-Refer-Key"),
    *("Tus-Resumable", "Upload-Checksum", "Upload-Concat", "Upload-Defer-Length", "Upload-Length"),
    *("Upload-Metadata", "Upload-Offset", "X-Requested-With"),
]
READ = [
    *("Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Range", "Date", "ETag"),
    *("Idempotency-Replayed", "Link", "Retry-After", "WWW-Authenticate", "X-File-Target-Audience", "X-Media-Seconds"),
    *("X-Picture-Utc", "X-Refer-Key"),
    *TUS,
]
KEPT_S = 600  # as long a browser keeps what a preflight was answered


def begin(app: Flask) -> None:
    """Answer pages of the listed origins; without a list nothing is bound. Before the check of who may ask."""
    origins = app.config["PLAYBACK"].cors_origins
    if not origins:
        return
    # Each for one origin to the letter: flask-cors would take [::1] in a text for a set of characters.
    patterns = [re.compile(re.escape(origin) + r"\Z", re.IGNORECASE) for origin in origins]
    app.before_request(answer_preflight)
    app.after_request(vary)
    CORS(
        app,
        origins=patterns,
        methods=METHODS,
        allow_headers=SENT,
        expose_headers=READ,
        max_age=KEPT_S,
        supports_credentials=False,
        send_wildcard=False,
        vary_header=True,
        intercept_exceptions=False,
    )


def is_listed(config: Config, origin: str | None) -> bool:
    """Tell whether an origin is of the list."""
    return origin is not None and origin.lower() in config.cors_origins


def answer_preflight() -> Response | None:
    """Answer what a browser asks before a page of a listed origin may ask; its headers are set as the answer leaves."""
    is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if is_preflight and is_listed(current_app.config["PLAYBACK"], request.headers.get("Origin")):
        return Response(status=204)
    return None


def vary(response: Response) -> Response:
    """Tell caches that the answer depends on who asks, of every answer: one without an origin is another, too."""
    response.vary.add("Origin")
    return response
