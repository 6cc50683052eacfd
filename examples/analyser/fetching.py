"""Fetching a file by its download key: resumed where it broke off, under a fresh key too, and checked at the end."""

import hashlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import requests

from .failures import CannotAnalyse, KeyIsOver, NoResult, Refused, ServerAway
from .service import CONNECT_S, Details, Service, check, named

BLOCK_BYTES = 1 << 18
SILENCE_S = 60.0
TRIES = 8  # without a byte of progress
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
KEPT_FREE_BYTES = 256 << 20
CONTENT_RANGE = re.compile(r"bytes (?P<first>\d+)-\d+/(?P<total>\d+|\*)")


class Download:
    """One file on its way to the disk. Memory holds one block; the disk the file, once."""

    def __init__(self, service: Service, details: Details, path: Path, most_bytes: int) -> None:
        self.service, self.details, self.path, self.most_bytes = service, details, path, most_bytes
        self.at = 0  # bytes on disk
        self.total = details.size_bytes
        self._digest = hashlib.sha256()
        self._etag = ""

    def run(self, keys: Iterator[str]) -> str:
        """Fetch the whole file and return the key that worked; `keys` waits for the newest address.

        Raises CannotAnalyse (too large), NoResult (no key, no room, too many tries, other bytes than the server's).
        """
        key, tries, pause_s = next(keys), 0, FIRST_PAUSE_S
        while True:
            before = self.at
            try:
                self._go_on(key)
                self._check_whole()
                return key
            except KeyIsOver:
                key, tries = next(keys), tries + 1
            except ServerAway as error:
                tries, pause_s = (0, FIRST_PAUSE_S) if self.at > before else (tries + 1, pause_s * 2)
                time.sleep(min(error.after_s or pause_s, LONGEST_PAUSE_S))
                last = error
                if tries >= TRIES:
                    raise NoResult(f"{last}; given up after {tries} tries at byte {self.at}") from None
            if tries > TRIES:
                raise NoResult(f"{tries} keys opened nothing")

    def _go_on(self, key: str) -> None:
        """Fetch from the byte where it stopped to the end of what comes."""
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if self.at:
            headers |= {"Range": f"bytes={self.at}-", **({"If-Range": self._etag} if self._etag else {})}
        with self.service.ask(
            "GET", f"/download/{key}/", headers=headers, stream=True, timeout=(CONNECT_S, SILENCE_S)
        ) as answer:
            if answer.status_code == 404:
                raise KeyIsOver("the server does not know the key")
            if answer.status_code == 409:
                raise ServerAway("the file is not complete yet")
            if answer.status_code != 416:  # the file is shorter than what is here: another one
                check(answer)
            with self.path.open("r+b" if self.at else "wb") as file:
                self._place(answer, file)
                self._write(answer, file)

    def _place(self, answer: requests.Response, file: IO[bytes]) -> None:
        """Go to where the answer's first byte belongs; note how long the whole is."""
        self._etag = answer.headers.get("ETag", "")
        said = CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        is_next = answer.status_code == 206 and said is not None and said["first"] == str(self.at)
        if is_next:
            file.seek(self.at)
        else:
            self._start_anew(file)
            if answer.status_code != 200:
                raise ServerAway("the server gave another part than was asked for")
        total = said["total"] if said else answer.headers.get("Content-Length", "")
        if self.total is None and total.isdigit():
            self.total = int(total)
        self._check_room()

    def _start_anew(self, file: IO[bytes]) -> None:
        file.truncate(0)
        self.at, self._digest = 0, hashlib.sha256()

    def _check_room(self) -> None:
        if (self.total or 0) > self.most_bytes:
            raise CannotAnalyse(f"the file has {self.total} bytes, more than the {self.most_bytes} that are analysed")
        free = shutil.disk_usage(self.path.parent).free - KEPT_FREE_BYTES
        if (self.total or 0) - self.at > free:
            raise NoResult(f"the file has {self.total} bytes; {max(free, 0)} are free in {self.path.parent}")

    def _write(self, answer: requests.Response, file: IO[bytes]) -> None:
        try:
            for block in answer.iter_content(BLOCK_BYTES):
                file.write(block)
                self._digest.update(block)
                self.at += len(block)
                if self.at > self.most_bytes:
                    raise CannotAnalyse(f"the file has more than the {self.most_bytes} bytes that are analysed")
        except requests.RequestException as error:
            raise ServerAway(f"the download broke off: {named(error)}") from None
        except OSError as error:
            raise NoResult(f"{self.path.parent} takes no more: {error.strerror}") from None

    def _check_whole(self) -> None:
        """Raise ServerAway while bytes are missing, Refused where they are not those of the file."""
        if self.total is not None and self.at < self.total:
            raise ServerAway(f"the download ended at byte {self.at} of {self.total}")
        wrong = self.total is not None and self.at != self.total
        if wrong or (self.details.sha256 and self._digest.hexdigest() != self.details.sha256):
            raise Refused(f"the {self.at} bytes that came are not those of the file: length or SHA-256 differ")
