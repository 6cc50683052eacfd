"""Decoding one frame in this process, straight from recorded files, and making a JPEG of it.

Only the samples that the frame depends on are read and decoded (formats/references.py). PyAV and OpenCV are imported
when the first picture is asked for: they take 35 MB and a quarter of a second.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from app.archive.elsewhere import open_media
from app.formats.boxes import FormatError
from app.formats.codecs import Decoder, decoder_of
from app.formats.references import is_needed, picture_layer
from app.playback.frames import Frame, Part

if TYPE_CHECKING:
    from av import VideoFrame

Pixels = npt.NDArray[np.uint8]
MAX_SAMPLE_BYTES = 64 << 20  # what a broken index may cost
# A frame with so many samples before it is decoded by two threads; fewer are done before a second has begun.
THREADS, MIN_THREADED = 2, 8
# matrix_coefficients (ITU-T H.265 table E.5) -> libswscale's matrix; 2 is unspecified, as most cameras leave it.
MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
BT709, BT601, HD_HEIGHT = 1, 5, 720
LIMITED, FULL = 1, 2


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded frame, and the shape of its pixels: width over height."""

    frame: VideoFrame
    pixel_aspect: Fraction


def decode_frame(frame: Frame, *, is_rough: bool = False) -> Picture:
    """Return a frame's picture; `is_rough` spares a seventh of the time and leaves blocks unsmoothed: for thumbnails.

    Raises FormatError where it cannot be decoded, OSError where it cannot be read.
    """
    import av

    decoder = decoder_of(frame.entry.blob)
    count = sum(part.end - part.first for part in frame.parts)
    context = open_decoder(frame.entry.blob, THREADS if count >= MIN_THREADED else 1, is_rough=is_rough)
    try:
        found = _run(context, _needed_samples(frame, decoder), count - 1)
    except av.FFmpegError as error:
        raise FormatError(f"frame {frame.name} cannot be decoded: {error.strerror}") from error
    if found is None:
        raise FormatError(f"frame {frame.name} cannot be decoded")
    return Picture(found, context.sample_aspect_ratio or Fraction(1))


def open_decoder(entry: bytes, threads: int = 1, *, is_rough: bool = False) -> Any:
    """Return a decoder of a sample entry's pictures. Raises FormatError for a codec that it is none for."""
    import av

    decoder = decoder_of(entry)
    context: Any = av.CodecContext.create(decoder.name, "r")
    context.extradata = decoder.config
    context.options = {"skip_loop_filter": "all"} if is_rough else {}
    context.thread_type, context.thread_count = "FRAME", threads
    return context


def read_sample(handle: int, offset: int, size: int) -> bytes:
    """Return the bytes of a sample. Raises FormatError where they are not there, OSError."""
    data = os.pread(handle, min(size, MAX_SAMPLE_BYTES), offset)
    if len(data) != size or not size:  # an empty packet would end the decoding
        raise FormatError(f"a sample of {size} bytes at {offset} is not there")
    return data


def _run(context: Any, samples: Iterator[tuple[int, bytes]], wanted: int) -> VideoFrame | None:
    """Decode samples by number; return the picture of the wanted one as soon as it comes, None where none does.

    What cannot be decoded before it is passed over, as players do.
    """
    import av

    picture: VideoFrame
    for number, data in samples:
        packet = av.Packet(data)
        packet.pts = number  # comes back with the picture, in whatever order they come
        with contextlib.suppress(av.error.InvalidDataError):
            for picture in context.decode(packet):
                if picture.pts == wanted:
                    return picture
    for picture in context.decode(None):
        if picture.pts == wanted:
            return picture
    return None


def _needed_samples(frame: Frame, decoder: Decoder) -> Iterator[tuple[int, bytes]]:
    """Yield the samples that the frame depends on, and its own, with their numbers from its key frame on."""
    last = frame.parts[-1]
    ((_, own),) = _read_samples(last._replace(first=last.end - 1), 0)
    layer = picture_layer(decoder.name, own, decoder.length_bytes)
    number = 0
    for part in frame.parts:
        end = part.end - (part is last)
        for item, data in _read_samples(part._replace(end=end), number):
            if is_needed(picture_layer(decoder.name, data, decoder.length_bytes), layer):
                yield item, data
        number += end - part.first
    yield number, own


def _read_samples(part: Part, number: int) -> Iterator[tuple[int, bytes]]:
    """Yield samples from the segment's file, numbered from `number` on. Raises FormatError, OSError."""
    index = part.segment.load_index()
    offsets, sizes = index.v_offsets[part.first : part.end], index.v_stsz[part.first : part.end]
    handle = open_media(part.segment.path, part.segment.other_path)
    try:
        for item, (offset, size) in enumerate(zip(offsets.tolist(), sizes.tolist(), strict=True), number):
            yield item, read_sample(handle, offset, size)
    finally:
        os.close(handle)


def to_pixels(picture: Picture, width: int | None, height: int | None = None) -> Pixels:
    """Return a picture as BGR, full range, square pixels: within width and height, never larger than it was sent.

    Raises FormatError for pixels of a kind that cannot be read.
    """
    import av

    frame = picture.frame
    wide, high = fitting(frame.width, frame.height, picture.pixel_aspect, width, height)
    matrix = MATRICES.get(int(frame.colorspace), BT709 if frame.height >= HD_HEIGHT else BT601)
    is_full = int(frame.color_range) == FULL or frame.format.name.startswith("yuvj")
    try:
        scaled: Any = frame.reformat(
            width=wide,
            height=high,
            format="bgr24",
            interpolation="AREA",
            src_colorspace=matrix,
            src_color_range=FULL if is_full else LIMITED,
            dst_color_range=FULL,
            threads=1,
        )
    except av.FFmpegError as error:
        raise FormatError(f"a picture of {frame.format.name} cannot be converted: {error.strerror}") from error
    pixels: Pixels = scaled.to_ndarray()
    return pixels


def fitting(
    wide: int, high: int, pixel_aspect: Fraction, width: int | None, height: int | None = None
) -> tuple[int, int]:
    """Return the size of a picture with square pixels, within width and height and within its own size."""
    aspect = Fraction(wide, high) * pixel_aspect
    most_wide = min(Fraction(wide), Fraction(width or wide))
    most_high = min(Fraction(high), Fraction(height or high))
    fit = min(most_wide, most_high * aspect)
    return max(round(fit), 1), max(round(fit / aspect), 1)


def to_jpeg(pixels: Pixels, quality: int) -> bytes:
    """Return BGR pixels as JPEG. OpenCV's libjpeg-turbo took half the time of libavcodec's encoder."""
    import cv2

    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise FormatError("a picture cannot be made a JPEG")
    return data.tobytes()
