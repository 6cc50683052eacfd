"""The least that takes an upload: a WSGI app that writes the body to a file and makes it durable."""

import os
from collections.abc import Callable, Iterable
from typing import Any

BLOCK_BYTES = 1 << 16


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Write the body to the file that BENCH_TARGET names."""
    handle = os.open(os.environ["BENCH_TARGET"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    try:
        while block := environ["wsgi.input"].read(BLOCK_BYTES):
            os.write(handle, block)
        os.fsync(handle)
    finally:
        os.close(handle)
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]
