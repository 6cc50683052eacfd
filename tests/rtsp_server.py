"""A real RTSP camera for tests: loops files without re-encoding, errs on request, writes down what it sent.

RFC 2326; H.264, H.265, AAC and G.711; interleaved TCP and unicast UDP; basic and digest authorisation
(RFC 2617, without qop as most cameras). Each client has its own timeline, from the first key frame;
RTP time rises without a jump however often the file loops. Faults are those of `rtsp_player.Faults`,
asked for in the address or at run time.

    with RtspServer({"cam": path}, user="admin", password="secret") as server:
        record(server.url("cam", stall_after_s=5))
        server.change("cam", stall_after_s=0)
        server.sessions("cam")[-1].sent("video")

As a process: `python -m tests.rtsp_server --port 0 cam=file.mp4 …` prints `ready PORT`.
"""

import argparse
import base64
import hashlib
import hmac
import itertools
import json
import os
import re
import secrets
import signal
import socket
import socketserver
import threading
import time
from collections import Counter, deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from tests.ports import free_port
from tests.rtp import Track, load
from tests.rtsp_player import Channel, Faults, Player, SentSession, TcpChannel, UdpChannel

HOST = "127.0.0.1"
REALM = "test camera"
METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER")


class RtspServer:
    """Cameras at `rtsp://127.0.0.1:PORT/NAME`. Every method may be called from any thread.

    `transports` narrows what is offered: {"udp"} refuses TCP with 461, as some cameras do. `requests` counts
    `(method, name)`. The ledger of a session keeps `ledger_s` seconds; the last 1,000 sessions are kept.
    `is_stamped` gives each unit a text of its own: no two of them are equal, however often the file loops.
    """

    def __init__(
        self,
        files: Mapping[str, Path | str],
        user: str | None = None,
        password: str = "",
        auth: str = "digest",
        transports: Collection[str] = ("tcp", "udp"),
        port: int = 0,
        ledger_s: float = 3600,
        *,
        is_stamped: bool = False,
    ) -> None:
        self.user, self.password, self.auth, self.transports = user, password, auth, frozenset(transports)
        self.port, self.ledger_s, self.requests = port, ledger_s, Counter[tuple[str, str]]()
        self.is_stamped, self._opened = is_stamped, itertools.count(1)
        self._switched: dict[str, tuple[Track, ...]] = {}
        self._tracks: dict[str, tuple[Track, ...]] = {}
        self._loaded: dict[str, tuple[Track, ...]] = {}
        self._changes: dict[str, dict[str, Any]] = {}
        self._sessions: deque[SentSession] = deque(maxlen=1000)
        self._listener: _Listener | None = None
        for name, path in files.items():
            self.add(name, path)

    def start(self) -> "RtspServer":
        """Listen, where it does not yet; with port 0 on a free port, which is kept from then on."""
        if self._listener:
            return self
        self._listener = _Listener((HOST, self.port or free_port()), self)
        self.port = self._listener.server_address[1]
        # Polls often: shutdown() waits for a poll.
        threading.Thread(target=self._listener.serve_forever, args=(0.05,), name="rtsp", daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the port and cut every connection; returns when their threads have ended."""
        listener, self._listener = self._listener, None
        if listener:
            listener.end()

    # A camera that loses its power and comes back at the same address.
    offline, online = stop, start

    def __enter__(self) -> "RtspServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add(self, name: str, path: Path | str) -> None:
        """Offer a file under a name; a name in use gets the file for its next sessions."""
        key = str(path)
        if key not in self._loaded:
            self._loaded[key] = load(path)
        self._tracks[name] = self._loaded[key]
        self._switched.pop(name, None)

    def switch(self, name: str, path: Path | str) -> None:
        """Let playing sessions go on with another file, from its begin, and later ones begin with it.

        As a camera whose resolution is changed: parameter sets come before the key frame, nothing else tells. Both
        files must have the same kinds of tracks.
        """
        self.add(name, path)
        self._switched[name] = self._tracks[name]

    def switched(self, name: str) -> tuple[Track, ...] | None:
        """Return the tracks that a camera was switched to, None where it was not."""
        return self._switched.get(name)

    def url(self, name: str, *, user: str | None = None, password: str | None = None, **faults: object) -> str:
        """Return the address of a camera, with the right login unless another is given (user "": none)."""
        user = self.user if user is None else user
        password = self.password if password is None else password
        login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
        values = {key: int(value) if isinstance(value, bool) else value for key, value in faults.items()}
        query = f"?{urlencode(values)}" if values else ""
        return f"rtsp://{login}{HOST}:{self.port}/{quote(name)}{query}"

    def change(self, name: str, **faults: Any) -> None:
        """Switch faults of a camera on or off now, for playing sessions too; they win over the address's."""
        self._changes[name] = {**self._changes.get(name, {}), **faults}

    def heal(self, name: str) -> None:
        """Take back every `change` of a camera."""
        self._changes.pop(name, None)

    def cut(self, name: str | None = None) -> None:
        """Cut every connection, or one camera's, as a network that fails for a moment; the port stays open."""
        if self._listener:
            self._listener.cut(name)

    def sessions(self, name: str | None = None) -> list[SentSession]:
        """Return the ledgers of all sessions that played, or of one camera's, oldest first."""
        return [session for session in list(self._sessions) if name in (None, session.name)]

    def tracks(self, name: str) -> tuple[Track, ...] | None:
        """Return a camera's tracks, None for an unknown name."""
        return self._tracks.get(name)

    def faults(self, name: str, asked: Faults) -> Faults:
        """Return a session's faults as they are now."""
        changes = self._changes.get(name)
        return replace(asked, **changes) if changes else asked

    def open_ledger(self, name: str, transport: str) -> SentSession:
        """Begin the ledger of a new session."""
        session = SentSession(name, transport, self.ledger_s, next(self._opened))
        self._sessions.append(session)
        return session


class _Listener(socketserver.ThreadingTCPServer):
    """The open port: one thread for each connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], rtsp: RtspServer) -> None:
        super().__init__(address, _Connection)
        self.rtsp, self.connections = rtsp, set[socket.socket]()
        self.names: dict[socket.socket, str] = {}

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note the connection before its thread begins, so that none escapes `cut`."""
        self.connections.add(request)
        super().process_request(request, client_address)

    def cut(self, name: str | None = None) -> None:
        """Break every connection, or those that asked for one camera last."""
        for connection in list(self.connections):
            if name is None or self.names.get(connection) == name:
                _hang_up(connection)

    def end(self) -> None:
        """Close the port, break the connections, wait for their threads."""
        self.shutdown()
        self.server_close()
        self.cut()
        deadline_s = time.monotonic() + 5
        while self.connections and time.monotonic() < deadline_s:
            time.sleep(0.005)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):  # it may be gone already
        connection.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    headers: dict[str, str]

    @property
    def path(self) -> list[str]:
        return urlsplit(self.url).path.strip("/").split("/")


class _RefusedError(Exception):
    """The request gets this status line and these headers."""

    def __init__(self, status: str, **headers: str) -> None:
        super().__init__(status)
        self.status, self.headers = status, headers


class _Connection(socketserver.StreamRequestHandler):
    """One client: its requests, its one session."""

    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        """Begin with no track set up."""
        super().setup()
        self._rtsp, self._lock, self._nonce = self.server.rtsp, threading.Lock(), secrets.token_hex(16)
        self._session, self._asked = secrets.token_hex(4), Faults()
        self._channels: dict[int, tuple[Track, Channel]] = {}
        self._player: Player | None = None

    def handle(self) -> None:
        """Answer requests until the client leaves."""
        try:
            while request := self._read():
                self._answer(request)
                if request.method == "TEARDOWN":
                    return
        except (OSError, ValueError):
            return  # the client has gone, or what it speaks is not RTSP

    def finish(self) -> None:
        """End the session with the connection."""
        if self._player:
            self._player.end()
            self._player.join(2)
        for _, channel in self._channels.values():
            channel.close()
        super().finish()
        self.server.connections.discard(self.connection)
        self.server.names.pop(self.connection, None)

    def _read(self) -> _Request | None:
        """Read one request, passing over RTCP; None at the end. Raises ValueError where it is none."""
        while (first := self.rfile.read(1)) in (b"$", b"\r", b"\n"):
            if first == b"$":
                self.rfile.read(int.from_bytes(self.rfile.read(3)[1:], "big"))
        if not first:
            return None
        method, url, _ = (first + self.rfile.readline(4096)).decode().split()
        headers = {}
        while line := self.rfile.readline(4096).decode().strip():
            key, _, value = line.partition(":")
            headers[key.lower()] = value.strip()
        self.rfile.read(int(headers.get("content-length", 0)))
        return _Request(method, url, headers)

    def _answer(self, request: _Request) -> None:
        name = request.path[0]
        self._rtsp.requests[request.method, name] += 1
        self.server.names[self.connection] = name
        if self._rtsp.faults(name, self._asked).is_hanging:
            return None
        try:
            if request.method not in METHODS:
                raise _RefusedError("405 Method Not Allowed", Allow=", ".join(METHODS))
            if request.method == "OPTIONS":
                return self._reply(request, "200 OK", Public=", ".join(METHODS))
            self._check_login(request)
            if self._rtsp.tracks(name) is None:
                raise _RefusedError("404 Not Found")
            answer = getattr(self, f"_{request.method.lower()}", self._keep_alive)
            return answer(request, name)
        except _RefusedError as refused:
            return self._reply(request, refused.status, **refused.headers)

    def _reply(self, request: _Request, status: str, body: str = "", **headers: str) -> None:
        """Send an answer; underscores in the names of headers become hyphens."""
        lines = [f"RTSP/1.0 {status}", f"CSeq: {request.headers.get('cseq', 0)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body.encode())}")
        with self._lock:
            self.connection.sendall("\r\n".join([*lines, "", body]).encode())

    def _check_login(self, request: _Request) -> None:
        if self._rtsp.user is None or self._is_authorised(request):
            return
        challenge = f'Basic realm="{REALM}"'
        if self._rtsp.auth == "digest":
            challenge = f'Digest realm="{REALM}", nonce="{self._nonce}", algorithm="MD5"'
        raise _RefusedError("401 Unauthorized", WWW_Authenticate=challenge)

    def _is_authorised(self, request: _Request) -> bool:
        given, user, password = request.headers.get("authorization", ""), self._rtsp.user, self._rtsp.password
        if self._rtsp.auth == "basic":
            right = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
            return hmac.compare_digest(given, right)
        fields = dict(re.findall(r'(\w+)="([^"]*)"', given))
        secret, action = _md5(f"{user}:{REALM}:{password}"), _md5(f"{request.method}:{fields.get('uri')}")
        return hmac.compare_digest(fields.get("response", ""), _md5(f"{secret}:{self._nonce}:{action}"))

    def _describe(self, request: _Request, name: str) -> None:
        """Announce the tracks; the faults of the session are those of this address."""
        parts = urlsplit(request.url)
        try:
            self._asked = Faults.parse(dict(parse_qsl(parts.query)))
        except ValueError as error:
            raise _RefusedError(f"400 {error}") from error
        lines = ["v=0", f"o=- 1 1 IN IP4 {HOST}", f"s={name}", f"c=IN IP4 {HOST}", "t=0 0", "a=control:*"]
        for number, track in enumerate(self._rtsp.tracks(name) or ()):
            if track.kind == "video" or self._rtsp.faults(name, self._asked).has_audio:
                lines.append(f"m={track.kind} 0 RTP/AVP {track.payload_type}")
                lines += [f"a={attribute}" for attribute in (*track.attributes, f"control:track{number}")]
        base = f"rtsp://{parts.hostname}:{parts.port}{parts.path.rstrip('/')}/"
        headers = {"Content_Base": base, "Content_Type": "application/sdp"}
        self._reply(request, "200 OK", "\r\n".join([*lines, ""]), **headers)

    def _setup(self, request: _Request, name: str) -> None:
        tracks, number = self._rtsp.tracks(name) or (), request.path[-1].removeprefix("track")
        if not number.isdecimal() or int(number) >= len(tracks):
            raise _RefusedError("404 Not Found")
        channel, transport = self._open_channel(request.headers.get("transport", ""), int(number))
        self._channels[int(number)] = (tracks[int(number)], channel)
        self._reply(request, "200 OK", Transport=transport, Session=f"{self._session};timeout=60")

    def _open_channel(self, transport: str, number: int) -> tuple[Channel, str]:
        """Open what a Transport header (RFC 2326 §12.39) asks for; return it with the header that says so."""
        if "RTP/AVP/TCP" in transport and "tcp" in self._rtsp.transports:
            found = re.search(r"interleaved=(\d+)", transport)
            first = int(found[1]) if found else 2 * number
            confirmed = f"RTP/AVP/TCP;unicast;interleaved={first}-{first + 1}"
            return TcpChannel(self.connection, self._lock, first), confirmed
        found = re.search(r"client_port=(\d+)", transport)
        if "TCP" in transport or "udp" not in self._rtsp.transports or not found:
            raise _RefusedError("461 Unsupported Transport")
        port = int(found[1])
        udp = UdpChannel(HOST, (self.client_address[0], port))
        return udp, f"RTP/AVP;unicast;client_port={port}-{port + 1};server_port={udp.port}-{udp.port + 1}"

    def _play(self, request: _Request, name: str) -> None:
        if not self._channels or self._player:
            raise _RefusedError("455 Method Not Valid in This State")
        is_tcp = any(isinstance(channel, TcpChannel) for _, channel in self._channels.values())
        ledger, asked = self._rtsp.open_ledger(name, "tcp" if is_tcp else "udp"), self._asked
        self._player = Player(
            self._channels,
            lambda: self._rtsp.faults(name, asked),
            ledger,
            lambda: _hang_up(self.connection),
            lambda: self._rtsp.switched(name),
            is_stamped=self._rtsp.is_stamped,
        )
        base = request.url.split("?")[0].rstrip("/")
        info = ",".join(
            f"url={base}/track{number};seq={sequence};rtptime={ticks}"
            for number, (sequence, ticks) in self._player.first_packets().items()
        )
        self._reply(request, "200 OK", Session=self._session, Range="npt=0.000-", RTP_Info=info)
        self._player.start()

    def _keep_alive(self, request: _Request, _name: str) -> None:
        """Answer GET_PARAMETER, SET_PARAMETER and TEARDOWN, which ask for nothing."""
        self._reply(request, "200 OK", Session=self._session)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def main() -> None:
    """Serve the files named on the command line until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description="RTSP cameras for tests")
    parser.add_argument("files", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user", help="the password is taken from CAMERA_PASSWORD")
    parser.add_argument("--auth", choices=("digest", "basic"), default="digest")
    parser.add_argument("--transports", default="tcp,udp")
    parser.add_argument("--ledger", type=Path, help="write at the end what was sent, as JSON, to this file")
    arguments = parser.parse_args()
    files = dict(text.split("=", 1) for text in arguments.files)
    transports = arguments.transports.split(",")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    login = (arguments.user, os.environ.get("CAMERA_PASSWORD", ""), arguments.auth)
    with RtspServer(files, *login, transports, arguments.port) as server:
        print("ready", server.port, flush=True)
        ended.wait()
    if arguments.ledger:
        sessions = server.sessions()
        told = [{"name": one.name, **{kind: one.sent(kind) for kind in ("video", "audio")}} for one in sessions]
        arguments.ledger.write_text(json.dumps(told))


if __name__ == "__main__":
    main()
