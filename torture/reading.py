"""Reading everything back by the public API: the film of a range, its packets, and what the ledger says is missing."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import av

from app.archive import places
from tests.archive_reading import query
from tests.media import comparable
from tests.rtp import read_stamp
from tests.service import Service

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FETCH_S = 300


class Played(NamedTuple):
    """One packet of a film: the hash that it is compared by, and of a picture its stamp."""

    kind: str
    sha256: str
    stamp: str | None


class LedgerGap(NamedTuple):
    """What is missing and why; seconds since the epoch, of the service's clock."""

    begin_s: float
    end_s: float
    cause: str | None
    detail: str | None


def fetch_film(service: Service, source_id: int, begin_s: float, end_s: float, target: Path) -> bool:
    """Write the film of a range, its gaps closed, to a file; tell whether there is one."""
    query = {"start": f"{begin_s:.6f}", "end": f"{end_s:.6f}", "gaps": "collapse"}
    path = f"{service.base}/playbackapi/source/{source_id}/video.mp4"
    with service.session.get(path, params=query, timeout=FETCH_S, stream=True) as answer:
        if answer.status_code == 404:
            return False
        answer.raise_for_status()
        with target.open("wb") as file:
            for part in answer.iter_content(1 << 20):
                file.write(part)
    return True


def read_packets(path: Path) -> Iterator[Played]:
    """Yield the packets of a file in decode order, also those that an edit list hides."""
    with av.open(str(path), options={"ignore_editlist": "1"}) as container:
        for packet in container.demux([*container.streams.video[:1], *container.streams.audio[:1]]):
            if packet.size == 0:
                continue
            data = comparable(packet)
            if packet.stream.type == "audio":
                yield Played("audio", hashlib.sha256(data).hexdigest(), None)
            elif data or read_stamp(bytes(packet)):
                yield Played("video", hashlib.sha256(data).hexdigest(), read_stamp(bytes(packet)))


def read_files(service: Service, source_id: int) -> frozenset[str]:
    """Return the hashes of all packets in a source's files, whether they are played or not."""
    return frozenset(packet.sha256 for path in _files(service, source_id) for packet in read_packets(path))


def _files(service: Service, source_id: int) -> list[Path]:
    text = "SELECT st.path, s.start_us, s.id FROM segment s JOIN storage st ON st.id = s.storage_id WHERE source_id = ?"
    rows = query(service, text, source_id)
    return [places.closed_path(Path(root), source_id, start_us, name) for root, start_us, name in rows]


def read_ledger(service: Service, source_id: int, begin_s: float, end_s: float) -> list[LedgerGap]:
    """Return the gaps of a range with their causes, in order."""
    query = f"start={begin_s:.6f}&end={end_s:.6f}"
    answer = service.call("GET", f"/api/v1/source/{source_id}/gaps?{query}")
    return [_gap(item) for item in answer["gaps"]]


def _gap(item: dict[str, Any]) -> LedgerGap:
    return LedgerGap(_seconds(item["start_utc"]), _seconds(item["end_utc"]), item.get("cause"), item.get("detail"))


def _seconds(text: str) -> float:
    """Return seconds since the epoch."""
    return (datetime.fromisoformat(text) - EPOCH).total_seconds()
