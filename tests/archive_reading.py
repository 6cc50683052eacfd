"""Reading back what was recorded, from the files on disk, to compare it with what a camera says it sent."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from app.archive import places
from tests.media import Packet, packets
from tests.rtsp_player import Sent
from tests.service import Service


class RecordedRun(NamedTuple):
    """One run of a source as its files hold it."""

    run_id: str
    start_us: int
    end_us: int
    video: list[Packet]
    audio: list[Packet]


def query(service: Service, text: str, *values: object) -> list[tuple]:
    """Return rows of the service's embedded database."""
    with closing(sqlite3.connect(f"file:{service.instance / 'app.db'}?mode=ro", uri=True)) as connection:
        return connection.execute(text, values).fetchall()


def segment_files(service: Service, source_id: int) -> list[tuple[str, int, int, Path]]:
    """Return run, start, end and path of every closed segment of a source, by start."""
    rows = query(
        service,
        "SELECT run_id, start_us, end_us, segment.id, path FROM segment JOIN storage ON storage.id = storage_id"
        " WHERE source_id = ? AND segment.state = 1 ORDER BY start_us",
        source_id,
    )
    return [
        (run, start, end, places.closed_path(Path(root), source_id, start, segment))
        for run, start, end, segment, root in rows
    ]


def recorded_runs(service: Service, source_id: int) -> list[RecordedRun]:
    """Return the runs of a source by start, every packet of every closed segment in order."""
    runs: dict[str, RecordedRun] = {}
    for run_id, start_us, end_us, path in segment_files(service, source_id):
        run = runs.setdefault(run_id, RecordedRun(run_id, start_us, end_us, [], []))
        found = packets(path)
        run.video.extend(found["video"])
        run.audio.extend(found["audio"])
        runs[run_id] = run._replace(end_us=end_us)
    return list(runs.values())


def assert_contiguous(
    recorded: Sequence[Packet], sent: Sequence[Sent], until_s: float, begin: int | None = None
) -> None:
    """Assert that what was recorded is a stretch of what was sent, in order, that reaches up to `until_s`.

    The stretch begins at `begin` in the ledger, else where the first recorded packet was sent. Packets sent
    after until_s (Unix time) may be missing at the end, those before may not.
    """
    assert recorded, "nothing was recorded"
    hashes = [packet.sha256 for packet in recorded]
    ledger = [line.sha256 for line in sent]
    first = ledger.index(hashes[0]) if begin is None else begin
    for number, (got, want) in enumerate(zip(hashes, ledger[first:], strict=False)):
        assert got == want, f"packet {number} differs from what was sent"
    assert first + len(hashes) <= len(ledger), "more was recorded than was sent"
    missing = [line for line in sent[first + len(hashes) :] if line.sent_s <= until_s]
    assert not missing, f"{len(missing)} packets sent before the end are missing"
