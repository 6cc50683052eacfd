"""What the views say about answers of bytes and of lists: ranges and conditions are the same wherever they stand.

@sends_bytes(namespace, "video/mp4", "The MP4")
def get(self): ...
"""

from collections.abc import Callable
from typing import Any

from flask_restx import Namespace

HEADERS = {
    "Range": "Bytes to send, as `bytes=0-1023`; several ranges come as multipart/byteranges",
    "If-Range": "An ETag: where the body has another, all of it is sent instead of the range",
    "If-None-Match": "ETags, or `*`: 304 where the body has one of them",
    "If-Match": "ETags, or `*`: 412 where the body has none of them",
}
SENT = {"ETag": "Names this very body", "Accept-Ranges": "`bytes`"}
Decorator = Callable[[Callable[..., Any]], Any]


def sends_bytes(namespace: Namespace, kind: str, text: str) -> Decorator:
    """Document an answer of bytes of this content type that heeds ranges and conditions (RFC 9110 §13, §14)."""

    def decorate(view: Callable[..., Any]) -> Any:
        for name, about in HEADERS.items():
            view = namespace.param(name, about, _in="header")(view)
        view = namespace.response(412, "The body is no longer the one that the condition names")(view)
        view = namespace.response(416, "No range lies within the body")(view)
        view = namespace.response(304, "Not changed since")(view)
        view = namespace.response(206, "The bytes asked for", headers={**SENT, "Content-Range": "Which they are"})(view)
        view = namespace.response(200, text, headers=SENT)(view)
        return namespace.produces([kind])(view)

    return decorate


def sends_list(namespace: Namespace) -> Decorator:
    """Document that a list has an ETag, and is not sent again to who has it (app/views/listing.py)."""

    def decorate(view: Callable[..., Any]) -> Any:
        view = namespace.param("If-None-Match", "ETags, or `*`: 304 where the list has one of them", _in="header")(view)
        return namespace.response(304, "Not changed since")(view)

    return decorate


def sends_on(namespace: Namespace) -> Decorator:
    """Document the redirect to the pinned address, where a range reaches into what is still being written."""
    text = "The range reaches into what is still being written: the address in Location pins what there is"
    decorator: Decorator = namespace.response(307, text, headers={"Location": "The pinned address"})
    return decorator
