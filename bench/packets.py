"""Whether what is recorded over RTSP is what was sent: packet by packet, by hash, in order."""

import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.cameras import LONG, Cameras, add_cameras, describe_clip, serve
from bench.figures import Figure
from tests.archive_reading import query, recorded_runs
from tests.service import Service, wait_for

RECORDED_S = 60.0
SURE_S = 1.0  # what was sent so long before the stop must be there


def measure() -> list[Figure]:
    """Record one camera for 60 s and compare."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ledger = Path(folder) / "sent.json"
        with serve(LONG, 1, ledger) as cameras, Service(Path(folder) / "service", SEGMENT_S=20) as service:
            recorded, stopped_s = _record(service, cameras)
        sessions = json.loads(ledger.read_text("ascii"))
    detail: dict[str, Any] = {"camera": describe_clip(LONG), "segments": recorded.pop("segments")}
    for kind, hashes in recorded.items():
        sent = max((session[kind] for session in sessions), key=len)  # the others are measurements of status
        detail[kind] = compare([line[2] for line in sent if line[0] <= stopped_s - SURE_S], hashes)
    wrong = sum(detail[kind][fault] for kind in ("video", "audio") for fault in ("lost", "doubled", "altered"))
    shown = "; ".join(
        f"{kind}: {detail[kind]['sent']} sent, {detail[kind]['lost']} lost, {detail[kind]['doubled']} doubled, "
        f"{detail[kind]['altered']} altered"
        for kind in ("video", "audio")
    )
    is_met = wrong == 0 and all(detail[kind]["in_order"] for kind in ("video", "audio"))
    return [Figure("packets of 60 s recorded over RTSP/TCP, by hash, in order", "all", shown, is_met, detail)]


def _record(service: Service, cameras: Cameras) -> tuple[dict[str, Any], float]:
    """Record for 60 s of footage; return the hashes on disk, and when the stop was asked for (Unix time)."""
    (source_id,) = add_cameras(service, cameras, "one")
    service.record("one", "one")
    wait_for(lambda: query(service, "SELECT 1 FROM run"), "footage")
    time.sleep(RECORDED_S)
    stopped_s = time.time()
    service.stop_recording("one")
    wait_for(lambda: not query(service, "SELECT 1 FROM lease"), "the end of recording", 30)
    (run,) = recorded_runs(service, source_id)
    (segments,) = query(service, "SELECT count(*) FROM segment")[0]
    video, audio = ([packet.sha256 for packet in packets] for packets in (run.video, run.audio))
    return {"video": video, "audio": audio, "segments": segments}, stopped_s


def compare(sent: list[str], recorded: list[str]) -> dict[str, Any]:
    """Compare hashes of what was surely sent with those of what was recorded, which may go on for a little longer.

    The audio may begin later than the video: what was sent before the first recorded packet is `before`.
    """
    before = sent.index(recorded[0]) if recorded and recorded[0] in sent else 0
    wanted = sent[before:]
    counts_sent, counts_found = Counter(wanted), Counter(recorded[: len(wanted)])
    doubled = sum(max(0, count - counts_sent[one]) for one, count in counts_found.items() if one in counts_sent)
    altered = sum(count for one, count in counts_found.items() if one not in counts_sent)
    missing = sum((counts_sent - counts_found).values())
    return {
        "sent": len(wanted),
        "recorded": len(recorded),
        "before": before,
        "lost": max(0, missing - altered),
        "doubled": doubled,
        "altered": altered,
        "in_order": recorded[: len(wanted)] == wanted,
    }
