"""Which coded pictures others may refer to: what need not be decoded to get one of them exactly.

H.264: pictures with nal_ref_idc 0 are referred to by nobody (ITU-T H.264 §7.4.1). H.265: a picture refers to none of a
higher temporal sub-layer, nor to a sub-layer non-reference picture of its own (ITU-T H.265 §7.4.2.2, table 7-1).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

H264_SLICES = range(1, 6)
H265_SLICES = range(32)
H265_LAST_SUB_LAYER = 15  # up to this type even numbers are sub-layer non-reference pictures, all others reference


class Layer(NamedTuple):
    """Temporal sub-layer of a picture (0 in H.264), and whether pictures of the same one may refer to it."""

    temporal_id: int
    is_reference: bool


def picture_layer(codec: str, sample: bytes, length_bytes: int) -> Layer | None:
    """Return the layer of the picture in a sample (ISO/IEC 14496-15 §5.3.4); None where that cannot be told."""
    read = READERS[codec]
    position = 0
    while position + length_bytes + 2 <= len(sample):
        size = int.from_bytes(sample[position : position + length_bytes], "big")
        position += length_bytes
        layer = read(sample[position], sample[position + 1])
        if layer is not None:
            return layer
        position += size
    return None


def is_needed(layer: Layer | None, wanted: Layer | None) -> bool:
    """Tell whether a later picture of layer `wanted` may depend on one of `layer`."""
    if layer is None or wanted is None or layer.temporal_id < wanted.temporal_id:
        return True
    return layer.temporal_id == wanted.temporal_id and layer.is_reference


def _read_h264(first: int, _second: int) -> Layer | None:
    return Layer(0, bool(first & 0x60)) if first & 31 in H264_SLICES else None


def _read_h265(first: int, second: int) -> Layer | None:
    kind = first >> 1 & 63
    if kind not in H265_SLICES:
        return None
    return Layer((second & 7) - 1, kind > H265_LAST_SUB_LAYER or bool(kind % 2))


READERS: Mapping[str, Callable[[int, int], Layer | None]] = {"h264": _read_h264, "hevc": _read_h265}
