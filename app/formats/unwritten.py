"""Blocks of a file that were never written: a reset can leave it longer than what reached the disk, zeros in between.

No coded picture holds a block of zeros: H.264 and H.265 forbid three zero bytes in a row (§7.4.1), and each NAL unit
ends in a byte that is not zero.
"""

import os
from collections.abc import Sequence

import numpy as np

from app.formats.fragments import Fragment

BLOCK_BYTES = 4096  # a page of the kernel's memory, the least that it writes
LEAST_BYTES = 8  # of a block's piece within a fragment: a packet of sound may end in a few zeros


def count_written(fd: int, fragments: Sequence[Fragment]) -> int:
    """Return how many fragments, from the first on, have no block that was never written."""
    for number, fragment in enumerate(fragments):
        if not _has_all_samples(fragment) or _has_hole(fd, fragment):
            return number
    return len(fragments)


def _has_all_samples(fragment: Fragment) -> bool:
    """Tell whether the samples in a moof's tables, none of them empty, come to just the bytes of its mdat."""
    parts = fragment.tracks.values()
    if not parts or not all(part.sizes.all() for part in parts):
        return False
    return min(part.data_offset for part in parts) + sum(int(part.sizes.sum()) for part in parts) == fragment.end_bytes


def _has_hole(fd: int, fragment: Fragment) -> bool:
    begin, end = fragment.offset_bytes, fragment.end_bytes
    data = np.frombuffer(os.pread(fd, end - begin, begin), np.uint8)
    if len(data) < end - begin:
        return True
    first = -begin % BLOCK_BYTES  # where the first whole block begins
    whole = (len(data) - first) // BLOCK_BYTES if len(data) > first else 0
    blocks = data[first : first + whole * BLOCK_BYTES].reshape(whole, BLOCK_BYTES).view(np.uint64)
    tail = data[first + whole * BLOCK_BYTES :]
    return bool(
        (whole and not blocks.any(axis=1).all())
        or (len(tail) >= LEAST_BYTES and not tail.any())
        or (first >= LEAST_BYTES and not data[:first].any())
    )
