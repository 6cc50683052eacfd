"""The server's HTTP API, as much of it as an analyser needs. The token goes to this server alone."""

import contextlib
import json
import random
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import requests

from .failures import KeyIsOver, NoResult, Refused, ServerAway

CONNECT_S, ANSWER_S = 5.0, 60.0
TRIES = 6
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
MOST_ANSWER_BYTES = 8 << 20
T = TypeVar("T")


class Details(NamedTuple):
    """A file as the server describes it; what it does not know is None."""

    id: int
    refer: str
    name: str
    status: str
    size_bytes: int | None
    sha256: str | None


class Service:
    """A server; `ask` says what any answer is, the rest what it means."""

    def __init__(self, base: str, token: str | None = None) -> None:
        self.base = base.rstrip("/")
        self._token = token
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, and no password of a .netrc in the token's place

    def ask(self, method: str, path: str, **how: Any) -> requests.Response:
        """Ask once, without following redirects. Raises ServerAway where there is no answer."""
        headers = {"Accept": "application/json", **how.pop("headers", {})}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        how = {"timeout": (CONNECT_S, ANSWER_S), "allow_redirects": False, **how}
        try:
            return self._session.request(method, self.base + path, headers=headers, **how)
        except requests.RequestException as error:
            raise ServerAway(f"{self.base} cannot be asked: {named(error)}") from None

    def details(self, file_id: int) -> Details:
        """Return what the server knows of a file. Raises Refused, ServerAway."""
        found = again(lambda: self._json("GET", f"/files/{file_id}/"))
        try:
            return Details(
                file_id, found["refer"], found["name"], found["status"], found["size_bytes"], found["sha256"]
            )
        except (KeyError, TypeError):
            raise Refused(f"{self.base} describes file {file_id} otherwise than this program knows") from None

    def restart_key(self, file_id: int) -> None:
        """Let the server give out download keys again."""
        again(lambda: self._json("POST", f"/files/{file_id}/refer/"))

    def post_result(self, key: str, body: dict[str, Any]) -> None:
        """Store a result: the same one twice is stored once."""
        again(lambda: self._json("POST", f"/download/{key}/", json=body))

    def post_comment(self, refer: str, body: dict[str, Any]) -> None:
        """Store a comment that is not there yet. An answer may be lost, so each try looks first."""

        def once() -> None:
            if body["comment"] not in self._comments(refer):
                self._json("POST", "/comments/", json={"refer_file": refer, "comment_author": "AI", **body})

        again(once)

    def _comments(self, refer: str) -> set[Any]:
        """Return the texts of the newest comments of analysers on a file."""
        wanted = {"refer_file": refer, "comment_author": "AI", "sort": "-id", "limit": "100"}
        return {one.get("comment") for one in self._json("GET", "/comments/", params=wanted)}

    def _json(self, method: str, path: str, **how: Any) -> Any:
        with self.ask(method, path, stream=True, **how) as answer:
            check(answer)
            return _read_json(answer)


def check(answer: requests.Response) -> None:
    """Let a good answer pass. Raises KeyIsOver, ServerAway, Refused by its status."""
    status = answer.status_code
    if status < 300:
        return
    said = _what_it_says(answer)
    if status == 410:
        raise KeyIsOver(said)
    if status == 429 or status >= 500:
        raise ServerAway(said, _after_s(answer))
    raise Refused(said)


def again(do: Callable[[], T], tries: int = TRIES) -> T:
    """Do it until the server is there, with growing pauses. Raises what the last try raised."""
    for number in range(tries):
        try:
            return do()
        except ServerAway as error:
            if number == tries - 1:
                raise
            pause_s = min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S) * random.uniform(0.8, 1.2)  # nosec B311  jitter
            time.sleep(min(error.after_s or pause_s, LONGEST_PAUSE_S))
    raise NoResult("not tried")


def named(error: Exception) -> str:
    """Return what went wrong without the address, which holds a download key."""
    return type(error).__name__


def _read_json(answer: requests.Response) -> Any:
    if answer.status_code == 204:
        return None
    data = bytearray()
    try:
        for chunk in answer.iter_content(1 << 16):
            data += chunk
            if len(data) > MOST_ANSWER_BYTES:
                raise ServerAway(f"an answer is longer than {MOST_ANSWER_BYTES} bytes")
        return json.loads(data)
    except (ValueError, requests.RequestException) as error:
        raise ServerAway(f"an answer cannot be read: {named(error)}") from None


def _what_it_says(answer: requests.Response) -> str:
    """Return the status, and the messages of the body where it has some."""
    messages = []
    with contextlib.suppress(ServerAway, TypeError, KeyError):
        messages = [str(one["msg"]) for one in _read_json(answer)["detail"]]
    return " ".join([f"the server answers {answer.status_code}", *messages])[:500]


def _after_s(answer: requests.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
