"""Copying to another server of this kind over HTTP (docs/design/sync.md, "Another server").

    POST /api/v1/copy                  what comes: record, tag, size, MD5, description -> how much is there already
    PUT  /api/v1/copy/ID/file          Content-Range: bytes a-b/total, at most 8 MiB a request
                                       Content-Range: bytes */total ends it: the receiver compares the MD5

A copy's id is the record's id, so that where it will be is known beforehand.
"""

import json
from collections.abc import Iterator
from typing import Any

import requests

from app.transfer.addresses import Root
from app.transfer.copying import CopyFailed, CopyRefused, Progress, Recording, md5_of

CHUNK_BYTES = 8 << 20
CONNECT_S, ANSWER_S = 15.0, 60.0
END_S = 3600.0  # the receiver reads the whole file before it answers
OFFSET_WRONG, BROKEN = "offset_wrong", "copy_broken"


def copy_to_peer(root: Root, record_id: str, tag_name: str, recording: Recording, progress: Progress) -> str:
    """Copy a recording to another server; return its MD5. Raises as `copying.copy`."""
    md5 = recording.md5 or md5_of(recording.read(0, recording.size_bytes), progress)
    with _Peer(root) as peer:
        announced = peer.call(
            "POST",
            "",
            json={
                "record_id": record_id,
                "tag_name": tag_name,
                "size_bytes": recording.size_bytes,
                "md5": md5,
                "description": json.dumps(recording.description),
            },
        )
        begin = progress.copied_bytes = int(announced["received_bytes"])
        if announced["completed_utc"] is None:
            _send(peer, record_id, recording, begin, progress)
    return md5


def _send(peer: "_Peer", record_id: str, recording: Recording, begin: int, progress: Progress) -> None:
    total = recording.size_bytes
    path = f"/{record_id}/file"
    for chunk in _chunks(progress.paced(recording.read(begin, total))):
        content_range = f"bytes {begin}-{begin + len(chunk) - 1}/{total}"
        answer = peer.call("PUT", path, data=chunk, headers=_binary(content_range))
        begin = progress.copied_bytes = int(answer["received_bytes"])
    progress.check()
    peer.call("PUT", path, data=b"", headers=_binary(f"bytes */{total}"), timeout=(CONNECT_S, END_S))


def _binary(content_range: str) -> dict[str, str]:
    return {"Content-Type": "application/octet-stream", "Content-Range": content_range}


def _chunks(blocks: Iterator[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size >= CHUNK_BYTES - (1 << 18):
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


class _Peer:
    """The other server: one connection, its token, no redirects, certificates checked."""

    def __init__(self, root: Root) -> None:
        self._base = root.address(("api", "v1", "copy"))
        self._session = requests.Session()
        self._session.trust_env = False  # a .netrc or a proxy of the environment must not see the token
        self._session.verify = root.options.get("ca", True)
        if root.password:
            self._session.headers["Authorization"] = f"Bearer {root.password}"

    def __enter__(self) -> "_Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def call(self, method: str, path: str, **keywords: Any) -> Any:
        """Return the JSON of an answer. Raises CopyRefused, CopyFailed, requests' errors."""
        keywords.setdefault("timeout", (CONNECT_S, ANSWER_S))
        answer = self._session.request(method, self._base + path, allow_redirects=False, **keywords)
        if answer.status_code == 200:
            return answer.json()
        said, kind = _said(answer)
        text = f"the other server answered {answer.status_code}: {said}"
        if answer.status_code == 409 and kind not in (OFFSET_WRONG, BROKEN):
            raise CopyRefused(text)
        raise CopyFailed(text)


def _said(answer: requests.Response) -> tuple[str, str]:
    """Return message and kind of an error; of an answer of anybody else its reason."""
    try:
        entry = answer.json()["detail"][0]
        return str(entry["msg"])[:300], str(entry["type"])
    except (ValueError, LookupError, TypeError):
        return (answer.reason or "")[:100], ""
