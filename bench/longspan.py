"""24 h of one camera: the first byte of its MP4 and its HLS playlist, each of another span every time."""

import gzip

from bench.archive import open_app
from bench.asking import ask, cold_ms
from bench.cameras import SEED
from bench.figures import Figure, median, percentile
from bench.firstbyte import ask_anew_s
from bench.footage import HOURS_24, Footage, address, long_footage, running, spans_24h

WARMING = 12
FIRST_BYTES, PLAYLISTS, SERVED, COLD = 300, 100, 60, 5
FIRST_P50_MS, FIRST_P99_MS = 5.0, 20.0
PLAYLIST_MS, PLAYLIST_BYTES = 8.0, 120_000


def first_byte() -> list[Figure]:
    """Ask for 24 h of `video.mp4` again and again, in process; then through gunicorn, then in fresh processes."""
    footage = long_footage()
    paths = _paths(footage, "/video.mp4", FIRST_BYTES + WARMING + SERVED + COLD)
    app = open_app(footage.service, with_views=True)
    times_ms, cpus_ms = [], []
    for path in paths[: WARMING + FIRST_BYTES]:
        answer = ask(app, path, is_whole=False)
        assert answer.status == 200, answer.body[:500]
        times_ms.append(answer.first_s * 1000)
        cpus_ms.append(answer.cpu_s * 1000)
    times_ms, cpus_ms = times_ms[WARMING:], cpus_ms[WARMING:]
    served_ms = _served_ms(footage, paths[WARMING + FIRST_BYTES : -COLD])
    cold = [cold_ms(footage.service, path, is_whole=False)[0] for path in paths[-COLD:]]
    p50_ms, p99_ms = median(times_ms), percentile(times_ms, 99)
    detail = {
        **footage.archive.describe(),
        "spans": FIRST_BYTES,
        "first_byte_ms": {"p50": p50_ms, "p95": percentile(times_ms, 95), "p99": p99_ms, "most": max(times_ms)},
        "cpu_ms": {"p50": median(cpus_ms), "p99": percentile(cpus_ms, 99)},
        "through_gunicorn_ms": {"p50": median(served_ms), "p95": percentile(served_ms, 95), "most": max(served_ms)},
        "first_of_a_fresh_process_ms": cold,
    }
    shown = (
        f"p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms (of {FIRST_BYTES} spans); through gunicorn on new connections "
        f"{median(served_ms):.1f} ms (p95 {percentile(served_ms, 95):.1f}), "
        f"first answer of a process {median(cold):.0f} ms"
    )
    is_met = p50_ms <= FIRST_P50_MS and p99_ms <= FIRST_P99_MS
    what = "`video.mp4` of 24 h: first byte, server side, warm"
    return [Figure(what, "p50 ≤ 5 ms, p99 ≤ 20 ms", shown, is_met, detail)]


def playlist() -> list[Figure]:
    """Ask for whole playlists of 24 h, gzipped."""
    footage = long_footage()
    paths = _paths(footage, "/index.m3u8", PLAYLISTS + WARMING + COLD)
    app = open_app(footage.service, with_views=True)
    times_ms, cpus_ms, sizes, plain_bytes = [], [], [], []
    for number, path in enumerate(paths[:-COLD]):
        answer = ask(app, path, is_whole=True, Accept_Encoding="gzip")
        assert answer.status == 200, answer.body[:500]
        is_packed = answer.headers.get("Content-Encoding") == "gzip"
        text = gzip.decompress(answer.body) if is_packed else answer.body
        assert text.endswith(b"#EXT-X-ENDLIST\n"), text[-100:]
        if number >= WARMING:
            times_ms.append(answer.whole_s * 1000)
            cpus_ms.append(answer.cpu_s * 1000)
            sizes.append(len(answer.body))
            plain_bytes.append(len(text))
    cold = [cold_ms(footage.service, path, is_whole=True)[0] for path in paths[-COLD:]]
    middle_ms = median(times_ms)
    detail = {
        **footage.archive.describe(),
        "spans": PLAYLISTS,
        "whole_ms": {"p50": middle_ms, "p95": percentile(times_ms, 95), "most": max(times_ms)},
        "cpu_ms": {"p50": median(cpus_ms), "p95": percentile(cpus_ms, 95)},
        "gzipped_bytes": max(sizes),
        "plain_bytes": max(plain_bytes),
        "first_of_a_fresh_process_ms": cold,
    }
    shown = (
        f"{middle_ms:.1f} ms (p95 {percentile(times_ms, 95):.1f}), {max(sizes) / 1000:.0f} KB; "
        f"first answer of a process {median(cold):.0f} ms"
    )
    is_met = middle_ms <= PLAYLIST_MS and max(sizes) <= PLAYLIST_BYTES
    return [Figure("`index.m3u8` of 24 h, gzipped: the whole answer", "≤ 8 ms, ≤ 120 KB", shown, is_met, detail)]


def _paths(footage: Footage, name: str, count: int) -> list[str]:
    return [address(footage.source_ids[0], name, begin, HOURS_24) for begin in spans_24h(footage, count, SEED)]


def _served_ms(footage: Footage, paths: list[str]) -> list[float]:
    """Return the milliseconds until the first byte over loopback, on new connections."""
    with running(footage.serve()) as service:
        times_s = [
            ask_anew_s(service.port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()) for path in paths
        ]
    return [time_s * 1000 for time_s in times_s[WARMING:]]
