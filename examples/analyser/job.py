"""One file from its number to its stored result: wait for the address, fetch, analyse, post, comment."""

import itertools
import json
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .comments import comments_on
from .failures import CannotAnalyse, NoResult
from .fetching import Download
from .isolation import analyse_apart
from .service import Details, Service
from .sse import listen

log = logging.getLogger(__name__)

STORED = "db_ready"
COMPLETE = ("ready", "error")


@dataclass(frozen=True)
class Limits:
    """How long to wait, how long to look, how much to fetch, and where to put it meanwhile."""

    wait_s: float = 3600
    budget_s: float = 1800
    most_bytes: int = 64 << 30
    folder: Path | None = None
    may_restart: bool = False
    command: Sequence[str] = ()


def work_on(service: Service, file_id: int, limits: Limits, first_key: str | None = None) -> bool:
    """Give a file its result; tell whether it could be analysed. One that has a result is left alone.

    Raises NoResult: the server was not there, said no, or gave no address in time.
    """
    status = service.details(file_id).status
    if status == STORED:
        log.info("file %d has a result already", file_id)
        return True
    if limits.may_restart and status in COMPLETE and not first_key:
        service.restart_key(file_id)  # while keys are given out this changes nothing
    keys = download_keys(service, file_id, limits, first_key)
    key = next(keys)
    details = service.details(file_id)  # by now it is complete: its length and hash are known
    try:
        key, result = _look(service, details, limits, itertools.chain([key], keys))
    except CannotAnalyse as error:
        log.warning("file %d: %s", file_id, error)
        result = {"findings": [], "error": str(error)}
    _tell(service, key, details.refer, result)
    log.info("file %d: %d findings are stored", file_id, len(result["findings"]))
    return not result.get("error")


def _look(service: Service, details: Details, limits: Limits, keys: Iterator[str]) -> tuple[str, dict[str, Any]]:
    """Fetch a file, analyse it, remove it; return the key that worked and what was found."""
    with tempfile.TemporaryDirectory(prefix="analyser-", dir=limits.folder) as folder:
        path = Path(folder) / "file"
        key = Download(service, details, path, limits.most_bytes).run(keys)
        log.info("file %d: %d bytes came", details.id, path.stat().st_size)
        return key, analyse_apart(path, limits.budget_s, limits.command)


def download_keys(service: Service, file_id: int, limits: Limits, first: str | None = None) -> Iterator[str]:
    """Yield download keys, each another one than before; wait for each as long as the limits say.

    Raises NoResult when the time or the file's story is over; Refused for no such file.
    """
    tried: set[str] = set()
    if first:
        tried.add(first)
        yield first
    until_s = time.monotonic() + limits.wait_s
    while True:
        key = _next_key(service, file_id, tried, until_s)
        if key is None:
            raise NoResult(f"file {file_id} gets no address any more: POST /files/{file_id}/refer/ restarts it")
        tried.add(key)
        yield key


def _next_key(service: Service, file_id: int, tried: set[str], until_s: float) -> str | None:
    """Wait for a key that was not tried; None when the events are over."""
    for event in listen(service, f"/download/{file_id}/", until_s):
        address = _json(event.data).get("download_url")
        key = key_of(address) if isinstance(address, str) else ""
        if key and key not in tried:
            return key
    return None


def key_of(address: str) -> str:
    """Return the key of a download address, its last part. The server is the one we were told, not the address's."""
    return urlsplit(address).path.rstrip("/").rpartition("/")[2]


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _tell(service: Service, key: str, refer: str, result: dict[str, Any]) -> None:
    """Post the result, then the comments that are not there yet: without them it is stored too."""
    note = result.pop("note", None)
    if note and not result["findings"]:
        result = {"findings": [], "error": note}
    service.post_result(key, result)
    try:
        for comment in comments_on(result["findings"], note):
            service.post_comment(refer, comment)
    except NoResult as error:
        log.warning("not all comments were taken: %s", error)
