"""The service as it runs, watched from outside: figures of several web processes, and an end on request."""

import os
import signal
from pathlib import Path

import pytest
import requests

from app.locks import lock_holder
from tests.service import Service, wait_for

PROCESSES = 3


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    """Yield a running service with several web processes."""
    with Service(tmp_path_factory.mktemp("service"), WEB_WORKERS=PROCESSES) as running:
        yield running


def answered(service: Service) -> float:
    """Return how often `/healthz` was answered, as one of the web processes says."""
    lines = requests.get(f"{service.base}/metrics", timeout=5).text.splitlines()
    counts = [line for line in lines if line.startswith("flask_http_request_duration_seconds_count")]
    return sum(float(line.rpartition(" ")[2]) for line in counts if 'url_rule="/healthz"' in line)


def web_pids(service: Service) -> set[int]:
    master = service.pid("web")
    return {int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()}


def ask(service: Service, times: int) -> None:
    """Ask over as many connections, so that every web process has its share."""
    for _ in range(times):
        requests.get(f"{service.base}/healthz", timeout=5).raise_for_status()


def test_metrics_are_the_sum_of_all_web_processes_and_outlive_one(service: Service) -> None:
    before = answered(service)
    ask(service, 60)
    assert {answered(service) for _ in range(12)} == {before + 60}
    files = list((service.instance / "run" / "metrics").glob("histogram_*.db"))
    killed = web_pids(service).pop()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: len(web_pids(service) - {killed}) == PROCESSES, "the next web process")
    ask(service, 10)
    assert {answered(service) for _ in range(6)} == {before + 70}
    assert len(files) > 1, "one process answered everything: this shows nothing"


def test_the_recorders_figures_come_from_whichever_process_answers(service: Service) -> None:
    added = {"model": "Source", "uri_rtsp": "rtsp://127.0.0.1:1/x"}
    service.session.post(f"{service.base}/api/v1/source", json=added, timeout=5).raise_for_status()

    def count() -> float:
        text = requests.get(f"{service.base}/metrics", timeout=5).text
        found = [line for line in text.splitlines() if line.startswith("playback_sources{")]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    # A process on a busy machine may keep for seconds what it has read for an earlier test.
    wait_for(lambda: all(count() == 1 for _ in range(12)), "the same figures of all processes", 30)


def test_shutdown_ends_the_whole_service(tmp_path: Path) -> None:
    with Service(tmp_path / "service") as service:
        ended = service.run("-m", "flask", "record", "shutdown")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert service.processes["supervisor"].wait(10) == 0
        for role in ("supervisor", "web", "recorder"):
            assert lock_holder(service.instance / "run" / f"{role}.lock") is None
        assert service.run("-m", "flask", "record", "shutdown").returncode == 1


def test_not_ready_within_seconds_after_the_recorder_is_gone(tmp_path: Path) -> None:
    with Service(tmp_path / "service", "web", "recorder") as service:
        ready = f"{service.base}/readyz"
        wait_for(lambda: requests.get(ready, timeout=5).text == "yes\n", "readiness")
        service.processes["recorder"].kill()
        service.processes["recorder"].wait()
        answer = requests.get(ready, timeout=5)
        assert (answer.status_code, answer.text) == (503, "no\n")
