"""One heap for all threads of a process. Standard library only: it comes before everything that takes memory.

Each thread would get a heap of its own (an arena), and it would keep what it once held: 50 downloads took 80 MB more.
Python's threads take turns anyhow.
"""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # mallopt(3)
LARGE_BYTES = 1 << 20


def share_heap() -> None:
    """Let the threads of this process share one heap, and give back what is large as soon as it is free.

    Before the second thread begins: arenas that there are stay. glibc alone has it; musl has one heap anyhow.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, LARGE_BYTES)
