"""A long body of `video.mp4` through gunicorn against nginx that sends one plain file of the same bytes.

In turn, the same client, everything in the page cache. The CPU is that of all processes of each server.
"""

import tempfile
from pathlib import Path

from bench.client import Download, download
from bench.figures import Figure, median
from bench.footage import Footage, address, dense_footage, running
from bench.nginx import serve_files
from bench.processes import children, cpu_s

ROUNDS = 7
LEAST_RATIO, MOST_CPU_RATIO = 0.95, 1.2


def measure() -> list[Figure]:
    """Fetch the same bytes from both, several times in turn."""
    footage = dense_footage()
    path = whole_path(footage)
    taken: dict[str, list[tuple[Download, float]]] = {"ours": [], "nginx": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as name, running(footage.serve(WEB_WORKERS=1)) as service:
        folder = Path(name)
        plain = folder / "files" / "video.mp4"
        plain.parent.mkdir()
        download(service.port, path, plain)
        master = service.pid("web")
        with serve_files(plain.parent, folder / "nginx") as nginx:
            servers = {
                "ours": (service.port, path, [master, *children(master)]),
                "nginx": (nginx.port, "/video.mp4", nginx.pids),
            }
            for port, asked, _ in servers.values():
                download(port, asked)
            for _ in range(ROUNDS):
                for server, (port, asked, pids) in servers.items():
                    before_s = cpu_s(pids)
                    got = download(port, asked)
                    taken[server].append((got, cpu_s(pids) - before_s))
    return [_figure(taken, footage)]


def whole_path(footage: Footage) -> str:
    """Return the path of all that an archive holds, as one MP4."""
    return address(footage.source_ids[0], "/video.mp4", footage.begin_us, footage.end_us - footage.begin_us)


def _figure(taken: dict[str, list[tuple[Download, float]]], footage: Footage) -> Figure:
    speeds = {name: [got.body_bytes / got.wall_s / 1e9 for got, _ in each] for name, each in taken.items()}
    # Of all rounds together: /proc counts in steps of 10 ms.
    costs = {
        name: sum(cost_s for _, cost_s in each) / sum(got.body_bytes for got, _ in each) * 1e9
        for name, each in taken.items()
    }
    ratio = median(speeds["ours"]) / median(speeds["nginx"])
    cpu_ratio = costs["ours"] / costs["nginx"]
    detail = {
        **footage.archive.describe(),
        "body_bytes": taken["ours"][0][0].body_bytes,
        "gb_s": speeds,
        "server_cpu_s_per_gb": costs,
        "client_cpu_s_per_gb": {
            name: median(got.client_cpu_s / got.body_bytes * 1e9 for got, _ in each) for name, each in taken.items()
        },
    }
    shown = (
        f"{ratio:.2f} ({median(speeds['ours']):.2f} to {median(speeds['nginx']):.2f} GB/s), CPU {cpu_ratio:.2f} "
        f"({costs['ours']:.2f} to {costs['nginx']:.2f} s/GB; {ROUNDS} rounds)"
    )
    is_met = ratio >= LEAST_RATIO and cpu_ratio <= MOST_CPU_RATIO
    what = "a body of 2 GB: throughput over that of nginx with sendfile of one file, and CPU per GB over its"
    return Figure(what, "≥ 0.95, ≤ 1.2", shown, is_met, detail)
