"""The engine without guidance: Hypothesis puts seeds together anew, cuts them, and sets bytes and words into them."""

import time

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as fixed
from hypothesis import strategies as st

from fuzz.engine import Watch
from fuzz.target import Target

ROUND = 200  # inputs between two looks at the clock
Edit = tuple[int, int, bytes]  # where, how many bytes go, what comes


def vary(watch: Watch, seeds: list[bytes], target: Target, seconds: float, seed: int) -> None:
    """Give varied inputs to the target for so long; each round follows from its own seed."""
    until_s, number = time.monotonic() + seconds, 0
    while time.monotonic() < until_s:
        one_round(watch, seeds or [b""], target, seed * 100_000 + number)
        number += 1


def one_round(watch: Watch, seeds: list[bytes], target: Target, seed: int) -> None:
    """Give ROUND varied inputs to the target; which ones follows from the seed."""
    # The words are few and short: a piece of up to 8 bytes is as likely as one of them.
    pieces = st.binary(max_size=8) | st.sampled_from(target.words or (b"\0",))
    edits = st.lists(st.tuples(st.integers(0, target.max_bytes), st.integers(0, 16), pieces), max_size=8)

    @fixed(seed)
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(seeds), edits)
    def one(begun: bytes, changes: list[Edit]) -> None:
        watch(changed(begun, changes)[: target.max_bytes])

    one()


def changed(data: bytes, changes: list[Edit]) -> bytes:
    """Return bytes with the changes made one after the other; a place behind the end counts from the begin again."""
    for place, gone, come in changes:
        at = place % (len(data) + 1)
        data = data[:at] + come + data[at + gone :]
    return data
