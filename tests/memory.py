"""What a block of code allocates at the most, with Python's collector as it is outside of the tests (conftest.py)."""

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

USUAL = (700, 10, 10)  # Python's own thresholds


class Traced:
    """What tracemalloc saw; `peak_bytes` is known once the block has ended."""

    peak_bytes = -1


@contextmanager
def tracing() -> Iterator[Traced]:
    """Trace a block of code."""
    found, before = Traced(), gc.get_threshold()
    gc.set_threshold(*USUAL)
    tracemalloc.start()
    try:
        yield found
    finally:
        found.peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        gc.set_threshold(*before)
