"""The key frames of a segment as small grey pictures: only their samples are read and decoded, one a group of pictures.

In this thread alone: whoever asks has given it a low priority and counts what it uses.
"""

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from app.archive.elsewhere import open_media
from app.archive.segments import Found, Ints
from app.formats.boxes import FormatError
from app.playback.decoding import open_decoder, read_sample
from app.playback.footage import Entry
from app.playback.frames import instants_of
from app.playback.movement import Grey, to_grey

LEAST_US = 900_000  # of pictures that come closer, as where each is a key frame, one a second is taken


class KeyPicture(NamedTuple):
    """A key frame, and the instant from which on it is shown."""

    instant_us: int
    grey: Grey


def key_pictures(segment: Found, entry: Entry, *, is_last_only: bool = False) -> Iterator[KeyPicture]:
    """Yield the key frames of a segment, or the last one; those that cannot be decoded are left out.

    Raises FormatError, OSError where the index or the file cannot be read.
    """
    index = segment.load_index()
    instants = instants_of(segment, index, entry.timescale)
    keys = index.v_stss.astype(np.int64) - 1
    chosen = keys[-1:].tolist() if is_last_only else _spaced(keys, instants)
    context = open_decoder(entry.blob, is_rough=True)
    handle = open_media(segment.path, segment.other_path)
    try:
        for number in chosen:
            data = read_sample(handle, int(index.v_offsets[number]), int(index.v_stsz[number]))
            grey = _decoded(context, data)
            if grey is not None:
                yield KeyPicture(int(instants[number]), grey)
    finally:
        os.close(handle)


def _spaced(keys: Ints, instants: Ints) -> Sequence[int]:
    """Return the numbers of key frames in order of time, none of them too soon after the one before."""
    chosen: list[int] = []
    for number in keys[np.argsort(instants[keys], kind="stable")].tolist():
        if not chosen or instants[number] - instants[chosen[-1]] >= LEAST_US:
            chosen.append(number)
    return chosen


def _decoded(context: Any, data: bytes) -> Grey | None:
    """Return a key frame's picture; None where it cannot be decoded. The decoder forgets it."""
    import av

    try:
        frames = [*context.decode(av.Packet(data)), *context.decode(None)]
        aspect = context.sample_aspect_ratio or Fraction(1)
        return to_grey(frames[0], aspect) if frames else None
    except (av.FFmpegError, FormatError):
        return None
    finally:
        context.flush_buffers()
