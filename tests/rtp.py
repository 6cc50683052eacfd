"""A media file as RTP: each track's access units cut into payloads once, and the SDP that announces them.

Payload formats: RFC 6184 (H.264), RFC 7798 (H.265), RFC 7741 (VP8), RFC 3640 (AAC-hbr), RFC 3551 §4.5.14
(G.711).
"""

import base64
import hashlib
import os
import struct
import uuid
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from tests.media import DROPPED_UNITS, access_unit, length_bytes, split_units, unit_type

MAX_PAYLOAD_BYTES = 1400  # below an Ethernet frame, as cameras do, over TCP too
VIDEO_CLOCK_HZ = 90_000
G711_FRAME_S = Fraction(1, 50)
HEVC_SETS = (32, 33, 34)
SEQUENCE_SET = {"h264": 7, "hevc": 33}
STATIC_TYPES = {"pcm_mulaw": (0, "PCMU"), "pcm_alaw": (8, "PCMA")}
SEI_HEAD = {"h264": b"\x06", "hevc": b"\x4e\x01"}
STAMP = uuid.UUID("8d1f5c3a-6b27-4e94-a1d8-3c7e59f2b461").bytes
STAMP_LETTERS = 12
CODECS = ("h264", "hevc", "vp8", "aac", *STATIC_TYPES)


@dataclass(frozen=True, slots=True)
class Unit:
    """An access unit or audio frame of one pass of the file; `due_s` and `ticks` count from the file's begin.

    `sha256` is over `data`: `media.access_unit` for video, the frame for audio.
    """

    due_s: float
    ticks: int
    payloads: tuple[bytes, ...]
    sha256: str
    is_key: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Track:
    """One track of a file. Each track loops by its own length, so that its RTP time never jumps."""

    kind: str
    codec: str
    payload_type: int
    clock_hz: int
    length_s: Fraction
    units: tuple[Unit, ...]
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Coded:
    """What the file holds of one access unit or frame: seconds from its time zero, and the bytes."""

    dts_s: Fraction
    pts_s: Fraction
    duration_s: Fraction
    data: bytes
    is_key: bool


def load(path: Path | str) -> tuple[Track, ...]:
    """Read a file's first video and first audio track, ready to be sent."""
    with av.open(str(path)) as container:
        streams = [*container.streams.video[:1], *container.streams.audio[:1]]
        streams = [stream for stream in streams if stream.codec_context.name in CODECS]
        coded: dict[int, list[_Coded]] = {stream.index: [] for stream in streams}
        for packet in container.demux(streams):
            if packet.size and packet.dts is not None:
                base = packet.time_base
                times = (packet.dts * base, packet.pts * base, packet.duration * base)
                coded[packet.stream.index].append(_Coded(*times, bytes(packet), packet.is_keyframe))
        zero_s = min(units[0].dts_s for units in coded.values())
        return tuple(
            _track(stream.codec_context, coded[stream.index], zero_s, number) for number, stream in enumerate(streams)
        )


def altered(unit: Unit) -> Unit:
    """Return the unit with one bit of its picture flipped; `sha256` stays that of the true one."""
    longest = max(range(len(unit.payloads)), key=lambda index: len(unit.payloads[index]))
    payload = bytearray(unit.payloads[longest])
    # Away from zeros, so that neither a start code nor an emulation prevention byte comes or goes.
    middle = len(payload) // 2
    at = next(i for i in range(middle, len(payload) - 1) if min(payload[i - 1 : i + 2]) > 16)
    payload[at] ^= 0x10 if payload[at] & 0xE0 else 0x20
    payloads = (*unit.payloads[:longest], bytes(payload), *unit.payloads[longest + 1 :])
    return replace(unit, payloads=payloads)


def spoilt(unit: Unit) -> Unit:
    """Return random bytes in place of the unit's, in as many packets of the same size."""
    payloads = tuple(os.urandom(len(payload)) for payload in unit.payloads)
    return replace(unit, payloads=payloads, sha256=hashlib.sha256(b"".join(payloads)).hexdigest())


def stamped(unit: Unit, codec: str, text: str) -> Unit:
    """Return the unit with a text of its own, so that no two of a clip that loops are equal.

    In a picture it stands in an SEI message (see `read_stamp`); behind an AAC frame, where decoders read no more
    (ISO/IEC 14496-3 table 4.3: a raw data block ends itself). G.711 has no room for one and stays as it is.
    """
    mark = text.encode()
    if codec == "aac":
        data = unit.data + mark
        payloads: tuple[bytes, ...] = (aac_payload(data),)
    elif codec in SEI_HEAD:
        # user_data_unregistered (ITU-T H.264 §D.1.7, H.265 §D.2.7); letters need no emulation prevention
        message = SEI_HEAD[codec] + bytes((5, len(STAMP) + len(mark))) + STAMP + mark + b"\x80"
        data = len(message).to_bytes(4, "big") + message + unit.data
        leading = (unit_type(codec, payload) in DROPPED_UNITS[codec] for payload in unit.payloads)
        at = next((number for number, is_set in enumerate(leading) if not is_set), 0)
        payloads = (*unit.payloads[:at], message, *unit.payloads[at:])
    else:
        return unit
    return replace(unit, payloads=payloads, data=data, sha256=hashlib.sha256(data).hexdigest())


def read_stamp(data: bytes) -> str | None:
    """Return the stamp in a picture's bytes, whatever else was done to them; None where there is none."""
    at = data.find(STAMP)
    return data[at + len(STAMP) : at + len(STAMP) + STAMP_LETTERS].decode("ascii", "replace") if at >= 0 else None


def aac_payload(frame: bytes) -> bytes:
    """Return the payload of one AAC frame: one access unit behind its headers (RFC 3640 §3.3.6 AAC-hbr)."""
    return struct.pack(">HH", 16, len(frame) << 3) + frame


def _track(context: Any, coded: list[_Coded], zero_s: Fraction, number: int) -> Track:
    if context.name in ("h264", "hevc"):
        return _video_track(context, coded, zero_s, 96 + number)
    if context.name == "vp8":
        return _vp8_track(coded, zero_s, 96 + number)
    if context.name == "aac":
        return _aac_track(context, coded, zero_s, 96 + number)
    return _g711_track(context, coded, zero_s)


def _video_track(context: Any, coded: list[_Coded], zero_s: Fraction, payload_type: int) -> Track:
    codec, extradata = context.name, bytes(context.extradata or b"")
    size_bytes = length_bytes(codec, extradata)
    sets = parameter_sets(codec, extradata) if size_bytes else split_units(extradata, 0)
    units = []
    for one in coded:
        nals = split_units(one.data, size_bytes)
        comparable = access_unit(codec, nals)
        if not comparable:
            continue
        if one.is_key and SEQUENCE_SET[codec] not in [unit_type(codec, nal) for nal in nals]:
            nals = [*sets, *nals]  # cameras repeat them before each key frame
        payloads = tuple(payload for nal in nals for payload in fragment(codec, nal))
        units.append(_unit(one, zero_s, VIDEO_CLOCK_HZ, payloads, comparable))
    name = {"h264": "H264", "hevc": "H265"}[codec]
    attributes = (f"rtpmap:{payload_type} {name}/90000", f"fmtp:{payload_type} {_format(codec, sets)}")
    return Track("video", codec, payload_type, VIDEO_CLOCK_HZ, _length_s(coded), tuple(units), attributes)


def _vp8_track(coded: list[_Coded], zero_s: Fraction, payload_type: int) -> Track:
    """Cut VP8 behind a descriptor of one byte, whose bit S says that a partition begins (RFC 7741 §4.2)."""
    size_bytes = MAX_PAYLOAD_BYTES
    units = []
    for one in coded:
        parts = [one.data[at : at + size_bytes] for at in range(0, len(one.data), size_bytes)]
        payloads = tuple((b"\x00" if number else b"\x10") + part for number, part in enumerate(parts))
        units.append(_unit(one, zero_s, VIDEO_CLOCK_HZ, payloads, one.data))
    attributes = (f"rtpmap:{payload_type} VP8/90000",)
    return Track("video", "vp8", payload_type, VIDEO_CLOCK_HZ, _length_s(coded), tuple(units), attributes)


def _aac_track(context: Any, coded: list[_Coded], zero_s: Fraction, payload_type: int) -> Track:
    clock_hz, channels = context.sample_rate, context.layout.nb_channels
    units = tuple(_unit(one, zero_s, clock_hz, (aac_payload(one.data),), one.data) for one in coded)
    parameters = "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3"
    attributes = (
        f"rtpmap:{payload_type} MPEG4-GENERIC/{clock_hz}/{channels}",
        f"fmtp:{payload_type} {parameters};config={bytes(context.extradata).hex()}",
    )
    return Track("audio", "aac", payload_type, clock_hz, _length_s(coded), units, attributes)


def _g711_track(context: Any, coded: list[_Coded], zero_s: Fraction) -> Track:
    """Cut G.711 into frames of 20 ms (RFC 3551 §4.2), whatever chunks the file has."""
    payload_type, name = STATIC_TYPES[context.name]
    clock_hz, data = context.sample_rate, b"".join(one.data for one in coded)
    size_bytes = int(clock_hz * G711_FRAME_S)
    units = []
    for number in range(len(data) // size_bytes):
        at_s = coded[0].dts_s + number * G711_FRAME_S
        frame = data[number * size_bytes : (number + 1) * size_bytes]
        one = _Coded(at_s, at_s, G711_FRAME_S, frame, is_key=True)
        units.append(_unit(one, zero_s, clock_hz, (frame,), frame))
    attributes = (f"rtpmap:{payload_type} {name}/{clock_hz}",)
    return Track("audio", context.name, payload_type, clock_hz, len(units) * G711_FRAME_S, tuple(units), attributes)


def _unit(one: _Coded, zero_s: Fraction, clock_hz: int, payloads: tuple[bytes, ...], data: bytes) -> Unit:
    ticks, sha256 = round((one.pts_s - zero_s) * clock_hz), hashlib.sha256(data).hexdigest()
    return Unit(float(one.dts_s - zero_s), ticks, payloads, sha256, one.is_key, data)


def _length_s(coded: list[_Coded]) -> Fraction:
    return coded[-1].dts_s + coded[-1].duration_s - coded[0].dts_s


def _format(codec: str, sets: list[bytes]) -> str:
    """Return the `fmtp` parameters of a video track (RFC 6184 §8.1, RFC 7798 §7.1)."""
    texts = {unit_type(codec, one): base64.b64encode(one).decode() for one in sets}
    if codec == "hevc":
        return f"sprop-vps={texts[32]};sprop-sps={texts[33]};sprop-pps={texts[34]}"
    profile = next(one for one in sets if unit_type(codec, one) == SEQUENCE_SET[codec])[1:4].hex()
    names = ",".join(base64.b64encode(one).decode() for one in sets)
    return f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={names}"


def parameter_sets(codec: str, record: bytes) -> list[bytes]:
    """Return the parameter sets of an avcC or hvcC record (ISO/IEC 14496-15 §5.3.3.1.2, §8.3.3.1.2).

    An SEI of the record (x265 puts its settings there) is left out: it is not part of any access unit.
    """
    sets: list[bytes] = []
    if codec == "h264":
        at = _take(record, 6, record[5] & 0x1F, sets)
        _take(record, at + 1, record[at], sets)
        return sets
    at = 23
    for _ in range(record[22]):
        at = _take(record, at + 3, int.from_bytes(record[at + 1 : at + 3], "big"), sets)
    return [one for one in sets if unit_type(codec, one) in HEVC_SETS]


def _take(record: bytes, at: int, count: int, sets: list[bytes]) -> int:
    """Append `count` units, each behind a 16-bit length, and return the offset behind them."""
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2], "big")
        sets.append(record[at + 2 : at + 2 + size])
        at += 2 + size
    return at


def fragment(codec: str, nal: bytes) -> list[bytes]:
    """Cut a NAL unit into payloads: itself, or FU-A (RFC 6184 §5.8), or FU (RFC 7798 §4.4.3)."""
    if len(nal) <= MAX_PAYLOAD_BYTES:
        return [nal]
    if codec == "h264":
        indicator, kind, body = bytes((nal[0] & 0xE0 | 28,)), nal[0] & 0x1F, nal[1:]
    else:
        indicator, kind, body = bytes((nal[0] & 0x81 | 49 << 1, nal[1])), nal[0] >> 1 & 0x3F, nal[2:]
    room = MAX_PAYLOAD_BYTES - len(indicator) - 1
    parts = [body[at : at + room] for at in range(0, len(body), room)]
    payloads = []
    for number, part in enumerate(parts):
        begin, end = number == 0, number == len(parts) - 1
        payloads.append(indicator + bytes((begin << 7 | end << 6 | kind,)) + part)
    return payloads
