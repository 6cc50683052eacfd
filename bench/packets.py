"""Whether what is recorded over RTSP is what was sent: packet by packet, by hash, in order."""

import json
import tempfile
import time
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from bench.cameras import LONG, Cameras, add_cameras, describe_clip, serve
from bench.figures import Figure
from tests.archive_reading import query, recorded_runs
from tests.service import Service, wait_for

RECORDED_S, SEGMENT_S = 60.0, 20
SURE_S = 1.0  # what was sent so long before the stop must be there


def measure() -> list[Figure]:
    """Record one camera for 60 s and compare."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ledger = Path(folder) / "sent.json"
        with serve(LONG, 1, ledger) as cameras, Service(Path(folder) / "service", SEGMENT_S=SEGMENT_S) as service:
            recorded, segments, stopped_s = _record(service, cameras)
        sessions = json.loads(ledger.read_text("ascii"))
    detail: dict[str, Any] = {"camera": describe_clip(LONG), "segments": segments}
    for kind, hashes in recorded.items():
        sent = max((session[kind] for session in sessions), key=len)  # the others are measurements of status
        sure = sum(line[0] <= stopped_s - SURE_S for line in sent)
        detail[kind] = compare([line[2] for line in sent], sure, hashes)
    shown = "; ".join(
        f"{kind}: {detail[kind]['sent']} sent, {detail[kind]['lost']} lost, {detail[kind]['doubled']} doubled, "
        f"{detail[kind]['altered']} altered"
        for kind in recorded
    )
    is_met = all(detail[kind]["is_equal"] for kind in recorded)
    return [Figure("packets of 60 s recorded over RTSP/TCP, by hash, in order", "all", shown, is_met, detail)]


def _record(service: Service, cameras: Cameras) -> tuple[dict[str, list[str]], int, float]:
    """Record 60 s; return the hashes on disk, the number of segments, and when the stop was asked for (Unix time)."""
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
    return {"video": video, "audio": audio}, segments, stopped_s


def compare(sent: list[str], sure: int, recorded: list[str]) -> dict[str, Any]:
    """Count the differences between the hashes of a recording and of what was sent, in order.

    All hashes sent are different. The recording must hold them from the first on, at least the first `sure`, and may
    end at any later one.
    """
    last = sent.index(recorded[-1]) if recorded and recorded[-1] in sent else -1
    wanted = sent[: max(sure, last + 1)]
    counts = {"sent": len(wanted), "recorded": len(recorded), "lost": 0, "doubled": 0, "altered": 0}
    for kind, begin, end, found_begin, found_end in SequenceMatcher(None, wanted, recorded, False).get_opcodes():
        if kind == "delete":
            counts["lost"] += end - begin
        elif kind == "insert":
            counts["doubled"] += found_end - found_begin
        elif kind == "replace":
            counts["altered"] += max(end - begin, found_end - found_begin)
    return {**counts, "is_equal": recorded == wanted}
