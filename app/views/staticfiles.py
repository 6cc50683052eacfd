"""Static files as they leave: texts compressed once a process, what the build names by its hash kept for ever.

Compressed when first asked for, and not at the build: a file is then never beside an older copy of itself, whoever put
it there. The operator's pages are some 30 files, 1 MB as they are and 0.3 MB compressed: each costs some 10 ms once.
"""

import gzip
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, current_app, request
from werkzeug.security import safe_join

from app.views.compression import is_gzip_wanted

ENDPOINT = "static"
HASHED = "built/assets/"  # vite: each name holds a hash of the bytes (web/vite.config.ts)
FOR_EVER = "public, max-age=31536000, immutable"
TEXTS = frozenset({"text/css", "text/javascript", "application/javascript", "image/svg+xml", "application/json"})
LEVEL = 9
MOST_FILES, MOST_BYTES = 128, 4 << 20  # kept by a process


def begin(app: Flask) -> None:
    """Look at every static file that leaves the app."""
    app.after_request(finish)


def finish(response: Response) -> Response:
    """Let browsers keep what never changes, and compress texts for who takes gzip (RFC 9110 §12.5.3)."""
    if request.endpoint != ENDPOINT or response.status_code not in (200, 206, 304):
        return response
    name = str((request.view_args or {}).get("filename", ""))
    if name.startswith(HASHED):
        response.headers["Cache-Control"] = FOR_EVER
    if response.mimetype not in TEXTS:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code == 200 and is_gzip_wanted(response.content_length or 0):
        _compress(response, name)
    return response


def _compress(response: Response, name: str) -> None:
    path = safe_join(current_app.static_folder or "", name)
    if path is None or (response.content_length or 0) > MOST_BYTES:
        return
    found = Path(path).stat()
    data = _compressed(path, found.st_mtime_ns, found.st_size)
    response.close()  # the file that it would have been read from
    response.direct_passthrough = False
    response.set_data(data)
    response.headers["Content-Encoding"] = "gzip"
    response.headers.pop("Accept-Ranges", None)
    etag, is_weak = response.get_etag()
    if etag is not None and not is_weak:
        response.set_etag(etag, weak=True)  # these are other bytes (§8.8.3.3)


@lru_cache(maxsize=MOST_FILES)
def _compressed(path: str, _changed_ns: int, _size_bytes: int) -> bytes:
    """Return a file compressed; when it was changed and its size tell whether it is the one that is kept."""
    return gzip.compress(Path(path).read_bytes(), LEVEL, mtime=0)
