"""What one RTSP session of the test camera sends, with its faults, and the ledger of what was sent."""

import heapq
import math
import random
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, Protocol

from tests.rtp import Track, Unit, altered, spoilt, stamped

NTP_EPOCH_S = 2_208_988_800  # 1900 to 1970, RFC 3550 §4
REPORT_EVERY_S = 5
EARLY_S = 0.022  # what is due within an AAC frame goes with what is due now: half the wake-ups
BEHIND_UNITS = 16  # a session that catches up after its client blocked sends at most so many at once
_INTERLEAVED, _RTP = struct.Struct(">BBH"), struct.Struct(">BBHII")
BURST_PACKETS = 24  # a key frame at once would overflow a receiver's UDP buffer


@dataclass(frozen=True)
class Faults:
    """What a camera does wrong; seconds count from its PLAY.

    `is_garbage` sends random bytes in place of every payload, `is_noise` in place of every packet with its framing:
    over TCP the client finds no packet any more. `is_hanging` takes requests and answers none. `alter_unit` flips
    one bit in the n-th video access unit (from 0), while the ledger keeps the true hash: a comparison that does not
    notice is broken.
    `clock_s` is how far the clock of its sender reports is ahead; with `is_clock_unset` their NTP time is 0.
    """

    stall_after_s: float = math.inf
    close_after_s: float = math.inf
    has_audio: bool = True
    has_keyframes: bool = True
    is_garbage: bool = False
    is_noise: bool = False
    is_hanging: bool = False
    alter_unit: int = -1
    has_reports: bool = True
    clock_s: float = 0.0
    is_clock_unset: bool = False

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "Faults":
        """Read the fields from an address's query; booleans are 0 or 1. Raises ValueError for others."""
        values: dict[str, float | bool | int] = {}
        for name, text in query.items():
            field = cls.__dataclass_fields__.get(name)
            if field is None:
                raise ValueError(f"no fault is called {name}; there are {', '.join(cls.__dataclass_fields__)}")
            values[name] = bool(int(text)) if isinstance(field.default, bool) else type(field.default)(text)
        return cls(**values)  # type: ignore[arg-type]


class Sent(NamedTuple):
    """One line of the ledger: when it went out (Unix time), its RTP time (not wrapped), its hash.

    What went out as random bytes is garbage. What was given to a connection that broke is unsure: the client may have
    got it.
    """

    sent_s: float
    ticks: int
    sha256: str
    is_key: bool
    is_garbage: bool = False
    is_unsure: bool = False


class SentSession:
    """The ledger of one session, for any thread; keeps the last `keep_s` seconds of it."""

    def __init__(self, name: str, transport: str, keep_s: float, number: int = 0) -> None:
        self.name, self.transport, self.begin_s, self.end_s = name, transport, time.time(), math.inf
        self.number = number
        self._keep_s, self._lock = keep_s, threading.Lock()
        self._lines: dict[str, deque[Sent]] = {"video": deque(), "audio": deque()}

    def sent(self, kind: str = "video") -> list[Sent]:
        """Return what was sent of `video` or `audio`, in order."""
        with self._lock:
            return list(self._lines[kind])

    def add(self, kind: str, line: Sent) -> None:
        """Append a line and forget those that are too old."""
        lines = self._lines[kind]
        with self._lock:
            lines.append(line)
            while lines[0].sent_s < line.sent_s - self._keep_s:
                lines.popleft()

    def __repr__(self) -> str:
        counts = {kind: len(lines) for kind, lines in self._lines.items()}
        return f"<SentSession {self.name} over {self.transport}: {counts}>"


class Channel(Protocol):
    """The way of one track's packets to the client."""

    def send(self, packets: list[tuple[bytes, bytes]]) -> None:
        """Send RTP packets, each given as header and payload, at the latest at `flush`."""

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet."""

    def noise(self, data: bytes) -> None:
        """Send bytes that are no packet, at the latest at `flush`."""

    def flush(self) -> None:
        """Send what is still held back."""

    def close(self) -> None:
        """Free what the channel holds."""


class TcpChannel:
    """Interleaved in the RTSP connection (RFC 2326 §10.12)."""

    def __init__(self, connection: socket.socket, lock: threading.Lock, number: int) -> None:
        self._connection, self._lock, self._number = connection, lock, number
        self._held: list[bytes] = []

    def send(self, packets: list[tuple[bytes, bytes]]) -> None:
        """Hold RTP packets back until `flush`, so that all that is due costs one system call."""
        self._write(self._number, packets)

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet on the odd channel."""
        self._write(self._number + 1, [(packet, b"")])

    def noise(self, data: bytes) -> None:
        """Hold bytes without any frame back until `flush`."""
        self._held.append(data)

    def flush(self) -> None:
        """Write everything at once."""
        if self._held:
            data, self._held = b"".join(self._held), []
            with self._lock:
                self._connection.sendall(data)

    def close(self) -> None:
        """Do nothing: the connection is not ours."""

    def _write(self, number: int, packets: list[tuple[bytes, bytes]]) -> None:
        for head, payload in packets:
            self._held += (_INTERLEAVED.pack(0x24, number, len(head) + len(payload)), head, payload)


class UdpChannel:
    """A pair of UDP ports, RTP on the even one (RFC 3550 §11)."""

    def __init__(self, host: str, client: tuple[str, int]) -> None:
        self._client = client
        self._media, self._control = _port_pair(host)
        self.port = self._media.getsockname()[1]

    def send(self, packets: list[tuple[bytes, bytes]]) -> None:
        """Send RTP packets, a large unit in bursts."""
        for number, packet in enumerate(packets, 1):
            self._media.sendmsg(packet, (), 0, self._client)
            if number % BURST_PACKETS == 0:
                time.sleep(0.001)

    def report(self, packet: bytes) -> None:
        """Send an RTCP packet from and to the odd port."""
        self._control.sendto(packet, (self._client[0], self._client[1] + 1))

    def noise(self, data: bytes) -> None:
        """Send bytes that are no RTP packet."""
        self._media.sendto(data[:1400], self._client)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def close(self) -> None:
        """Close both sockets."""
        self._media.close()
        self._control.close()


def _port_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Bind an even port and the next one. Raises OSError where none of many tries finds a pair."""
    for _ in range(100):
        media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        media.bind((host, 0))
        port = media.getsockname()[1]
        control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if port % 2 == 0:
                control.bind((host, port + 1))
                return media, control
        except OSError:
            pass
        media.close()
        control.close()
    raise OSError("no pair of free UDP ports; see what holds them with ss -u")


class _Stream:
    """The RTP state of one track within a session (RFC 3550 §5.1)."""

    def __init__(self, track: Track, channel: Channel) -> None:
        self.track, self.channel = track, channel
        self.sequence, self.base_ticks = random.getrandbits(15), random.getrandbits(31)
        self._ssrc, self._packets, self._bytes = random.getrandbits(32), 0, 0

    def timeline(self) -> Iterator[tuple[float, "_Stream", Unit, int]]:
        """Yield `(due_s, self, unit, ticks)` of the looping track without end.

        A track that was put in its place begins where the one before was left; its time goes on.
        """
        begin = Fraction(0)
        while True:
            track = self.track
            begin_s, begin_ticks, length = float(begin), self.base_ticks + int(begin * track.clock_hz), track.length_s
            for unit in track.units:
                if self.track is not track:
                    length = Fraction(unit.due_s)
                    break
                yield begin_s + unit.due_s, self, unit, begin_ticks + unit.ticks
            begin += length

    def send(self, payloads: tuple[bytes, ...], ticks: int) -> None:
        """Send one unit; the marker is set on its last packet."""
        last, kind, ticks, packets = len(payloads) - 1, self.track.payload_type, ticks & 0xFFFFFFFF, []
        for number, payload in enumerate(payloads):
            marked = kind | 0x80 if number == last else kind
            sequence = (self.sequence + number) & 0xFFFF
            packets.append((_RTP.pack(0x80, marked, sequence, ticks, self._ssrc), payload))
            self._bytes += len(payload)
        self.sequence = (self.sequence + len(packets)) & 0xFFFF
        self._packets += len(packets)
        self.channel.send(packets)

    def report(self, begin_unix_s: float | None, since_s: float) -> None:
        """Send a sender report (RFC 3550 §6.4.1): which RTP time stands for the instant `since_s` after the begin.

        Not for the instant at which it is sent: on a busy machine each track would get another clock.
        """
        ntp = int((begin_unix_s + since_s + NTP_EPOCH_S) * 2**32) if begin_unix_s is not None else 0
        ticks = self.base_ticks + int(since_s * self.track.clock_hz)
        words = (
            self._ssrc,
            ntp >> 32,
            ntp & 0xFFFFFFFF,
            ticks & 0xFFFFFFFF,
            self._packets,
            self._bytes & 0xFFFFFFFF,
        )
        self.channel.report(struct.pack(">BBH6I", 0x80, 200, 6, *words))


class Player(threading.Thread):
    """Sends the tracks of one session in real time until `end` or a fault; runs in its own thread.

    `faults` is asked before each unit, so that a fault switched on at run time works at once; so are the tracks, by
    `switched`: others than before take their place within the connection. With `is_stamped` each unit gets a text of
    its own.
    """

    def __init__(
        self,
        tracks: Mapping[int, tuple[Track, Channel]],
        faults: Callable[[], Faults],
        ledger: SentSession,
        hang_up: Callable[[], None],
        switched: Callable[[], tuple[Track, ...] | None] = lambda: None,
        *,
        is_stamped: bool = False,
    ) -> None:
        super().__init__(name=f"player of {ledger.name}", daemon=True)
        self._streams = {number: _Stream(track, channel) for number, (track, channel) in tracks.items()}
        self._faults, self._ledger, self._hang_up = faults, ledger, hang_up
        self._switched, self._is_stamped, self._units = switched, is_stamped, 0
        self._ended, self._video_units, self._begin_s = False, 0, 0.0
        self._lines: list[tuple[str, Sent]] = []

    def first_packets(self) -> dict[int, tuple[int, int]]:
        """Return the sequence number and RTP time of each track's first packet, for the RTP-Info header."""
        return {
            number: (stream.sequence, (stream.base_ticks + stream.track.units[0].ticks) & 0xFFFFFFFF)
            for number, stream in self._streams.items()
        }

    def end(self) -> None:
        """Stop sending after the unit that is under way."""
        self._ended = True

    def run(self) -> None:
        """Send until the end. A client that has gone is no error."""
        try:
            self._play()
        except OSError:
            for kind, line in self._lines:
                self._ledger.add(kind, line._replace(is_unsure=True))
            self._hang_up()
        finally:
            self._ledger.end_s = time.time()
            for stream in self._streams.values():
                stream.channel.close()

    def _play(self) -> None:
        self._begin_s, begin_unix_s, report_s = time.monotonic(), time.time(), 0.0
        timelines = [stream.timeline() for stream in self._streams.values()]
        for due_s, stream, unit, ticks in heapq.merge(*timelines, key=lambda entry: entry[0]):
            now_s = self._wait_until(due_s)
            faults = self._faults()
            if self._ended or now_s >= faults.close_after_s:
                self._flush()
                self._hang_up()
                return
            if now_s >= report_s and faults.has_reports:
                report_s = now_s + REPORT_EVERY_S
                for each in self._streams.values():
                    each.report(None if faults.is_clock_unset else begin_unix_s + faults.clock_s, now_s)
            if now_s < faults.stall_after_s:
                self._send(stream, unit, ticks, faults)
            self._follow_switch()

    def _follow_switch(self) -> None:
        """Put other tracks in place where the camera was switched to another file."""
        tracks = self._switched()
        for number, stream in self._streams.items():
            if tracks is not None and stream.track is not tracks[number]:
                stream.track = tracks[number]

    def _wait_until(self, due_s: float) -> float:
        """Sleep until a moment of the session, all before it being sent; return the session's time then."""
        now_s = time.monotonic() - self._begin_s
        if due_s - now_s > EARLY_S:
            self._flush()
            time.sleep(due_s - now_s)
            now_s = time.monotonic() - self._begin_s
        return now_s

    def _send(self, stream: _Stream, unit: Unit, ticks: int, faults: Faults) -> None:
        kind = stream.track.kind
        self._video_units += kind == "video"
        if not (faults.has_audio if kind == "audio" else faults.has_keyframes or not unit.is_key):
            return
        self._units += 1
        if self._is_stamped:
            unit = stamped(unit, stream.track.codec, f"{self._ledger.number:04x}{self._units:08x}")
        is_garbage, sent_s, number = faults.is_garbage or faults.is_noise, time.time(), self._video_units - 1
        if is_garbage:
            unit = spoilt(unit)
        elif kind == "video" and number == faults.alter_unit:
            unit = altered(unit)
        if faults.is_noise:
            stream.channel.noise(b"".join(unit.payloads))
        else:
            stream.send(unit.payloads, ticks)
        self._lines.append((kind, Sent(sent_s, ticks, unit.sha256, unit.is_key, is_garbage)))
        if len(self._lines) >= BEHIND_UNITS:
            self._flush()

    def _flush(self) -> None:
        """Send what is held back, then write it down."""
        for stream in self._streams.values():
            stream.channel.flush()
        for kind, line in self._lines:
            self._ledger.add(kind, line)
        self._lines.clear()
