"""The threads of a process share one heap: each of their own would keep what it once held."""

import subprocess
import sys

import pytest

from tests.service import ROOT

# A heap of a thread's own is a mapping of 64 MiB, of which little is touched at first (glibc, HEAP_MAX_SIZE).
THREADS = """
import sys, threading
from app.heaps import share_heap

def mapped_mb():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmSize")) // 1024

if sys.argv[1] == "shared":
    share_heap()
threading.stack_size(256 * 1024)
before, held, all_hold = mapped_mb(), [], threading.Barrier(3)

def hold():
    held.append([bytes(2000) for _ in range(50)])
    all_hold.wait()
    all_hold.wait()

for _ in range(2):
    threading.Thread(target=hold, daemon=True).start()
all_hold.wait()
print(mapped_mb() - before)
all_hold.wait()
"""


@pytest.mark.parametrize(("how", "heaps"), [("shared", 0), ("apart", 2)], ids=["shared", "apart"])
def test_threads_have_no_heap_of_their_own_once_it_is_shared(how: str, heaps: int) -> None:
    done = subprocess.run([sys.executable, "-c", THREADS, how], cwd=ROOT, capture_output=True, check=True)
    assert round(int(done.stdout) / 64) == heaps
