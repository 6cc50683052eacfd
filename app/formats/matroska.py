"""JPEG pictures with their times as a Matroska stream: how pictures reach ffmpeg with true instants.

    EBML      DocType matroska
    Segment   of unknown size
      Info    TimestampScale 1000 ns: timestamps are microseconds
      Tracks  one TrackEntry: V_MJPEG
      Cluster one a picture: Timestamp, SimpleBlock

Source: RFC 8794 (EBML), RFC 9559 (Matroska).
"""

import struct


def _element(identifier: bytes, payload: bytes) -> bytes:
    return identifier + struct.pack(">Q", 1 << 56 | len(payload)) + payload  # size as a vint of 8 bytes


def _unsigned(identifier: bytes, value: int) -> bytes:
    return _element(identifier, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def stream_head(width: int, height: int) -> bytes:
    """Return what comes before the first picture; width and height in pixels."""
    ebml = _element(
        b"\x1a\x45\xdf\xa3",
        _unsigned(b"\x42\x86", 1)  # EBMLVersion
        + _unsigned(b"\x42\xf7", 1)  # EBMLReadVersion
        + _unsigned(b"\x42\xf2", 4)  # EBMLMaxIDLength
        + _unsigned(b"\x42\xf3", 8)  # EBMLMaxSizeLength
        + _element(b"\x42\x82", b"matroska")
        + _unsigned(b"\x42\x87", 4)  # DocTypeVersion
        + _unsigned(b"\x42\x85", 2),  # DocTypeReadVersion
    )
    info = _element(
        b"\x15\x49\xa9\x66",
        _unsigned(b"\x2a\xd7\xb1", 1000)  # TimestampScale
        + _element(b"\x4d\x80", b"flask-playback")  # MuxingApp
        + _element(b"\x57\x41", b"flask-playback"),  # WritingApp
    )
    video = _element(b"\xe0", _unsigned(b"\xb0", width) + _unsigned(b"\xba", height))
    entry = _element(
        b"\xae",
        _unsigned(b"\xd7", 1)  # TrackNumber
        + _unsigned(b"\x73\xc5", 1)  # TrackUID
        + _unsigned(b"\x83", 1)  # TrackType: video
        + _element(b"\x86", b"V_MJPEG")
        + video,
    )
    unknown_size = b"\x01" + b"\xff" * 7
    return ebml + b"\x18\x53\x80\x67" + unknown_size + info + _element(b"\x16\x54\xae\x6b", entry)


def picture(timestamp_us: int, jpeg: bytes) -> bytes:
    """Return one picture shown from timestamp_us (since the first) on."""
    block = _element(b"\xa3", b"\x81" + struct.pack(">h", 0) + b"\x80" + jpeg)
    return _element(b"\x1f\x43\xb6\x75", _unsigned(b"\xe7", timestamp_us) + block)
