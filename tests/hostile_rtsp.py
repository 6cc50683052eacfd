"""A hostile RTSP server: it answers as a camera, and names other addresses wherever the protocol has room for one."""

import re
import socket
import threading
from dataclasses import dataclass, field

SDP = (
    "v=0\r\no=- 1 1 IN IP4 {c}\r\ns={title}\r\nc=IN IP4 {c}\r\nt=0 0\r\na=control:{control}\r\nm=video 0 RTP/AVP 96\r\n"
)
SDP += "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:{track}\r\n"


@dataclass
class Hostile:
    """What it answers. `redirect`: the Location of a 302 to DESCRIBE; `udp`: what SETUP's answer adds, TCP refused.

    `requests` are the heads of all requests that it got.
    """

    host: str = "127.0.0.1"
    port: int = 0
    redirect: str = ""
    base: str = ""
    control: str = "*"
    track: str = "track1"
    connection_address: str = "0.0.0.0"
    title: str = "camera"
    udp: str = ""
    requests: list[str] = field(default_factory=list)

    def __enter__(self) -> "Hostile":
        self._server = socket.create_server((self.host, self.port), backlog=16)
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"rtsp://admin:secret@{self.host}:{self.port}/cam"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        data = b""
        with connection:
            while chunk := _received(connection):
                data += chunk
                while b"\r\n\r\n" in data:
                    head, _, data = data.partition(b"\r\n\r\n")
                    self.requests.append(head.decode())
                    connection.sendall(self._answer(head.decode()))

    def _answer(self, head: str) -> bytes:
        number = re.search(r"(?i)cseq: *(\d+)", head)
        assert number is not None
        method, lines, body = head.split()[0], [f"CSeq: {number[1]}"], ""
        status = "200 OK"
        if method == "DESCRIBE" and self.redirect:
            status, lines = "302 Moved", [*lines, f"Location: {self.redirect}"]
        elif method == "DESCRIBE":
            words = {"c": self.connection_address, "title": self.title, "control": self.control, "track": self.track}
            body = SDP.format(**words)
            lines += [f"Content-Base: {self.base or self.url}/", "Content-Type: application/sdp"]
        elif method == "SETUP" and self.udp and "TCP" in head:
            status = "461 Unsupported Transport"
        elif method == "SETUP" and self.udp:
            ports = re.search(r"client_port=([\d-]+)", head)
            lines += ["Session: 1", f"Transport: RTP/AVP;unicast;client_port={ports[1] if ports else ''};{self.udp}"]
        elif method == "SETUP":
            lines += ["Session: 1", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"]
        lines += [f"Content-Length: {len(body)}", "Public: OPTIONS, DESCRIBE, SETUP, PLAY"]
        return "\r\n".join([f"RTSP/1.0 {status}", *lines, "", body]).encode()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)
    except ConnectionResetError:  # a client that was killed
        return b""
